/* SPDX-License-Identifier: Apache-2.0 */
/* hotfix verify: verifies a bundle offline, all that the loader would check. */
#include <time.h>

#include "bundle.h"
#include "cleanup.h"
#include "cli/command.h"
#include "cli/describe.h"
#include "digest.h"
#include "elf/image.h"
#include "error.h"
#include "file.h"
#include "pack/rebuild.h"
#include "provenance/provenance.h"
#include "quorum.h"
#include "signature.h"
#include "trust.h"
#include "truststore.h"
#include "ui/options.h"
#include "ui/report.h"
#include "verify/host.h"
#include "verify/payload.h"
#include "verify/target.h"

struct verify {
    const char *file;
    const char *trust_path;
    const char *target_path;
    const char *provenance_path;
    struct hf_inputs rebuild; /* of --rebuild; target_path is the one above */
    struct hf_trust trust;
    uint8_t *data; /* of the file, owned */
    struct hf_signed parts;
    struct hf_opinion opinions[HF_SIGNATURE_MAX];
    struct hf_bundle bundle;
    struct hf_fixups fixups;
    struct hf_provenance provenance;
    struct hf_signers signers; /* whose signatures count */
    json_t *steps;             /* names of what holds, in order; the report's */
};

static void passed(const struct verify *verify, const char *step)
{
    json_array_append_new(verify->steps, json_string(step));
}

static int check_provenance(struct verify *verify, int64_t now, struct hotfix_error *err)
{
    if (!verify->provenance_path)
        return 0;
    if (hf_provenance_check(verify->provenance_path, verify->parts.archive, verify->parts.archive_size,
                            verify->target_path, &verify->trust, now, &verify->provenance, err) != 0)
        return -1;
    passed(verify, "provenance");
    return 0;
}

static const char *const opinion_names[] = {
    [HF_OPINION_UNKNOWN] = "unknown key",         [HF_OPINION_COUNTS] = "counts",
    [HF_OPINION_AGAIN] = "counted already",       [HF_OPINION_REVOKED] = "revoked key",
    [HF_OPINION_EXPIRED] = "expired key",         [HF_OPINION_BAD] = "bad",
    [HF_OPINION_REFUSED] = "certificate refused",
};

/* Of each signature: whose it is and what it is worth, whether or not that is enough. */
static void tell_signatures(const struct verify *verify, struct hf_report *report)
{
    json_t *signatures = json_array();

    for (size_t i = 0; i < verify->parts.signature_count; i++) {
        const struct hf_opinion *opinion = &verify->opinions[i];
        const char *verdict = opinion_names[opinion->kind], *reason = opinion->reason;
        const char *name = opinion->key ? opinion->key->name : NULL;
        const char *roles = opinion->key ? opinion->key->roles : NULL;
        char id[2 * HF_KEY_ID_SIZE + 1];
        hf_hex_encode(verify->parts.signatures[i].key_id, HF_KEY_ID_SIZE, id);
        hf_report_line(report, "%-13s%s%s%s%s%s%s: %s", "signature", name ? name : "", name ? ", " : "", "key id ", id,
                       roles ? ", role " : "", roles ? roles : "", verdict);
        if (*reason) /* which quotes what anybody has written into a certificate */
            hf_report_text(report, "             ", reason);
        json_array_append_new(signatures, json_pack("{s:s, s:o, s:o, s:s, s:o}", "key_id", id, "name",
                                                    hf_json_text(name), "roles", hf_json_text(roles), "verdict",
                                                    verdict, "reason", hf_json_text(*reason ? reason : NULL)));
    }
    hf_report_set(report, "signatures", signatures);
}

/* What the policy asks for beyond the signatures that count. */
static void tell_missing(const struct verify *verify, struct hf_report *report)
{
    struct hf_signers counted = {.count = 0};
    const char *role = verify->trust.policy.roles;
    json_t *roles = json_array();

    for (size_t i = 0; i < verify->parts.signature_count; i++)
        if (verify->opinions[i].kind == HF_OPINION_COUNTS)
            counted.keys[counted.count++] = verify->opinions[i].key;
    for (size_t length; (length = hf_signers_lack(&counted, &role)) > 0; role += length)
        json_array_append_new(roles, json_stringn(role, length));
    hf_report_set(report, "missing",
                  json_pack("{s:I, s:o}", "keys", (json_int_t)hf_signers_short_of(&counted, &verify->trust.policy),
                            "roles", roles));
}

static int open_bundle(struct verify *verify, struct hotfix_error *err)
{
    int64_t now = (int64_t)time(NULL);
    size_t size = 0;

    if (hf_trust_read(verify->trust_path, &verify->trust, err) != 0)
        return -1;
    if (hf_file_read(verify->file, HF_BUNDLE_MAX_SIZE, &verify->data, &size, err) != 0)
        return -1;
    if (hf_signed_parse(verify->data, size, &verify->parts, err) != 0) {
        verify->parts.signature_count = 0;
        return hf_error_prefix(err, "%s", verify->file);
    }
    if (hf_bundle_judge(verify->data, size, &verify->trust, now, &verify->bundle, &verify->signers, verify->opinions,
                        err) != 0)
        return hf_error_prefix(err, "%s", verify->file);
    passed(verify, "signature");
    passed(verify, "contents");
    passed(verify, "expiry");
    return check_provenance(verify, now, err);
}

static int check_target(struct verify *verify, struct hotfix_error *err)
{
    struct hf_image target;
    if (hf_image_open(verify->target_path, &target, err) != 0)
        return -1;
    int result = hf_target_check(&target, &verify->bundle.manifest, &verify->fixups, err);
    hf_image_close(&target);
    if (result != 0)
        return hf_error_prefix(err, "target %s", verify->target_path);
    passed(verify, "target");
    return 0;
}

static int check_host(struct verify *verify, struct hotfix_error *err)
{
    struct hf_image host;

    if (!verify->rebuild.host_path)
        return 0;
    if (hf_image_open(verify->rebuild.host_path, &host, err) != 0)
        return hf_error_prefix(err, "host");
    int result = hf_host_check(&host, &verify->bundle.manifest, err);
    hf_image_close(&host);
    if (result != 0)
        return hf_error_prefix(err, "host %s", verify->rebuild.host_path);
    passed(verify, "host");
    return 0;
}

static json_t *describe_signer(const struct hf_trust_key *key, const char *id)
{
    return json_pack("{s:o, s:s}", "name", hf_json_text(key->name), "key_id", id);
}

/* signed_by is the first of them, as it was when one was all that could count. */
static void tell_signers(const struct verify *verify, struct hf_report *report)
{
    json_t *signers = json_array();

    for (size_t i = 0; i < verify->signers.count; i++) {
        const struct hf_trust_key *key = verify->signers.keys[i];
        char id[2 * HF_KEY_ID_SIZE + 1];
        hf_hex_encode(key->key.id, HF_KEY_ID_SIZE, id);
        hf_report_line(report, "%s %s, key id %s", i ? "VERIFIED: and by" : "VERIFIED: signed by", key->name, id);
        json_array_append_new(signers, describe_signer(key, id));
        if (i == 0)
            hf_report_set(report, "signed_by", describe_signer(key, id));
    }
    hf_report_set(report, "signers", signers);
}

static void tell_provenance(const struct verify *verify, struct hf_report *report)
{
    const struct hf_provenance *provenance = &verify->provenance;
    char names[HF_SIGNERS_TEXT];
    const json_t *item;
    size_t index;

    if (!provenance->materials)
        return;
    hf_signers_text(&provenance->signers, names);
    hf_report_line(report, "%-13s%s, signed by %s", "provenance", verify->provenance_path, names);
    json_array_foreach(provenance->materials, index, item)
    {
        const char *name = json_string_value(json_object_get(item, "name"));
        const char *digest = json_string_value(json_object_get(json_object_get(item, "digest"), "sha256"));
        hf_report_line(report, "%-13s%s, sha256 %s", "  packed from", name ? name : "?", digest ? digest : "?");
    }
    hf_report_set(report, "provenance",
                  json_pack("{s:o, s:o, s:O}", "file", hf_json_text(verify->provenance_path), "signed_by",
                            hf_json_text(names), "materials", provenance->materials));
}

static int check_rebuild(struct verify *verify, struct hotfix_error *err)
{
    verify->rebuild.target_path = verify->target_path;
    if (hf_rebuild(&verify->bundle, verify->parts.archive, verify->parts.archive_size, &verify->rebuild, err) != 0)
        return hf_error_prefix(err, "%s", verify->file);
    passed(verify, "rebuild");
    return 0;
}

static int check_all(struct verify *verify, struct hotfix_error *err)
{
    if (open_bundle(verify, err) != 0)
        return -1;
    if (hf_payload_check(&verify->bundle, &verify->fixups, err) != 0)
        return hf_error_prefix(err, "%s", verify->file);
    passed(verify, "payload");
    if ((verify->target_path && check_target(verify, err) != 0) || check_host(verify, err) != 0)
        return -1;
    return verify->rebuild.patch_path ? check_rebuild(verify, err) : 0;
}

static void tell_host(const struct verify *verify, const struct hf_report *report)
{
    const char *path = verify->rebuild.host_path;
    bool used = verify->bundle.manifest.host_build_id.size > 0;

    if (path && used)
        hf_report_line(report, "%-13s%s has the host's build-id and exports what the patch uses of it", "checked",
                       path);
    else if (path)
        hf_report_line(report, "%-13sthe patch uses nothing of a program that loads the target", "checked");
    else if (used)
        hf_report_line(report, "%-13sno host was given: --host PROGRAM checks its build-id and symbols too",
                       "unchecked");
}

static int verify_all(struct verify *verify, struct hf_report *report, struct hotfix_error *err)
{
    hf_report_set(report, "file", hf_json_text(verify->file));
    hf_report_set(report, "verified", verify->steps = json_array());
    int result = check_all(verify, err);
    if (result == 0)
        tell_signers(verify, report);
    tell_signatures(verify, report);
    tell_missing(verify, report);
    if (result != 0) {
        hf_report_line(report, "NOT VERIFIED");
        return -1;
    }

    tell_provenance(verify, report);
    if (verify->rebuild.patch_path)
        hf_report_line(report, "%-13spacked again from %s and %s, its archive part is the same, byte for byte",
                       "rebuild", verify->rebuild.patch_path, verify->target_path);
    hf_describe_bundle(report, &verify->bundle.manifest);
    hf_report_line(report, "%-13s%zu", "functions", verify->bundle.manifest.function_count);
    if (verify->target_path)
        hf_report_line(report, "%-13s%s has this build-id and the code of every function", "checked",
                       verify->target_path);
    else
        hf_report_line(report, "%-13sno target was given: --target BIN checks its build-id and code too", "unchecked");
    tell_host(verify, report);
    return 0;
}

static int require_inputs(const struct verify *verify, struct hotfix_error *err)
{
    const struct hf_inputs *rebuild = &verify->rebuild;

    if (rebuild->patch_path && !verify->target_path)
        return hf_error(err, HOTFIX_USAGE, "--rebuild packs for a target: give --target BIN, too");
    if (!rebuild->patch_path && (rebuild->debug_path || rebuild->patch_debug_path))
        return hf_error(err, HOTFIX_USAGE, "--debug and --patch-debug are for --rebuild");
    return 0;
}

static void deinit(struct verify *verify)
{
    hf_inputs_deinit(&verify->rebuild);
    hf_provenance_deinit(&verify->provenance);
    hf_fixups_deinit(&verify->fixups);
    hf_bundle_deinit(&verify->bundle);
    hf_trust_deinit(&verify->trust);
    free(verify->data);
}

static int run(struct verify *verify, const struct hf_option *options, size_t option_count, int argc, char **argv)
{
    const struct hf_usage usage = {
        .verb = "verify",
        .summary = "Verifies a bundle offline as the loader would before it touches a process: "
                   "signature, expiry, archive, manifest, digest, stamp and ranges of patch.so, fix-up table. Says "
                   "whose signatures counted.",
        .operands = "FILE",
        .min_operands = 1,
        .max_operands = 1,
        .options = options,
        .option_count = option_count,
    };
    struct hf_report report;
    struct hotfix_error error;
    HF_FREE const char **operands = NULL;

    hf_report_init(&report, usage.verb);
    hf_manifest_init(&verify->bundle.manifest);
    int result = hf_options_parse(&usage, argc, argv, &report, &operands, &error);
    if (result == 0) {
        verify->file = operands[0];
        result = require_inputs(verify, &error);
    }
    if (result == 0)
        result = verify_all(verify, &report, &error);
    deinit(verify);
    return hf_report_finish(&report, result, &error);
}

int hf_cmd_verify(int argc, char **argv)
{
    struct verify verify = {.file = NULL};
    const struct hf_option options[] = {
        {.name = "trust",
         .argument = "KEYS",
         .help = "The trust store: a public key, a directory of *.pub files, or a policy file.",
         .required = true,
         .text = &verify.trust_path},
        {.name = "target",
         .argument = "BIN",
         .help = "Also check that the bundle was made for this program or library: build-id, and the code bytes of "
                 "every function. A stripped file is enough.",
         .text = &verify.target_path},
        {.name = "provenance",
         .argument = "FILE",
         .help = "Also check that this file, from 'hotfix pack --provenance', is signed and belongs to this bundle, "
                 "and with --target to exactly that file; show the inputs of the bundle.",
         .text = &verify.provenance_path},
        {.name = "rebuild",
         .argument = "PATCH.so",
         .help = "Pack this patch for --target again as the manifest says, and compare: the archive part must be the "
                 "same, byte for byte.",
         .text = &verify.rebuild.patch_path},
        {.name = "debug",
         .argument = "FILE",
         .help = "With --rebuild, the target's separate debug file.",
         .text = &verify.rebuild.debug_path},
        {.name = "patch-debug",
         .argument = "FILE",
         .help = "With --rebuild, the patch's separate debug file.",
         .text = &verify.rebuild.patch_debug_path},
        {.name = "host",
         .argument = "PROGRAM",
         .help = "The program that loads the target, a module: also check that it has the symbols that the patch uses. "
                 "--rebuild needs it for such a patch.",
         .text = &verify.rebuild.host_path},
    };

    return run(&verify, options, sizeof(options) / sizeof(options[0]), argc, argv);
}
