/* SPDX-License-Identifier: Apache-2.0 */
/* Where values go, instruction by instruction, seen through the Capstone disassembler. Packager only. */
#include <capstone/capstone.h>
#include <stdlib.h>
#include <string.h>

#include "aarch64.h"
#include "leak.h"

#define MAX_CODE (256u << 10) /* bytes of a function that is followed */
#define FRAME    29u
#define NONE     32u
#define BIT(n)   (UINT32_C(1) << (n))

static unsigned number(unsigned name)
{
    if (name >= ARM64_REG_X0 && name <= ARM64_REG_X28)
        return name - ARM64_REG_X0;
    if (name >= ARM64_REG_W0 && name <= ARM64_REG_W30)
        return name - ARM64_REG_W0;
    return name == ARM64_REG_X29 ? FRAME : name == ARM64_REG_X30 ? 30 : NONE;
}

static bool is_stack(unsigned name)
{
    return name == ARM64_REG_SP || name == ARM64_REG_WSP;
}

static bool is_zero(unsigned name)
{
    return name == ARM64_REG_XZR || name == ARM64_REG_WZR || name == ARM64_REG_NZCV;
}

static bool is_any(const char *mnemonic, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(mnemonic, *names) == 0)
            return true;
    return false;
}

/* Does the instruction compute its whole first operand from the others? */
static bool computes(const char *mnemonic)
{
    static const char *const names[] = {
        "add",  "adds",  "sub",   "subs",  "and",   "ands", "orr",   "eor",   "mov",    "movz",
        "movn", "mvn",   "neg",   "adr",   "adrp",  "lsl",  "lsr",   "asr",   "sxtw",   "sxth",
        "sxtb", "uxtw",  "uxth",  "uxtb",  "mul",   "madd", "msub",  "smull", "umull",  "sdiv",
        "udiv", "csel",  "cset",  "cinc",  "ubfx",  "sbfx", "sbfiz", "ubfiz", "smaddl", "umaddl",
        "cneg", "csetm", "csinc", "csinv", "csneg", "bic",  "orn",   "fmov",  NULL};

    return is_any(mnemonic, names);
}

/*
 * Does the instruction overwrite its whole first operand? For others the operand is assumed to keep its old value, too.
 */
static bool overwrites(const char *mnemonic)
{
    return computes(mnemonic) || strncmp(mnemonic, "ld", 2) == 0;
}

static bool compares(const char *mnemonic)
{
    static const char *const names[] = {"cmp", "cmn", "tst", "ccmp", "ccmn", "fcmp", "fcmpe", NULL};

    return is_any(mnemonic, names);
}

static void read_memory(const cs_insn *insn, const cs_arm64_op *op, const struct hf_named_field *field,
                        struct hf_step *step)
{
    unsigned base = number(op->mem.base), index = number(op->mem.index);

    step->loads = strncmp(insn->mnemonic, "ld", 2) == 0;
    step->stores = strncmp(insn->mnemonic, "st", 2) == 0;
    if (!step->loads && !step->stores)
        step->loads = step->stores = strncmp(insn->mnemonic, "prf", 3) != 0;
    step->pair = strchr(insn->mnemonic, 'p') != NULL;
    if (field) {
        step->has_memory = true;
        step->memory_names = field->what;
    }
    if (base != NONE)
        step->address |= BIT(base);
    if (index != NONE)
        step->address |= BIT(index);
    if (op->mem.index == ARM64_REG_INVALID && !field && (is_stack(op->mem.base) || base == FRAME)) {
        step->base = is_stack(op->mem.base) ? HF_STEP_STACK : HF_STEP_FRAME;
        step->displacement = op->mem.disp;
    } else if (is_stack(op->mem.base)) {
        step->takes_stack = true;
    }
}

/* [sp, #-32]! and [sp], #32 move the stack pointer, [x1], #8 another register. */
static void write_back(const cs_arm64 *detail, const cs_arm64_op *op, struct hf_step *step)
{
    const cs_arm64_op *last = &detail->operands[detail->op_count - 1];
    unsigned base = number(op->mem.base);

    if (is_stack(op->mem.base)) {
        step->loses_stack = last->type != ARM64_OP_IMM && last->type != ARM64_OP_MEM;
        step->stack_change = last->type == ARM64_OP_IMM ? last->imm : op->mem.disp;
    } else if (base == FRAME) {
        step->loses_frame = true;
    }
    /* What it held goes on to be in it, and may be what is loaded: both count for all that is written. */
    if (base != NONE) {
        step->reads |= BIT(base);
        step->writes |= BIT(base);
    }
}

static void read_operand(const cs_insn *insn, const cs_arm64_op *op, struct hf_step *step)
{
    unsigned n = number(op->reg);
    unsigned access = op->access ? op->access : CS_AC_READ | CS_AC_WRITE;

    if (compares(insn->mnemonic))
        access = CS_AC_READ;
    else if (op == insn->detail->arm64.operands && computes(insn->mnemonic))
        access = CS_AC_WRITE; /* capstone says of lsl and its like that they read it, too */
    if (is_stack(op->reg) || is_zero(op->reg))
        return;
    if (n == NONE) {
        step->writes_other |= (access & CS_AC_WRITE) != 0;
        step->reads_other |= (access & CS_AC_READ) != 0;
        return;
    }
    if ((access & CS_AC_READ) || ((access & CS_AC_WRITE) && !overwrites(insn->mnemonic)))
        step->reads |= BIT(n);
    if (access & CS_AC_WRITE)
        step->writes |= BIT(n);
}

static void move_stack(const cs_insn *insn, struct hf_step *step)
{
    const cs_arm64 *detail = &insn->detail->arm64;
    const cs_arm64_op *to = &detail->operands[0], *from = &detail->operands[1], *by = &detail->operands[2];
    bool add = strcmp(insn->mnemonic, "add") == 0, move = strcmp(insn->mnemonic, "mov") == 0;
    bool subtract = strcmp(insn->mnemonic, "sub") == 0;

    if (detail->op_count < 2 || to->type != ARM64_OP_REG || from->type != ARM64_OP_REG || compares(insn->mnemonic))
        return;
    bool stack = is_stack(to->reg), frame = number(to->reg) == FRAME, constant = false;
    int64_t change = 0;
    if ((add || subtract) && detail->op_count == 3 && by->type == ARM64_OP_IMM) {
        change = (subtract ? -by->imm : by->imm) * (by->shift.type == ARM64_SFT_LSL ? 1 << by->shift.value : 1);
        constant = true;
    }
    if (stack && is_stack(from->reg) && constant)
        step->stack_change = change;
    else if (stack && number(from->reg) == FRAME && (move || constant)) {
        step->from_frame = true;
        step->stack_change = change;
    } else if (stack)
        step->loses_stack = true;
    else if (frame && is_stack(from->reg) && (move || (constant && change == 0)))
        step->sets_frame = true;
    else if (is_stack(from->reg) || number(from->reg) == FRAME)
        step->takes_stack = true;
    if (frame && !step->sets_frame)
        step->loses_frame = true;
}

static void read_kind(csh engine, const cs_insn *insn, const struct hf_leak_question *question, struct hf_step *step)
{
    const struct hf_named_field *field = hf_leak_field(question, insn->address, insn->address + HF_AARCH64_WORD);
    static const char *const idle[] = {"nop", "bti", "hint", NULL}, *const stop[] = {"brk", "hlt", "udf", NULL};
    static const char *const indirect[] = {"br", "braa", "brab", "braaz", "brabz", NULL};

    step->arguments = HF_NAMED_UNKNOWN;
    step->target = HF_STEP_OUTSIDE;
    if (is_any(insn->mnemonic, idle)) {
        step->idle = true;
    } else if (is_any(insn->mnemonic, stop)) {
        step->idle = true;
        step->kind = HF_STEP_STOP;
    } else if (strncmp(insn->mnemonic, "ret", 3) == 0) {
        step->kind = HF_STEP_RETURN;
    } else if (strncmp(insn->mnemonic, "bl", 2) == 0 || strcmp(insn->mnemonic, "svc") == 0) {
        step->kind = HF_STEP_CALL;
        step->writes = 0;
        if (field)
            step->arguments = field->arguments;
    } else if (is_any(insn->mnemonic, indirect)) {
        step->kind = HF_STEP_INDIRECT;
    } else if (cs_insn_group(engine, insn, CS_GRP_JUMP) || insn->mnemonic[0] == 'b') {
        uint64_t target;
        step->kind = strcmp(insn->mnemonic, "b") == 0 ? HF_STEP_JUMP : HF_STEP_BRANCH;
        uint32_t word = hf_aarch64_read(question->code + insn->address);
        if (!field && hf_aarch64_branch(word, insn->address, &target) && target < question->size)
            step->target = target;
    }
}

static void set_place(bool frame, int64_t place, struct hf_step *step)
{
    step->has_place = true;
    step->frame_place = frame;
    step->place = place;
}

/* Capstone does not know what many instructions do with their registers: their mnemonics tell. */
static unsigned access_of(const cs_insn *insn, unsigned index)
{
    const cs_arm64_op *op = &insn->detail->arm64.operands[index];
    bool result = index == 0 || (index == 1 && strncmp(insn->mnemonic, "ldp", 3) == 0);

    if (compares(insn->mnemonic) || strncmp(insn->mnemonic, "st", 2) == 0)
        return CS_AC_READ;
    if (overwrites(insn->mnemonic))
        return result ? CS_AC_WRITE : CS_AC_READ;
    return op->access ? op->access : CS_AC_READ | CS_AC_WRITE;
}

/* A register that is followed is an operand, any other one part of the shape. */
static void shape_register(unsigned name, unsigned access, struct hf_step *step)
{
    unsigned n = number(name);

    /* 32 bits of a register are another operand than 64. */
    step->shape = hf_step_mix(step->shape, name >= ARM64_REG_W0 && name <= ARM64_REG_W30);
    if (n == NONE) {
        step->shape = hf_step_mix(step->shape, name);
        return;
    }
    hf_step_operand(step, n, (access & CS_AC_READ) != 0, (access & CS_AC_WRITE) != 0);
}

static void shape_operand(const cs_insn *insn, unsigned index, bool named, struct hf_step *step)
{
    const cs_arm64 *detail = &insn->detail->arm64;
    const cs_arm64_op *op = &detail->operands[index], *before = index > 0 ? op - 1 : NULL;
    bool computes = strcmp(insn->mnemonic, "add") == 0 || strcmp(insn->mnemonic, "sub") == 0;
    bool address = before && computes && before->type == ARM64_OP_REG && index == 2 && op->type == ARM64_OP_IMM &&
                   (is_stack(before->reg) || number(before->reg) == FRAME) && op->shift.type == ARM64_SFT_INVALID;

    step->shape = hf_step_mix(hf_step_mix(step->shape, op->type), op->shift.type);
    step->shape = hf_step_mix(hf_step_mix(step->shape, op->shift.value), op->ext);
    if (op->type == ARM64_OP_REG) {
        shape_register(op->reg, access_of(insn, index), step);
    } else if (op->type == ARM64_OP_MEM) {
        bool frame = number(op->mem.base) == FRAME, bare = op->mem.index == ARM64_REG_INVALID && !detail->writeback;
        shape_register(op->mem.base, CS_AC_READ | (detail->writeback ? CS_AC_WRITE : 0), step);
        shape_register(op->mem.index, CS_AC_READ, step);
        if (bare && !named && (frame || is_stack(op->mem.base)))
            set_place(frame, op->mem.disp, step);
        else if (!named)
            step->shape = hf_step_mix(step->shape, (uint64_t)op->mem.disp);
    } else if (address && !named) {
        set_place(!is_stack(before->reg), insn->mnemonic[0] == 's' ? -op->imm : op->imm, step);
    } else if (!named) {
        step->shape = hf_step_mix(step->shape, (uint64_t)op->imm);
    }
}

static void shape_step(const cs_insn *insn, bool named, struct hf_step *step)
{
    const cs_arm64 *detail = &insn->detail->arm64;

    /* Numbers of a test-and-branch's bit are operands, too: targets are what is left out. */
    bool branches = step->kind == HF_STEP_JUMP || step->kind == HF_STEP_BRANCH || step->kind == HF_STEP_CALL;
    step->shape = hf_step_mix(hf_step_mix(hf_step_mix(1, insn->id), detail->cc), detail->writeback);
    for (unsigned i = 0; i < detail->op_count; i++)
        shape_operand(insn, i, named || (branches && i + 1u == detail->op_count), step);
    step->copies = strcmp(insn->mnemonic, "mov") == 0 && detail->op_count == 2 &&
                   detail->operands[0].type == ARM64_OP_REG && detail->operands[1].type == ARM64_OP_REG;
}

static struct hf_step read_step(csh engine, const cs_insn *insn, const struct hf_leak_question *question)
{
    struct hf_step step = {.offset = insn->address};
    const cs_arm64 *detail = &insn->detail->arm64;
    const struct hf_named_field *field = hf_leak_field(question, insn->address, insn->address + HF_AARCH64_WORD);
    const cs_arm64_op *memory = NULL;

    for (unsigned i = 0; i < detail->op_count; i++) {
        if (detail->operands[i].type == ARM64_OP_REG)
            read_operand(insn, &detail->operands[i], &step);
        if (detail->operands[i].type == ARM64_OP_MEM)
            memory = &detail->operands[i];
    }
    if (memory)
        read_memory(insn, memory, field, &step);
    if (memory && detail->writeback)
        write_back(detail, memory, &step);
    step.has_value = field && !memory;
    step.value_names = step.has_value ? field->what : HF_NAMED_OTHER;
    read_kind(engine, insn, question, &step);
    if (step.kind == HF_STEP_PLAIN && !memory)
        move_stack(insn, &step);
    if (step.kind != HF_STEP_PLAIN)
        step.has_value = false;
    shape_step(insn, field != NULL, &step);
    return step;
}

bool hf_aarch64_steps(const struct hf_leak_question *question, struct hf_steps *steps)
{
    csh engine;

    *steps = (struct hf_steps){.result = BIT(0), .wide_result = BIT(0) | BIT(1), .clobbered = BIT(19) - 1 + BIT(30)};
    for (unsigned i = 1; i <= HF_STEPS_ALL; i++)
        steps->arguments[i] = steps->arguments[i - 1] | BIT(i - 1);
    steps->arguments[HF_STEPS_ALL] |= BIT(8) | BIT(18);
    if (question->size == 0 || question->size > MAX_CODE || cs_open(CS_ARCH_ARM64, 0, &engine) != CS_ERR_OK)
        return false;
    cs_option(engine, CS_OPT_DETAIL, CS_OPT_ON);
    cs_insn *insn = cs_malloc(engine);
    const uint8_t *next = question->code;
    size_t left = question->size;
    uint64_t address = 0;
    steps->items = calloc(question->size / HF_AARCH64_WORD + 1, sizeof(*steps->items));
    while (insn && steps->items && left > 0 && cs_disasm_iter(engine, &next, &left, &address, insn))
        steps->items[steps->count++] = read_step(engine, insn, question);
    bool decoded = insn && steps->items && left == 0;
    if (insn)
        cs_free(insn, 1);
    cs_close(&engine);
    if (!decoded) {
        free(steps->items);
        steps->items = NULL;
    }
    return decoded;
}
