/* SPDX-License-Identifier: Apache-2.0 */
/* The run-time tables of every CPU. The packager's are in tools.c, so that the loader links no disassembler. */
#include "arch.h"

static const struct hf_arch *const archs[] = {
    &hf_arch_x86_64,
    &hf_arch_aarch64,
};

const struct hf_arch *hf_arch_find(uint16_t machine)
{
    for (size_t i = 0; i < sizeof(archs) / sizeof(archs[0]); i++)
        if (archs[i]->machine == machine)
            return archs[i];
    return NULL;
}
