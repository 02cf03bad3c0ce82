/* SPDX-License-Identifier: Apache-2.0 */
/* The packager's tables of every CPU. */
#include "arch.h"

static const struct hf_arch_tools *const tools[] = {
    &hf_arch_tools_x86_64,
    &hf_arch_tools_aarch64,
};

const struct hf_arch_tools *hf_arch_tools_find(uint16_t machine)
{
    for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++)
        if (tools[i]->arch->machine == machine)
            return tools[i];
    return NULL;
}
