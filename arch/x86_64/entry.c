/* SPDX-License-Identifier: Apache-2.0 */
/* What a function's entry allows, seen through the Capstone disassembler. Packager only. */
#include <capstone/capstone.h>
#include <elf.h>

#include "x86_64.h"

static bool is_branch(csh engine, const cs_insn *insn)
{
    return cs_insn_group(engine, insn, CS_GRP_JUMP) || cs_insn_group(engine, insn, CS_GRP_CALL) ||
           cs_insn_group(engine, insn, CS_GRP_BRANCH_RELATIVE) || insn->id == X86_INS_XBEGIN;
}

/*
 * Does this instruction bring a running copy of the function back into bytes [0, end)? A call of the function's own
 * entry does not: it is an ordinary call and may be diverted. A jump there is a loop, whose registers are not those of
 * a call. A call that stands within the bytes returns into them.
 */
static bool comes_back(csh engine, const cs_insn *insn, size_t pad, size_t end)
{
    bool call = cs_insn_group(engine, insn, CS_GRP_CALL);

    if (call && insn->address + insn->size < end)
        return true;
    if (!is_branch(engine, insn) || insn->detail->x86.op_count == 0)
        return false;
    const cs_x86_op *target = &insn->detail->x86.operands[0];
    if (target->type != X86_OP_IMM || (uint64_t)target->imm >= end)
        return false;
    return !call || ((uint64_t)target->imm != 0 && (uint64_t)target->imm != pad);
}

/* Padding that assemblers write between and behind functions: it need not decode, and nothing runs it. */
static bool only_zeros(const uint8_t *code, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (code[i] != 0)
            return false;
    return true;
}

static enum hf_arch_status scan(csh engine, cs_insn *insn, const uint8_t *code, size_t size, size_t pad, size_t *at)
{
    const uint8_t *next = code;
    uint64_t address = 0;

    while (size > 0) {
        if (!cs_disasm_iter(engine, &next, &size, &address, insn))
            return only_zeros(next, size) && address >= pad + HF_X86_64_DETOUR_SIZE ? HF_ARCH_OK : HF_ARCH_DECODE;
        if (comes_back(engine, insn, pad, pad + HF_X86_64_DETOUR_SIZE)) {
            *at = insn->address;
            return HF_ARCH_BRANCH;
        }
    }
    return HF_ARCH_OK;
}

static enum hf_arch_status entry(const uint8_t *code, size_t size, size_t *skip, size_t *at)
{
    size_t pad = hf_x86_64_landing_pad(code, size);
    csh engine;

    if (size < pad + HF_X86_64_DETOUR_SIZE)
        return HF_ARCH_SHORT;
    if (cs_open(CS_ARCH_X86, CS_MODE_64, &engine) != CS_ERR_OK)
        return HF_ARCH_DECODE;
    cs_option(engine, CS_OPT_DETAIL, CS_OPT_ON);

    cs_insn *insn = cs_malloc(engine);
    enum hf_arch_status status = insn ? scan(engine, insn, code, size, pad, at) : HF_ARCH_DECODE;
    if (insn)
        cs_free(insn, 1);
    cs_close(&engine);
    if (status == HF_ARCH_OK)
        *skip = pad;
    return status;
}

const struct hf_arch_tools hf_arch_tools_x86_64 = {
    .arch = &hf_arch_x86_64,
    .entry = entry,
    .word_type = R_X86_64_64,
    .near_type = R_X86_64_PC32,
    .call_type = R_X86_64_PLT32,
    .relation = hf_x86_64_relation,
    .dynamic_relation = hf_x86_64_dynamic_relation,
    .field_size = hf_x86_64_field_size,
    .linked = hf_x86_64_linked,
    .stub = hf_x86_64_stub,
};
