/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_EDITED 32

/* Bytes of the UTF-8 character at text with its code point, 0 when there is none (RFC 3629: shortest form only). */
static size_t decode(const unsigned char *text, uint32_t *point)
{
    static const struct {
        unsigned char mask, lead;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

    for (size_t extra = 0; extra < 4; extra++) {
        if ((text[0] & forms[extra].mask) != forms[extra].lead)
            continue;
        uint32_t value = text[0] & (unsigned char)~forms[extra].mask;
        for (size_t i = 1; i <= extra; i++) {
            if ((text[i] & 0xc0) != 0x80)
                return 0;
            value = value << 6 | (text[i] & 0x3fu);
        }
        if (value < forms[extra].least || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
            return 0;
        *point = value;
        return extra + 1;
    }
    return 0;
}

static bool controls_terminal(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0) || (point >= 0x200e && point <= 0x200f) ||
           (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

char *hf_text_printable(const char *text)
{
    char *copy = malloc(4 * strlen(text) + 1);
    if (!copy)
        return NULL;

    char *end = copy;
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        uint32_t point = 0;
        size_t size = decode(at, &point);
        if (size > 0 && !controls_terminal(point)) {
            end = mempcpy(end, at, size);
            at += size;
            continue;
        }
        for (size_t n = size > 0 ? size : 1; n > 0; n--)
            end += sprintf(end, "\\x%02x", *at++);
    }
    *end = '\0';
    return copy;
}

char *hf_text_utf8(const char *text)
{
    static const char replacement[] = "\xef\xbf\xbd";
    char *copy = malloc(3 * strlen(text) + 1);
    if (!copy)
        return NULL;

    char *end = copy;
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        uint32_t point = 0;
        size_t size = decode(at, &point);
        end = size > 0 ? mempcpy(end, at, size) : mempcpy(end, replacement, sizeof replacement - 1);
        at += size > 0 ? size : 1;
    }
    *end = '\0';
    return copy;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
static size_t distance(const char *a, const char *b)
{
    size_t cost[NAME_MAX_EDITED + 1][NAME_MAX_EDITED + 1];
    size_t na = strlen(a), nb = strlen(b);

    for (size_t i = 0; i <= na; i++)
        cost[i][0] = i;
    for (size_t j = 0; j <= nb; j++)
        cost[0][j] = j;
    for (size_t i = 1; i <= na; i++) {
        for (size_t j = 1; j <= nb; j++) {
            size_t edit = cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            cost[i][j] = least(edit, least(cost[i - 1][j], cost[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                cost[i][j] = least(cost[i][j], cost[i - 2][j - 2] + 1);
        }
    }
    return cost[na][nb];
}

const char *hf_text_nearest(const char *word, const char *const *names, size_t count)
{
    const char *nearest = NULL;
    size_t size = strlen(word);
    if (size > NAME_MAX_EDITED)
        return NULL;

    size_t best = size / 3 + 2; /* a third of the word may be wrong, and one edit always */
    for (size_t i = 0; i < count; i++) {
        if (strlen(names[i]) > NAME_MAX_EDITED)
            continue;
        size_t edits = distance(word, names[i]);
        if (edits < best && edits < strlen(names[i])) {
            best = edits;
            nearest = names[i];
        }
    }
    return nearest;
}
