/* SPDX-License-Identifier: Apache-2.0 */
/* Versions of code that differ in constants alone. Packager only. */
#include "aarch64.h"

#define IMM16 UINT32_C(0x001fffe0)

/* movz w or x, #imm16; larger ones take two instructions, and count as other code. */
static bool is_constant(uint32_t before, uint32_t after)
{
    return (before & UINT32_C(0x7fe00000)) == UINT32_C(0x52800000) && ((before ^ after) & ~IMM16) == 0;
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
        if ((*count)++ < limit)
            found[*count - 1] = (struct hf_arch_constant){i, (left & IMM16) >> 5, (right & IMM16) >> 5};
    }
    return HF_ARCH_OK;
}
