/* SPDX-License-Identifier: Apache-2.0 */
#include "stamp.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "error.h"
#include "libcrypto.h"

/* Hashes a length, then the bytes, so that no two sequences of fields give the same input. */
static int update(EVP_MD_CTX *context, const void *data, size_t size)
{
    uint8_t length[8];

    for (size_t i = 0; i < sizeof(length); i++)
        length[i] = (uint8_t)((uint64_t)size >> (8 * i));
    return EVP_DigestUpdate(context, length, sizeof(length)) == 1 && EVP_DigestUpdate(context, data, size) == 1;
}

int hf_stamp_id(const struct hf_manifest *manifest, const void *payload, size_t payload_size, uint8_t id[HF_ID_SIZE],
                struct hotfix_error *err)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    char created[HF_TIME_SIZE];
    const EVP_MD *sha256 = hf_libcrypto_sha256(err);
    EVP_MD_CTX *context = sha256 ? EVP_MD_CTX_new() : NULL;

    hf_time_format(manifest->created, created);
    int done = context && EVP_DigestInit_ex(context, sha256, NULL) == 1 &&
               update(context, manifest->name, strlen(manifest->name)) &&
               update(context, manifest->version, strlen(manifest->version)) &&
               update(context, created, strlen(created)) &&
               update(context, manifest->target_build_id.bytes, manifest->target_build_id.size) &&
               update(context, payload, payload_size) && EVP_DigestFinal_ex(context, digest, NULL) == 1;
    EVP_MD_CTX_free(context);
    if (!done)
        return hf_error(err, HOTFIX_INTERNAL, "libcrypto cannot compute the bundle's id");
    memcpy(id, digest, HF_ID_SIZE);
    return 0;
}

int hf_stamp_time(int64_t *seconds, struct hotfix_error *err)
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    if (!epoch) {
        *seconds = (int64_t)time(NULL);
        return 0;
    }

    char *end;
    errno = 0;
    long long value = strtoll(epoch, &end, 10);
    if (!isdigit((unsigned char)epoch[0]) || *end || errno || value > HF_TIME_CREATED_MAX)
        return hf_error(err, HOTFIX_USAGE, "SOURCE_DATE_EPOCH is '%s', not a number of seconds since 1970 up to 2242",
                        epoch);
    *seconds = value;
    return 0;
}
