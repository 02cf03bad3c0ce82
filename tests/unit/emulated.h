/* SPDX-License-Identifier: Apache-2.0 */
/* What tests need to know of an emulator that they run under: tests/arm64/run names it. */
#ifndef HF_TESTS_EMULATED_H
#define HF_TESTS_EMULATED_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* "qemu-user", or NULL on a real kernel. */
static inline const char *emulator(void)
{
    return getenv("HOTFIX_EMULATOR");
}

/* Says why what follows is not tested; true under an emulator. */
static inline bool emulator_lacks(const char *reason)
{
    if (emulator())
        printf("# under %s: %s\n", emulator(), reason);
    return emulator() != NULL;
}

/* Likewise for a whole program, in the words of TAP: the caller returns 0. */
static inline bool emulator_skips(const char *reason)
{
    if (emulator())
        printf("1..0 # SKIP under %s: %s\n", emulator(), reason);
    return emulator() != NULL;
}

#endif
