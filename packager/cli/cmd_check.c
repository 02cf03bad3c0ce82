/* SPDX-License-Identifier: Apache-2.0 */
/* hotfix check: tells whether a patch belongs to a target, and writes nothing. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/check.h"
#include "check/tell.h"
#include "cleanup.h"
#include "cli/command.h"
#include "error.h"
#include "format/format.h"
#include "live/live.h"
#include "live/module.h"
#include "live/sealed.h"
#include "pack/inputs.h"
#include "ui/options.h"
#include "ui/report.h"

struct check {
    struct hf_inputs inputs;
    const char *format_name;
    const struct hf_format *format; /* NULL: JSON */
    const char *pid;
    const char *bundle_path; /* instead of target, patch and picks */
    bool list;
    struct hf_live live;
    struct hf_sealed bundle;
    struct hf_check_result *results;
    size_t function_count;
};

static json_t *list_table(const struct hf_check *const *checks, size_t count, const char *when, json_t *array,
                          struct hf_report *report)
{
    for (size_t i = 0; i < count; i++) {
        hf_report_line(report, "%-17s%s%s", checks[i]->id, checks[i]->title, when);
        json_t *item = json_pack("{s:s, s:s}", "id", checks[i]->id, "title", checks[i]->title);
        if (json_array_append_new(array, item) != 0)
            report->failed = true;
    }
    return array;
}

static int list_checks(struct hf_report *report)
{
    json_t *array = list_table(hf_checks, hf_check_count, "", json_array(), report);

    hf_report_set(report, "checks", list_table(hf_live_checks, hf_live_check_count, " (with --pid)", array, report));
    return 0;
}

static int write_document(const void *arg, const struct hotfix_error *failure, int status, FILE *out)
{
    const struct check *check = arg;
    const struct hf_outcome outcome = {
        .results = check->results,
        .function_count = check->function_count,
        .failure = failure,
        .status = status,
        .patch_path = check->bundle_path ? check->bundle_path : check->inputs.patch_path,
    };

    return check->format->write(&outcome, out);
}

/* JSON is the report's own, and wins when --json and --format text are both given. */
static int choose_format(struct check *check, struct hf_report *report, struct hotfix_error *err)
{
    const char *name = check->format_name ? check->format_name : hf_format_text.name;

    if (strcmp(name, "json") == 0)
        report->json = true;
    else if (!(check->format = hf_format_find(name)))
        return hf_error(err, HOTFIX_USAGE, "unknown format '%s': text, json, sarif, junit or github", name);
    if (report->json && check->format && check->format != &hf_format_text)
        return hf_error(err, HOTFIX_USAGE, "--json and --format %s are two formats: give one", name);
    if (!report->json && !check->list) {
        report->document = write_document;
        report->document_arg = check;
    }
    return 0;
}

static int require_inputs(const struct check *check, struct hotfix_error *err)
{
    const struct hf_inputs *inputs = &check->inputs;

    if (check->bundle_path && !check->pid)
        return hf_error(err, HOTFIX_USAGE,
                        "a bundle is checked against a process: give --pid (see 'hotfix check --help')");
    if (check->bundle_path && (inputs->target_path || inputs->patch_path || inputs->pick_count > 0))
        return hf_error(err, HOTFIX_USAGE, "give a bundle, or target, patch and picks, not both");
    if (!check->bundle_path && (!inputs->target_path || !inputs->patch_path))
        return hf_error(err, HOTFIX_USAGE, "option '--%s' is missing (see 'hotfix check --help')",
                        inputs->target_path ? "patch" : "target");
    return 0;
}

static int open_live(struct check *check, struct hf_check_subject *subject, struct hf_report *report,
                     struct hotfix_error *err)
{
    char *end;

    if (!check->pid)
        return 0;
    errno = 0;
    long pid = strtol(check->pid, &end, 10);
    if (*end || end == check->pid || errno || pid <= 0 || pid > INT_MAX)
        return hf_error(err, HOTFIX_USAGE, "--pid '%s' is not the number of a process", check->pid);
    if (hf_live_open((pid_t)pid, &check->live, err) != 0 || hf_live_modules_read(&check->live, err) != 0)
        return -1;
    subject->live = &check->live;
    hf_report_set(report, "process", json_pack("{s:i, s:o}", "pid", (int)pid, "name", hf_json_text(check->live.name)));
    return 0;
}

static int check_patch(struct check *check, struct hf_report *report, struct hotfix_error *err)
{
    const struct hf_waivers *waivers = &check->inputs.waivers;
    struct hf_check_subject subject;

    if (choose_format(check, report, err) != 0)
        return -1;
    if (check->list)
        return list_checks(report);
    if (require_inputs(check, err) != 0 ||
        (check->bundle_path ? hf_inputs_open_waivers(&check->inputs, err) != 0 ||
                                  hf_sealed_open(check->bundle_path, &check->bundle, &subject, err) != 0
                            : hf_inputs_open(&check->inputs, &subject, err) != 0) ||
        open_live(check, &subject, report, err) != 0 ||
        hf_checks_run(&subject, waivers->waivers, waivers->count, &check->results, err) != 0)
        return -1;
    check->function_count = subject.pair_count;
    hf_report_set(report, "functions", json_integer((json_int_t)subject.pair_count));
    hf_check_results_set(report, check->results);
    hf_waivers_tell(waivers, check->results, report);
    return hf_checks_judge(check->results, err);
}

static int run(struct check *check, const struct hf_option *options, size_t option_count, int argc, char **argv)
{
    const struct hf_usage usage = {.verb = "check",
                                   .summary = "Tells whether a patch fits exactly this target or, with --pid, whether "
                                              "a patch or a bundle fits what a process has loaded.",
                                   .operands = "[BUNDLE]",
                                   .max_operands = 1,
                                   .options = options,
                                   .option_count = option_count};
    HF_FREE const char **operands = NULL;
    struct hf_report report;
    struct hotfix_error error;

    hf_report_init(&report, usage.verb);
    int result = hf_options_parse(&usage, argc, argv, &report, &operands, &error);
    if (result == 0) {
        check->bundle_path = operands[0];
        result = check_patch(check, &report, &error);
    }
    int status = hf_report_finish(&report, result, &error);
    hf_check_results_destroy(check->results);
    hf_live_close(&check->live);
    hf_sealed_close(&check->bundle);
    hf_inputs_deinit(&check->inputs);
    return status;
}

int hf_cmd_check(int argc, char **argv)
{
    struct check check = {0};
    struct hf_inputs *inputs = &check.inputs;
    const struct hf_option options[] = {
        {"target", 0, "BIN", "The program or library that runs.", false, NULL, &inputs->target_path, NULL, NULL, 0},
        {"patch", 0, "PATCH.so", "The shared object with the new functions.", false, NULL, &inputs->patch_path, NULL,
         NULL, 0},
        {.name = "func",
         .argument = "NAME",
         .help = "Check this function; NAME@source.c if the name is not unique. For C++: 'ns::Order::total(int) "
                 "const', 'max<*>'.",
         .each = hf_inputs_add_pick,
         .arg = inputs,
         .kind = HF_PICK_FUNCTION},
        {.name = "package",
         .argument = "DIR|FILE|NS",
         .help = "Check every function of these sources, or of this namespace, that the patch has.",
         .each = hf_inputs_add_pick,
         .arg = inputs,
         .kind = HF_PICK_PACKAGE},
        {.name = "class",
         .argument = "TYPE",
         .help = "Check the methods of this C++ class ('Box<*>'), or the functions whose first parameter is TYPE, or a "
                 "pointer to it for '*TYPE'.",
         .each = hf_inputs_add_pick,
         .arg = inputs,
         .kind = HF_PICK_CLASS},
        {.name = "exclude",
         .argument = "PATTERN",
         .help = "Leave out functions whose names match; for C++, names or symbols.",
         .each = hf_inputs_add_pick,
         .arg = inputs,
         .kind = HF_PICK_EXCLUDE},
        {.name = "follow-inlines",
         .help = "Also check functions that picked functions were inlined into, if the patch has them.",
         .flag = &inputs->follow_inlines},
        {.name = "debug", .argument = "FILE", .help = "The target's separate debug file.", .text = &inputs->debug_path},
        {.name = "rebuilt",
         .argument = "FILE",
         .help = "Instead of --debug: a rebuild of the target, not stripped; it must be the same otherwise.",
         .text = &inputs->rebuilt_path},
        {"patch-debug", 0, "FILE", "The patch's separate debug file.", false, NULL, &inputs->patch_debug_path, NULL,
         NULL, 0},
        {.name = "host",
         .argument = "PROGRAM",
         .help =
             "The program that loads the target, if that is a module: the patch may refer to what the program exports.",
         .text = &inputs->host_path},
        {.name = "pid", .argument = "PID", .help = "Also check what this process has loaded.", .text = &check.pid},
        {"waivers", 0, "FILE", "Accept what the waivers in this file accept.", false, NULL, &inputs->waivers_path, NULL,
         NULL, 0},
        {"format", 0, "FORMAT", "text, the default, json, sarif, junit or github.", false, NULL, &check.format_name,
         NULL, NULL, 0},
        {.name = "list", .help = "List the checks and do nothing else.", .flag = &check.list},
    };

    return run(&check, options, sizeof(options) / sizeof(options[0]), argc, argv);
}
