/* SPDX-License-Identifier: Apache-2.0 */
/* hotfix show: prints what is inside a bundle, trusting nothing. */
#include <string.h>

#include "bundle.h"
#include "cleanup.h"
#include "cli/command.h"
#include "cli/describe.h"
#include "cms.h"
#include "digest.h"
#include "error.h"
#include "file.h"
#include "ui/options.h"
#include "ui/report.h"

#define NOT_VERIFIED "NOT VERIFIED: show trusts nothing; use 'hotfix verify'"

/* The subject of the certificate of a CMS signature that is over this bundle; nobody is asked whether to believe it. */
static char *subject_of(const struct hf_signed *parts, const struct hf_signature *signature)
{
    char statement[HF_STATEMENT_MAX];
    size_t size;
    struct hf_cms *cms;

    if (hf_statement(parts->archive, parts->archive_size, statement, &size, NULL) != 0 ||
        hf_cms_open(signature->cms, signature->cms_size, statement, size, &cms, NULL) != 0)
        return NULL;
    char *subject = strdup(hf_cms_signer(cms));
    hf_cms_close(cms);
    return subject;
}

static void show_signature(const struct hf_signed *parts, const struct hf_signature *signature, json_t *array,
                           struct hf_report *report)
{
    char id[2 * HF_KEY_ID_SIZE + 1], label[128];
    HF_FREE char *subject = signature->cms ? subject_of(parts, signature) : NULL;

    hf_hex_encode(signature->key_id, HF_KEY_ID_SIZE, id);
    snprintf(label, sizeof(label), "  cms by certificate %s, ", id);
    if (signature->cms)
        hf_report_text(report, label, subject ? subject : "not over this bundle");
    else
        hf_report_line(report, "  ed25519 by key %s", id);
    json_t *item = json_pack("{s:s, s:s}", "type", signature->cms ? "cms" : "ed25519", "key_id", id);
    if (subject && json_object_set_new(item, "subject", hf_json_text(subject)) != 0)
        report->failed = true;
    hf_report_add(report, array, item);
}

static void show_signatures(const struct hf_signed *parts, struct hf_report *report)
{
    json_t *array = json_array();

    hf_report_line(report, "%s", "");
    hf_report_line(report, "signatures (%zu)", parts->signature_count);
    for (size_t i = 0; i < parts->signature_count; i++)
        show_signature(parts, &parts->signatures[i], array, report);
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

    hf_report_line(report, NOT_VERIFIED);
    hf_describe_bundle(report, &bundle.manifest);
    hf_describe_contents(report, &bundle.manifest);
    show_signatures(&parts, report);
    /* Once more: what stands above is as long as whoever wrote the bundle made it, and may have scrolled away. */
    hf_report_line(report, "%s", "");
    hf_report_line(report, NOT_VERIFIED);
    hf_bundle_deinit(&bundle);
    return 0;
}

int hf_cmd_show(int argc, char **argv)
{
    const struct hf_usage usage = {
        .verb = "show",
        .summary = "Prints what is inside a bundle without trusting it: signatures are listed, not verified, and "
                   "anybody may have written the printed texts. Only 'hotfix verify' verifies.",
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
