/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/lines.h"

#include <stdlib.h>
#include <string.h>

#include "arch.h"
#include "cleanup.h"
#include "compare/compare.h"
#include "dwarf/die.h"
#include "object/debuginfo.h"
#include "object/unwind.h"

static bool add_line(struct hf_object *object, const struct hf_part *part, uint64_t offset, uint64_t line)
{
    /* Doubles when the count is a power of two. */
    if ((object->line_count & (object->line_count - 1)) == 0) {
        struct hf_line *grown =
            reallocarray(object->lines, object->line_count ? 2 * object->line_count : 1, sizeof(*grown));
        if (!grown)
            return false;
        object->lines = grown;
    }
    object->lines[object->line_count] = (struct hf_line){part, offset, line, object->line_count};
    object->line_count++;
    return true;
}

static int read_unit(Dwarf_Debug dwarf, Dwarf_Die unit, void *arg)
{
    struct hf_object *object = arg;
    Dwarf_Line_Context context = NULL;
    Dwarf_Line *lines = NULL;
    Dwarf_Signed count = 0;
    Dwarf_Small tables;
    Dwarf_Unsigned version;
    Dwarf_Error error;
    bool fine = true;

    (void)dwarf;
    if (dwarf_srclines_b(unit, &version, &tables, &context, &error) != DW_DLV_OK)
        return 0;
    if (dwarf_srclines_from_linecontext(context, &lines, &count, &error) != DW_DLV_OK)
        count = 0;
    for (Dwarf_Signed i = 0; i < count && fine; i++) {
        Dwarf_Addr address;
        Dwarf_Unsigned line;
        Dwarf_Bool end;
        uint64_t offset;
        if (dwarf_lineaddr(lines[i], &address, &error) != DW_DLV_OK ||
            dwarf_lineno(lines[i], &line, &error) != DW_DLV_OK ||
            dwarf_lineendsequence(lines[i], &end, &error) != DW_DLV_OK || end)
            continue;
        const struct hf_part *part = hf_debuginfo_part(object, address, &offset);
        if (part)
            fine = add_line(object, part, offset, line);
    }
    dwarf_srclines_dealloc_b(context);
    return fine ? 0 : -1;
}

static int by_place(const void *a, const void *b)
{
    const struct hf_line *left = a;
    const struct hf_line *right = b;

    if (left->part != right->part)
        return left->part < right->part ? -1 : 1;
    if (left->offset != right->offset)
        return left->offset < right->offset ? -1 : 1;
    return (left->order > right->order) - (left->order < right->order);
}

/* Reads the line table once; without one, or without memory for it, no line is known. */
static void read_lines(struct hf_object *object)
{
    HF_DEBUGINFO struct hf_debuginfo *info = NULL;

    if (object->lines_read)
        return;
    object->lines_read = true;
    if (hf_debuginfo_open(object, &info, NULL) != 0 || !info || hf_debuginfo_units(info, read_unit, object) != 0)
        object->line_count = 0;
    if (object->line_count > 0)
        qsort(object->lines, object->line_count, sizeof(*object->lines), by_place);
}

/* The line of the instruction at an offset; 0 when it is unknown. */
static uint64_t line_at(const struct hf_part *part, uint64_t offset)
{
    const struct hf_object *object = part->object;
    size_t low = 0;

    for (size_t high = object->line_count; low < high;) {
        size_t middle = low + (high - low) / 2;
        const struct hf_line *line = &object->lines[middle];
        if (line->part < part || (line->part == part && line->offset <= offset))
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && object->lines[low - 1].part == part ? object->lines[low - 1].line : 0;
}

#define LINE_ARGUMENT 2 /* of all functions below */

/* Those of the C libraries and of GLib that report a failed assertion and do not return, or print and go on. */
static bool reports_assertion(const char *name)
{
    static const char *const names[] = {"__assert_fail", "__assert", "__assert_perror_fail", "g_assertion_message_expr",
                                        "g_assertion_message"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* The name that a call refers to: its reference lies within the instruction. NULL for others. */
static const struct hf_name *called(const struct hf_part *part, size_t call)
{
    for (size_t i = 0; i < part->reference_count; i++)
        if (part->references[i].offset >= call && part->references[i].offset <= call + 2)
            return part->references[i].name;
    return NULL;
}

/* Is it the line of an assertion, which the library prints? */
static bool is_line(const struct hf_arch_constant *constant, const struct hf_part *before, const struct hf_part *after,
                    bool (*is_own)(const char *name, void *arg), void *arg)
{
    const struct hf_name *name = constant->argument == LINE_ARGUMENT ? called(after, constant->call) : NULL;

    return name && !name->part && reports_assertion(name->text) && !is_own(name->text, arg) &&
           line_at(before, constant->call) == constant->before && line_at(after, constant->call) == constant->after;
}

/* The constants in which two versions differ, malloc'ed; NULL when they differ in more than constants. */
static struct hf_arch_constant *changed_constants(const struct hf_part *before, const struct hf_part *after,
                                                  size_t *count)
{
    const struct hf_arch_tools *arch = hf_arch_tools_find(before->object->machine);
    struct hf_arch_constant *constants = calloc(before->size + 1, sizeof(*constants));

    if (arch && constants &&
        arch->constants(before->bytes, after->bytes, before->size, constants, before->size, count) == HF_ARCH_OK) {
        read_lines(before->object);
        read_lines(after->object);
        return constants;
    }
    free(constants);
    return NULL;
}

bool hf_lines_alone(const struct hf_part *before, const struct hf_part *after,
                    bool (*is_own)(const char *name, void *arg), void *arg)
{
    size_t count;

    if (!before->bytes || !after->bytes || before->size != after->size || !hf_compare_references(before, after) ||
        !hf_compare_unwind(before, after))
        return false;
    HF_FREE struct hf_arch_constant *constants = changed_constants(before, after, &count);
    for (size_t i = 0; constants && i < count; i++)
        if (!is_line(&constants[i], before, after, is_own, arg))
            return false;
    return constants;
}

bool hf_lines_follow(const struct hf_part *before, const struct hf_part *after)
{
    size_t count;

    if (!before->bytes || !after->bytes || before->size != after->size)
        return false;
    HF_FREE struct hf_arch_constant *constants = changed_constants(before, after, &count);
    for (size_t i = 0; constants && i < count; i++)
        if (constants[i].argument == HF_ARCH_NO_ARGUMENT || line_at(before, constants[i].call) != constants[i].before ||
            line_at(after, constants[i].call) != constants[i].after)
            return false;
    return constants;
}
