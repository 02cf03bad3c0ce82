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

/* The argument that a register, or a part of it, passes (System V psABI for x86-64, 3.2.3). */
static uint32_t argument_of(unsigned reg)
{
    static const unsigned registers[][5] = {
        {X86_REG_RDI, X86_REG_EDI, X86_REG_DI, X86_REG_DIL},
        {X86_REG_RSI, X86_REG_ESI, X86_REG_SI, X86_REG_SIL},
        {X86_REG_RDX, X86_REG_EDX, X86_REG_DX, X86_REG_DL, X86_REG_DH},
        {X86_REG_RCX, X86_REG_ECX, X86_REG_CX, X86_REG_CL, X86_REG_CH},
        {X86_REG_R8, X86_REG_R8D, X86_REG_R8W, X86_REG_R8B},
        {X86_REG_R9, X86_REG_R9D, X86_REG_R9W, X86_REG_R9B},
    };

    for (uint32_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++)
        for (size_t k = 0; k < sizeof(registers[0]) / sizeof(registers[0][0]); k++)
            if (reg != X86_REG_INVALID && registers[i][k] == reg)
                return i;
    return HF_ARCH_NO_ARGUMENT;
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
    *constant = (struct hf_arch_constant){
        .offset = before->address,
        .before = (uint32_t)left->operands[1].imm,
        .after = (uint32_t)right->operands[1].imm,
        .argument = left->operands[0].type == X86_OP_REG ? argument_of(left->operands[0].reg) : HF_ARCH_NO_ARGUMENT};
    return true;
}

/* Constants that are on their way to a call: from `first` of those that were found. */
struct way {
    struct hf_arch_constant *found;
    size_t first;
    size_t end;
};

/* Follows them over one more instruction, which is the same in both versions. */
static void follow(csh engine, const cs_insn *insn, struct way *way)
{
    cs_regs read, written;
    uint8_t read_count = 0, written_count = 0;
    bool call = insn->id == X86_INS_CALL;
    bool ends = cs_insn_group(engine, insn, CS_GRP_JUMP) || cs_insn_group(engine, insn, CS_GRP_RET) ||
                cs_insn_group(engine, insn, CS_GRP_INT) ||
                (!call && cs_regs_access(engine, insn, read, &read_count, written, &written_count) != CS_ERR_OK);

    for (size_t i = way->first; i < way->end; i++) {
        struct hf_arch_constant *constant = &way->found[i];
        if (constant->argument == HF_ARCH_NO_ARGUMENT)
            continue;
        constant->call = insn->address;
        for (uint8_t k = 0; k < read_count; k++)
            ends = ends || argument_of(read[k]) == constant->argument;
        for (uint8_t k = 0; k < written_count; k++)
            ends = ends || argument_of(written[k]) == constant->argument;
        if (ends)
            constant->argument = HF_ARCH_NO_ARGUMENT;
    }
    if (call || ends)
        way->first = way->end;
}

static enum hf_arch_status compare(csh engine, struct version *before, struct version *after,
                                   struct hf_arch_constant *found, size_t limit, size_t *count)
{
    struct hf_arch_constant constant;
    struct way way = {.found = found};

    while (before->left > 0) {
        if (!step(engine, before) || !step(engine, after))
            return HF_ARCH_DECODE;
        if (before->insn->size != after->insn->size)
            return HF_ARCH_UNKNOWN;
        if (memcmp(before->insn->bytes, after->insn->bytes, before->insn->size) == 0) {
            follow(engine, before->insn, &way);
            continue;
        }
        if (!take_constant(before->insn, after->insn, &constant))
            return HF_ARCH_UNKNOWN;
        follow(engine, before->insn, &way);
        if ((*count)++ < limit)
            found[way.end++] = constant;
    }
    /* What meets no call. */
    for (size_t i = way.first; i < way.end; i++)
        found[i].argument = HF_ARCH_NO_ARGUMENT;
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

/* The constant of an operand; false when it has none. Sums of addresses (lea) are how compilers add one. */
static bool operand_constant(const cs_insn *insn, const cs_x86_op *operand, uint64_t *constant)
{
    unsigned base = operand->mem.base;

    if (operand->type == X86_OP_IMM) {
        *constant = (uint64_t)operand->imm;
        return true;
    }
    if (operand->type != X86_OP_MEM || insn->id != X86_INS_LEA || operand->mem.disp == 0 || base == X86_REG_RIP ||
        base == X86_REG_RSP || base == X86_REG_RBP)
        return false;
    *constant = (uint64_t)operand->mem.disp;
    return true;
}

static enum hf_arch_status gather(csh engine, struct version *code, uint64_t *found, size_t limit, size_t *count)
{
    while (code->left > 0) {
        if (!step(engine, code))
            return HF_ARCH_DECODE;
        const cs_x86 *detail = &code->insn->detail->x86;
        bool jumps = cs_insn_group(engine, code->insn, CS_GRP_JUMP) || cs_insn_group(engine, code->insn, CS_GRP_CALL);
        for (uint8_t i = 0; !jumps && i < detail->op_count; i++) {
            uint64_t constant;
            if (operand_constant(code->insn, &detail->operands[i], &constant) && (*count)++ < limit)
                found[*count - 1] = constant;
        }
    }
    return HF_ARCH_OK;
}

enum hf_arch_status hf_x86_64_immediates(const uint8_t *code, size_t size, uint64_t *found, size_t limit, size_t *count)
{
    struct version version = {.next = code, .left = size};
    enum hf_arch_status status = HF_ARCH_DECODE;
    csh engine;

    *count = 0;
    if (cs_open(CS_ARCH_X86, CS_MODE_64, &engine) != CS_ERR_OK)
        return HF_ARCH_DECODE;
    cs_option(engine, CS_OPT_DETAIL, CS_OPT_ON);
    version.insn = cs_malloc(engine);
    if (version.insn) {
        status = gather(engine, &version, found, limit, count);
        cs_free(version.insn, 1);
    }
    cs_close(&engine);
    return status;
}
