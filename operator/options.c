/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "status.h"

#define NS_PER_MS           UINT64_C(1000000)
#define DEADLINE_DEFAULT_MS 5000u
#define DEADLINE_MAX_MS     600000u

enum {
    OPTION_PID = 1,
    OPTION_EXE,
    OPTION_ALL,
    OPTION_TRUST,
    OPTION_DEADLINE,
    OPTION_DRY_RUN,
    OPTION_JSON,
    OPTION_HELP
};

/* Verbs that an option is for, as bits. */
enum { VERB_APPLY = 1, VERB_REVERT = 2, VERB_STATUS = 4, VERB_ALL = 7 };

static const struct {
    const char *name;
    const char *argument;
    int option;
    int verbs;
    const char *help;
} table[] = {
    {"pid", "N", OPTION_PID, VERB_ALL, "the process with this number; may be given several times"},
    {"exe", "FILE", OPTION_EXE, VERB_ALL, "every process that runs this program or library, by its build-id"},
    {"all", NULL, OPTION_ALL, VERB_APPLY, "every process that runs what the bundle is for"},
    {"trust", "STORE", OPTION_TRUST, VERB_APPLY, "who is believed; " HF_TRUST_DEFAULT " if not given"},
    {"deadline", "MS", OPTION_DEADLINE, VERB_APPLY | VERB_REVERT,
     "milliseconds to try (5000), and that threads may be stopped for a switch (100)"},
    {"dry-run", NULL, OPTION_DRY_RUN, VERB_APPLY, "look whether the bundle could be applied, and change nothing"},
    {"json", NULL, OPTION_JSON, VERB_ALL, "report as one JSON object"},
    {"help", NULL, OPTION_HELP, VERB_ALL, "show this"},
};
#define OPTION_COUNT (sizeof(table) / sizeof(table[0]))

static const struct {
    const char *name;
    int verb;
    const char *operand;
    const char *summary;
} verbs[] = {
    {"apply", VERB_APPLY, "BUNDLE", "apply a bundle to running processes: to all of them, or to none"},
    {"revert", VERB_REVERT, "ID", "take a bundle back"},
    {"status", VERB_STATUS, NULL, "say what is applied; no process is stopped for it"},
};
#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static void print_help(void)
{
    printf("Usage: hotfixctl VERB [OPTION]...\n\n"
           "Applies signed hotfix bundles to running processes that know nothing of it.\n\n"
           "Verbs:\n");
    for (size_t i = 0; i < VERB_COUNT; i++)
        printf("  %-6s %-6s  %s\n", verbs[i].name, verbs[i].operand ? verbs[i].operand : "", verbs[i].summary);
    printf("\nOptions:\n");
    for (size_t i = 0; i < OPTION_COUNT; i++)
        printf("  --%-8s %-5s  %s\n", table[i].name, table[i].argument ? table[i].argument : "", table[i].help);
    printf("\n'hotfixctl --version' says the version.\n\nExit status:\n");
    for (size_t i = 0; i < hf_status_count; i++)
        printf("  %2d  %s\n", hf_statuses[i].status, hf_statuses[i].meaning);
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
    case OPTION_DRY_RUN:
        ctl->dry_run = true;
        return 0;
    case OPTION_JSON:
        ctl->json = true;
        return 0;
    default:
        return 0;
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

int hf_ctl_parse(int argc, char **argv, struct hf_ctl *ctl, struct hotfix_error *err)
{
    size_t verb = 0;

    *ctl = (struct hf_ctl){.trust = HF_TRUST_DEFAULT, .deadline_ns = DEADLINE_DEFAULT_MS * NS_PER_MS};
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
    char **operands = argv + 1 + optind;
    int count = argc - 1 - optind;
    if (count < (verbs[verb].operand != NULL))
        return hf_error(err, HOTFIX_USAGE, "%s is missing (see 'hotfixctl --help')", verbs[verb].operand);
    if (count > (verbs[verb].operand != NULL))
        return hf_error(err, HOTFIX_USAGE, "unexpected argument '%s' (see 'hotfixctl --help')",
                        operands[verbs[verb].operand != NULL]);
    ctl->operand = verbs[verb].operand ? operands[0] : NULL;
    if ((ctl->pids.count > 0) + (ctl->exe != NULL) + ctl->all != 1)
        return hf_error(err, HOTFIX_USAGE, "which processes: give either --pid N, as often as needed, or --exe FILE%s",
                        verbs[verb].verb == VERB_APPLY ? ", or --all" : "");
    return 0;
}
