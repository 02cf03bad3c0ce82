/* SPDX-License-Identifier: Apache-2.0 */
#include "build/lines.h"

#include <capstone/capstone.h>
#include <stdlib.h>
#include <string.h>

#include "build/compare.h"
#include "build/debuginfo.h"
#include "build/unwind.h"
#include "elf/die.h"

#define NEAR 64 /* lines that a statement may be long: its constant may be of another one of its lines */

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

static bool is_near(uint64_t constant, uint64_t line)
{
    return constant + NEAR >= line && constant <= line + NEAR;
}

/* Do two versions of an instruction differ by the line number that they hold? */
static bool differ_by_line(const cs_insn *before, const cs_insn *after, const struct hf_part *before_part,
                           const struct hf_part *after_part)
{
    const cs_x86 *left = &before->detail->x86;
    const cs_x86 *right = &after->detail->x86;
    size_t immediate = left->encoding.imm_offset;

    if (before->id != X86_INS_MOV || after->id != X86_INS_MOV || immediate == 0 || left->encoding.imm_size != 4 ||
        right->encoding.imm_offset != immediate || right->encoding.imm_size != 4 ||
        memcmp(before->bytes, after->bytes, immediate) != 0 || left->op_count != 2)
        return false;
    uint64_t before_line = line_at(before_part, before->address);
    uint64_t after_line = line_at(after_part, after->address);
    uint64_t before_value = (uint32_t)left->operands[1].imm;
    uint64_t after_value = (uint32_t)right->operands[1].imm;
    return before_line > 0 && after_line > 0 && before_value - before_line == after_value - after_line &&
           is_near(before_value, before_line);
}

static bool compare(csh engine, cs_insn *before, cs_insn *after, const struct hf_part *before_part,
                    const struct hf_part *after_part)
{
    const uint8_t *before_code = before_part->bytes;
    const uint8_t *after_code = after_part->bytes;
    size_t before_left = before_part->size;
    size_t after_left = after_part->size;
    uint64_t before_at = 0;
    uint64_t after_at = 0;

    while (before_left > 0) {
        if (!cs_disasm_iter(engine, &before_code, &before_left, &before_at, before) ||
            !cs_disasm_iter(engine, &after_code, &after_left, &after_at, after) || before->size != after->size)
            return false;
        if (memcmp(before->bytes, after->bytes, before->size) != 0 &&
            !differ_by_line(before, after, before_part, after_part))
            return false;
    }
    return true;
}

static bool compare_instructions(const struct hf_part *before, const struct hf_part *after)
{
    csh engine;

    if (cs_open(CS_ARCH_X86, CS_MODE_64, &engine) != CS_ERR_OK)
        return false;
    cs_option(engine, CS_OPT_DETAIL, CS_OPT_ON);
    cs_insn *left = cs_malloc(engine);
    cs_insn *right = cs_malloc(engine);
    bool equal = left && right && compare(engine, left, right, before, after);
    if (left)
        cs_free(left, 1);
    if (right)
        cs_free(right, 1);
    cs_close(&engine);
    return equal;
}

bool hf_lines_alone(const struct hf_part *before, const struct hf_part *after)
{
    if (!before->bytes || !after->bytes || before->size != after->size || !hf_compare_references(before, after) ||
        !hf_unwind_equal(before, after))
        return false;
    read_lines(before->object);
    read_lines(after->object);
    return compare_instructions(before, after);
}
