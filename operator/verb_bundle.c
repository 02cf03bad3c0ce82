/* SPDX-License-Identifier: Apache-2.0 */
/* hotfixctl verify and show: of a bundle what an operator needs, on a host without the packager. */
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "digest.h"
#include "errand.h"
#include "error.h"
#include "file.h"
#include "signature.h"
#include "timestamp.h"
#include "verbs.h"

#define NOT_VERIFIED "NOT VERIFIED: show trusts nothing; use 'hotfixctl verify'"

static void tell_functions(const struct hf_manifest *manifest, struct hf_ctl_report *report)
{
    hf_ctl_report_open(report, "functions", '[');
    for (size_t i = 0; i < manifest->function_count; i++) {
        const struct hf_manifest_function *function = &manifest->functions[i];
        hf_ctl_report_line(report, "  replaces %s%s%s", function->name, function->source[0] ? " of " : "",
                           function->source);
        hf_ctl_report_text(report, NULL, function->name);
    }
    hf_ctl_report_close(report, ']');
}

static void tell_other_bundles(const char *label, const char *name, const struct hf_id_list *ids,
                               struct hf_ctl_report *report)
{
    char id[2 * HF_ID_SIZE + 1];

    hf_ctl_report_open(report, name, '[');
    for (size_t i = 0; i < ids->count; i++) {
        hf_hex_encode(ids->items[i], HF_ID_SIZE, id);
        hf_ctl_report_line(report, "  %s bundle %s", label, id);
        hf_ctl_report_text(report, NULL, id);
    }
    hf_ctl_report_close(report, ']');
}

/* What was accepted although a check did not pass: the operator is to know it. */
static void tell_waivers(const struct hf_manifest *manifest, struct hf_ctl_report *report)
{
    hf_ctl_report_open(report, "waivers", '[');
    for (size_t i = 0; i < manifest->check_count; i++) {
        const struct hf_manifest_check *check = &manifest->checks[i];
        if (!check->waiver[0])
            continue;
        hf_ctl_report_line(report, "  waived: %s is %s: %s", check->id, hf_verdict_name(check->verdict), check->waiver);
        hf_ctl_report_open(report, NULL, '{');
        hf_ctl_report_text(report, "check", check->id);
        hf_ctl_report_text(report, "verdict", hf_verdict_name(check->verdict));
        hf_ctl_report_text(report, "reason", check->waiver);
        hf_ctl_report_close(report, '}');
    }
    hf_ctl_report_close(report, ']');
}

/* Members of the object that is open. */
static void tell_manifest(const struct hf_manifest *manifest, struct hf_ctl_report *report)
{
    char id[2 * HF_ID_SIZE + 1], build[2 * HF_BUILD_ID_MAX + 1], created[HF_TIME_SIZE], expires[HF_TIME_SIZE] = "never";

    hf_hex_encode(manifest->id, HF_ID_SIZE, id);
    hf_hex_encode(manifest->target_build_id.bytes, manifest->target_build_id.size, build);
    hf_time_format(manifest->created, created);
    if (manifest->expires != HF_TIME_NEVER)
        hf_time_format(manifest->expires, expires);
    hf_ctl_report_line(report, "bundle %s %s, id %s", manifest->name, manifest->version, id);
    hf_ctl_report_line(report, "  for %s with build-id %s, on %s", manifest->target_name, build, manifest->arch);
    hf_ctl_report_line(report, "  created %s, expires %s, sequence %llu", created, expires,
                       (unsigned long long)manifest->sequence);
    if (manifest->advisory && manifest->advisory[0])
        hf_ctl_report_line(report, "  fixes %s", manifest->advisory);
    if (manifest->description && manifest->description[0])
        hf_ctl_report_line(report, "  %s", manifest->description);
    hf_ctl_report_text(report, "id", id);
    hf_ctl_report_text(report, "name", manifest->name);
    hf_ctl_report_text(report, "version", manifest->version);
    hf_ctl_report_text(report, "target", manifest->target_name);
    hf_ctl_report_text(report, "build_id", build);
    hf_ctl_report_text(report, "arch", manifest->arch);
    hf_ctl_report_text(report, "created", created);
    hf_ctl_report_text(report, "expires", manifest->expires != HF_TIME_NEVER ? expires : NULL);
    hf_ctl_report_number(report, "sequence", manifest->sequence);
    hf_ctl_report_text(report, "advisory", manifest->advisory);
    hf_ctl_report_text(report, "description", manifest->description);
    tell_functions(manifest, report);
    tell_other_bundles("supersedes", "supersedes", &manifest->supersedes, report);
    tell_other_bundles("made on", "built_on", &manifest->built_on, report);
    tell_waivers(manifest, report);
}

int hf_verb_verify(const struct hf_ctl *ctl, struct hf_ctl_report *report, struct hotfix_error *err)
{
    struct hf_cargo cargo;

    report->list = "bundles";
    int status = hf_cargo_read(ctl->operand, ctl->trust, &cargo, err);
    if (status == 0) {
        hf_ctl_report_open(report, NULL, '{');
        hf_ctl_report_text(report, "file", ctl->operand);
        hf_ctl_report_flag(report, "verified", true);
        hf_ctl_report_text(report, "signers", cargo.signers);
        hf_ctl_report_line(report, "verified: signed by %s", cargo.signers);
        tell_manifest(&cargo.bundle.manifest, report);
        hf_ctl_report_close(report, '}');
    }
    hf_cargo_deinit(&cargo);
    return status;
}

int hf_verb_show(const struct hf_ctl *ctl, struct hf_ctl_report *report, struct hotfix_error *err)
{
    HF_FREE uint8_t *bytes = NULL;
    size_t size = 0;
    struct hf_signed parts;
    struct hf_bundle bundle;
    char key[2 * HF_KEY_ID_SIZE + 1];

    report->list = "bundles";
    if (hf_file_read(ctl->operand, HF_BUNDLE_MAX_SIZE, &bytes, &size, err) != 0)
        return -1;
    if (hf_signed_parse(bytes, size, &parts, err) != 0 ||
        hf_archive_parse(parts.archive, parts.archive_size, &bundle, err) != 0)
        return hf_error_prefix(err, "bundle %s", ctl->operand);
    hf_ctl_report_line(report, NOT_VERIFIED);
    hf_ctl_report_open(report, NULL, '{');
    hf_ctl_report_text(report, "file", ctl->operand);
    hf_ctl_report_flag(report, "verified", false);
    tell_manifest(&bundle.manifest, report);
    hf_ctl_report_open(report, "key_ids", '[');
    for (size_t i = 0; i < parts.signature_count; i++) {
        hf_hex_encode(parts.signatures[i].key_id, HF_KEY_ID_SIZE, key);
        hf_ctl_report_line(report, "  signed, it says, by %s %s", parts.signatures[i].cms ? "certificate" : "key", key);
        hf_ctl_report_text(report, NULL, key);
    }
    hf_ctl_report_close(report, ']');
    hf_ctl_report_close(report, '}');
    /* Once more: what stands above is as long as whoever wrote the bundle made it, and may have scrolled away. */
    hf_ctl_report_line(report, NOT_VERIFIED);
    hf_bundle_deinit(&bundle);
    return 0;
}
