/* SPDX-License-Identifier: Apache-2.0 */
/* hotfix sign: adds a signature to a bundle, one of this key's or one that was made elsewhere. */
#include <string.h>
#include <time.h>

#include "bundle.h"
#include "cleanup.h"
#include "cli/command.h"
#include "cli/describe.h"
#include "cms.h"
#include "digest.h"
#include "error.h"
#include "file.h"
#include "fixup.h"
#include "provenance/provenance.h"
#include "sign/countersign.h"
#include "sign/replace.h"
#include "sign/token.h"
#include "ui/options.h"
#include "ui/passphrase.h"
#include "ui/report.h"
#include "verify/payload.h"

#define PUBLIC_KEY_MAX 65536 /* bytes of a public key file */

struct sign {
    const char *file;
    const char *output;
    const char *key_path;
    const char *certificate_path;
    const char *passphrase_file;
    const char *export_path;
    const char *import_path;
    const char *public_path;
    const char *provenance_path;
    uint8_t *data; /* of the file */
    uint8_t *cms;  /* the signature that was made or imported, by a certificate */
    struct hf_signed parts;
    struct hf_bundle bundle;
};

static int check_options(const struct sign *sign, struct hotfix_error *err)
{
    int ways = !!sign->key_path + !!sign->export_path + !!sign->import_path;

    if (ways != 1)
        return hf_error(err, HOTFIX_USAGE, "give one of --key, --export and --import");
    if (sign->import_path && !!sign->public_path == !!sign->certificate_path)
        return hf_error(err, HOTFIX_USAGE, "--import goes with one of --pub and --cert: whose signature is it?");
    if (sign->public_path && !sign->import_path)
        return hf_error(err, HOTFIX_USAGE, "--pub is for --import");
    if (sign->passphrase_file && !sign->key_path)
        return hf_error(err, HOTFIX_USAGE, "--passphrase-file is for --key");
    if (sign->provenance_path && !sign->key_path)
        return hf_error(err, HOTFIX_USAGE, "--provenance is for --key");
    if (sign->certificate_path && sign->export_path)
        return hf_error(err, HOTFIX_USAGE, "--cert is for --key and --import");
    if (sign->output && sign->export_path)
        return hf_error(err, HOTFIX_USAGE, "--export changes no bundle: --output has no use");
    if (sign->key_path && hf_token_is(sign->key_path) && !sign->certificate_path)
        return hf_error(
            err, HOTFIX_USAGE,
            "a key in a PKCS#11 token signs for a certificate: give --cert; an Ed25519 key in one signs what "
            "--export writes, for example with pkcs11-tool, and --import puts the signature in: see "
            "hotfix-sign(1)");
    return 0;
}

/* Nobody is to put a name to what no loader would apply. */
static int open_bundle(struct sign *sign, struct hotfix_error *err)
{
    struct hf_fixups fixups = {0};
    size_t size;

    if (hf_file_read(sign->file, HF_BUNDLE_MAX_SIZE, &sign->data, &size, err) != 0)
        return -1;
    int result = hf_signed_parse(sign->data, size, &sign->parts, err);
    if (result == 0)
        result = hf_archive_parse(sign->parts.archive, sign->parts.archive_size, &sign->bundle, err);
    if (result == 0)
        result = hf_payload_check(&sign->bundle, &fixups, err);
    if (result == 0 && sign->bundle.manifest.expires <= (int64_t)time(NULL))
        result = hf_error(err, HOTFIX_EXPIRED, "it has expired, and no loader would apply it");
    hf_fixups_deinit(&fixups);
    return result == 0 ? 0 : hf_error_prefix(err, "%s", sign->file);
}

static int export_statement(const struct sign *sign, struct hf_report *report, struct hotfix_error *err)
{
    char statement[HF_STATEMENT_MAX];
    size_t size;

    if (hf_statement(sign->parts.archive, sign->parts.archive_size, statement, &size, err) != 0 ||
        hf_file_write(sign->export_path, statement, size, 0644, false, err) != 0)
        return -1;
    hf_report_line(report, "%-13s%s, the statement to sign", "wrote", sign->export_path);
    hf_report_set(report, "statement", hf_json_text(sign->export_path));
    return 0;
}

/* The bundle's provenance is signed by the same key. */
static int sign_provenance(const struct sign *sign, const struct hf_private_key *key, struct hotfix_error *err)
{
    if (!sign->provenance_path)
        return 0;
    return hf_provenance_sign(sign->provenance_path, sign->parts.archive, sign->parts.archive_size, key,
                              sign->certificate_path, err);
}

/* As hf_countersign_certified(), and the certificate's id in place of a key's. */
static int sign_with_certificate(struct sign *sign, struct hf_public_key *public_key, struct hotfix_error *err)
{
    struct hf_private_key *key = NULL;
    HF_FREE char *pin_file = hf_token_is(sign->key_path) ? hf_token_pin_file(sign->key_path) : NULL;
    struct hf_passphrase_source source = {.path = pin_file ? pin_file : sign->passphrase_file};
    int result = hf_token_is(sign->key_path)
                     ? hf_token_key(sign->key_path, hf_passphrase_ask, &source, &key, err)
                     : hf_private_key_read_any(sign->key_path, hf_passphrase_ask, &source, &key, err);

    if (result != 0)
        result = hf_passphrase_failed(&source, err);
    if (result == 0)
        result = hf_countersign_certified(&sign->parts, sign->certificate_path, key, public_key->id, &sign->cms, err);
    if (result >= 0 && sign_provenance(sign, key, err) != 0)
        result = -1;
    hf_private_key_destroy(key);
    return result;
}

/* As hf_countersign(), and the key whose signature it is. */
static int sign_with_key(struct sign *sign, struct hf_public_key *public_key, struct hotfix_error *err)
{
    struct hf_private_key *key = NULL;
    struct hf_passphrase_source source = {.path = sign->passphrase_file};
    int result = hf_private_key_read(sign->key_path, hf_passphrase_ask, &source, &key, err);

    if (result != 0)
        result = hf_passphrase_failed(&source, err);
    if (result == 0)
        result = hf_private_key_public(key, public_key, err);
    if (result == 0 && (result = hf_countersign(&sign->parts, key, err)) < 0)
        hf_error_prefix(err, "%s", sign->file);
    if (result >= 0 && sign_provenance(sign, key, err) != 0)
        result = -1;
    hf_private_key_destroy(key);
    return result;
}

static int import_signature(struct sign *sign, struct hf_public_key *public_key, struct hotfix_error *err)
{
    HF_FREE uint8_t *pem = NULL, *signature = NULL;
    size_t pem_size, size;

    if (hf_file_read(sign->public_path, PUBLIC_KEY_MAX, &pem, &pem_size, err) != 0 ||
        hf_public_key_parse(pem, pem_size, sign->public_path, public_key, err) != 0 ||
        hf_file_read(sign->import_path, PUBLIC_KEY_MAX, &signature, &size, err) != 0)
        return -1;
    if (size != HF_SIGNATURE_SIZE)
        return hf_error(err, HOTFIX_FORMAT,
                        "%s: %zu bytes are no Ed25519 signature, which has %d: give it as it is, not in base64 or "
                        "hexadecimal",
                        sign->import_path, size, HF_SIGNATURE_SIZE);
    int result = hf_countersign_import(&sign->parts, public_key, signature, err);
    if (result < 0 && err->code == HOTFIX_SIGNATURE)
        return hf_error(err, HOTFIX_SIGNATURE, "%s: is no signature by %s over the statement of %s", sign->import_path,
                        sign->public_path, sign->file);
    return result;
}

/* As hf_countersign_import_certified(), and the certificate's id in place of a key's. */
static int import_certified(struct sign *sign, struct hf_public_key *public_key, struct hotfix_error *err)
{
    size_t size;

    if (hf_file_read(sign->import_path, HF_CMS_MAX, &sign->cms, &size, err) != 0)
        return -1;
    int result =
        hf_countersign_import_certified(&sign->parts, sign->certificate_path, sign->cms, size, public_key->id, err);
    if (result < 0 && err->code == HOTFIX_SIGNATURE)
        return hf_error_prefix(err, "%s: is no CMS signature in DER by %s over the statement of %s", sign->import_path,
                               sign->certificate_path, sign->file);
    return result;
}

static int add_signature(struct sign *sign, struct hf_public_key *key, struct hotfix_error *err)
{
    if (sign->certificate_path)
        return sign->key_path ? sign_with_certificate(sign, key, err) : import_certified(sign, key, err);
    return sign->key_path ? sign_with_key(sign, key, err) : import_signature(sign, key, err);
}

static int write_bundle(const struct sign *sign, struct hotfix_error *err)
{
    HF_FREE uint8_t *file = NULL;
    size_t size;

    if (hf_signed_format(&sign->parts, &file, &size, err) != 0 ||
        (sign->output && hf_replace_check(sign->output, &sign->parts, err) != 0))
        return -1;
    return hf_file_write(sign->output ? sign->output : sign->file, file, size, 0644, false, err);
}

static void tell(const struct sign *sign, const struct hf_public_key *key, bool added, struct hf_report *report)
{
    const char *path = sign->output ? sign->output : sign->file;
    char id[2 * HF_KEY_ID_SIZE + 1];

    hf_hex_encode(key->id, HF_KEY_ID_SIZE, id);
    hf_report_line(report, "%s by %s %s; %s has %zu signature%s", added ? "signed" : "it was signed already",
                   sign->certificate_path ? "certificate" : "key", id, path, sign->parts.signature_count,
                   sign->parts.signature_count == 1 ? "" : "s");
    hf_report_set(report, "signed_by", json_pack("{s:s, s:b}", "key_id", id, "added", added));
    hf_report_set(report, "signatures", json_integer((json_int_t)sign->parts.signature_count));
}

static int sign_bundle(struct sign *sign, struct hf_report *report, struct hotfix_error *err)
{
    struct hf_public_key key;

    if (check_options(sign, err) != 0)
        return -1;
    hf_report_set(report, "file", hf_json_text(sign->output ? sign->output : sign->file));
    if (open_bundle(sign, err) != 0)
        return -1;
    hf_describe_bundle(report, &sign->bundle.manifest);
    hf_describe_contents(report, &sign->bundle.manifest);
    if (sign->export_path)
        return export_statement(sign, report, err);

    int result = add_signature(sign, &key, err);
    if (result < 0)
        return -1;
    if ((result == 0 || sign->output) && write_bundle(sign, err) != 0)
        return -1;
    tell(sign, &key, result == 0, report);
    return 0;
}

static int run(struct sign *sign, const struct hf_option *options, size_t option_count, int argc, char **argv)
{
    const struct hf_usage usage = {
        .verb = "sign",
        .summary = "Adds a signature to a bundle and prints what is signed. No other byte of the bundle changes, so "
                   "signatures can be added in any order, by different people at different places.",
        .operands = "FILE",
        .min_operands = 1,
        .max_operands = 1,
        .options = options,
        .option_count = option_count,
        .notes = "Exactly one of --key, --export and --import is given. What --export writes is signed as it is, with "
                 "plain Ed25519: openssl pkeyutl -sign -rawin -inkey KEY -in STATEMENT -out SIGNATURE; or by a "
                 "certificate, detached: openssl "
                 "cms -sign -binary -outform DER -signer CERT.pem -inkey KEY -in STATEMENT -out SIGNATURE.",
    };
    struct hf_report report;
    struct hotfix_error error;
    HF_FREE const char **operands = NULL;

    hf_report_init(&report, usage.verb);
    int result = hf_options_parse(&usage, argc, argv, &report, &operands, &error);
    if (result == 0) {
        sign->file = operands[0];
        result = sign_bundle(sign, &report, &error);
    }
    hf_bundle_deinit(&sign->bundle);
    free(sign->data);
    free(sign->cms);
    return hf_report_finish(&report, result, &error);
}

int hf_cmd_sign(int argc, char **argv)
{
    struct sign sign = {.file = NULL};
    const struct hf_option options[] = {
        {.name = "key",
         .argument = "KEY",
         .help = "The private key that signs; with --cert also one in a token, pkcs11:URI.",
         .text = &sign.key_path},
        {.name = "cert",
         .argument = "CERT.pem",
         .help = "Sign with this certificate, whose private key is --key, or import a signature made with it; "
                 "certificates of authorities may follow it in the file.",
         .text = &sign.certificate_path},
        {.name = "passphrase-file",
         .argument = "FILE",
         .help = "Take the key's passphrase from the first line of FILE.",
         .text = &sign.passphrase_file},
        {.name = "provenance",
         .argument = "FILE",
         .help = "Also sign the bundle's provenance, which 'hotfix pack --provenance' wrote to this file.",
         .text = &sign.provenance_path},
        {.name = "export",
         .argument = "STATEMENT",
         .help = "Write the statement, for signing on another machine, to this file, and do not change the bundle.",
         .text = &sign.export_path},
        {.name = "import",
         .argument = "SIGNATURE",
         .help = "Add this signature over the statement, made on another machine: 64 bytes of Ed25519, or CMS in DER.",
         .text = &sign.import_path},
        {.name = "pub",
         .argument = "KEY.pub",
         .help = "The public key that the signature of --import must verify with.",
         .text = &sign.public_path},
        {.name = "output",
         .letter = 'o',
         .argument = "FILE",
         .help = "The bundle to write; by default it replaces the one that was read.",
         .text = &sign.output},
    };

    hf_manifest_init(&sign.bundle.manifest);
    return run(&sign, options, sizeof(options) / sizeof(options[0]), argc, argv);
}
