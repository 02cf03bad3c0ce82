/* SPDX-License-Identifier: Apache-2.0 */
/* Versions of code that differ in constants alone, seen through the Capstone disassembler. Packager only. */
#include <capstone/capstone.h>
#include <string.h>

#include "x86_64.h"

/* One of the two versions, instruction by instruction. */
struct version {
    cs_insn *insn;
    const uint8_t *next;
    size_t left;
    uint64_t at;
};

static bool step(csh engine, struct version *version)
{
    return cs_disasm_iter(engine, &version->next, &version->left, &version->at, version->insn);
}

/* mov of a 32-bit immediate operand */
static bool take_constant(const cs_insn *before, const cs_insn *after, struct hf_arch_constant *constant)
{
    const cs_x86 *left = &before->detail->x86, *right = &after->detail->x86;
    size_t immediate = left->encoding.imm_offset;

    if (before->id != X86_INS_MOV || after->id != X86_INS_MOV || immediate == 0 || left->encoding.imm_size != 4 ||
        right->encoding.imm_offset != immediate || right->encoding.imm_size != 4 ||
        memcmp(before->bytes, after->bytes, immediate) != 0 || left->op_count != 2 || right->op_count != 2)
        return false;
    *constant =
        (struct hf_arch_constant){before->address, (uint32_t)left->operands[1].imm, (uint32_t)right->operands[1].imm};
    return true;
}

static enum hf_arch_status compare(csh engine, struct version *before, struct version *after,
                                   struct hf_arch_constant *found, size_t limit, size_t *count)
{
    struct hf_arch_constant constant;

    while (before->left > 0) {
        if (!step(engine, before) || !step(engine, after))
            return HF_ARCH_DECODE;
        if (before->insn->size != after->insn->size)
            return HF_ARCH_UNKNOWN;
        if (memcmp(before->insn->bytes, after->insn->bytes, before->insn->size) == 0)
            continue;
        if (!take_constant(before->insn, after->insn, &constant))
            return HF_ARCH_UNKNOWN;
        if ((*count)++ < limit)
            found[*count - 1] = constant;
    }
    return HF_ARCH_OK;
}

enum hf_arch_status hf_x86_64_constants(const uint8_t *before, const uint8_t *after, size_t size,
                                        struct hf_arch_constant *found, size_t limit, size_t *count)
{
    struct version left = {.next = before, .left = size}, right = {.next = after, .left = size};
    enum hf_arch_status status = HF_ARCH_DECODE;
    csh engine;

    *count = 0;
    if (cs_open(CS_ARCH_X86, CS_MODE_64, &engine) != CS_ERR_OK)
        return HF_ARCH_DECODE;
    cs_option(engine, CS_OPT_DETAIL, CS_OPT_ON);
    left.insn = cs_malloc(engine);
    right.insn = cs_malloc(engine);
    if (left.insn && right.insn)
        status = compare(engine, &left, &right, found, limit, count);
    if (left.insn)
        cs_free(left.insn, 1);
    if (right.insn)
        cs_free(right.insn, 1);
    cs_close(&engine);
    return status;
}
