/* SPDX-License-Identifier: Apache-2.0 */
/* The stack protector, as compilers write it. Packager only. */
#include "x86_64.h"

/*
 * gcc and clang read the canary from the thread control block: OP %fs:0x28, register (REX.W, ModRM and SIB of an
 * absolute 32-bit address; Intel SDM volume 2, 2.1.5).
 */
bool hf_x86_64_guarded(const uint8_t *code, size_t size)
{
    for (size_t i = 0; i + 9 <= size; i++)
        if (code[i] == 0x64 && (code[i + 1] & 0xfb) == 0x48 && (code[i + 3] & 0xc7) == 0x04 && code[i + 4] == 0x25 &&
            code[i + 5] == 0x28 && code[i + 6] == 0 && code[i + 7] == 0 && code[i + 8] == 0)
            return true;
    return false;
}
