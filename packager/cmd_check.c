/* SPDX-License-Identifier: Apache-2.0 */
/* hotfix check: tells whether a patch belongs to a target, and writes nothing. */
#include <stdio.h>
#include <string.h>

#include "check/check.h"
#include "check/tell.h"
#include "cleanup.h"
#include "command.h"
#include "error.h"
#include "options.h"
#include "pack/inputs.h"
#include "report.h"

struct check {
    struct hf_inputs inputs;
    const char *format;
    bool list;
    struct hf_check_result *results;
};

static int list_checks(struct hf_report *report)
{
    json_t *array = json_array();

    for (size_t i = 0; i < hf_check_count; i++) {
        hf_report_line(report, "%-17s%s", hf_checks[i]->id, hf_checks[i]->title);
        json_t *item = json_pack("{s:s, s:s}", "id", hf_checks[i]->id, "title", hf_checks[i]->title);
        if (json_array_append_new(array, item) != 0)
            report->failed = true;
    }
    hf_report_set(report, "checks", array);
    return 0;
}

static void tell_detail(const char *detail, struct hf_report *report)
{
    while (detail && *detail) {
        int length = (int)strcspn(detail, "\n");
        hf_report_line(report, "        %.*s", length, detail);
        detail += length + (detail[length] == '\n');
    }
}

static void tell_finding(const struct hf_finding *finding, struct hf_report *report)
{
    if (finding->verdict == HF_COMPATIBLE)
        return;
    hf_report_line(report, "    %s", finding->evidence);
    tell_detail(finding->detail, report);
    if (finding->exception) {
        const struct hf_exception *exception = finding->exception;
        HF_FREE char *text = hf_exception_text(exception->scope, exception->reason, exception->expires);
        hf_report_line(report, "    accepted: %s", text ? text : exception->reason);
    } else if (finding->advice) {
        hf_report_line(report, "    to do: %s", finding->advice);
    }
}

/* What the checks come to: the worst verdict that is not accepted, "accepted" where all are that need it. */
static const char *answer(const struct hf_check_result *results, size_t accepted)
{
    struct hotfix_error error;

    if (hf_checks_judge(results, &error) != 0)
        return hf_verdict_name(error.code == HOTFIX_INCOMPATIBLE ? HF_INCOMPATIBLE : HF_UNPROVEN);
    return accepted > 0 ? "accepted" : hf_verdict_name(HF_COMPATIBLE);
}

/* The answer first, then a line for each check, and below it what it has against the patch. */
static void tell(const struct check *check, struct hf_report *report)
{
    size_t counts[3] = {0};
    size_t accepted = 0;
    char note[64] = "";

    for (size_t i = 0; i < hf_check_count; i++) {
        counts[check->results[i].verdict]++;
        accepted += hf_check_accepted(&check->results[i]);
    }
    if (accepted > 0)
        snprintf(note, sizeof(note), "; %zu accepted by exceptions", accepted);
    hf_report_line(report, "%s: %zu checks of %zu functions: %zu compatible, %zu incompatible, %zu unproven%s",
                   answer(check->results, accepted), hf_check_count, check->inputs.selection.pair_count,
                   counts[HF_COMPATIBLE], counts[HF_INCOMPATIBLE], counts[HF_UNPROVEN], note);
    for (size_t i = 0; i < hf_check_count; i++) {
        const struct hf_check_result *result = &check->results[i];
        hf_report_line(report, "%-12s %-15s %s", hf_verdict_name(result->verdict), result->check->id,
                       result->check->title);
        for (size_t k = 0; k < result->findings.count; k++)
            tell_finding(&result->findings.items[k], report);
    }
}

static int check_patch(struct check *check, struct hf_report *report, struct hotfix_error *err)
{
    struct hf_check_subject subject;

    if (check->format && strcmp(check->format, "json") == 0)
        report->json = true;
    else if (check->format && strcmp(check->format, "text") != 0)
        return hf_error(err, HOTFIX_USAGE, "unknown format '%s': text or json", check->format);
    if (check->list)
        return list_checks(report);
    if (!check->inputs.target_path || !check->inputs.patch_path)
        return hf_error(err, HOTFIX_USAGE, "option '--%s' is missing (see 'hotfix check --help')",
                        check->inputs.target_path ? "patch" : "target");
    if (hf_inputs_open(&check->inputs, &subject, err) != 0 ||
        hf_checks_run(&subject, check->inputs.policy.exceptions, check->inputs.policy.count, &check->results, err) != 0)
        return -1;
    hf_report_set(report, "functions", json_integer((json_int_t)subject.pair_count));
    hf_check_results_set(report, check->results);
    hf_policy_tell(&check->inputs.policy, check->results, report);
    tell(check, report);
    return hf_checks_judge(check->results, err);
}

int hf_cmd_check(int argc, char **argv)
{
    struct check check = {0};
    struct hf_inputs *inputs = &check.inputs;
    const struct hf_option options[] = {
        {.name = "target",
         .argument = "BIN",
         .help = "The program or library that runs.",
         .text = &inputs->target_path},
        {.name = "patch",
         .argument = "PATCH.so",
         .help = "The shared object with the new functions.",
         .text = &inputs->patch_path},
        {.name = "func",
         .argument = "NAME",
         .help = "Check this function; NAME@source.c where the name is not unique.",
         .each = hf_inputs_add_pick,
         .arg = inputs,
         .kind = HF_PICK_FUNCTION},
        {.name = "package",
         .argument = "DIR|FILE",
         .help = "Check every function of these sources that the patch has.",
         .each = hf_inputs_add_pick,
         .arg = inputs,
         .kind = HF_PICK_PACKAGE},
        {.name = "class",
         .argument = "TYPE",
         .help = "Check the functions whose first parameter is TYPE, or a pointer to it for '*TYPE'.",
         .each = hf_inputs_add_pick,
         .arg = inputs,
         .kind = HF_PICK_CLASS},
        {.name = "exclude",
         .argument = "PATTERN",
         .help = "Leave out functions whose names match.",
         .each = hf_inputs_add_pick,
         .arg = inputs,
         .kind = HF_PICK_EXCLUDE},
        {.name = "debug", .argument = "FILE", .help = "The target's separate debug file.", .text = &inputs->debug_path},
        {.name = "patch-debug",
         .argument = "FILE",
         .help = "The patch's separate debug file.",
         .text = &inputs->patch_debug_path},
        {.name = "policy",
         .argument = "FILE",
         .help = "Accept what this policy file has exceptions for.",
         .text = &inputs->policy_path},
        {.name = "format", .argument = "FORMAT", .help = "text, the default, or json.", .text = &check.format},
        {.name = "list", .help = "List the checks and do nothing else.", .flag = &check.list},
    };
    const struct hf_usage usage = {.verb = "check",
                                   .summary = "Tells whether a patch belongs to exactly this target.",
                                   .options = options,
                                   .option_count = sizeof(options) / sizeof(options[0])};
    HF_FREE const char **operands = NULL;
    struct hf_report report;
    struct hotfix_error error;

    hf_report_init(&report, usage.verb);
    int result = hf_options_parse(&usage, argc, argv, &report, &operands, &error);
    if (result == 0)
        result = check_patch(&check, &report, &error);
    hf_check_results_destroy(check.results);
    hf_inputs_deinit(inputs);
    return hf_report_finish(&report, result, &error);
}
