/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of manifest/ share: a whole manifest, keys, bundles made of them, and a directory to write in. */
#ifndef MANIFEST_FIXTURE_H
#define MANIFEST_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle.h"
#include "key.h"
#include "manifest.h"
#include "signature.h"
#include "stamp.h"
#include "trust.h"

#define FIXTURE_TIME INT64_C(1700000000)

/* The call failed with this code and a message that holds this text. */
#define assert_refused(call, expected_code, text)                                                                      \
    do {                                                                                                               \
        struct hotfix_error *e_ = fixture_error();                                                                     \
        assert_int_equal((call), -1);                                                                                  \
        fixture_check_error(e_, expected_code, text, __FILE__, __LINE__);                                              \
    } while (0)

/* The call succeeded; prints its message where it did not. */
#define assert_done(call)                                                                                              \
    do {                                                                                                               \
        struct hotfix_error *e_ = fixture_error();                                                                     \
        if ((call) != 0)                                                                                               \
            fail_msg("%s: %s", #call, e_->message);                                                                    \
    } while (0)

/* The error that the calls inside assert_refused() and assert_done() are given: as `ERR`. */
#define ERR (&fixture_last_error)
static struct hotfix_error fixture_last_error;

static inline struct hotfix_error *fixture_error(void)
{
    memset(&fixture_last_error, 0, sizeof(fixture_last_error));
    return &fixture_last_error;
}

static inline void fixture_check_error(const struct hotfix_error *err, enum hotfix_code code, const char *text,
                                       const char *file, int line)
{
    if (err->code == code && strstr(err->message, text) && err->message[0] &&
        err->message[strlen(err->message) - 1] != '.')
        return;
    print_error("%s:%d: code %d, message \"%s\"; expected code %d and \"%s\"\n", file, line, err->code, err->message,
                code, text);
    fail();
}

/* A directory of its own for a test program; fixture_leave() removes it with the files in it. */
static char fixture_directory[64];

static inline int fixture_enter(void **state)
{
    (void)state;
    strcpy(fixture_directory, "/tmp/hotfix-test-XXXXXX");
    return mkdtemp(fixture_directory) ? 0 : -1;
}

static inline int fixture_leave(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf '%s'", fixture_directory);
    return system(command);
}

/* A path in that directory; valid until the sixteenth call after this one. */
static inline const char *fixture_path(const char *name)
{
    static char paths[16][256];
    static unsigned next;
    char *path = paths[next++ % 16];

    snprintf(path, sizeof(paths[0]), "%s/%s", fixture_directory, name);
    return path;
}

static inline void fixture_write(const char *path, const void *data, size_t size, mode_t mode)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

/* How many names a directory holds. */
static inline size_t fixture_count(const char *path)
{
    DIR *directory = opendir(path);
    size_t count = 0;

    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory));)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(directory);
    return count;
}

#define FIXTURE_PAYLOAD_SIZE 700
static inline const uint8_t *fixture_payload(void)
{
    static uint8_t payload[FIXTURE_PAYLOAD_SIZE];

    for (size_t i = 0; i < sizeof(payload); i++)
        payload[i] = (uint8_t)(i * 7 + 1);
    return payload;
}

static inline void fixture_function(struct hf_manifest_function *function, const char *name, uint64_t offset)
{
    *function = (struct hf_manifest_function){.offset = 0};
    function->name = strdup(name);
    function->source = strdup("src/price.c");
    function->offset = offset;
    function->size = 64;
    function->replacement = 0x1140 + offset;
    function->replacement_size = 80;
    function->detour_skip = 4;
    memset(function->digest.bytes, 0xab, sizeof(function->digest.bytes));
}

/* A manifest with every optional key, for the payload of fixture_payload(). */
static inline void fixture_manifest(struct hf_manifest *manifest)
{
    char soname[HF_SONAME_MAX];

    hf_manifest_init(manifest);
    strcpy(manifest->name, "webapp-discount");
    strcpy(manifest->version, "1.2.3-1");
    manifest->created = FIXTURE_TIME;
    manifest->expires = FIXTURE_TIME + 1000;
    manifest->advisory = strdup("CVE-2026-0001 CVE-2026-0002");
    manifest->description = strdup("the discount; 50% off #1, f\xc3\xbcr alle");
    manifest->supersedes.count = 2;
    manifest->supersedes.items = calloc(2, HF_ID_SIZE);
    memset(manifest->supersedes.items[1], 0x11, HF_ID_SIZE);
    manifest->target_name = strdup("webapp");
    manifest->target_build_id.size = 20;
    memset(manifest->target_build_id.bytes, 0x5a, 20);
    manifest->arch = strdup("x86_64");
    manifest->compiler = strdup("GNU C17 12.2.0");
    manifest->flags = strdup("-O2 -fcf-protection=full");
    manifest->payload_size = FIXTURE_PAYLOAD_SIZE;
    assert_int_equal(hf_digest_compute(fixture_payload(), FIXTURE_PAYLOAD_SIZE, &manifest->payload_digest, NULL), 0);
    assert_int_equal(hf_stamp_id(manifest, fixture_payload(), FIXTURE_PAYLOAD_SIZE, manifest->id, NULL), 0);
    hf_stamp_soname(manifest->id, soname);
    manifest->soname = strdup(soname);
    manifest->fixups_offset = 0x40;
    manifest->fixups_size = 48;
    manifest->on_apply = 0x1300;
    manifest->on_revert = 0x1310;
    manifest->check_count = 2;
    manifest->checks = calloc(2, sizeof(*manifest->checks));
    manifest->checks[0] =
        (struct hf_manifest_check){strdup("compiler"), HF_COMPATIBLE, strdup("GNU C17 12.2.0 in both"), strdup("")};
    manifest->checks[1] = (struct hf_manifest_check){strdup("flags"), HF_UNPROVEN, strdup("the target records none"),
                                                     strdup("accepted with --accept-flags")};
    manifest->waiver_count = 1;
    manifest->waivers = calloc(1, sizeof(*manifest->waivers));
    manifest->waivers[0] = (struct hf_manifest_waiver){strdup("flags"), strdup("calc_*"),
                                                       strdup("accepted with --accept-flags"), 1704067199};
    manifest->function_count = 2;
    manifest->functions = calloc(2, sizeof(*manifest->functions));
    fixture_function(&manifest->functions[0], "calc_discount", 0x1200);
    fixture_function(&manifest->functions[1], "calc_total", 0x1240);
}

/* A key pair, and a trust store of its public key. */
struct fixture_signer {
    struct hf_private_key *key;
    struct hf_public_key public_key;
    struct hf_trust_key entry;
    struct hf_trust trust;
};

static inline void fixture_signer(struct fixture_signer *signer)
{
    static char name[] = "release";

    assert_int_equal(hf_private_key_generate(&signer->key, NULL), 0);
    assert_int_equal(hf_private_key_public(signer->key, &signer->public_key, NULL), 0);
    signer->entry = (struct hf_trust_key){.name = name, .key = signer->public_key};
    signer->trust = (struct hf_trust){.keys = &signer->entry, .count = 1};
}

static inline void fixture_sign(const struct fixture_signer *signer, const uint8_t *archive, size_t archive_size,
                                struct hf_signature *signature)
{
    char statement[HF_STATEMENT_MAX];
    size_t size;

    memcpy(signature->key_id, signer->public_key.id, HF_KEY_ID_SIZE);
    assert_int_equal(hf_statement(archive, archive_size, statement, &size, NULL), 0);
    assert_int_equal(hf_private_key_sign(signer->key, statement, size, signature->bytes, NULL), 0);
}

/* A file with one signature over whatever the archive part is; malloc'ed. */
static inline uint8_t *fixture_file(const struct fixture_signer *signer, const void *archive, size_t archive_size,
                                    size_t *size)
{
    struct hf_signed parts = {.archive = archive, .archive_size = archive_size, .signature_count = 1};
    uint8_t *file;

    fixture_sign(signer, archive, archive_size, &parts.signatures[0]);
    assert_int_equal(hf_signed_format(&parts, &file, size, NULL), 0);
    return file;
}

#endif
