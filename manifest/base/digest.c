/* SPDX-License-Identifier: Apache-2.0 */
#include "digest.h"

#include <string.h>

#include "error.h"
#include "libcrypto.h"

int hf_digest_compute(const void *data, size_t size, struct hf_digest *digest, struct hotfix_error *err)
{
    struct hf_digest computed;
    unsigned length = 0;
    const EVP_MD *sha256 = hf_libcrypto_sha256(err);

    if (!sha256)
        return -1;
    if (EVP_Digest(size ? data : "", size, computed.bytes, &length, sha256, NULL) != 1 ||
        length != sizeof(computed.bytes))
        return hf_error(err, HOTFIX_INTERNAL, "libcrypto cannot compute SHA-256");
    *digest = computed;
    return 0;
}

bool hf_digest_equal(const struct hf_digest *a, const struct hf_digest *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

void hf_hex_encode(const uint8_t *bytes, size_t size, char *text)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < size; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * size] = '\0';
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return -1;
}

int hf_hex_decode(const char *text, uint8_t *bytes, size_t size)
{
    if (strnlen(text, 2 * size + 1) != 2 * size)
        return -1;
    for (size_t i = 0; i < 2 * size; i++)
        if (hex_value(text[i]) < 0)
            return -1;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(hex_value(text[2 * i]) << 4 | hex_value(text[2 * i + 1]));
    return 0;
}
