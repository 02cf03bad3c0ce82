/* SPDX-License-Identifier: Apache-2.0 */
/* Versions of code that differ only in constants. Packager only. */
#include "aarch64.h"

#define IMM16 UINT32_C(0x001fffe0)

/* movz w or x, #imm16; larger ones take two instructions, and count as other code. */
static bool is_constant(uint32_t before, uint32_t after)
{
    return (before & UINT32_C(0x7fe00000)) == UINT32_C(0x52800000) && ((before ^ after) & ~IMM16) == 0;
}

/*
 * Does the instruction only make an address or a constant in another register: adr, adrp, add of an immediate, movz,
 * movk, nop?
 */
static bool leaves_alone(uint32_t word, uint32_t reg)
{
    bool address = (word & UINT32_C(0x1f000000)) == UINT32_C(0x10000000);
    bool sum = (word & UINT32_C(0x7f800000)) == UINT32_C(0x11000000) && ((word >> 5) & 31) != reg;
    bool constant = (word & UINT32_C(0x5f800000)) == UINT32_C(0x52800000);

    return word == HF_AARCH64_NOP || ((address || sum || constant) && (word & 31) != reg);
}

/* Where the constant goes from behind its instruction: into an argument of the next call (AAPCS64, 6.8.2), or
 * elsewhere. */
static void follow(const uint8_t *code, size_t size, struct hf_arch_constant *constant)
{
    uint32_t reg = hf_aarch64_read(code + constant->offset) & 31;
    size_t at = constant->offset + HF_AARCH64_WORD;

    while (at < size && leaves_alone(hf_aarch64_read(code + at), reg))
        at += HF_AARCH64_WORD;
    bool call = at < size && (hf_aarch64_read(code + at) & UINT32_C(0xfc000000)) == UINT32_C(0x94000000);
    constant->argument = call && reg < 8 ? reg : HF_ARCH_NO_ARGUMENT;
    constant->call = at;
}

enum hf_arch_status hf_aarch64_constants(const uint8_t *before, const uint8_t *after, size_t size,
                                         struct hf_arch_constant *found, size_t limit, size_t *count)
{
    *count = 0;
    if (size % HF_AARCH64_WORD != 0)
        return HF_ARCH_DECODE;
    for (size_t i = 0; i < size; i += HF_AARCH64_WORD) {
        uint32_t left = hf_aarch64_read(before + i), right = hf_aarch64_read(after + i);
        if (left == right)
            continue;
        if (!is_constant(left, right))
            return HF_ARCH_UNKNOWN;
        if ((*count)++ >= limit)
            continue;
        struct hf_arch_constant *constant = &found[*count - 1];
        *constant =
            (struct hf_arch_constant){.offset = i, .before = (left & IMM16) >> 5, .after = (right & IMM16) >> 5};
        follow(before, size, constant);
    }
    return HF_ARCH_OK;
}
