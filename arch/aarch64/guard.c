/* SPDX-License-Identifier: Apache-2.0 */
/* The stack protector, as compilers write it. Packager only. */
#include "aarch64.h"

/*
 * gcc and clang compare with the variable __stack_chk_guard, which is like any other one: the code alone does not tell
 * (but for the canary in a system register that kernels use), and what flags say has to do.
 */
bool hf_aarch64_guarded(const uint8_t *code, size_t size)
{
    (void)code;
    (void)size;
    return false;
}
