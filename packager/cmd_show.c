/* SPDX-License-Identifier: Apache-2.0 */
/* hotfix show: prints what is inside a bundle, trusting nothing. */
#include "bundle.h"
#include "cleanup.h"
#include "command.h"
#include "describe.h"
#include "digest.h"
#include "error.h"
#include "file.h"
#include "options.h"
#include "report.h"

static void show_signatures(const struct hf_signed *parts, struct hf_report *report)
{
    json_t *array = json_array();
    hf_report_line(report, "%s", "");
    hf_report_line(report, "signatures (%zu)", parts->signature_count);
    for (size_t i = 0; i < parts->signature_count; i++) {
        char id[2 * HF_KEY_ID_SIZE + 1];
        hf_hex_encode(parts->signatures[i].key_id, HF_KEY_ID_SIZE, id);
        hf_report_line(report, "  ed25519 by key %s", id);
        json_array_append_new(array, json_pack("{s:s, s:s}", "type", "ed25519", "key_id", id));
    }
    hf_report_set(report, "signatures", array);
}

static int show(const char *path, struct hf_report *report, struct hotfix_error *err)
{
    HF_FREE uint8_t *data = NULL;
    size_t size = 0;
    struct hf_signed parts;
    struct hf_bundle bundle;

    hf_report_set(report, "file", hf_json_text(path));
    hf_report_set(report, "verified", json_false());
    if (hf_file_read(path, HF_BUNDLE_MAX_SIZE, &data, &size, err) != 0)
        return -1;
    if (hf_signed_parse(data, size, &parts, err) != 0 ||
        hf_archive_parse(parts.archive, parts.archive_size, &bundle, err) != 0)
        return hf_error_prefix(err, "%s", path);

    hf_report_line(report, "NOT VERIFIED: show trusts nothing; use 'hotfix verify'");
    hf_describe_bundle(report, &bundle.manifest);
    hf_describe_contents(report, &bundle.manifest);
    show_signatures(&parts, report);
    hf_bundle_deinit(&bundle);
    return 0;
}

int hf_cmd_show(int argc, char **argv)
{
    const struct hf_usage usage = {
        .verb = "show",
        .summary = "Prints what is inside a bundle. Looks at it without trusting it: signatures are listed, not "
                   "verified, and what is printed may have been written by anybody. Only 'hotfix verify' vouches.",
        .operands = "FILE",
        .min_operands = 1,
        .max_operands = 1,
    };
    struct hf_report report;
    struct hotfix_error error;
    HF_FREE const char **operands = NULL;

    hf_report_init(&report, usage.verb);
    int result = hf_options_parse(&usage, argc, argv, &report, &operands, &error);
    if (result == 0)
        result = show(operands[0], &report, &error);
    return hf_report_finish(&report, result, &error);
}
