/* SPDX-License-Identifier: Apache-2.0 */
/* Whether code does nothing, seen through the Capstone disassembler. Packager only. */
#include <capstone/capstone.h>
#include <string.h>

#include "inert.h"
#include "x86_64.h"

#define CODE_MAX 15 /* bytes of an instruction */

/* Registers by the numbers that instructions have for them. */
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R12 = 12 };
#define KEPT (UINT64_C(1) << RBX | UINT64_C(1) << RSP | UINT64_C(1) << RBP | UINT64_C(0xf) << R12)
static const x86_reg wide[] = {X86_REG_RAX, X86_REG_RCX, X86_REG_RDX, X86_REG_RBX, X86_REG_RSP, X86_REG_RBP,
                               X86_REG_RSI, X86_REG_RDI, X86_REG_R8,  X86_REG_R9,  X86_REG_R10, X86_REG_R11,
                               X86_REG_R12, X86_REG_R13, X86_REG_R14, X86_REG_R15};
static const x86_reg narrow[] = {X86_REG_EAX,  X86_REG_ECX,  X86_REG_EDX,  X86_REG_EBX, X86_REG_ESP,  X86_REG_EBP,
                                 X86_REG_ESI,  X86_REG_EDI,  X86_REG_R8D,  X86_REG_R9D, X86_REG_R10D, X86_REG_R11D,
                                 X86_REG_R12D, X86_REG_R13D, X86_REG_R14D, X86_REG_R15D};
#define COUNT (sizeof(wide) / sizeof(wide[0]))

/* -1 for one that is not known here: bytes of registers, vectors, segments. */
static int number_of(x86_reg name)
{
    for (size_t i = 0; i < COUNT; i++)
        if (wide[i] == name || narrow[i] == name)
            return (int)i;
    return -1;
}

static uint64_t cut(uint64_t number, size_t size)
{
    return size >= 8 ? number : number & ((UINT64_C(1) << (8 * size)) - 1);
}

/* The address that a memory operand stands for. */
static bool address_of(const struct hf_walk *walk, const cs_insn *insn, const x86_op_mem *mem, uint64_t *address)
{
    uint64_t sum = (uint64_t)mem->disp;

    if (mem->segment != X86_REG_INVALID)
        return false;
    if (mem->base == X86_REG_RIP) {
        sum += insn->address + insn->size;
    } else if (mem->base != X86_REG_INVALID) {
        int base = number_of(mem->base);
        if (base < 0 || wide[base] != mem->base || walk->registers[base].kind != HF_WORD_NUMBER)
            return false;
        sum += walk->registers[base].number;
    }
    if (mem->index != X86_REG_INVALID) {
        int index = number_of(mem->index);
        if (index < 0 || wide[index] != mem->index || walk->registers[index].kind != HF_WORD_NUMBER)
            return false;
        sum += walk->registers[index].number * (uint64_t)mem->scale;
    }
    *address = sum;
    return true;
}

static bool get(const struct hf_walk *walk, const cs_insn *insn, const cs_x86_op *operand, struct hf_arch_word *word)
{
    uint64_t address;

    if (operand->type == X86_OP_IMM) {
        *word = hf_word_of(cut((uint64_t)operand->imm, operand->size));
        return true;
    }
    if (operand->type == X86_OP_MEM)
        return address_of(walk, insn, &operand->mem, &address) && hf_walk_load(walk, address, operand->size, word);
    int number = operand->type == X86_OP_REG ? number_of(operand->reg) : -1;
    if (number < 0)
        return false;
    *word = walk->registers[number];
    if (operand->size < 8 && word->kind == HF_WORD_IMPORT)
        return false;
    word->number = cut(word->number, operand->size);
    return true;
}

static bool put(struct hf_walk *walk, const cs_insn *insn, const cs_x86_op *operand, struct hf_arch_word word)
{
    uint64_t address;

    word.number = cut(word.number, operand->size);
    if (operand->type == X86_OP_MEM)
        return address_of(walk, insn, &operand->mem, &address) && hf_walk_store(walk, address, operand->size, word);
    int number = operand->type == X86_OP_REG ? number_of(operand->reg) : -1;
    if (number < 0 || operand->size < 4)
        return false;
    walk->registers[number] = word;
    return true;
}

static bool push(struct hf_walk *walk, struct hf_arch_word word)
{
    walk->registers[RSP].number -= 8;
    return hf_walk_store(walk, walk->registers[RSP].number, 8, word);
}

static bool pop(struct hf_walk *walk, struct hf_arch_word *word)
{
    bool loaded = hf_walk_load(walk, walk->registers[RSP].number, 8, word);

    walk->registers[RSP].number += 8;
    return loaded;
}

static bool leave(struct hf_walk *walk)
{
    struct hf_arch_word to;

    if (!pop(walk, &to) || to.kind != HF_WORD_NUMBER)
        return false;
    walk->at = to.number;
    return true;
}

/* What a call may have changed, by the calling convention. */
static void clobber(struct hf_walk *walk)
{
    static const int changed[] = {RAX, RCX, RDX, RSI, RDI, R8, R8 + 1, R8 + 2, R8 + 3};

    for (size_t i = 0; i < sizeof(changed) / sizeof(changed[0]); i++)
        walk->registers[changed[i]] = (struct hf_arch_word){.kind = HF_WORD_UNKNOWN};
    walk->zero = HF_ZERO_UNKNOWN;
}

/* A jump, or a call, whose return address is on the stack. */
static bool go(struct hf_walk *walk, const cs_insn *insn)
{
    const cs_x86_op *operand = &insn->detail->x86.operands[0];
    struct hf_arch_word to;

    if (insn->detail->x86.op_count != 1 || !get(walk, insn, operand, &to))
        return false;
    if (insn->id == X86_INS_CALL && !push(walk, hf_word_of(insn->address + insn->size)))
        return false;
    walk->at = to.number;
    if (to.kind == HF_WORD_NUMBER)
        return true;
    if (!hf_walk_may_call(&to))
        return false;
    clobber(walk);
    return leave(walk);
}

static bool calculate(const cs_insn *insn, uint64_t left, uint64_t right, size_t size, uint64_t *result)
{
    unsigned bits = (unsigned)(8 * size), count = (unsigned)(right & (size == 8 ? 63 : 31));

    switch (insn->id) {
    case X86_INS_ADD:
        *result = left + right;
        return true;
    case X86_INS_SUB:
    case X86_INS_CMP:
        *result = left - right;
        return true;
    case X86_INS_AND:
    case X86_INS_TEST:
        *result = left & right;
        return true;
    case X86_INS_SHR:
        *result = left >> count;
        return count != 0;
    case X86_INS_SAR:
        *result = (uint64_t)((int64_t)(left << (64 - bits)) >> (64 - bits) >> count);
        return count != 0;
    default:
        return false;
    }
}

/* Instructions that combine two operands; the last two of the table change nothing but what is compared. */
static bool combine(struct hf_walk *walk, const cs_insn *insn)
{
    const cs_x86 *x86 = &insn->detail->x86;
    const cs_x86_op *left = &x86->operands[0], *right = &x86->operands[1];
    bool compares = insn->id == X86_INS_CMP || insn->id == X86_INS_TEST;
    bool same = x86->op_count == 2 && left->type == X86_OP_REG && right->type == X86_OP_REG && left->reg == right->reg;
    struct hf_arch_word one, two = hf_word_of(1); /* a shift without a count */
    uint64_t result;

    if (insn->id == X86_INS_XOR) {
        walk->zero = HF_ZERO_YES;
        return same && put(walk, insn, left, hf_word_of(0));
    }
    if (!get(walk, insn, left, &one) || (x86->op_count == 2 && !get(walk, insn, right, &two)))
        return false;
    if (one.kind == HF_WORD_IMPORT) { /* is it there? */
        walk->zero = HF_ZERO_EITHER;
        return (insn->id == X86_INS_TEST && same) ||
               (insn->id == X86_INS_CMP && two.kind == HF_WORD_NUMBER && two.number == 0);
    }
    if (one.kind != HF_WORD_NUMBER || two.kind != HF_WORD_NUMBER ||
        !calculate(insn, one.number, two.number, left->size, &result))
        return false;
    walk->zero = cut(result, left->size) ? HF_ZERO_NO : HF_ZERO_YES;
    return compares || put(walk, insn, left, hf_word_of(result));
}

static bool move(struct hf_walk *walk, const cs_insn *insn)
{
    const cs_x86 *x86 = &insn->detail->x86;
    struct hf_arch_word word;
    uint64_t address;

    if (insn->id == X86_INS_LEA)
        return address_of(walk, insn, &x86->operands[1].mem, &address) &&
               put(walk, insn, &x86->operands[0], hf_word_of(address));
    return get(walk, insn, &x86->operands[1], &word) && put(walk, insn, &x86->operands[0], word);
}

static bool execute(struct hf_walk *walk, const cs_insn *insn)
{
    const cs_x86 *x86 = &insn->detail->x86;
    uint64_t next = insn->address + insn->size;
    struct hf_arch_word word;

    walk->at = next;
    switch (insn->id) {
    case X86_INS_ENDBR64:
    case X86_INS_NOP:
        return true;
    case X86_INS_LEA:
    case X86_INS_MOV:
        return move(walk, insn);
    case X86_INS_ADD:
    case X86_INS_SUB:
    case X86_INS_AND:
    case X86_INS_XOR:
    case X86_INS_SHR:
    case X86_INS_SAR:
    case X86_INS_CMP:
    case X86_INS_TEST:
        return combine(walk, insn);
    case X86_INS_PUSH:
        return get(walk, insn, &x86->operands[0], &word) && push(walk, word);
    case X86_INS_POP:
        return pop(walk, &word) && put(walk, insn, &x86->operands[0], word);
    case X86_INS_JE:
    case X86_INS_JNE:
        return hf_walk_branch(walk, insn->id == X86_INS_JE, (uint64_t)x86->operands[0].imm, next);
    case X86_INS_JMP:
    case X86_INS_CALL:
        return go(walk, insn);
    case X86_INS_RET:
        return x86->op_count == 0 && leave(walk);
    default:
        return false;
    }
}

static bool step(struct hf_walk *walk)
{
    uint8_t bytes[CODE_MAX];
    size_t size = walk->memory->code(walk->memory->arg, walk->at, bytes, sizeof(bytes));
    const uint8_t *code = bytes;
    uint64_t address = walk->at;
    bool done = false;
    csh engine;

    if (cs_open(CS_ARCH_X86, CS_MODE_64, &engine) != CS_ERR_OK)
        return false;
    cs_option(engine, CS_OPT_DETAIL, CS_OPT_ON);
    cs_insn *insn = cs_malloc(engine);
    if (insn && cs_disasm_iter(engine, &code, &size, &address, insn))
        done = execute(walk, insn);
    if (insn)
        cs_free(insn, 1);
    cs_close(&engine);
    return done && walk->registers[RSP].kind == HF_WORD_NUMBER;
}

bool hf_x86_64_inert(const struct hf_arch_memory *memory, uint64_t address)
{
    struct hf_walk walk = {.memory = memory, .at = address, .kept = KEPT};

    hf_walk_begin(&walk);
    walk.registers[RSP] = hf_word_of(HF_WALK_STACK);
    struct hf_walk entered = walk;
    return push(&entered, hf_word_of(HF_WALK_RETURN)) && hf_walk_returns(&entered, &walk, step);
}
