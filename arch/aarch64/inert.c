/* SPDX-License-Identifier: Apache-2.0 */
/* Whether code does nothing: the few instructions that crt files are made of. Packager only. */
#include <string.h>

#include "aarch64.h"
#include "inert.h"

#define LINK  30 /* holds the return address */
#define STACK 31 /* in addresses; in calculations it is zero */
#define WORD  4
#define KEPT  UINT64_C(0xbff80000) /* x19 to x29 and the stack pointer, by the calling convention */

/* A field of an instruction. */
static unsigned field(uint32_t code, unsigned low, unsigned bits)
{
    return code >> low & ((1U << bits) - 1);
}

static int64_t extended(uint64_t value, unsigned bits)
{
    return (int64_t)(value << (64 - bits)) >> (64 - bits);
}

/* The value of a register in a calculation. */
static struct hf_arch_word value(const struct hf_walk *walk, unsigned number)
{
    return number == STACK ? hf_word_of(0) : walk->registers[number];
}

static bool number_at(const struct hf_walk *walk, unsigned base, uint64_t *number)
{
    *number = walk->registers[base].number;
    return walk->registers[base].kind == HF_WORD_NUMBER;
}

/* Loads or stores of one register, offset without sign: ldr, ldrb, str, strb. */
static bool single(struct hf_walk *walk, uint32_t code)
{
    size_t size = (size_t)1 << field(code, 30, 2);
    unsigned target = field(code, 0, 5);
    uint64_t address;
    struct hf_arch_word word = value(walk, target);

    if (!number_at(walk, field(code, 5, 5), &address))
        return false;
    address += field(code, 10, 12) * size;
    if (!field(code, 22, 1)) {
        if (size < 8 && word.kind == HF_WORD_NUMBER)
            word.number &= (UINT64_C(1) << (8 * size)) - 1;
        return hf_walk_store(walk, address, size, word);
    }
    if (target == STACK || !hf_walk_load(walk, address, size, &word))
        return false;
    walk->registers[target] = word;
    return true;
}

/* stp and ldp of 64 bits: indexed before, after, or not at all. */
static bool pair(struct hf_walk *walk, uint32_t code)
{
    unsigned kind = field(code, 23, 2), base = field(code, 5, 5);
    unsigned targets[] = {field(code, 0, 5), field(code, 10, 5)};
    int64_t offset = extended(field(code, 15, 7), 7) * 8;
    uint64_t begin;

    if (kind == 0 || !number_at(walk, base, &begin))
        return false;
    uint64_t address = kind == 1 ? begin : begin + (uint64_t)offset;
    for (unsigned i = 0; i < 2; i++, address += 8) {
        struct hf_arch_word word = value(walk, targets[i]);
        if (!field(code, 22, 1)) {
            if (!hf_walk_store(walk, address, 8, word))
                return false;
        } else if (targets[i] == STACK || !hf_walk_load(walk, address, 8, &walk->registers[targets[i]])) {
            return false;
        }
    }
    if (kind != 2)
        walk->registers[base] = hf_word_of(begin + (uint64_t)offset);
    return true;
}

/* add and sub of 64 bits, with or without flags: an immediate, or a register that is shifted. */
static bool add(struct hf_walk *walk, uint32_t code, bool immediate)
{
    unsigned target = field(code, 0, 5), source = field(code, 5, 5);
    bool flags = field(code, 29, 1);
    struct hf_arch_word left = immediate ? walk->registers[source] : value(walk, source), right;

    if (immediate) {
        right = hf_word_of((uint64_t)field(code, 10, 12) << (field(code, 22, 1) ? 12 : 0));
    } else {
        unsigned shift = field(code, 22, 2), count = field(code, 10, 6);
        right = value(walk, field(code, 16, 5));
        right.number = shift == 0   ? right.number << count
                       : shift == 1 ? right.number >> count
                                    : (uint64_t)((int64_t)right.number >> count);
        if (shift == 3)
            return false;
    }
    if (left.kind != HF_WORD_NUMBER || right.kind != HF_WORD_NUMBER)
        return false;
    uint64_t result = field(code, 30, 1) ? left.number - right.number : left.number + right.number;
    if (flags)
        walk->zero = result ? HF_ZERO_NO : HF_ZERO_YES;
    if (!flags || target != STACK)
        walk->registers[target] = hf_word_of(result);
    return true;
}

/* lsr and asr by a number. */
static bool shift(struct hf_walk *walk, uint32_t code)
{
    unsigned target = field(code, 0, 5), count = field(code, 16, 6);
    struct hf_arch_word word = value(walk, field(code, 5, 5));

    if (word.kind != HF_WORD_NUMBER || field(code, 10, 6) != 63 || target == STACK)
        return false;
    bool is_signed = field(code, 29, 2) == 0;
    walk->registers[target] = hf_word_of(is_signed ? (uint64_t)((int64_t)word.number >> count) : word.number >> count);
    return true;
}

/* To an import: as if it had returned. */
static bool go(struct hf_walk *walk, struct hf_arch_word to)
{
    walk->at = to.number;
    if (to.kind == HF_WORD_NUMBER)
        return true;
    if (!hf_walk_may_call(&to) || !number_at(walk, LINK, &walk->at))
        return false;
    for (unsigned i = 0; i <= 18; i++)
        walk->registers[i] = (struct hf_arch_word){.kind = HF_WORD_UNKNOWN};
    walk->zero = HF_ZERO_UNKNOWN;
    return true;
}

static bool compare_and_branch(struct hf_walk *walk, uint32_t code, uint64_t here)
{
    struct hf_arch_word word = value(walk, field(code, 0, 5));

    if (!field(code, 31, 1) && word.kind == HF_WORD_NUMBER)
        word.number &= UINT32_MAX;
    walk->zero = hf_walk_test(&word);
    return hf_walk_branch(walk, !field(code, 24, 1), here + (uint64_t)(extended(field(code, 5, 19), 19) * WORD),
                          here + WORD);
}

static bool branch(struct hf_walk *walk, uint32_t code, uint64_t here)
{
    if ((code & 0x7c000000) == 0x14000000) { /* b, bl */
        if (field(code, 31, 1))
            walk->registers[LINK] = hf_word_of(here + WORD);
        walk->at = here + (uint64_t)(extended(field(code, 0, 26), 26) * WORD);
        return true;
    }
    if ((code & 0xff9ffc1f) == 0xd61f0000) { /* br, blr, ret */
        struct hf_arch_word to = walk->registers[field(code, 5, 5)];
        if (field(code, 21, 2) == 1)
            walk->registers[LINK] = hf_word_of(here + WORD);
        return field(code, 5, 5) != STACK && field(code, 21, 2) != 3 && go(walk, to);
    }
    if ((code & 0xff00001e) == 0x54000000) /* b.eq, b.ne */
        return hf_walk_branch(walk, !field(code, 0, 1), here + (uint64_t)(extended(field(code, 5, 19), 19) * WORD),
                              here + WORD);
    return (code & 0x7e000000) == 0x34000000 && compare_and_branch(walk, code, here); /* cbz, cbnz */
}

static bool execute(struct hf_walk *walk, uint32_t code, uint64_t here)
{
    unsigned target = field(code, 0, 5);

    walk->at = here + WORD;
    if ((code & 0xfffff01f) == 0xd503201f) /* hints: nop, bti, paciasp, autiasp */
        return true;
    if ((code & 0x9f000000) == 0x90000000 && target != STACK) { /* adrp */
        uint64_t pages = (uint64_t)field(code, 5, 19) << 2 | field(code, 29, 2);
        walk->registers[target] = hf_word_of((here & ~UINT64_C(0xfff)) + ((uint64_t)extended(pages, 21) << 12));
        return true;
    }
    if ((code & 0x9f800000) == 0x91000000)
        return add(walk, code, true);
    if ((code & 0x9f200000) == 0x8b000000)
        return add(walk, code, false);
    if ((code & 0xffc0fc00) == 0xd340fc00 || (code & 0xffc0fc00) == 0x9340fc00)
        return shift(walk, code);
    if ((code & 0xffe0ffe0) == 0xaa0003e0 && target != STACK) { /* mov from a register */
        walk->registers[target] = value(walk, field(code, 16, 5));
        return true;
    }
    if ((code & 0x7fe00000) == 0x52800000 && target != STACK) { /* mov of 16 bits */
        walk->registers[target] = hf_word_of(field(code, 5, 16));
        return true;
    }
    if ((code & 0xff800000) == 0xf9000000 || (code & 0xff800000) == 0x39000000)
        return single(walk, code);
    if ((code & 0xfe000000) == 0xa8000000)
        return pair(walk, code);
    return branch(walk, code, here);
}

static bool step(struct hf_walk *walk)
{
    uint8_t bytes[WORD];
    uint32_t code;

    if (walk->memory->code(walk->memory->arg, walk->at, bytes, sizeof(bytes)) != sizeof(bytes))
        return false;
    memcpy(&code, bytes, sizeof(code));
    return execute(walk, code, walk->at);
}

bool hf_aarch64_inert(const struct hf_arch_memory *memory, uint64_t address)
{
    struct hf_walk walk = {.memory = memory, .at = address, .kept = KEPT};

    hf_walk_begin(&walk);
    walk.registers[STACK] = hf_word_of(HF_WALK_STACK);
    walk.registers[LINK] = hf_word_of(HF_WALK_RETURN);
    return hf_walk_returns(&walk, &walk, step);
}
