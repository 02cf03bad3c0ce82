/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as signature block and trailer behind a signed archive, and as a whole file: what is parsed is what
 * formatting writes, and the trusted key's signature counts only over its archive and byte for byte as it was made.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "quorum.h"
#include "signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

static const uint8_t archive[] = "abc";

/* The key pair of RFC 8032, section 7.1, test 1, so that each run is the same. */
static const char public_text[] = "-----BEGIN PUBLIC KEY-----\n"
                                  "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
                                  "-----END PUBLIC KEY-----\n";
static const char signature_text[] = "0518c34ac9367c0043b7d39cdc53cd6589ec717d7fa4c0deb2853e3b9c51269e"
                                     "b2d696fda80f6fc498600a09ad3959baf4306413ead1004318372b3b848f7e07";

static char key_name[] = "release";
static struct hf_trust_key key = {.name = key_name};
static const struct hf_trust trust = {.keys = &key, .count = 1};
static uint8_t good[HF_SIGNATURE_SIZE]; /* the key's signature over the archive */

static void prepare(void)
{
    if (key.key.bytes[0])
        return;
    if (hf_public_key_parse(public_text, strlen(public_text), "key", &key.key, NULL) != 0 ||
        hf_hex_decode(signature_text, good, sizeof(good)) != 0)
        abort();
}

static bool holds_the_good_one(const struct hf_signed *parts)
{
    for (size_t i = 0; i < parts->signature_count; i++)
        if (memcmp(parts->signatures[i].bytes, good, sizeof(good)) == 0 &&
            memcmp(parts->signatures[i].key_id, key.key.id, HF_KEY_ID_SIZE) == 0)
            return parts->archive_size == sizeof(archive) && memcmp(parts->archive, archive, sizeof(archive)) == 0;
    return false;
}

static void check(const uint8_t *data, size_t size)
{
    struct hf_signed parts;
    uint8_t *file;
    size_t file_size;

    if (hf_signed_parse(data, size, &parts, NULL) != 0)
        return;
    if (hf_signed_format(&parts, &file, &file_size, NULL) != 0 || file_size != size || memcmp(file, data, size) != 0)
        abort();
    free(file);
    if ((hf_signed_verify(&parts, &trust, 0, NULL, NULL) == 0) != holds_the_good_one(&parts))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *file = malloc(sizeof(archive) + size);

    prepare();
    if (!file)
        return 0;
    memcpy(file, archive, sizeof(archive));
    if (size)
        memcpy(file + sizeof(archive), data, size);
    check(file, sizeof(archive) + size);
    free(file);
    check(data, size);
    return 0;
}

/* Inputs too short to be anything become block and trailer of the signed archive. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    struct hf_signed parts = {.archive = archive, .archive_size = sizeof(archive), .signature_count = 1 + seed % 2};
    uint8_t *file;

    if (size >= HF_TRAILER_SIZE)
        return LLVMFuzzerMutate(data, size, max_size);
    prepare();
    memcpy(parts.signatures[0].bytes, good, sizeof(good));
    memcpy(parts.signatures[0].key_id, key.key.id, HF_KEY_ID_SIZE);
    if (hf_signed_format(&parts, &file, &size, NULL) != 0)
        abort();
    size -= sizeof(archive);
    size = size <= max_size ? size : max_size;
    memcpy(data, file + sizeof(archive), size);
    free(file);
    return size;
}
