/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The detour is one direct branch, which needs no landing pad at its destination and touches no register. Where the
 * destination is out of its reach, it goes to a veneer.
 *
 * A function that signs its return address begins with paciasp or pacibsp, which also are the landing pad of indirect
 * calls (Arm ARM, D8.4.5 and "BTI" in C6). It cannot stay: the replacement would sign the signed address again. It
 * cannot be overwritten by the branch alone either, since an indirect call must find a landing pad there. So bti c
 * takes its place, and the branch that of the instruction behind it: 8 bytes.
 */
#include "aarch64.h"

#define OPCODE_B      UINT32_C(0x14000000)
#define BRANCH_MASK   UINT32_C(0xfc000000)
#define BRANCH_BITS   26
#define SHORT_DETOUR  HF_AARCH64_WORD
#define SIGNED_DETOUR (2 * HF_AARCH64_WORD)
#define OPCODE_LDR    UINT32_C(0x58000050) /* ldr x16, the word behind the next instruction */
#define OPCODE_BR     UINT32_C(0xd61f0200) /* br x16: may arrive at bti c and paciasp */
#define OPCODE_RET    UINT32_C(0xd65f0200) /* ret x16: needs no landing pad, and is never foreseen */

bool hf_aarch64_lands(const uint8_t *code, size_t size)
{
    uint32_t word = size < HF_AARCH64_WORD ? 0 : hf_aarch64_read(code);

    return word == HF_AARCH64_BTI_C || word == HF_AARCH64_BTI_JC || word == HF_AARCH64_PACIASP ||
           word == HF_AARCH64_PACIBSP;
}

/* Landing pads that stay; those that sign are overwritten by the detour. */
size_t hf_aarch64_landing_pad(const uint8_t *code, size_t size)
{
    uint32_t word = size < HF_AARCH64_WORD ? 0 : hf_aarch64_read(code);

    return word == HF_AARCH64_BTI_C || word == HF_AARCH64_BTI_JC ? HF_AARCH64_WORD : 0;
}

/* bti c behind the pad is what a detour has written over paciasp. */
size_t hf_aarch64_detour_size(const uint8_t *code, size_t size)
{
    uint32_t word = size < HF_AARCH64_WORD ? 0 : hf_aarch64_read(code);

    return word == HF_AARCH64_PACIASP || word == HF_AARCH64_PACIBSP || word == HF_AARCH64_BTI_C ? SIGNED_DETOUR
                                                                                                : SHORT_DETOUR;
}

enum hf_arch_status hf_aarch64_detour(uint64_t from, uint64_t to, size_t size, uint8_t *bytes)
{
    if (size == SIGNED_DETOUR) {
        hf_aarch64_write(bytes, HF_AARCH64_BTI_C);
        bytes += HF_AARCH64_WORD;
        from += HF_AARCH64_WORD;
    }
    int64_t words = (int64_t)(to - from) / 4;
    if ((to - from) % 4 != 0 || words < -(1 << (BRANCH_BITS - 1)) || words >= 1 << (BRANCH_BITS - 1))
        return HF_ARCH_RANGE;
    hf_aarch64_write(bytes, OPCODE_B | ((uint32_t)words & ~BRANCH_MASK));
    return HF_ARCH_OK;
}

bool hf_aarch64_detour_target(uint64_t from, const uint8_t *bytes, size_t size, uint64_t *to)
{
    if (size == SIGNED_DETOUR && hf_aarch64_read(bytes) != HF_AARCH64_BTI_C)
        return false;
    if (size == SIGNED_DETOUR) {
        bytes += HF_AARCH64_WORD;
        from += HF_AARCH64_WORD;
    }
    uint32_t word = hf_aarch64_read(bytes);
    if ((word & BRANCH_MASK) != OPCODE_B)
        return false;
    *to = from + 4 * (uint64_t)hf_aarch64_signed(word, BRANCH_BITS);
    return true;
}

/* x16 is for veneers: no code relies on it across a call or at its entry (AAPCS64, 6.1.1). */
enum hf_arch_status hf_aarch64_veneer(uint64_t to, const uint8_t *code, bool guarded, uint8_t *bytes)
{
    if (to % HF_AARCH64_WORD != 0)
        return HF_ARCH_RANGE;
    hf_aarch64_write(bytes, OPCODE_LDR);
    hf_aarch64_write(bytes + HF_AARCH64_WORD,
                     guarded && !hf_aarch64_lands(code, HF_AARCH64_WORD) ? OPCODE_RET : OPCODE_BR);
    hf_aarch64_write(bytes + 2 * HF_AARCH64_WORD, (uint32_t)to);
    hf_aarch64_write(bytes + 3 * HF_AARCH64_WORD, (uint32_t)(to >> 32));
    return HF_ARCH_OK;
}

bool hf_aarch64_veneer_target(const uint8_t *bytes, uint64_t *to)
{
    uint32_t word = hf_aarch64_read(bytes + HF_AARCH64_WORD);

    if (hf_aarch64_read(bytes) != OPCODE_LDR || (word != OPCODE_BR && word != OPCODE_RET))
        return false;
    *to = hf_aarch64_read(bytes + 2 * HF_AARCH64_WORD) | (uint64_t)hf_aarch64_read(bytes + 3 * HF_AARCH64_WORD) << 32;
    return true;
}
