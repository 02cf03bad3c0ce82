/* SPDX-License-Identifier: Apache-2.0 */
#include "bundleid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"

#define STRIDE (2 * HF_ID_SIZE + 1) /* bytes of an id in a list, and of what stands behind it */

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

int hf_ids_parse(const char *text, struct hf_id_list *ids)
{
    size_t size = strlen(text), count = (size + 1) / STRIDE;

    if (count == 0 || size + 1 != count * STRIDE)
        return 1;
    struct hf_id_list parsed = {.items = calloc(count, HF_ID_SIZE), .count = count};
    if (!parsed.items)
        return -1;
    for (size_t i = 0; i < count; i++) {
        char id[STRIDE];
        memcpy(id, text + i * STRIDE, STRIDE);
        char behind = id[STRIDE - 1];
        id[STRIDE - 1] = '\0';
        if (behind != (i + 1 < count ? ' ' : '\0') || hf_hex_decode(id, parsed.items[i], HF_ID_SIZE) != 0) {
            free(parsed.items);
            return 1;
        }
    }
    *ids = parsed;
    return 0;
}

char *hf_ids_format(const struct hf_id_list *ids)
{
    char *text = calloc(1, ids->count * STRIDE + 1);

    for (size_t i = 0; text && i < ids->count; i++) {
        hf_hex_encode(ids->items[i], HF_ID_SIZE, text + i * STRIDE);
        if (i + 1 < ids->count)
            text[(i + 1) * STRIDE - 1] = ' ';
    }
    return text;
}
