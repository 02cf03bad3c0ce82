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

#define LAST_SECOND INT64_C(253402300799) /* 9999-12-31T23:59:59Z, the last that RFC 3339 can write */

bool hf_name_valid(const char *text)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+~-";
    size_t length = strlen(text);

    return length > 0 && length <= HF_NAME_MAX && strspn(text, allowed) == length && !strchr("._+~-", text[0]);
}

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

void hf_stamp_soname(const uint8_t id[HF_ID_SIZE], char soname[HF_SONAME_MAX])
{
    char text[2 * HF_ID_SIZE + 1];

    hf_hex_encode(id, HF_ID_SIZE, text);
    snprintf(soname, HF_SONAME_MAX, "libhotfix-patch-%s.so", text);
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

void hf_time_format(int64_t seconds, char text[HF_TIME_SIZE])
{
    time_t when = (time_t)seconds;
    struct tm parts;

    if (!gmtime_r(&when, &parts) || strftime(text, HF_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        text[0] = '\0';
}

int hf_time_parse(const char *text, int64_t *seconds)
{
    struct tm parts = {0};
    char again[HF_TIME_SIZE];

    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    if (!end || *end)
        return -1;
    int64_t value = (int64_t)timegm(&parts);
    /* Only the one spelling of a date that exists: no blanks, no short fields, no 31st of February. */
    if (value < 0 || value > LAST_SECOND)
        return -1;
    hf_time_format(value, again);
    if (strcmp(again, text) != 0)
        return -1;
    *seconds = value;
    return 0;
}

int hf_time_parse_end(const char *text, int64_t *seconds)
{
    char whole_day[HF_TIME_SIZE + 16];

    snprintf(whole_day, sizeof(whole_day), "%.32sT23:59:59Z", text);
    return hf_time_parse(text, seconds) == 0 ? 0 : hf_time_parse(whole_day, seconds);
}
