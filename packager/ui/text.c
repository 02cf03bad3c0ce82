/* SPDX-License-Identifier: Apache-2.0 */
#include "ui/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "elf/demangle.h"
#include "utf8.h"

#define NAME_MAX_EDITED 32

static bool is_shown(uint32_t point)
{
    return !hf_utf8_is_hidden(point);
}

static char *escape_byte(char *end, char byte)
{
    return end + sprintf(end, "\\x%02x", (unsigned char)byte);
}

/* A copy in which everything is escaped that must not be shown, but for the characters of keep. */
static char *escaped(const char *text, const char *keep)
{
    char *copy = malloc(4 * strlen(text) + 1);
    if (!copy)
        return NULL;

    char *end = copy;
    for (const char *at = text; *at;) {
        uint32_t point;
        size_t size = hf_utf8_decode(at, &point);
        if (size > 0 && (is_shown(point) || strchr(keep, *at))) {
            end = mempcpy(end, at, size);
            at += size;
            continue;
        }
        for (size_t n = size > 0 ? size : 1; n > 0; n--)
            end = escape_byte(end, *at++);
    }
    *end = '\0';
    return copy;
}

char *hf_text_printable(const char *text)
{
    return escaped(text, "");
}

char *hf_text_lines(const char *text)
{
    HF_FREE char *named = hf_demangle_text(text);

    return named ? escaped(named, "\n") : NULL;
}

/* What runners of CI take as a command of theirs: "::name ...::" at the beginning of a line, "##[name" anywhere. */
static bool begins_command(const char *printable, const char *at)
{
    if (strncmp(at, "##[", 3) == 0)
        return true;
    return strncmp(at, "::", 2) == 0 && strspn(printable, " ") == (size_t)(at - printable);
}

char *hf_text_line(const char *text)
{
    HF_FREE char *named = hf_demangle_text(text);
    HF_FREE char *printable = named ? hf_text_printable(named) : NULL;
    char *copy = printable ? malloc(4 * strlen(printable) + 1) : NULL;
    if (!copy)
        return NULL;

    char *end = copy;
    for (const char *at = printable; *at; at++) {
        if (begins_command(printable, at))
            end = escape_byte(end, *at);
        else
            *end++ = *at;
    }
    *end = '\0';
    return copy;
}

char *hf_text_folded(const char *text, size_t limit)
{
    static const char more[] = "...";
    HF_FREE char *named = hf_demangle_text(text);
    HF_FREE char *printable = named ? hf_text_printable(named) : NULL;
    char *copy = printable ? malloc(strlen(printable) + sizeof(more)) : NULL;
    if (!copy)
        return NULL;

    char *end = copy;
    size_t count = 0;
    for (const char *at = printable; *at;) {
        uint32_t point;
        size_t size = hf_utf8_decode(at, &point);
        const char *next = at + size;
        if (hf_utf8_is_blank(point)) {
            while (hf_utf8_decode(next, &point) > 0 && hf_utf8_is_blank(point))
                next += hf_utf8_decode(next, &point);
            at = " ";
            size = 1;
        }
        if (count++ == limit) {
            end = mempcpy(end, more, sizeof(more) - 1);
            break;
        }
        end = mempcpy(end, at, size);
        at = next;
    }
    *end = '\0';
    return copy;
}

/* Puts \\uNNNN for a character; two of them beyond the first 65,536 (RFC 8259, section 7). */
static char *escape_unicode(char *end, uint32_t point)
{
    if (point < 0x10000)
        return end + sprintf(end, "\\u%04x", point);
    point -= 0x10000;
    return end + sprintf(end, "\\u%04x\\u%04x", 0xd800 + (point >> 10), 0xdc00 + (point & 0x3ff));
}

char *hf_text_json(const char *json)
{
    char *copy = malloc(6 * strlen(json) + 1);
    if (!copy)
        return NULL;

    char *end = copy;
    for (const char *at = json; *at;) {
        uint32_t point;
        size_t size = hf_utf8_decode(at, &point);
        if (size == 0) { /* a JSON writer makes none */
            free(copy);
            return NULL;
        }
        bool command = strncmp(at, "##[", 3) == 0;
        if (command || (*at != '\n' && !is_shown(point)))
            end = escape_unicode(end, point);
        else
            end = mempcpy(end, at, size);
        at += size;
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
    for (const char *at = text; *at;) {
        uint32_t point;
        size_t size = hf_utf8_decode(at, &point);
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
