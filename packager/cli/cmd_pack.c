/* SPDX-License-Identifier: Apache-2.0 */
/* hotfix pack: checks, stamps, signs and writes one bundle. */
#include <stdlib.h>
#include <string.h>

#include "check/check.h"
#include "check/tell.h"
#include "cleanup.h"
#include "cli/bundling.h"
#include "cli/command.h"
#include "cli/reasons.h"
#include "error.h"
#include "pack/inputs.h"
#include "ui/options.h"
#include "ui/report.h"

struct pack {
    struct hf_inputs inputs;
    struct hf_bundling bundling;
    struct hf_reasons reasons;
    struct hf_check_result *results;
};

static int make_bundle(struct pack *pack, struct hf_report *report, struct hotfix_error *err)
{
    struct hf_check_subject subject;

    if (hf_bundling_check(&pack->bundling, &pack->inputs, pack->inputs.patch_path, "pack", err) != 0 ||
        hf_inputs_open(&pack->inputs, &subject, err) != 0 ||
        hf_checks_run(&subject, NULL, 0, &pack->results, err) != 0 ||
        hf_reasons_judge(&pack->reasons, &pack->inputs.waivers, pack->results, report, err) != 0 ||
        hf_bundling_seal(&pack->bundling, &pack->inputs, &subject, pack->results, err) != 0 ||
        hf_bundling_write(&pack->bundling, &pack->inputs, err) != 0)
        return -1;
    int result = hf_bundling_tell(&pack->bundling, &subject.patch->image, report, err);
    hf_check_results_set(report, pack->results);
    return result;
}

static void deinit(struct pack *pack)
{
    hf_bundling_deinit(&pack->bundling);
    hf_check_results_destroy(pack->results);
    hf_inputs_deinit(&pack->inputs);
    hf_reasons_deinit(&pack->reasons);
}

static int run(struct pack *pack, const struct hf_option *fixed, size_t fixed_count, int argc, char **argv)
{
    size_t count = 0;
    HF_FREE struct hf_option *options = hf_reasons_options(&pack->reasons, fixed, fixed_count, &count);
    HF_FREE const char **operands = NULL;
    struct hf_report report;
    struct hotfix_error error;
    const struct hf_usage usage = {
        .verb = "pack",
        .summary = "Checks that a patch fits a target, stamps it, and writes it as a signed bundle. A patch that does "
                   "not fit is refused (exit status 1), and so is one that cannot be proved to fit (3).",
        .options = options,
        .option_count = count,
        .notes = "Picks combine; each function counts once. A reason given to --accept-CHECK is sealed into the bundle "
                 "and shown by 'hotfix show'.",
    };

    hf_report_init(&report, usage.verb);
    hf_bundling_init(&pack->bundling);
    int result = options ? hf_options_parse(&usage, argc, argv, &report, &operands, &error)
                         : hf_error(&error, HOTFIX_MEMORY, "out of memory");
    if (result == 0)
        result = make_bundle(pack, &report, &error);
    deinit(pack);
    return hf_report_finish(&report, result, &error);
}

int hf_cmd_pack(int argc, char **argv)
{
    struct pack pack = {.inputs = {.target_path = NULL}};
    const struct hf_option first[] = {
        {"target", 0, "BIN", "The program or library that runs, or will run.", true, NULL, &pack.inputs.target_path,
         NULL, NULL, 0},
        {"patch", 0, "PATCH.so", "The shared object with the new functions.", true, NULL, &pack.inputs.patch_path, NULL,
         NULL, 0},
        {"func", 0, "NAME",
         "Replace this function; NAME@source.c if the name is not unique. For C++: 'ns::f(int) const', 'max<*>'.",
         false, NULL, NULL, hf_inputs_add_pick, &pack.inputs, HF_PICK_FUNCTION},
        {"package", 0, "DIR|FILE|NS",
         "Replace every function of these sources, or of this namespace, that the patch has.", false, NULL, NULL,
         hf_inputs_add_pick, &pack.inputs, HF_PICK_PACKAGE},
        {"class", 0, "TYPE",
         "Replace the methods of this C++ class ('Box<*>'), or the functions whose first parameter is TYPE, or a "
         "pointer to it for '*TYPE'.",
         false, NULL, NULL, hf_inputs_add_pick, &pack.inputs, HF_PICK_CLASS},
        {"exclude", 0, "PATTERN", "Do not replace functions whose names match; for C++, names or symbols.", false, NULL,
         NULL, hf_inputs_add_pick, &pack.inputs, HF_PICK_EXCLUDE},
        {"follow-inlines", 0, NULL,
         "Also replace functions that picked functions were inlined into, if the patch has them.", false,
         &pack.inputs.follow_inlines, NULL, NULL, NULL, 0},
    };
    const struct hf_option last[] = {
        {"debug", 0, "FILE", "The target's separate debug file.", false, NULL, &pack.inputs.debug_path, NULL, NULL, 0},
        {"rebuilt", 0, "FILE",
         "Instead of --debug: a rebuild of the target, not stripped; it must be the same otherwise.", false, NULL,
         &pack.inputs.rebuilt_path, NULL, NULL, 0},
        {"patch-debug", 0, "FILE", "The patch's separate debug file.", false, NULL, &pack.inputs.patch_debug_path, NULL,
         NULL, 0},
        {"host", 0, "PROGRAM",
         "The program that loads the target, a module: the patch may use what the program exports.", false, NULL,
         &pack.inputs.host_path, NULL, NULL, 0},
        {"waivers", 0, "FILE", "Accept what the waivers in this file accept.", false, NULL, &pack.inputs.waivers_path,
         NULL, NULL, 0},
        {"accept-flags", 0, "REASON", "Continue, for this reason, if a check that compares flags is unproven.", false,
         NULL, NULL, hf_reasons_add_flags, &pack.reasons, 0},
        {"provenance", 0, "FILE", "Also write the inputs of the bundle, as a signed in-toto statement.", false, NULL,
         &pack.bundling.provenance, NULL, NULL, 0},
        {"output", 'o', "FILE", "The bundle to write; an existing file is replaced. By default NAME-VERSION.hotfix.",
         false, NULL, &pack.bundling.output, NULL, NULL, 0},
    };

    struct hf_option options[sizeof(first) / sizeof(first[0]) + HF_BUNDLING_OPTIONS + sizeof(last) / sizeof(last[0])];

    memcpy(options, first, sizeof(first));
    hf_bundling_options(&pack.bundling, options + sizeof(first) / sizeof(first[0]));
    memcpy(options + sizeof(first) / sizeof(first[0]) + HF_BUNDLING_OPTIONS, last, sizeof(last));
    return run(&pack, options, sizeof(options) / sizeof(options[0]), argc, argv);
}
