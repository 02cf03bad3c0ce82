/* SPDX-License-Identifier: Apache-2.0 */
/* Instructions that name an address, relative to their own (Arm ARM, C4.1). Packager only. */
#include "aarch64.h"

static uint64_t ahead(uint64_t address, uint32_t word, unsigned shift, unsigned bits)
{
    return address + 4 * (uint64_t)hf_aarch64_signed(word >> shift, bits);
}

bool hf_aarch64_branch(uint32_t word, uint64_t address, uint64_t *target)
{
    if ((word & UINT32_C(0x7c000000)) == UINT32_C(0x14000000)) /* b, bl */
        *target = ahead(address, word, 0, 26);
    else if ((word & UINT32_C(0xff000000)) == UINT32_C(0x54000000)) /* b.cond, bc.cond */
        *target = ahead(address, word, 5, 19);
    else if ((word & UINT32_C(0x7e000000)) == UINT32_C(0x34000000)) /* cbz, cbnz */
        *target = ahead(address, word, 5, 19);
    else if ((word & UINT32_C(0x7e000000)) == UINT32_C(0x36000000)) /* tbz, tbnz */
        *target = ahead(address, word, 5, 14);
    else
        return false;
    return true;
}

bool hf_aarch64_literal(uint32_t word, uint64_t address, uint64_t *target)
{
    int64_t distance = hf_aarch64_signed((uint64_t)(word >> 5) << 2 | ((word >> 29) & 3), 21);

    if ((word & UINT32_C(0x9f000000)) == UINT32_C(0x10000000)) /* adr */
        *target = address + (uint64_t)distance;
    else if ((word & UINT32_C(0x9f000000)) == UINT32_C(0x90000000)) /* adrp */
        *target = (address & ~UINT64_C(0xfff)) + ((uint64_t)distance << 12);
    else if ((word & UINT32_C(0x3b000000)) == UINT32_C(0x18000000)) /* ldr (literal), ldrsw, prfm */
        *target = ahead(address, word, 5, 19);
    else
        return false;
    return true;
}

/* A Cortex-A53 may execute adrp wrongly at the end of a page (erratum 843419): there linkers make adr of it. */
bool hf_aarch64_page(uint32_t word, uint64_t address, uint64_t *page)
{
    bool adrp = word >> 31, at_end = (address & 0xfff) >= 0xff8;

    return (word & UINT32_C(0x1f000000)) == UINT32_C(0x10000000) && hf_aarch64_literal(word, address, page) &&
           (adrp || (at_end && (*page & 0xfff) == 0));
}

/* What an instruction adds to the register that adrp left the page in. */
bool hf_aarch64_low(uint32_t word, unsigned *base, unsigned *to, uint64_t *low)
{
    *base = (word >> 5) & 31;
    *to = 32;
    if ((word & UINT32_C(0xffc00000)) == UINT32_C(0x91000000)) { /* add x, x, #imm12 */
        *low = (word >> 10) & 0xfff;
        *to = word & 31;
        return true;
    }
    if ((word & UINT32_C(0x3b000000)) == UINT32_C(0x39000000)) { /* ldr, str (unsigned offset) */
        unsigned size = word >> 30;
        bool wide = (word & UINT32_C(0x04800000)) == UINT32_C(0x04800000) && size == 0; /* 128 bits */
        *low = (uint64_t)((word >> 10) & 0xfff) << (wide ? 4 : size);
        return true;
    }
    return false;
}
