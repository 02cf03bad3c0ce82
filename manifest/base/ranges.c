/* SPDX-License-Identifier: Apache-2.0 */
#include "ranges.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cleanup.h"

#define TEXT_MAX 48 /* characters of one range and a blank */

int hf_code_ranges_add(struct hf_code_ranges *ranges, uint64_t offset, uint64_t size)
{
    struct hf_code_range *items = reallocarray(ranges->items, ranges->count + 1, sizeof(*items));

    if (!items)
        return -1;
    ranges->items = items;
    items[ranges->count++] = (struct hf_code_range){offset, size};
    return 0;
}

void hf_code_ranges_deinit(struct hf_code_ranges *ranges)
{
    free(ranges->items);
    *ranges = (struct hf_code_ranges){NULL, 0};
}

/* One range at *text, which then points behind it. */
static int parse_one(const char **text, struct hf_code_range *range)
{
    char *end;

    errno = 0;
    range->offset = strtoull(*text, &end, 16);
    if (*end != '+')
        return 1;
    range->size = strtoull(end + 1, &end, 10);
    *text = end;
    return errno || range->size == 0 || range->size > INT64_MAX || range->offset > INT64_MAX - range->size ? 1 : 0;
}

int hf_code_ranges_parse(const char *text, struct hf_code_ranges *ranges)
{
    struct hf_code_ranges parsed = {NULL, 0};
    int failed = 0;

    do {
        struct hf_code_range range;
        const struct hf_code_range *last = parsed.count ? &parsed.items[parsed.count - 1] : NULL;
        failed = parse_one(&text, &range);
        if (!failed && (parsed.count == HF_CODE_RANGES_MAX || (last && range.offset < last->offset + last->size)))
            failed = 1;
        if (!failed)
            failed = hf_code_ranges_add(&parsed, range.offset, range.size);
    } while (!failed && *text == ' ' && *++text);
    if (!failed && *text)
        failed = 1;
    if (failed)
        hf_code_ranges_deinit(&parsed);
    else
        *ranges = parsed;
    return failed;
}

char *hf_code_ranges_format(const struct hf_code_ranges *ranges)
{
    char *text = malloc(ranges->count * TEXT_MAX + 1);
    char *end = text;

    if (!text)
        return NULL;
    *text = '\0';
    for (size_t i = 0; i < ranges->count; i++)
        end += snprintf(end, TEXT_MAX, "%s0x%" PRIx64 "+%" PRIu64, i ? " " : "", ranges->items[i].offset,
                        ranges->items[i].size);
    return text;
}
