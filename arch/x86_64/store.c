/* SPDX-License-Identifier: Apache-2.0 */
/* What instructions write to variables, seen through the Capstone disassembler. Packager only. */
#include <capstone/capstone.h>
#include <stdlib.h>
#include <string.h>

#include "x86_64.h"

/* What is known of the general registers: their values, as if they were stored. */
struct registers {
    struct hf_arch_store items[HF_X86_64_REGISTERS];
};

/* What is known of the whole code. */
struct survey {
    bool *targets;                       /* by offset: direct jumps arrive there */
    bool constants[HF_X86_64_REGISTERS]; /* the register is set to a constant somewhere */
};

/* Forgets registers at a place that another path may reach. A register that is never set to a constant holds none. */
static void forget(const struct survey *survey, struct registers *registers)
{
    memset(registers, 0, sizeof(*registers));
    for (unsigned i = 0; i < HF_X86_64_REGISTERS; i++)
        registers->items[i].kind = survey->constants[i] ? HF_STORE_UNKNOWN : HF_STORE_VALUE;
}

static struct hf_arch_store constant(const cs_insn *insn, uint64_t value)
{
    return (struct hf_arch_store){.kind = HF_STORE_CONSTANT,
                                  .value = value,
                                  .from = (size_t)insn->address,
                                  .from_end = (size_t)insn->address + insn->size};
}

/* The value of an operand. */
static struct hf_arch_store value_of(const struct registers *registers, const cs_insn *insn, const cs_x86_op *op)
{
    bool part;

    if (op->type == X86_OP_IMM)
        return constant(insn, (uint64_t)op->imm);
    if (op->type == X86_OP_REG && hf_x86_64_register(op->reg, &part) < HF_X86_64_REGISTERS)
        return registers->items[hf_x86_64_register(op->reg, &part)];
    return (struct hf_arch_store){.kind = HF_STORE_VALUE};
}

/* The value that an instruction gives its first operand; HF_STORE_VALUE for what is computed or read. */
static struct hf_arch_store result_of(const struct registers *registers, const cs_insn *insn)
{
    const cs_x86 *x86 = &insn->detail->x86;
    const cs_x86_op *to = &x86->operands[0], *from = &x86->operands[1];

    switch (insn->id) {
    case X86_INS_MOV:
    case X86_INS_MOVABS:
        return value_of(registers, insn, from);
    case X86_INS_LEA:
        return from->mem.base == X86_REG_RIP ? constant(insn, 0) : (struct hf_arch_store){.kind = HF_STORE_VALUE};
    case X86_INS_XOR:
        if (to->type == X86_OP_REG && from->type == X86_OP_REG && to->reg == from->reg)
            return constant(insn, 0);
        break;
    default:
        break;
    }
    return (struct hf_arch_store){.kind = HF_STORE_VALUE};
}

static void follow(csh engine, const cs_insn *insn, const struct survey *survey, struct registers *registers)
{
    const struct hf_arch_store result = result_of(registers, insn);
    const cs_x86 *x86 = &insn->detail->x86;
    cs_regs read, written;
    uint8_t read_count = 0, written_count = 0;
    bool part;

    if (cs_regs_access(engine, insn, read, &read_count, written, &written_count) != CS_ERR_OK) {
        forget(survey, registers);
        return;
    }
    for (uint8_t i = 0; i < written_count; i++) {
        unsigned n = hf_x86_64_register(written[i], &part);
        if (n == HF_X86_64_REGISTERS)
            continue;
        bool first = x86->op_count > 0 && x86->operands[0].type == X86_OP_REG && x86->operands[0].reg == written[i];
        registers->items[n] = first && !part ? result : (struct hf_arch_store){.kind = HF_STORE_VALUE};
    }
}

static struct hf_arch_store look(const struct registers *registers, const cs_insn *insn, size_t field)
{
    const cs_x86 *x86 = &insn->detail->x86;
    size_t at = field - (size_t)insn->address;
    struct hf_arch_store store = {.kind = HF_STORE_ADDRESS};

    for (uint8_t i = 0; i < x86->op_count; i++) {
        const cs_x86_op *op = &x86->operands[i];
        bool alone = op->type == X86_OP_MEM && op->mem.index == X86_REG_INVALID &&
                     (op->mem.base == X86_REG_RIP || op->mem.base == X86_REG_INVALID);
        if (!alone || insn->id == X86_INS_LEA || x86->encoding.disp_offset != at)
            continue;
        if (!(op->access & CS_AC_WRITE))
            store.kind = HF_STORE_NONE;
        else if (i == 0 && !(op->access & CS_AC_READ))
            store = result_of(registers, insn);
        else
            store.kind = HF_STORE_VALUE;
    }
    store.behind = insn->size - at;
    return store;
}

/* Notes whether the instruction sets a register to a constant, or to what one holds that is set to one elsewhere. */
static void survey_register(const cs_insn *insn, struct survey *survey, bool *news)
{
    const struct registers none = {.items = {{.kind = HF_STORE_NONE}}};
    const cs_x86 *x86 = &insn->detail->x86;
    bool part;

    if (x86->op_count < 2 || x86->operands[0].type != X86_OP_REG)
        return;
    unsigned to = hf_x86_64_register(x86->operands[0].reg, &part);
    unsigned from =
        x86->operands[1].type == X86_OP_REG ? hf_x86_64_register(x86->operands[1].reg, &part) : HF_X86_64_REGISTERS;
    bool copied = insn->id == X86_INS_MOV && from < HF_X86_64_REGISTERS && survey->constants[from];
    if (to < HF_X86_64_REGISTERS && !survey->constants[to] &&
        (copied || result_of(&none, insn).kind == HF_STORE_CONSTANT))
        survey->constants[to] = *news = true;
}

static bool survey_once(csh engine, cs_insn *insn, const uint8_t *code, size_t size, struct survey *survey, bool *news)
{
    uint64_t address = 0;

    while (size > 0 && cs_disasm_iter(engine, &code, &size, &address, insn)) {
        const cs_x86 *x86 = &insn->detail->x86;
        if (cs_insn_group(engine, insn, CS_GRP_JUMP) && x86->op_count > 0 && x86->operands[0].type == X86_OP_IMM &&
            (uint64_t)x86->operands[0].imm < address + size)
            survey->targets[x86->operands[0].imm] = true;
        survey_register(insn, survey, news);
    }
    return size == 0;
}

/* Repeats while copies of registers give new constants. False when the code cannot be decoded. */
static bool survey_code(csh engine, cs_insn *insn, const uint8_t *code, size_t size, struct survey *survey)
{
    for (bool news = true; news;) {
        news = false;
        if (!survey_once(engine, insn, code, size, survey, &news))
            return false;
    }
    return true;
}

static enum hf_arch_status walk(csh engine, cs_insn *insn, const uint8_t *code, size_t size, const size_t *fields,
                                size_t count, struct hf_arch_store *stores)
{
    struct survey survey = {.targets = calloc(size + 1, sizeof(bool))};
    struct registers registers = {.items = {{.kind = HF_STORE_NONE}}};
    size_t left = size, done = 0;
    uint64_t address = 0;

    bool fine = survey.targets && survey_code(engine, insn, code, size, &survey);
    for (unsigned i = 0; i < HF_X86_64_REGISTERS; i++)
        registers.items[i].kind = HF_STORE_VALUE; /* the caller's */
    while (fine && left > 0 && (fine = cs_disasm_iter(engine, &code, &left, &address, insn))) {
        if (survey.targets[insn->address])
            forget(&survey, &registers);
        for (; done < count && fields[done] < insn->address + insn->size; done++)
            stores[done] = look(&registers, insn, fields[done]);
        if (hf_x86_64_goes_elsewhere(engine, insn))
            forget(&survey, &registers);
        else
            follow(engine, insn, &survey, &registers);
    }
    free(survey.targets);
    return fine && done == count ? HF_ARCH_OK : HF_ARCH_DECODE;
}

enum hf_arch_status hf_x86_64_stores(const uint8_t *code, size_t size, const size_t *fields, size_t count,
                                     struct hf_arch_store *stores)
{
    enum hf_arch_status status = HF_ARCH_DECODE;
    csh engine;

    if (cs_open(CS_ARCH_X86, CS_MODE_64, &engine) != CS_ERR_OK)
        return HF_ARCH_DECODE;
    cs_option(engine, CS_OPT_DETAIL, CS_OPT_ON);
    cs_insn *insn = cs_malloc(engine);
    if (insn) {
        status = walk(engine, insn, code, size, fields, count, stores);
        cs_free(insn, 1);
    }
    cs_close(&engine);
    return status;
}
