/* SPDX-License-Identifier: Apache-2.0 */
/* hotfix keygen: makes an Ed25519 key pair, or a small certification authority and a certificate of it. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "cli/command.h"
#include "digest.h"
#include "error.h"
#include "file.h"
#include "key.h"
#include "ui/options.h"
#include "ui/passphrase.h"
#include "ui/report.h"
#include "x509/issue.h"

struct keygen {
    const char *name;
    const char *passphrase_file;
    bool ask;
    bool authority;
    char private_path[PATH_MAX];
    char public_path[PATH_MAX];   /* with --ca that of the certificate */
    char authority_key[PATH_MAX]; /* these two with --ca only */
    char authority_public[PATH_MAX];
    struct hf_public_key public_key; /* without --ca */
};

static int refuse_existing(const char *path, struct hotfix_error *err)
{
    struct stat info;
    if (lstat(path, &info) == 0)
        return hf_error(err, HOTFIX_IO, "%s exists already, and keys are never overwritten: choose another name", path);
    if (errno != ENOENT)
        return hf_error_sys(err, HOTFIX_IO, "cannot look at %s", path);
    return 0;
}

static int make_path(const struct keygen *keygen, const char *ending, char path[PATH_MAX], struct hotfix_error *err)
{
    if (snprintf(path, PATH_MAX, "%s%s", keygen->name, ending) >= PATH_MAX)
        return hf_error(err, HOTFIX_USAGE, "NAME is too long");
    return refuse_existing(path, err);
}

static int make_paths(struct keygen *keygen, struct hotfix_error *err)
{
    if (make_path(keygen, ".key", keygen->private_path, err) != 0 ||
        make_path(keygen, keygen->authority ? ".pem" : ".pub", keygen->public_path, err) != 0)
        return -1;
    if (!keygen->authority)
        return 0;
    if (make_path(keygen, "-ca.key", keygen->authority_key, err) != 0)
        return -1;
    return make_path(keygen, ".ca.pem", keygen->authority_public, err);
}

static int choose_passphrase(const struct keygen *keygen, struct hf_passphrase *passphrase, struct hotfix_error *err)
{
    if (keygen->passphrase_file)
        return hf_passphrase_read(keygen->passphrase_file, passphrase, err);
    if (keygen->ask)
        return hf_passphrase_choose(passphrase, err);
    return 0;
}

static int write_pair(struct keygen *keygen, const struct hf_private_key *key, const char *passphrase,
                      struct hotfix_error *err)
{
    if (hf_private_key_public(key, &keygen->public_key, err) != 0)
        return -1;
    if (hf_private_key_write(key, keygen->private_path, passphrase, err) != 0)
        return -1;
    if (hf_public_key_write(&keygen->public_key, keygen->public_path, err) != 0) {
        unlink(keygen->private_path); /* half a pair is of no use, and would be in the way of the next try */
        return -1;
    }
    return 0;
}

static int make_pair(struct keygen *keygen, const char *passphrase, struct hotfix_error *err)
{
    struct hf_private_key *key = NULL;
    int result = hf_private_key_generate(&key, err);

    if (result == 0)
        result = write_pair(keygen, key, passphrase, err);
    hf_private_key_destroy(key);
    return result;
}

static int write_text(const char *path, const char *text, struct hotfix_error *err)
{
    return hf_file_write(path, text, strlen(text), 0644, true, err);
}

/* All four files or none. */
static int write_authority(const struct keygen *keygen, const struct hf_private_key *authority_key,
                           const struct hf_private_key *key, const char *passphrase, struct hotfix_error *err)
{
    const char *slash = strrchr(keygen->name, '/');
    HF_FREE char *authority = NULL;
    HF_FREE char *certificate = NULL;

    if (hf_issue(slash ? slash + 1 : keygen->name, authority_key, key, &authority, &certificate, err) != 0)
        return -1;
    if (hf_private_key_write(authority_key, keygen->authority_key, passphrase, err) != 0)
        return -1;
    if (write_text(keygen->authority_public, authority, err) == 0) {
        if (hf_private_key_write(key, keygen->private_path, passphrase, err) == 0) {
            if (write_text(keygen->public_path, certificate, err) == 0)
                return 0;
            unlink(keygen->private_path);
        }
        unlink(keygen->authority_public);
    }
    unlink(keygen->authority_key);
    return -1;
}

static int make_authority(const struct keygen *keygen, const char *passphrase, struct hotfix_error *err)
{
    struct hf_private_key *authority_key = NULL, *key = NULL;
    int result = hf_private_key_generate_p256(&authority_key, err);

    if (result == 0)
        result = hf_private_key_generate_p256(&key, err);
    if (result == 0)
        result = write_authority(keygen, authority_key, key, passphrase, err);
    hf_private_key_destroy(authority_key);
    hf_private_key_destroy(key);
    return result;
}

static int make_keys(struct keygen *keygen, struct hotfix_error *err)
{
    if (keygen->passphrase_file && keygen->ask)
        return hf_error(err, HOTFIX_USAGE, "--passphrase and --passphrase-file exclude each other");
    if (make_paths(keygen, err) != 0)
        return -1;

    struct hf_passphrase passphrase = {.size = 0};
    int result = choose_passphrase(keygen, &passphrase, err);
    const char *text = passphrase.size > 0 ? passphrase.text : NULL;
    if (result == 0)
        result = keygen->authority ? make_authority(keygen, text, err) : make_pair(keygen, text, err);
    hf_passphrase_wipe(&passphrase);
    return result;
}

static void tell_authority(const struct keygen *keygen, struct hf_report *report)
{
    hf_report_line(report, "authority    %s, for trust stores; valid for %d days", keygen->authority_public,
                   HF_ISSUE_AUTHORITY_DAYS);
    hf_report_line(report, "its key      %s", keygen->authority_key);
    hf_report_line(report, "certificate  %s, for signing bundles; valid for %d days", keygen->public_path,
                   HF_ISSUE_SIGNER_DAYS);
    hf_report_line(report, "private key  %s", keygen->private_path);
    hf_report_set(report, "authority", hf_json_text(keygen->authority_public));
    hf_report_set(report, "authority_key", hf_json_text(keygen->authority_key));
    hf_report_set(report, "certificate", hf_json_text(keygen->public_path));
    hf_report_set(report, "private_key", hf_json_text(keygen->private_path));
    hf_report_set(report, "encrypted", json_boolean(keygen->ask || keygen->passphrase_file));
}

static void tell(const struct keygen *keygen, struct hf_report *report)
{
    char id[2 * HF_KEY_ID_SIZE + 1];
    hf_hex_encode(keygen->public_key.id, HF_KEY_ID_SIZE, id);

    hf_report_line(report, "key id       %s", id);
    hf_report_line(report, "private key  %s", keygen->private_path);
    hf_report_line(report, "public key   %s", keygen->public_path);
    hf_report_set(report, "key_id", hf_json_text(id));
    hf_report_set(report, "private_key", hf_json_text(keygen->private_path));
    hf_report_set(report, "public_key", hf_json_text(keygen->public_path));
    hf_report_set(report, "encrypted", json_boolean(keygen->ask || keygen->passphrase_file));
}

int hf_cmd_keygen(int argc, char **argv)
{
    struct keygen keygen = {.name = NULL};
    const struct hf_option options[] = {
        {.name = "ca",
         .help = "Make a small certificate authority for trying out certificates instead, and a certificate that it "
                 "issues: NAME.ca.pem, which goes into trust stores, its key NAME-ca.key, and NAME.pem and NAME.key to "
                 "sign with.",
         .flag = &keygen.authority},
        {.name = "passphrase",
         .help = "Protect private keys with a passphrase, asked for twice on the terminal.",
         .flag = &keygen.ask},
        {.name = "passphrase-file",
         .argument = "FILE",
         .help = "Protect private keys with the first line of FILE.",
         .text = &keygen.passphrase_file},
    };
    const struct hf_usage usage = {
        .verb = "keygen",
        .summary = "Makes an Ed25519 key pair for signing bundles: NAME.key, which only you may read, and NAME.pub, "
                   "which goes into trust stores. Prints the key id. Existing files are never overwritten.",
        .operands = "NAME",
        .min_operands = 1,
        .max_operands = 1,
        .options = options,
        .option_count = sizeof options / sizeof options[0],
    };
    struct hf_report report;
    struct hotfix_error error;
    HF_FREE const char **operands = NULL;

    hf_report_init(&report, usage.verb);
    int result = hf_options_parse(&usage, argc, argv, &report, &operands, &error);
    if (result == 0) {
        keygen.name = operands[0];
        result = make_keys(&keygen, &error);
        if (result == 0 && keygen.authority)
            tell_authority(&keygen, &report);
        else if (result == 0)
            tell(&keygen, &report);
    }
    return hf_report_finish(&report, result, &error);
}
