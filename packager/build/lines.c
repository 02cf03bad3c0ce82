/* SPDX-License-Identifier: Apache-2.0 */
#include "build/lines.h"

#include <capstone/capstone.h>
#include <stdlib.h>
#include <string.h>

#include "build/compare.h"
#include "build/debuginfo.h"
#include "elf/die.h"

#define NEAR 64 /* lines that a statement may be long: its constant may be of another one of its lines */

/* Where a line table says that code of one part comes from; ordered by offset as it comes. */
struct row {
    uint64_t offset;
    uint64_t line;
};

struct rows {
    const struct hf_part *part;
    struct row *items;
    size_t count;
    size_t room;
};

static bool add_row(struct rows *rows, uint64_t offset, uint64_t line)
{
    if (rows->count == rows->room) {
        size_t room = rows->room ? 2 * rows->room : 64;
        struct row *grown = reallocarray(rows->items, room, sizeof(*grown));
        if (!grown)
            return false;
        rows->items = grown;
        rows->room = room;
    }
    rows->items[rows->count++] = (struct row){offset, line};
    return true;
}

static int read_lines(Dwarf_Debug dwarf, Dwarf_Die unit, void *arg)
{
    struct rows *rows = arg;
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
            dwarf_lineendsequence(lines[i], &end, &error) != DW_DLV_OK)
            continue;
        if (!end && hf_debuginfo_part(rows->part->object, address, &offset) == rows->part)
            fine = add_row(rows, offset, line);
    }
    dwarf_srclines_dealloc_b(context);
    return fine ? 0 : -1;
}

static bool rows_read(const struct hf_part *part, struct rows *rows)
{
    HF_DEBUGINFO struct hf_debuginfo *info = NULL;

    *rows = (struct rows){.part = part};
    return hf_debuginfo_open(part->object, &info, NULL) == 0 && info && hf_debuginfo_units(info, read_lines, rows) == 0;
}

/* The line of the instruction at an offset; 0 when it is unknown. */
static uint64_t line_at(const struct rows *rows, uint64_t offset)
{
    uint64_t line = 0;

    for (size_t i = 0; i < rows->count; i++)
        if (rows->items[i].offset <= offset)
            line = rows->items[i].line;
    return line;
}

static bool is_near(uint64_t constant, uint64_t line)
{
    return constant + NEAR >= line && constant <= line + NEAR;
}

/* Do two versions of an instruction differ by the line number that they hold? */
static bool differ_by_line(const cs_insn *before, const cs_insn *after, const struct rows *before_rows,
                           const struct rows *after_rows)
{
    const cs_x86 *left = &before->detail->x86;
    const cs_x86 *right = &after->detail->x86;
    size_t immediate = left->encoding.imm_offset;

    if (before->id != X86_INS_MOV || after->id != X86_INS_MOV || immediate == 0 || left->encoding.imm_size != 4 ||
        right->encoding.imm_offset != immediate || right->encoding.imm_size != 4 ||
        memcmp(before->bytes, after->bytes, immediate) != 0 || left->op_count != 2)
        return false;
    uint64_t before_line = line_at(before_rows, before->address);
    uint64_t after_line = line_at(after_rows, after->address);
    uint64_t before_value = (uint32_t)left->operands[1].imm;
    uint64_t after_value = (uint32_t)right->operands[1].imm;
    return before_line > 0 && after_line > 0 && before_value - before_line == after_value - after_line &&
           is_near(before_value, before_line);
}

static bool compare(csh engine, cs_insn *before, cs_insn *after, const struct rows *before_rows,
                    const struct rows *after_rows)
{
    const uint8_t *before_code = before_rows->part->bytes;
    const uint8_t *after_code = after_rows->part->bytes;
    size_t before_left = before_rows->part->size;
    size_t after_left = after_rows->part->size;
    uint64_t before_at = 0;
    uint64_t after_at = 0;

    while (before_left > 0) {
        if (!cs_disasm_iter(engine, &before_code, &before_left, &before_at, before) ||
            !cs_disasm_iter(engine, &after_code, &after_left, &after_at, after) || before->size != after->size)
            return false;
        if (memcmp(before->bytes, after->bytes, before->size) != 0 &&
            !differ_by_line(before, after, before_rows, after_rows))
            return false;
    }
    return true;
}

static bool compare_instructions(const struct rows *before, const struct rows *after)
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
    struct rows before_rows = {.count = 0};
    struct rows after_rows = {.count = 0};

    if (before->size != after->size || !hf_compare_references(before, after))
        return false;
    bool alone = rows_read(before, &before_rows) && rows_read(after, &after_rows) &&
                 compare_instructions(&before_rows, &after_rows);
    free(before_rows.items);
    free(after_rows.items);
    return alone;
}
