/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a function's entry allows. Instructions are words, and a few bits identify those that matter: no disassembler is
 * needed. Packager only.
 */
#include <elf.h>

#include "aarch64.h"

#define REGISTERS 32

static bool is_call(uint32_t word)
{
    return (word & UINT32_C(0xfc000000)) == UINT32_C(0x94000000) || /* bl */
           (word & UINT32_C(0xfffffc1f)) == UINT32_C(0xd63f0000);   /* blr */
}

/*
 * Does the instruction at `offset` bring a running copy of the function back behind the first of bytes [0, end)? A call
 * of the function's own entry does not, it may be diverted; a jump there is a loop, whose registers are not those of a
 * call. A call that stands within the bytes returns into them.
 */
static bool comes_back(uint32_t word, size_t offset, size_t pad, size_t end)
{
    uint64_t target;

    if (is_call(word) && offset + HF_AARCH64_WORD < end)
        return true;
    if (!hf_aarch64_branch(word, offset, &target) || target >= end)
        return false;
    return !is_call(word) || (target != 0 && target != pad);
}

static enum hf_arch_status entry(const uint8_t *code, size_t size, size_t *skip, size_t *at)
{
    size_t pad = hf_aarch64_landing_pad(code, size);
    size_t end = pad + hf_aarch64_detour_size(code + pad, size - pad);

    if (size < end)
        return HF_ARCH_SHORT;
    if (size % HF_AARCH64_WORD != 0)
        return HF_ARCH_DECODE;
    for (size_t i = 0; i < size; i += HF_AARCH64_WORD)
        if (comes_back(hf_aarch64_read(code + i), i, pad, end)) {
            *at = i;
            return HF_ARCH_BRANCH;
        }
    *skip = pad;
    return HF_ARCH_OK;
}

/* A function of one instruction is long enough (detour.c). */
static size_t room(const uint8_t *code, size_t size, size_t available)
{
    (void)code;
    (void)available;
    return size;
}

static enum hf_arch_status enters(const uint8_t *code, size_t size, uint64_t address, uint64_t begin, uint64_t end,
                                  size_t *at)
{
    uint64_t target;

    if (size % HF_AARCH64_WORD != 0)
        return HF_ARCH_DECODE;
    for (size_t i = 0; i < size; i += HF_AARCH64_WORD)
        if (hf_aarch64_branch(hf_aarch64_read(code + i), address + i, &target) && target >= begin && target < end) {
            *at = i;
            return HF_ARCH_BRANCH;
        }
    return HF_ARCH_OK;
}

/* What is known of the registers in a straight line of code. */
struct registers {
    struct {
        enum { UNKNOWN, PAGE, THREAD } holds; /* the page that adrp computed; the thread pointer and an offset */
        uint64_t value;
    } of[REGISTERS];
};

/* add x, x, #imm12, lsl #12 */
static bool is_high_add(uint32_t word)
{
    return (word & UINT32_C(0xffc00000)) == UINT32_C(0x91400000);
}

static void follow(struct registers *registers, uint32_t word, uint64_t address)
{
    unsigned to = word & 31, from = (word >> 5) & 31;
    bool store = (word & UINT32_C(0x3bc00000)) == UINT32_C(0x39000000);
    uint64_t value;

    if (hf_aarch64_page(word, address, &value)) {
        registers->of[to].holds = PAGE;
        registers->of[to].value = value;
    } else if ((word & UINT32_C(0xffffffe0)) == UINT32_C(0xd53bd040)) { /* mrs x, tpidr_el0 */
        registers->of[to].holds = THREAD;
        registers->of[to].value = 0;
    } else if (is_high_add(word) && registers->of[from].holds == THREAD) {
        registers->of[to] = registers->of[from];
        registers->of[to].value += (uint64_t)((word >> 10) & 0xfff) << 12;
    } else if (!store && !hf_aarch64_branch(word, address, &value)) {
        registers->of[to].holds = UNKNOWN;
    }
}

/* What the instruction names with what registers hold before it. */
static bool refer(const struct registers *registers, uint32_t word, uint64_t address,
                  struct hf_arch_reference *reference)
{
    unsigned base, to;
    uint64_t low;

    reference->thread = false;
    reference->branch = hf_aarch64_branch(word, address, &reference->value);
    if (reference->branch)
        return true;
    if (hf_aarch64_page(word, address, &reference->value)) /* what adds to it tells */
        return false;
    if (hf_aarch64_literal(word, address, &reference->value))
        return true;
    if (!hf_aarch64_low(word, &base, &to, &low) || registers->of[base].holds == UNKNOWN)
        return false;
    reference->thread = registers->of[base].holds == THREAD;
    reference->value = registers->of[base].value + low;
    return true;
}

static enum hf_arch_status references(const uint8_t *code, size_t size, uint64_t address,
                                      struct hf_arch_reference *found, size_t limit, size_t *count)
{
    struct registers registers = {.of = {{UNKNOWN, 0}}};
    size_t seen = 0;

    if (size % HF_AARCH64_WORD != 0)
        return HF_ARCH_DECODE;
    for (size_t i = 0; i < size; i += HF_AARCH64_WORD) {
        struct hf_arch_reference reference = {.offset = i, .size = HF_AARCH64_WORD};
        uint32_t word = hf_aarch64_read(code + i);
        if (refer(&registers, word, address + i, &reference) && seen++ < limit)
            found[seen - 1] = reference;
        follow(&registers, word, address + i);
    }
    *count = seen;
    return HF_ARCH_OK;
}

/* Variant I (Drepper): a program's block begins behind the thread pointer and the two words there. */
static int64_t thread_offset(uint64_t size, uint64_t alignment)
{
    (void)size;
    return (int64_t)((16 + alignment - 1) & -alignment);
}

/* "$x" and "$d", and a dot and whatever behind them (AAELF64, 5.5.4). */
static bool mapping_symbol(const char *name)
{
    return name[0] == '$' && (name[1] == 'x' || name[1] == 'd') && (name[2] == '\0' || name[2] == '.');
}

static const char *const library_directories[] = {"/usr/aarch64-linux-gnu/lib", "/lib/aarch64-linux-gnu",
                                                  "/usr/lib/aarch64-linux-gnu", NULL};

const struct hf_arch_tools hf_arch_tools_aarch64 = {
    .arch = &hf_arch_aarch64,
    .binutils = "aarch64-linux-gnu-",
    .library_directories = library_directories,
    .page_size = 65536,
    .entry = entry,
    .room = room,
    .enters = enters,
    .tables = hf_aarch64_tables,
    .references = references,
    .constants = hf_aarch64_constants,
    .immediates = NULL,
    .word_type = R_AARCH64_ABS64,
    .near_type = R_AARCH64_PREL32,
    .near_word_type = R_AARCH64_PREL64,
    .mapping_symbol = mapping_symbol,
    .relation = hf_aarch64_relation,
    .slot_type = hf_aarch64_slot_type,
    .thread_offset = thread_offset,
    .local_exec = hf_aarch64_local_exec,
    .dynamic_relation = hf_aarch64_dynamic_relation,
    .field_size = hf_aarch64_field_size,
    .linked = hf_aarch64_linked,
    .displaced_size = HF_AARCH64_WORD,
    .displaced = hf_aarch64_displaced,
    .comes_back = hf_aarch64_comes_back,
    .flow = hf_aarch64_flow,
    .run = hf_aarch64_run,
    .stretch = hf_aarch64_stretch,
    .inert = hf_aarch64_inert,
    .lands = hf_aarch64_lands,
    .guarded = hf_aarch64_guarded,
    .mention = hf_aarch64_mention,
    .branch = hf_aarch64_branch_at,
    .takes = hf_aarch64_takes,
    .steps = hf_aarch64_steps,
    .is_branch = hf_aarch64_is_branch,
    .stub = hf_aarch64_stub,
};
