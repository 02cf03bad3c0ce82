/* SPDX-License-Identifier: Apache-2.0 */
/* Where values go, instruction by instruction, seen through the Capstone disassembler. Packager only. */
#include <capstone/capstone.h>
#include <stdlib.h>

#include "leak.h"
#include "x86_64.h"

#define MAX_CODE (256u << 10) /* bytes of a function that is followed */

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, NONE = HF_X86_64_REGISTERS };

/* Each general register's names, by width. */
static const struct {
    unsigned quad, word, half, byte, high;
} registers[] = {
    {X86_REG_RAX, X86_REG_EAX, X86_REG_AX, X86_REG_AL, X86_REG_AH},
    {X86_REG_RCX, X86_REG_ECX, X86_REG_CX, X86_REG_CL, X86_REG_CH},
    {X86_REG_RDX, X86_REG_EDX, X86_REG_DX, X86_REG_DL, X86_REG_DH},
    {X86_REG_RBX, X86_REG_EBX, X86_REG_BX, X86_REG_BL, X86_REG_BH},
    {X86_REG_RSP, X86_REG_ESP, X86_REG_SP, X86_REG_SPL, X86_REG_RSP},
    {X86_REG_RBP, X86_REG_EBP, X86_REG_BP, X86_REG_BPL, X86_REG_RBP},
    {X86_REG_RSI, X86_REG_ESI, X86_REG_SI, X86_REG_SIL, X86_REG_RSI},
    {X86_REG_RDI, X86_REG_EDI, X86_REG_DI, X86_REG_DIL, X86_REG_RDI},
    {X86_REG_R8, X86_REG_R8D, X86_REG_R8W, X86_REG_R8B, X86_REG_R8},
    {X86_REG_R9, X86_REG_R9D, X86_REG_R9W, X86_REG_R9B, X86_REG_R9},
    {X86_REG_R10, X86_REG_R10D, X86_REG_R10W, X86_REG_R10B, X86_REG_R10},
    {X86_REG_R11, X86_REG_R11D, X86_REG_R11W, X86_REG_R11B, X86_REG_R11},
    {X86_REG_R12, X86_REG_R12D, X86_REG_R12W, X86_REG_R12B, X86_REG_R12},
    {X86_REG_R13, X86_REG_R13D, X86_REG_R13W, X86_REG_R13B, X86_REG_R13},
    {X86_REG_R14, X86_REG_R14D, X86_REG_R14W, X86_REG_R14B, X86_REG_R14},
    {X86_REG_R15, X86_REG_R15D, X86_REG_R15W, X86_REG_R15B, X86_REG_R15},
};

#define BIT(n) (UINT32_C(1) << (n))

unsigned hf_x86_64_register(unsigned name, bool *part)
{
    for (unsigned i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
        bool whole = name == registers[i].quad || name == registers[i].word;
        if (whole || name == registers[i].half || name == registers[i].byte || name == registers[i].high) {
            *part = !whole;
            return i;
        }
    }
    return NONE;
}

/* Registers that are not followed and can hold an address: vector, FPU and mask registers. */
static bool holds_values(unsigned name)
{
    return name != X86_REG_INVALID && name != X86_REG_EFLAGS && name != X86_REG_RIP && name != X86_REG_EIP &&
           name != X86_REG_FPSW;
}

static void read_register(unsigned name, struct hf_step *step)
{
    bool part;
    unsigned n = hf_x86_64_register(name, &part);

    step->reads_other |= n == NONE && holds_values(name);
    if (n != NONE && n != RSP)
        step->reads |= BIT(n);
}

static void write_register(unsigned name, struct hf_step *step)
{
    bool part;
    unsigned n = hf_x86_64_register(name, &part);

    if (n == NONE) {
        step->writes_other |= holds_values(name);
        return;
    }
    if (n == RSP)
        return;
    step->writes |= BIT(n);
    /* The rest of it stays. */
    if (part)
        step->reads |= BIT(n);
}

static bool is_stack(unsigned name)
{
    return name == X86_REG_RSP || name == X86_REG_ESP;
}

static void read_memory(const cs_x86_op *op, const struct hf_named_field *field, struct hf_step *step)
{
    bool part;
    unsigned base = hf_x86_64_register(op->mem.base, &part), index = hf_x86_64_register(op->mem.index, &part);

    if (field) {
        step->has_memory = true;
        step->memory_names = field->what;
    }
    if (op->mem.segment != X86_REG_INVALID && op->mem.segment != X86_REG_DS)
        return;
    if (base != NONE && base != RSP)
        step->address |= BIT(base);
    if (index != NONE)
        step->address |= BIT(index);
    if (index == NONE && !field && (is_stack(op->mem.base) || base == RBP)) {
        step->base = is_stack(op->mem.base) ? HF_STEP_STACK : HF_STEP_FRAME;
        step->displacement = op->mem.disp;
    } else if (is_stack(op->mem.base)) {
        step->takes_stack = true;
    }
}

/* lea: the address itself is what is written. */
static void compute(const cs_insn *insn, const struct hf_leak_question *question, const struct hf_named_field *field,
                    struct hf_step *step)
{
    const cs_x86_op *op = &insn->detail->x86.operands[1];

    step->reads |= step->address;
    step->has_value = step->has_memory;
    step->value_names = step->memory_names;
    step->address = 0;
    step->has_memory = false;
    step->base = HF_STEP_NO_BASE;
    if (is_stack(insn->detail->x86.operands[0].reg))
        return;
    step->takes_stack = is_stack(op->mem.base) || op->mem.base == X86_REG_RBP;
    uint64_t address = insn->address + insn->size + (uint64_t)op->mem.disp;
    step->takes_own = op->mem.base == X86_REG_RIP && !field && address < question->size;
}

static void move_stack(const cs_insn *insn, struct hf_step *step)
{
    const cs_x86 *x86 = &insn->detail->x86;
    const cs_x86_op *first = &x86->operands[0], *second = &x86->operands[1];
    bool sets_stack = x86->op_count > 0 && first->type == X86_OP_REG && is_stack(first->reg);
    bool sets_frame = x86->op_count > 0 && first->type == X86_OP_REG && first->reg == X86_REG_RBP;
    bool constant = x86->op_count == 2 && second->type == X86_OP_IMM;

    switch (insn->id) {
    case X86_INS_PUSH:
    case X86_INS_PUSHFQ:
        step->stack_change = -8;
        step->base = HF_STEP_STACK;
        step->displacement = -8;
        step->stores = true;
        return;
    case X86_INS_POP:
    case X86_INS_POPFQ:
        step->stack_change = 8;
        step->loses_frame = sets_frame;
        step->base = HF_STEP_STACK;
        step->displacement = 0;
        step->loads = true;
        return;
    case X86_INS_LEAVE:
        step->from_frame = true;
        step->stack_change = 8;
        step->loses_frame = true;
        return;
    case X86_INS_MOV:
        step->sets_frame = sets_frame && second->type == X86_OP_REG && is_stack(second->reg);
        step->from_frame = sets_stack && second->type == X86_OP_REG && second->reg == X86_REG_RBP;
        step->takes_stack |= second->type == X86_OP_REG && is_stack(second->reg) && !step->sets_frame;
        break;
    case X86_INS_ADD:
    case X86_INS_SUB:
        if (sets_stack && constant)
            step->stack_change = insn->id == X86_INS_ADD ? second->imm : -second->imm;
        break;
    case X86_INS_LEA:
        if (sets_stack && is_stack(second->mem.base) && second->mem.index == X86_REG_INVALID)
            step->stack_change = second->mem.disp;
        break;
    default:
        break;
    }
    bool moves = step->stack_change != 0 || step->from_frame;
    bool compares = insn->id == X86_INS_CMP || insn->id == X86_INS_TEST;
    step->loses_stack = sets_stack && !moves && !compares;
    step->loses_frame |= sets_frame && !step->sets_frame && !compares;
}

static bool clears(const cs_insn *insn)
{
    const cs_x86 *x86 = &insn->detail->x86;

    return (insn->id == X86_INS_XOR || insn->id == X86_INS_SUB) && x86->op_count == 2 &&
           x86->operands[0].type == X86_OP_REG && x86->operands[1].type == X86_OP_REG &&
           x86->operands[0].reg == x86->operands[1].reg;
}

static void read_operands(const cs_insn *insn, const struct hf_leak_question *question, struct hf_step *step)
{
    const cs_x86 *x86 = &insn->detail->x86;
    uint64_t end = insn->address + insn->size;
    uint64_t immediate = insn->address + x86->encoding.imm_offset, place = insn->address + x86->encoding.disp_offset;
    const struct hf_named_field *value =
        x86->encoding.imm_offset ? hf_leak_field(question, immediate, immediate + 1) : NULL;
    const struct hf_named_field *memory = x86->encoding.disp_offset ? hf_leak_field(question, place, place + 1) : NULL;

    for (unsigned i = 0; i < x86->op_count; i++) {
        const cs_x86_op *op = &x86->operands[i];
        unsigned access = op->access ? op->access : CS_AC_READ | CS_AC_WRITE;
        if (op->type == X86_OP_REG && (access & CS_AC_READ))
            read_register(op->reg, step);
        if (op->type == X86_OP_REG && (access & CS_AC_WRITE))
            write_register(op->reg, step);
        if (op->type != X86_OP_MEM)
            continue;
        read_memory(op, memory, step);
        step->loads |= (access & CS_AC_READ) != 0;
        step->stores |= (access & CS_AC_WRITE) != 0;
    }
    /* Any other relocation belongs to a branch, or to an operand that Capstone does not report. */
    step->has_value = value || (!memory && hf_leak_field(question, insn->address, end));
    step->value_names = value             ? value->what
                        : step->has_value ? hf_leak_field(question, insn->address, end)->what
                                          : HF_NAMED_OTHER;
    for (unsigned i = 0; i < insn->detail->regs_read_count; i++)
        read_register(insn->detail->regs_read[i], step);
    for (unsigned i = 0; i < insn->detail->regs_write_count; i++)
        write_register(insn->detail->regs_write[i], step);
    if (insn->id == X86_INS_LEA) {
        step->loads = step->stores = false;
        compute(insn, question, memory, step);
    }
}

static void read_kind(csh engine, const cs_insn *insn, const struct hf_leak_question *question, struct hf_step *step)
{
    const cs_x86 *x86 = &insn->detail->x86;
    const struct hf_named_field *field = hf_leak_field(question, insn->address, insn->address + insn->size);
    bool direct = x86->op_count > 0 && x86->operands[0].type == X86_OP_IMM;

    step->arguments = HF_NAMED_UNKNOWN;
    step->target = HF_STEP_OUTSIDE;
    if (insn->id == X86_INS_UD2 || insn->id == X86_INS_HLT || insn->id == X86_INS_INT3) {
        step->kind = HF_STEP_STOP;
        step->idle = true;
    } else if (cs_insn_group(engine, insn, CS_GRP_RET)) {
        step->kind = HF_STEP_RETURN;
    } else if (cs_insn_group(engine, insn, CS_GRP_CALL) || cs_insn_group(engine, insn, CS_GRP_INT) ||
               insn->id == X86_INS_SYSCALL) {
        step->kind = HF_STEP_CALL;
        if (direct && field)
            step->arguments = field->arguments;
        step->writes = 0;
    } else if (cs_insn_group(engine, insn, CS_GRP_JUMP) || insn->id == X86_INS_LOOP) {
        bool always = insn->id == X86_INS_JMP || insn->id == X86_INS_LJMP;
        step->kind = !direct ? HF_STEP_INDIRECT : always ? HF_STEP_JUMP : HF_STEP_BRANCH;
        if (direct && !field && (uint64_t)x86->operands[0].imm < question->size)
            step->target = (uint64_t)x86->operands[0].imm;
    }
    if (step->kind != HF_STEP_PLAIN && direct)
        step->has_value = false;
}

/* A register that is followed is an operand, any other one part of the shape. */
static void shape_register(unsigned name, unsigned access, struct hf_step *step)
{
    bool part = false;
    unsigned n = hf_x86_64_register(name, &part);

    bool high = name == X86_REG_AH || name == X86_REG_BH || name == X86_REG_CH || name == X86_REG_DH;

    if (n == NONE || n == RSP || high)
        step->shape = hf_step_mix(step->shape, name);
    if (n == NONE || n == RSP)
        return;
    step->shape = hf_step_mix(step->shape, part);
    hf_step_operand(step, n, (access & CS_AC_READ) || part, (access & CS_AC_WRITE) != 0);
}

/* A memory operand's part of the shape; a place on the stack is told apart. */
static void shape_memory(const cs_x86_op *op, bool named, struct hf_step *step)
{
    bool part, stack = is_stack(op->mem.base);
    bool frame = hf_x86_64_register(op->mem.base, &part) == RBP;

    step->shape = hf_step_mix(step->shape, op->mem.segment);
    shape_register(op->mem.base, CS_AC_READ, step);
    shape_register(op->mem.index, CS_AC_READ, step);
    step->shape = hf_step_mix(step->shape, (uint64_t)op->mem.scale);
    if ((stack || frame) && op->mem.index == X86_REG_INVALID && !named) {
        step->has_place = true;
        step->frame_place = frame;
        step->place = op->mem.disp;
    } else if (!named) {
        step->shape = hf_step_mix(step->shape, (uint64_t)op->mem.disp);
    }
}

static void shape_step(const cs_insn *insn, const struct hf_leak_question *question, struct hf_step *step)
{
    const cs_x86 *x86 = &insn->detail->x86;
    uint64_t immediate = insn->address + x86->encoding.imm_offset, place = insn->address + x86->encoding.disp_offset;
    bool named_value = step->kind == HF_STEP_JUMP || step->kind == HF_STEP_BRANCH || step->kind == HF_STEP_CALL ||
                       (x86->encoding.imm_offset && hf_leak_field(question, immediate, immediate + 1));
    bool named_memory = x86->encoding.disp_offset && hf_leak_field(question, place, place + 1);

    step->shape = hf_step_mix(hf_step_mix(1, insn->id), x86->prefix[0]);
    for (unsigned i = 0; i < x86->op_count; i++) {
        const cs_x86_op *op = &x86->operands[i];
        step->shape = hf_step_mix(hf_step_mix(step->shape, op->type), op->size);
        unsigned access = clears(insn) ? CS_AC_WRITE : op->access ? op->access : CS_AC_READ | CS_AC_WRITE;
        if (op->type == X86_OP_REG)
            shape_register(op->reg, access, step);
        else if (op->type == X86_OP_IMM && !named_value)
            step->shape = hf_step_mix(step->shape, (uint64_t)op->imm);
        else if (op->type == X86_OP_MEM)
            shape_memory(op, named_memory, step);
    }
    /* jcc: 70 to 7f, or 0f 80 to 0f 8f; the lowest bit turns the condition round. */
    unsigned opcode = x86->opcode[0] == 0x0f ? x86->opcode[1] - 0x10u : x86->opcode[0];
    if (step->kind == HF_STEP_BRANCH && opcode >= 0x70 && opcode <= 0x7f) {
        step->shape = hf_step_mix(2, opcode);
        step->inverse = hf_step_mix(2, opcode ^ 1u);
    }
    step->copies = insn->id == X86_INS_MOV && x86->operands[0].type == X86_OP_REG && x86->operands[0].size == 8 &&
                   x86->operands[1].type == X86_OP_REG;
}

static struct hf_step read_step(csh engine, const cs_insn *insn, const struct hf_leak_question *question)
{
    struct hf_step step = {.offset = insn->address};

    if (insn->id == X86_INS_NOP || insn->id == X86_INS_ENDBR64) {
        step.target = HF_STEP_OUTSIDE;
        step.idle = true;
        return step;
    }
    read_operands(insn, question, &step);
    read_kind(engine, insn, question, &step);
    if (step.kind == HF_STEP_PLAIN)
        move_stack(insn, &step);
    if (step.kind == HF_STEP_INDIRECT || step.kind == HF_STEP_CALL)
        step.stores = false;
    if (clears(insn)) {
        step.reads = 0;
        step.reads_other = false;
    }
    shape_step(insn, question, &step);
    return step;
}

bool hf_x86_64_steps(const struct hf_leak_question *question, struct hf_steps *steps)
{
    static const unsigned order[] = {RDI, RSI, RDX, RCX, R8, R9};
    csh engine;

    *steps = (struct hf_steps){
        .result = BIT(RAX),
        .wide_result = BIT(RAX) | BIT(RDX),
        .clobbered = BIT(RAX) | BIT(RCX) | BIT(RDX) | BIT(RSI) | BIT(RDI) | BIT(R8) | BIT(R9) | BIT(R10) | BIT(R11),
    };
    for (unsigned i = 1; i <= HF_STEPS_ALL; i++)
        steps->arguments[i] = steps->arguments[i - 1] | (i <= 6 ? BIT(order[i - 1]) : 0);
    steps->arguments[HF_STEPS_ALL] |= BIT(R10);
    if (question->size == 0 || question->size > MAX_CODE || cs_open(CS_ARCH_X86, CS_MODE_64, &engine) != CS_ERR_OK)
        return false;
    cs_option(engine, CS_OPT_DETAIL, CS_OPT_ON);
    cs_insn *insn = cs_malloc(engine);
    const uint8_t *next = question->code;
    size_t left = question->size;
    uint64_t address = 0;
    steps->items = calloc(question->size, sizeof(*steps->items));
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
