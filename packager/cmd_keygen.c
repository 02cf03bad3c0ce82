/* SPDX-License-Identifier: Apache-2.0 */
/* hotfix keygen: makes an Ed25519 key pair. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "command.h"
#include "digest.h"
#include "error.h"
#include "key.h"
#include "options.h"
#include "passphrase.h"
#include "report.h"

struct keygen {
    const char *name;
    const char *passphrase_file;
    bool ask;
    char private_path[PATH_MAX];
    char public_path[PATH_MAX];
    struct hf_public_key public_key;
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

static int make_paths(struct keygen *keygen, struct hotfix_error *err)
{
    if (strlen(keygen->name) + sizeof ".key" > sizeof keygen->private_path)
        return hf_error(err, HOTFIX_USAGE, "NAME is too long");
    snprintf(keygen->private_path, sizeof keygen->private_path, "%s.key", keygen->name);
    snprintf(keygen->public_path, sizeof keygen->public_path, "%s.pub", keygen->name);
    if (refuse_existing(keygen->private_path, err) != 0)
        return -1;
    return refuse_existing(keygen->public_path, err);
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

static int make_pair(struct keygen *keygen, struct hotfix_error *err)
{
    if (keygen->passphrase_file && keygen->ask)
        return hf_error(err, HOTFIX_USAGE, "--passphrase and --passphrase-file exclude each other");
    if (make_paths(keygen, err) != 0)
        return -1;

    struct hf_passphrase passphrase = {.size = 0};
    struct hf_private_key *key = NULL;
    int result = choose_passphrase(keygen, &passphrase, err);
    if (result == 0)
        result = hf_private_key_generate(&key, err);
    if (result == 0)
        result = write_pair(keygen, key, passphrase.size > 0 ? passphrase.text : NULL, err);
    hf_private_key_destroy(key);
    hf_passphrase_wipe(&passphrase);
    return result;
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
        {.name = "passphrase",
         .help = "Protect the private key with a passphrase, asked for twice on the terminal.",
         .flag = &keygen.ask},
        {.name = "passphrase-file",
         .argument = "FILE",
         .help = "Protect the private key with the first line of FILE.",
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
        result = make_pair(&keygen, &error);
        if (result == 0)
            tell(&keygen, &report);
    }
    return hf_report_finish(&report, result, &error);
}
