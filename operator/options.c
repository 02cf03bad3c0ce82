/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "inside/protocol.h"
#include "status.h"

#define NS_PER_MS           UINT64_C(1000000)
#define DEADLINE_DEFAULT_MS 5000u
#define DEADLINE_MAX_MS     600000u
#define WAIT_MAX            86400u /* seconds */

enum {
    OPTION_PID = 1,
    OPTION_EXE,
    OPTION_UNIT,
    OPTION_ALL,
    OPTION_TRUST,
    OPTION_STORE,
    OPTION_REQUIRED,
    OPTION_ROOT,
    OPTION_AGENT,
    OPTION_DEADLINE,
    OPTION_DRY_RUN,
    OPTION_VERIFY,
    OPTION_METRICS,
    OPTION_MAX_FAILURES,
    OPTION_CANARY,
    OPTION_HEALTH,
    OPTION_WAIT,
    OPTION_JSON,
    OPTION_HELP
};

/* Verbs that an option is for, as bits. */
enum {
    VERB_APPLY = 1,
    VERB_REVERT = 2,
    VERB_STATUS = 4,
    VERB_VERIFY = 8,
    VERB_SHOW = 16,
    VERB_DOCTOR = 32,
    VERB_ENABLE = 64,
    VERB_DISABLE = 128,
    VERB_ENABLE_UNIT = 256,
    VERB_DISABLE_UNIT = 512
};
enum { ON_PROCESSES = VERB_APPLY | VERB_REVERT | VERB_STATUS, VERB_ALL = 1023 };

static const struct {
    const char *name;
    const char *argument;
    int option;
    int verbs;
    const char *help;
} table[] = {
    {"pid", "N", OPTION_PID, ON_PROCESSES, "the process with this number; may be given several times"},
    {"exe", "FILE", OPTION_EXE, ON_PROCESSES, "every process that runs this program or library, by its build-id"},
    {"unit", "UNIT", OPTION_UNIT, ON_PROCESSES, "every process of this systemd unit that the bundle is for"},
    {"all", NULL, OPTION_ALL, VERB_APPLY | VERB_STATUS, "every process that runs the bundle's target"},
    {"trust", "STORE", OPTION_TRUST, VERB_APPLY | VERB_STATUS | VERB_VERIFY | VERB_DOCTOR | VERB_ENABLE,
     "the trust store; " HF_AGENT_TRUST " if not given"},
    {"store", "DIR", OPTION_STORE, VERB_STATUS | VERB_ENABLE | VERB_DISABLE,
     "where enabled bundles are kept; " HF_AGENT_STORE " if not given"},
    {"required", NULL, OPTION_REQUIRED, VERB_ENABLE, "programs must not start without the bundle"},
    {"root", "DIR", OPTION_ROOT, VERB_ENABLE_UNIT | VERB_DISABLE_UNIT, "files of the host below this directory"},
    {"agent", "FILE", OPTION_AGENT, VERB_ENABLE_UNIT, "libhotfix-agent.so, if it is not where it is installed"},
    {"deadline", "MS", OPTION_DEADLINE, VERB_APPLY | VERB_REVERT,
     "milliseconds to try (default 5000), and to stop threads for a switch (default 100)"},
    {"dry-run", NULL, OPTION_DRY_RUN, VERB_APPLY, "check whether the bundle could be applied, and change nothing"},
    {"max-failures", "N", OPTION_MAX_FAILURES, VERB_APPLY, "continue if it cannot be applied to up to N processes"},
    {"canary", "N|P%", OPTION_CANARY, VERB_APPLY, "apply to so many first (see --health and --wait), then to the rest"},
    {"health", "COMMAND", OPTION_HEALTH, VERB_APPLY,
     "shell command, run after the canary and after all: if it fails, revert"},
    {"wait", "SECONDS", OPTION_WAIT, VERB_APPLY,
     "wait before --health; a process that ends meanwhile counts as failed"},
    {"verify", NULL, OPTION_VERIFY, VERB_STATUS, "compare every byte of the functions with the bundle's"},
    {"metrics", "FILE", OPTION_METRICS, VERB_STATUS, "write how many processes are in which state, for Prometheus"},
    {"json", NULL, OPTION_JSON, VERB_ALL, "report as one JSON object"},
    {"help", NULL, OPTION_HELP, VERB_ALL, "show this"},
};
#define OPTION_COUNT (sizeof(table) / sizeof(table[0]))

static const struct {
    const char *name;
    int verb;
    const char *operand;
    bool optional; /* the operand */
    const char *summary;
} verbs[] = {
    {"apply", VERB_APPLY, "BUNDLE", false, "apply a bundle to running processes: to all of them, or to none"},
    {"revert", VERB_REVERT, "ID", false, "revert a bundle"},
    {"status", VERB_STATUS, "BUNDLE", true,
     "say which processes are fixed, or list applied bundles; no thread is stopped"},
    {"enable", VERB_ENABLE, "BUNDLE", false, "keep a bundle for programs that start with the agent preloaded"},
    {"disable", VERB_DISABLE, "BUNDLE|ID", false, "keep it no longer; running processes stay as they are"},
    {"enable-unit", VERB_ENABLE_UNIT, "UNIT", false, "have a systemd service start with the agent preloaded"},
    {"disable-unit", VERB_DISABLE_UNIT, "UNIT", false, "have it start without"},
    {"verify", VERB_VERIFY, "BUNDLE", false, "say whether a bundle would be trusted, and what it is for"},
    {"show", VERB_SHOW, "BUNDLE", false, "print what a bundle says about itself, trusting nothing"},
    {"doctor", VERB_DOCTOR, NULL, false, "check what this host permits hotfixctl to do"},
};
#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

/* The commands' table, where status 1 is about processes here. */
static void print_statuses(void)
{
    for (size_t i = 0; i < hf_status_count; i++) {
        bool not_all = hf_statuses[i].status == 1;
        if (hf_statuses[i].status != 3 && hf_statuses[i].status != 7)
            printf("  %2d  %s\n", hf_statuses[i].status,
                   not_all ? "not all: some processes are not fixed, or doctor found what is in the way"
                           : hf_statuses[i].meaning);
    }
}

static void print_help(void)
{
    printf("Usage: hotfixctl VERB [OPTION]...\n\n"
           "Applies signed hotfix bundles to running processes that do not contain libhotfix.\n\n"
           "Verbs:\n");
    for (size_t i = 0; i < VERB_COUNT; i++) {
        char operand[16] = "";
        if (verbs[i].operand)
            snprintf(operand, sizeof(operand), verbs[i].optional ? "[%s]" : "%s", verbs[i].operand);
        printf("  %-12s %-9s  %s\n", verbs[i].name, operand, verbs[i].summary);
    }
    printf("\nOptions:\n");
    for (size_t i = 0; i < OPTION_COUNT; i++)
        printf("  --%-12s %-7s  %s\n", table[i].name, table[i].argument ? table[i].argument : "", table[i].help);
    printf("\n'hotfixctl --version' says the version.\n\nExit status:\n");
    print_statuses();
}

static int parse_number(const char *what, const char *text, unsigned long max, unsigned long *number,
                        struct hotfix_error *err)
{
    char *end;

    errno = 0;
    *number = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || *number == 0 || *number > max)
        return hf_error(err, HOTFIX_USAGE, "--%s %s: a number from 1 to %lu is needed", what, text, max);
    return 0;
}

static int take_canary(const char *text, struct hf_ctl *ctl, struct hotfix_error *err)
{
    char digits[16];
    size_t length = strlen(text);
    unsigned long number;

    ctl->canary_is_percent = length > 1 && text[length - 1] == '%';
    snprintf(digits, sizeof(digits), "%.*s", (int)(length - ctl->canary_is_percent), text);
    if (parse_number("canary", digits, ctl->canary_is_percent ? 100 : INT_MAX, &number, err) != 0)
        return -1;
    ctl->canary = number;
    return 0;
}

static int take_count(int option, const char *argument, struct hf_ctl *ctl, struct hotfix_error *err)
{
    unsigned long number;

    if (option == OPTION_CANARY)
        return take_canary(argument, ctl, err);
    if (option == OPTION_WAIT) {
        if (parse_number("wait", argument, WAIT_MAX, &number, err) != 0)
            return -1;
        ctl->wait = (unsigned int)number;
        return 0;
    }
    if (parse_number("max-failures", argument, INT_MAX, &number, err) != 0)
        return -1;
    ctl->max_failures = number;
    return 0;
}

static int take_option(int index, const char *argument, struct hf_ctl *ctl, struct hotfix_error *err)
{
    unsigned long number;

    switch (table[index].option) {
    case OPTION_PID:
        if (parse_number("pid", argument, INT_MAX, &number, err) != 0)
            return -1;
        return hf_pids_has(&ctl->pids, (pid_t)number) ? 0 : hf_pids_add(&ctl->pids, (pid_t)number, err);
    case OPTION_EXE:
        ctl->exe = argument;
        return 0;
    case OPTION_UNIT:
        ctl->unit = argument;
        return *argument && !strchr(argument, '/')
                   ? 0
                   : hf_error(err, HOTFIX_USAGE, "--unit '%s': a unit's name is needed", argument);
    case OPTION_ALL:
        ctl->all = true;
        return 0;
    case OPTION_TRUST:
        ctl->trust = argument;
        return 0;
    case OPTION_DEADLINE:
        if (parse_number("deadline", argument, DEADLINE_MAX_MS, &number, err) != 0)
            return -1;
        ctl->deadline_ns = ctl->stop_ns = number * NS_PER_MS;
        return 0;
    case OPTION_STORE:
        ctl->store = argument;
        return 0;
    case OPTION_ROOT:
        ctl->root = argument;
        return 0;
    case OPTION_AGENT:
        ctl->agent = argument;
        return 0;
    case OPTION_REQUIRED:
        ctl->required = true;
        return 0;
    case OPTION_DRY_RUN:
        ctl->dry_run = true;
        return 0;
    case OPTION_VERIFY:
        ctl->verify = true;
        return 0;
    case OPTION_METRICS:
        ctl->metrics = argument;
        return 0;
    case OPTION_HEALTH:
        ctl->health = argument;
        return 0;
    case OPTION_JSON:
        ctl->json = true;
        return 0;
    case OPTION_HELP:
        return 0;
    default:
        return take_count(table[index].option, argument, ctl, err);
    }
}

static int parse_options(int argc, char **argv, int verb, struct hf_ctl *ctl, struct hotfix_error *err)
{
    struct option longs[OPTION_COUNT + 1] = {{0}};
    int option, index = 0;

    for (size_t i = 0; i < OPTION_COUNT; i++)
        longs[i] =
            (struct option){table[i].name, table[i].argument ? required_argument : no_argument, NULL, 256 + (int)i};
    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, ":h", longs, &index)) != -1) {
        if (option == ':')
            return hf_error(err, HOTFIX_USAGE, "%s needs an argument (see 'hotfixctl --help')", argv[optind - 1]);
        if (option == '?')
            return hf_error(err, HOTFIX_USAGE, "unknown option '%s' (see 'hotfixctl --help')", argv[optind - 1]);
        index = option - 256;
        if (option == 'h' || table[index].option == OPTION_HELP) {
            print_help();
            return 1;
        }
        if (!(table[index].verbs & verb))
            return hf_error(err, HOTFIX_USAGE, "'hotfixctl %s' has no option --%s", ctl->verb, table[index].name);
        if (take_option(index, optarg, ctl, err) != 0)
            return -1;
    }
    return 0;
}

static int check_selection(int verb, const struct hf_ctl *ctl, struct hotfix_error *err)
{
    if (!(verb & ON_PROCESSES))
        return 0;
    if ((ctl->pids.count > 0) + (ctl->exe != NULL) + (ctl->unit != NULL) + ctl->all != 1)
        return hf_error(err, HOTFIX_USAGE,
                        "which processes: give either --pid N, as often as needed, or --exe FILE, or --unit UNIT%s",
                        verb & (VERB_APPLY | VERB_STATUS) ? ", or --all" : "");
    if (ctl->verify && !ctl->operand)
        return hf_error(err, HOTFIX_USAGE, "--verify compares with a bundle: name it");
    if (ctl->metrics && !ctl->operand)
        return hf_error(err, HOTFIX_USAGE, "--metrics is about the processes of a bundle: name it");
    if (ctl->dry_run && (ctl->canary > 0 || ctl->health || ctl->wait > 0))
        return hf_error(err, HOTFIX_USAGE, "--dry-run changes nothing: --canary, --health and --wait are for changes");
    if (ctl->canary > 0 && !ctl->health && ctl->wait == 0)
        return hf_error(err, HOTFIX_USAGE, "--canary needs --health COMMAND or --wait SECONDS, which tell how it does");
    return 0;
}

/* What stands behind the options: the verb's operand. */
static int take_operand(size_t verb, char **operands, int count, struct hf_ctl *ctl, struct hotfix_error *err)
{
    int most = verbs[verb].operand != NULL, least = most && !verbs[verb].optional;

    if (count < least)
        return hf_error(err, HOTFIX_USAGE, "%s is missing (see 'hotfixctl --help')", verbs[verb].operand);
    if (count > most)
        return hf_error(err, HOTFIX_USAGE, "unexpected argument '%s' (see 'hotfixctl --help')", operands[most]);
    ctl->operand = count > 0 ? operands[0] : NULL;
    return check_selection(verbs[verb].verb, ctl, err);
}

int hf_ctl_parse(int argc, char **argv, struct hf_ctl *ctl, struct hotfix_error *err)
{
    size_t verb = 0;

    *ctl = (struct hf_ctl){
        .trust = HF_AGENT_TRUST, .store = HF_AGENT_STORE, .root = "", .deadline_ns = DEADLINE_DEFAULT_MS * NS_PER_MS};
    for (int i = 1; i < argc; i++)
        ctl->json |= strcmp(argv[i], "--json") == 0;
    if (argc < 2)
        return hf_error(err, HOTFIX_USAGE, "VERB is missing (see 'hotfixctl --help')");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_help();
        return 1;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("hotfixctl %s\n", HOTFIX_VERSION);
        return 1;
    }
    while (verb < VERB_COUNT && strcmp(verbs[verb].name, argv[1]) != 0)
        verb++;
    if (verb == VERB_COUNT)
        return hf_error(err, HOTFIX_USAGE, "unknown verb '%s' (see 'hotfixctl --help')", argv[1]);
    ctl->verb = verbs[verb].name;

    int parsed = parse_options(argc - 1, argv + 1, verbs[verb].verb, ctl, err);
    if (parsed != 0)
        return parsed;
    return take_operand(verb, argv + 1 + optind, argc - 1 - optind, ctl, err);
}
