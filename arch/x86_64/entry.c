/* SPDX-License-Identifier: Apache-2.0 */
/* What a function's entry allows, seen through the Capstone disassembler. Packager only. */
#include <capstone/capstone.h>
#include <elf.h>

#include "x86_64.h"

/* A walk over the instructions of a function. */
struct walk {
    csh engine;
    cs_insn *insn; /* the present one */
    const uint8_t *next;
    size_t left;
    uint64_t address; /* of the next one */
};

static void walk_close(struct walk *walk)
{
    if (walk->insn)
        cs_free(walk->insn, 1);
    cs_close(&walk->engine);
}

static bool walk_open(struct walk *walk, const uint8_t *code, size_t size, uint64_t address)
{
    *walk = (struct walk){.next = code, .left = size, .address = address};
    if (cs_open(CS_ARCH_X86, CS_MODE_64, &walk->engine) != CS_ERR_OK)
        return false;
    cs_option(walk->engine, CS_OPT_DETAIL, CS_OPT_ON);
    walk->insn = cs_malloc(walk->engine);
    if (!walk->insn)
        walk_close(walk);
    return walk->insn;
}

static bool walk_next(struct walk *walk)
{
    return walk->left > 0 && cs_disasm_iter(walk->engine, &walk->next, &walk->left, &walk->address, walk->insn);
}

/* Was everything seen? Padding that assemblers write behind functions need not decode: nothing runs it. */
static bool walk_done(const struct walk *walk)
{
    for (size_t i = 0; i < walk->left; i++)
        if (walk->next[i] != 0)
            return false;
    return true;
}

static bool in_group(const struct walk *walk, unsigned group)
{
    return cs_insn_group(walk->engine, walk->insn, group);
}

static const cs_x86_op *operand(const struct walk *walk, uint8_t index)
{
    const cs_x86 *detail = &walk->insn->detail->x86;
    return index < detail->op_count ? &detail->operands[index] : NULL;
}

/* The address that a direct branch goes to; false for any other instruction. */
static bool branch_target(const struct walk *walk, uint64_t *target)
{
    const cs_x86_op *first = operand(walk, 0);

    if (!in_group(walk, CS_GRP_JUMP) && !in_group(walk, CS_GRP_CALL) && !in_group(walk, CS_GRP_BRANCH_RELATIVE) &&
        walk->insn->id != X86_INS_XBEGIN)
        return false;
    if (!first || first->type != X86_OP_IMM)
        return false;
    *target = (uint64_t)first->imm;
    return true;
}

/*
 * Does this instruction of the function itself, whose addresses count from 0, bring a running copy of it back into
 * bytes [0, end)? A call of the function's own entry does not: it is an ordinary call and may be diverted. A jump there
 * is a loop, whose registers are not those of a call. A call that stands within the bytes returns into them.
 */
static bool comes_back(const struct walk *walk, size_t pad, size_t end)
{
    bool call = in_group(walk, CS_GRP_CALL);
    uint64_t target;

    if (call && walk->address < end)
        return true;
    if (!branch_target(walk, &target) || target >= end)
        return false;
    return !call || (target != 0 && target != pad);
}

static enum hf_arch_status entry(const uint8_t *code, size_t size, size_t *skip, size_t *at)
{
    size_t pad = hf_x86_64_landing_pad(code, size), end = pad + HF_X86_64_DETOUR_SIZE;
    enum hf_arch_status status = HF_ARCH_OK;
    struct walk walk;

    if (size < end)
        return HF_ARCH_SHORT;
    if (!walk_open(&walk, code, size, 0))
        return HF_ARCH_DECODE;
    while (status == HF_ARCH_OK && walk_next(&walk))
        if (comes_back(&walk, pad, end))
            status = HF_ARCH_BRANCH;
    if (status == HF_ARCH_BRANCH)
        *at = walk.insn->address;
    else if (!walk_done(&walk) || walk.address < end)
        status = HF_ARCH_DECODE;
    else
        *skip = pad;
    walk_close(&walk);
    return status;
}

/* Behind this instruction, nothing runs on. */
static bool ends_flow(const struct walk *walk)
{
    switch (walk->insn->id) {
    case X86_INS_JMP:
    case X86_INS_RET:
    case X86_INS_UD2:
        return true;
    default:
        return false;
    }
}

/* Does the function end with its last byte, without a branch to what follows it? */
static bool is_closed(const uint8_t *code, size_t size, size_t available)
{
    bool closed = false;
    struct walk walk;
    uint64_t target;

    if (!walk_open(&walk, code, size, 0))
        return false;
    while (walk_next(&walk)) {
        closed = ends_flow(&walk);
        if (branch_target(&walk, &target) && target >= size && target < available)
            break;
    }
    closed = closed && walk.left == 0;
    walk_close(&walk);
    return closed;
}

static size_t room(const uint8_t *code, size_t size, size_t available)
{
    size_t needed = hf_x86_64_landing_pad(code, size) + HF_X86_64_DETOUR_SIZE, reached = size;
    struct walk walk;

    if (size >= needed || !is_closed(code, size, available) || !walk_open(&walk, code + size, available - size, size))
        return size;
    while (reached < needed && walk_next(&walk) && (walk.insn->id == X86_INS_NOP || walk.insn->id == X86_INS_INT3))
        reached = walk.address;
    walk_close(&walk);
    return reached < needed ? size : reached;
}

static enum hf_arch_status enters(const uint8_t *code, size_t size, uint64_t address, uint64_t begin, uint64_t end,
                                  size_t *at)
{
    enum hf_arch_status status = HF_ARCH_OK;
    struct walk walk;
    uint64_t target;

    if (!walk_open(&walk, code, size, address))
        return HF_ARCH_DECODE;
    while (status == HF_ARCH_OK && walk_next(&walk))
        if (branch_target(&walk, &target) && target >= begin && target < end)
            status = HF_ARCH_BRANCH;
    if (status == HF_ARCH_BRANCH)
        *at = walk.insn->address - address;
    else if (!walk_done(&walk))
        status = HF_ARCH_DECODE;
    walk_close(&walk);
    return status;
}

/* Compilers reach a table by lea, then add an entry to its address, or jump through [table + index * 8]. */
static bool table_address(const struct walk *walk, uint64_t *table)
{
    const cs_x86_op *last = operand(walk, walk->insn->id == X86_INS_LEA ? 1 : 0);

    if (!last || last->type != X86_OP_MEM)
        return false;
    if (walk->insn->id == X86_INS_LEA && last->mem.base == X86_REG_RIP)
        *table = walk->address + (uint64_t)last->mem.disp;
    else if (in_group(walk, CS_GRP_JUMP) && last->mem.base == X86_REG_INVALID && last->mem.index != X86_REG_INVALID)
        *table = (uint64_t)last->mem.disp;
    else
        return false;
    return true;
}

/* It is not obvious from the code what the entries are: distances from the table, or addresses. */
static size_t tables(const uint8_t *code, size_t size, uint64_t address, struct hf_jump_table *found, size_t limit)
{
    size_t count = 0;
    bool indirect = false;
    struct walk walk;
    uint64_t table;

    if (!walk_open(&walk, code, size, address))
        return 0;
    while (walk_next(&walk)) {
        const cs_x86_op *first = operand(&walk, 0);
        indirect |= in_group(&walk, CS_GRP_JUMP) && first && first->type != X86_OP_IMM;
        if (!table_address(&walk, &table))
            continue;
        const struct hf_jump_table forms[] = {
            {.address = table, .base = table, .width = sizeof(int32_t), .is_signed = true},
            {.address = table, .width = sizeof(uint64_t)},
        };
        for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
            if (count++ < limit)
                found[count - 1] = forms[i];
    }
    walk_close(&walk);
    return indirect ? count : 0;
}

/* A direct branch's target, or what an operand without a register of its own names. */
static bool refer(const struct walk *walk, uint8_t index, struct hf_arch_reference *reference)
{
    const cs_x86_op *op = operand(walk, index);

    *reference = (struct hf_arch_reference){.offset = walk->insn->address, .size = walk->insn->size};
    reference->branch = index == 0 && branch_target(walk, &reference->value);
    if (reference->branch)
        return true;
    if (!op || op->type != X86_OP_MEM)
        return false;
    reference->thread = op->mem.segment == X86_REG_FS;
    if (reference->thread) {
        reference->value = (uint64_t)op->mem.disp;
        return op->mem.base == X86_REG_INVALID && op->mem.index == X86_REG_INVALID;
    }
    reference->value = walk->address + (uint64_t)op->mem.disp;
    return op->mem.base == X86_REG_RIP;
}

static enum hf_arch_status references(const uint8_t *code, size_t size, uint64_t address,
                                      struct hf_arch_reference *found, size_t limit, size_t *count)
{
    struct hf_arch_reference reference;
    struct walk walk;
    size_t seen = 0;

    if (!walk_open(&walk, code, size, address))
        return HF_ARCH_DECODE;
    while (walk_next(&walk))
        for (uint8_t i = 0; i < 3; i++)
            if (refer(&walk, i, &reference) && seen++ < limit) {
                reference.offset -= address;
                found[seen - 1] = reference;
            }
    bool done = walk_done(&walk);
    walk_close(&walk);
    if (!done)
        return HF_ARCH_DECODE;
    *count = seen;
    return HF_ARCH_OK;
}

static bool lands(const uint8_t *code, size_t size)
{
    return hf_x86_64_landing_pad(code, size) > 0;
}

static bool mapping_symbol(const char *name)
{
    (void)name;
    return false;
}

/* Every one of them is a 32-bit distance. */
static uint32_t slot_type(uint32_t type)
{
    (void)type;
    return R_X86_64_PC32;
}

/* No relocation type of this CPU is of a descriptor's instructions, as far as compilers here go. */
static enum hf_arch_status local_exec(uint32_t type, uint64_t offset, uint8_t *field)
{
    (void)type;
    (void)offset;
    (void)field;
    return HF_ARCH_UNKNOWN;
}

/* Variant II (Drepper): a program's block ends at the thread pointer. */
static int64_t thread_offset(uint64_t size, uint64_t alignment)
{
    return -(int64_t)((size + alignment - 1) & -alignment);
}

static const char *const library_directories[] = {"/usr/x86_64-linux-gnu/lib", "/lib/x86_64-linux-gnu",
                                                  "/usr/lib/x86_64-linux-gnu", NULL};

const struct hf_arch_tools hf_arch_tools_x86_64 = {
    .arch = &hf_arch_x86_64,
    .binutils = "x86_64-linux-gnu-",
    .library_directories = library_directories,
    .from_behind = true,
    .page_size = 4096,
    .entry = entry,
    .room = room,
    .enters = enters,
    .tables = tables,
    .references = references,
    .constants = hf_x86_64_constants,
    .immediates = hf_x86_64_immediates,
    .word_type = R_X86_64_64,
    .near_type = R_X86_64_PC32,
    .near_word_type = R_X86_64_PC64,
    .mapping_symbol = mapping_symbol,
    .relation = hf_x86_64_relation,
    .slot_type = slot_type,
    .thread_offset = thread_offset,
    .local_exec = local_exec,
    .dynamic_relation = hf_x86_64_dynamic_relation,
    .field_size = hf_x86_64_field_size,
    .linked = hf_x86_64_linked,
    .flow = hf_x86_64_flow,
    .run = hf_x86_64_run,
    .decide_alike = hf_x86_64_decide_alike,
    .stretch = hf_x86_64_stretch,
    .stores = hf_x86_64_stores,
    .inert = hf_x86_64_inert,
    .lands = lands,
    .guarded = hf_x86_64_guarded,
    .mention = hf_x86_64_mention,
    .takes = hf_x86_64_takes,
    .branch = hf_x86_64_branch,
    .by_chance = hf_x86_64_by_chance,
    .steps = hf_x86_64_steps,
    .is_branch = hf_x86_64_is_branch,
    .stub = hf_x86_64_stub,
};
