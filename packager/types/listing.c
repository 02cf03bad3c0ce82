/* SPDX-License-Identifier: Apache-2.0 */
#include "types/listing.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "types/prototype.h"

#define MAX_NESTED 4            /* unnamed structures within one another */
#define MAX_ROWS   40           /* rows that are shown */
#define MAX_TEXT   (256 * 1024) /* bytes of a definition, which differs before or is too long to be looked through */
#define CONTEXT    2            /* equal rows before and behind one that differs */
#define MAX_WIDTH  60           /* of the left column */

static void list_members(Dwarf_Debug dwarf, const struct hf_type *type, uint64_t base, unsigned depth, FILE *out);

static void list_member(Dwarf_Debug dwarf, const struct hf_member *member, uint64_t base, unsigned depth, FILE *out)
{
    HF_TYPE struct hf_type type = {.die = NULL};
    HF_FREE char *text = hf_type_text(dwarf, member->die);
    char place[48], bits[32] = "";
    uint64_t at = base + member->bit;

    snprintf(place, sizeof(place), "%" PRIu64, at / 8);
    if (member->bits) {
        snprintf(place, sizeof(place), "%" PRIu64 ":%" PRIu64, at / 8, at % 8);
        snprintf(bits, sizeof(bits), " : %" PRIu64, member->bits);
    }
    bool spaced = member->name[0] && !(text && *text && text[strlen(text) - 1] == '*');
    fprintf(out, "%6s  %*s%s%s%s%s\n", place, (int)depth * 2, "", text ? text : "?", spaced ? " " : "", member->name,
            bits);
    if (depth < MAX_NESTED && hf_type_of(dwarf, member->die, &type) == 0 && hf_type_is_aggregate(&type) && !type.name &&
        type.tag != DW_TAG_enumeration_type)
        list_members(dwarf, &type, at, depth + 1, out);
}

static void list_members(Dwarf_Debug dwarf, const struct hf_type *type, uint64_t base, unsigned depth, FILE *out)
{
    HF_MEMBERS struct hf_members members = {.count = 0};

    if (hf_members_read(dwarf, type->die, &members) != 0)
        return;
    for (size_t i = 0; i < members.count && ftell(out) < MAX_TEXT; i++)
        list_member(dwarf, &members.items[i], base, depth, out);
}

static void list_enumerators(Dwarf_Debug dwarf, const struct hf_type *type, FILE *out)
{
    HF_DIE Dwarf_Die child = NULL;

    while (hf_die_next(dwarf, type->die, &child) > 0) {
        const char *name = hf_die_text(child, DW_AT_name);
        uint64_t value = 0;
        hf_die_number(child, DW_AT_const_value, &value);
        fprintf(out, "%6" PRId64 "  %s\n", (int64_t)value, name ? name : "?");
    }
}

static char *list(Dwarf_Debug dwarf, const struct hf_type *type, const char *side)
{
    HF_FREE char *label = hf_type_label(type);
    char *text = NULL;
    size_t length = 0;
    uint64_t size = 0;
    FILE *out = open_memstream(&text, &length);

    if (!out)
        return NULL;
    hf_die_number(type->die, DW_AT_byte_size, &size);
    fprintf(out, "%s: %s, %" PRIu64 " bytes\n", side, label ? label : "?", size);
    if (type->tag == DW_TAG_enumeration_type)
        list_enumerators(dwarf, type, out);
    else
        list_members(dwarf, type, 0, 0, out);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

static size_t split(char *text, const char ***lines)
{
    size_t count = 0;

    for (const char *c = text; *c; c++)
        count += *c == '\n';
    *lines = calloc(count + 1, sizeof(**lines));
    for (size_t i = 0; *lines && i < count; i++) {
        (*lines)[i] = text;
        text += strcspn(text, "\n");
        *text++ = '\0';
    }
    return count;
}

struct rows {
    const char **left;
    const char **right;
    size_t left_count;
    size_t right_count;
};

static bool differs(const struct rows *rows, size_t row)
{
    if (row >= rows->left_count || row >= rows->right_count)
        return true;
    return strcmp(rows->left[row], rows->right[row]) != 0;
}

static bool is_shown(const struct rows *rows, size_t row, size_t count)
{
    for (size_t i = row > CONTEXT ? row - CONTEXT : 0; i < count && i <= row + CONTEXT; i++)
        if (differs(rows, i))
            return true;
    return row == 0;
}

static void print_rows(const struct rows *rows, FILE *out)
{
    size_t count = rows->left_count > rows->right_count ? rows->left_count : rows->right_count;
    size_t shown = 0, width = 0;
    bool gap = false;

    for (size_t i = 0; i < rows->left_count; i++)
        if (is_shown(rows, i, count) && strlen(rows->left[i]) > width)
            width = strlen(rows->left[i]);
    if (width > MAX_WIDTH)
        width = MAX_WIDTH;
    for (size_t i = 0; i < count && shown < MAX_ROWS; i++) {
        if (!is_shown(rows, i, count)) {
            gap = true;
            continue;
        }
        if (gap)
            fputs("   ...\n", out);
        gap = false;
        shown++;
        fprintf(out, "%-*s %c %s\n", (int)width, i < rows->left_count ? rows->left[i] : "",
                i && differs(rows, i) ? '|' : ' ', i < rows->right_count ? rows->right[i] : "");
    }
    if (shown == MAX_ROWS)
        fputs("   ...\n", out);
}

char *hf_listing(Dwarf_Debug before, const struct hf_type *old, Dwarf_Debug after, const struct hf_type *new)
{
    HF_FREE char *left = list(before, old, "target");
    HF_FREE char *right = list(after, new, "patch");
    HF_FREE const char **left_lines = NULL;
    HF_FREE const char **right_lines = NULL;
    char *text = NULL;
    size_t length = 0;

    if (!left || !right)
        return NULL;
    struct rows rows = {.left_count = split(left, &left_lines), .right_count = split(right, &right_lines)};
    rows.left = left_lines;
    rows.right = right_lines;
    FILE *out = left_lines && right_lines ? open_memstream(&text, &length) : NULL;
    if (!out)
        return NULL;
    print_rows(&rows, out);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}
