/* SPDX-License-Identifier: Apache-2.0 */
#include "bundleid.h"

#include <stdio.h>
#include <string.h>

#include "digest.h"

bool hf_name_valid(const char *text)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+~-";
    size_t length = strlen(text);

    return length > 0 && length <= HF_NAME_MAX && strspn(text, allowed) == length && !strchr("._+~-", text[0]);
}

void hf_stamp_soname(const uint8_t id[HF_ID_SIZE], char soname[HF_SONAME_MAX])
{
    char text[2 * HF_ID_SIZE + 1];

    hf_hex_encode(id, HF_ID_SIZE, text);
    snprintf(soname, HF_SONAME_MAX, "libhotfix-patch-%s.so", text);
}
