/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of instructions that look like a part of another one, seen through the Capstone disassembler. Packager only.
 *
 * Instructions of this CPU begin at any byte, so only following the code from its entries shows the real instructions:
 * decoding all bytes of a function in sequence would treat data as code, and then decode wrong instructions.
 */
#include <capstone/capstone.h>
#include <stdlib.h>

#include "x86_64.h"

struct trace {
    const struct hf_arch_function *function;
    size_t at;   /* the byte in question */
    uint64_t to; /* what an instruction there would name */
    csh engine;
    cs_insn *insn;
    bool *noted;  /* for each offset: it was queued */
    size_t *next; /* offsets to go on from */
    size_t next_count;
    bool covered; /* the byte belongs to an instruction that names something else */
    bool lost;    /* something is unknown, or an instruction refers to `to` */
};

static void note(struct trace *trace, uint64_t offset)
{
    if (offset >= trace->function->size || trace->noted[offset])
        return;
    trace->noted[offset] = true;
    trace->next[trace->next_count++] = offset;
}

static bool in_group(const struct trace *trace, unsigned group)
{
    return cs_insn_group(trace->engine, trace->insn, group);
}

/* Narrow constants stand for wide ones in more than one way: the half that all have in common is compared. */
static bool names(const struct trace *trace)
{
    const cs_x86 *x86 = &trace->insn->detail->x86;
    uint64_t end = trace->insn->address + trace->insn->size;

    for (uint8_t i = 0; i < x86->op_count; i++) {
        const cs_x86_op *op = &x86->operands[i];
        if (op->type == X86_OP_IMM && (uint32_t)op->imm == (uint32_t)trace->to)
            return true;
        if (op->type != X86_OP_MEM)
            continue;
        uint64_t base = op->mem.base == X86_REG_RIP ? end : 0;
        if ((uint32_t)(base + (uint64_t)op->mem.disp) == (uint32_t)trace->to)
            return true;
    }
    return false;
}

/* A jump through a separate word is a call of another file's function; any other indirect jump may have a table. */
static bool is_import(const cs_x86_op *op)
{
    return op->type == X86_OP_MEM && op->mem.base == X86_REG_RIP && op->mem.index == X86_REG_INVALID;
}

/* Records where a branch goes. Does the code after it run, too? */
static bool branch(struct trace *trace)
{
    const cs_x86 *x86 = &trace->insn->detail->x86;
    const cs_x86_op *op = x86->op_count > 0 ? &x86->operands[0] : NULL;
    bool jump = trace->insn->id == X86_INS_JMP || trace->insn->id == X86_INS_LJMP;

    if (op && op->type == X86_OP_IMM)
        note(trace, (uint64_t)op->imm - trace->function->address);
    else if (jump && (!op || !is_import(op)))
        trace->lost = true;
    return !jump;
}

/* Bytes behind an instruction that ends a path may be anything. */
static bool ends(const struct trace *trace)
{
    unsigned id = trace->insn->id;

    return in_group(trace, CS_GRP_RET) || in_group(trace, CS_GRP_IRET) || id == X86_INS_UD2 || id == X86_INS_HLT ||
           id == X86_INS_INT3;
}

/* Follows the code from an offset to the end of this path, or to a path that was followed already. */
static void follow(struct trace *trace, size_t offset)
{
    const struct hf_arch_function *function = trace->function;

    while (!trace->lost) {
        const uint8_t *next = function->code + offset;
        size_t left = function->size - offset;
        uint64_t address = function->address + offset;
        if (!cs_disasm_iter(trace->engine, &next, &left, &address, trace->insn)) {
            trace->lost = true;
            return;
        }
        size_t end = function->size - left;
        if (trace->at >= offset && trace->at < end) {
            trace->covered = true;
            trace->lost = names(trace);
        }
        if (ends(trace))
            return;
        bool branches = in_group(trace, CS_GRP_JUMP) || in_group(trace, CS_GRP_CALL) ||
                        in_group(trace, CS_GRP_BRANCH_RELATIVE) || trace->insn->id == X86_INS_XBEGIN;
        if ((branches && !branch(trace)) || end == function->size || trace->noted[end])
            return;
        trace->noted[end] = true;
        offset = end;
    }
}

static bool run(struct trace *trace)
{
    note(trace, 0);
    for (size_t i = 0; i < trace->function->entry_count; i++)
        note(trace, trace->function->entries[i]);
    while (trace->next_count > 0 && !trace->lost)
        follow(trace, trace->next[--trace->next_count]);
    return trace->covered && !trace->lost;
}

bool hf_x86_64_by_chance(const struct hf_arch_function *function, size_t at, uint64_t to)
{
    struct trace trace = {.function = function, .at = at, .to = to};
    bool by_chance = false;

    if (function->size == 0 || cs_open(CS_ARCH_X86, CS_MODE_64, &trace.engine) != CS_ERR_OK)
        return false;
    cs_option(trace.engine, CS_OPT_DETAIL, CS_OPT_ON);
    trace.insn = cs_malloc(trace.engine);
    trace.noted = calloc(function->size, sizeof(*trace.noted));
    trace.next = calloc(function->size, sizeof(*trace.next));
    if (trace.insn && trace.noted && trace.next)
        by_chance = run(&trace);
    free(trace.next);
    free(trace.noted);
    if (trace.insn)
        cs_free(trace.insn, 1);
    cs_close(&trace.engine);
    return by_chance;
}
