/* SPDX-License-Identifier: Apache-2.0 */
#include <elf.h>

#include "x86_64.h"

/*
 * rel32 and PC32 reach 2 GiB either way. One MiB is reserved, so that an addend (a member or an element behind the
 * symbol) does not move a reference out of reach.
 */
#define REACH ((UINT64_C(1) << 31) - (UINT64_C(1) << 20))

const struct hf_arch hf_arch_x86_64 = {
    .name = "x86_64",
    .machine = EM_X86_64,
    .reach = REACH,
    .far = REACH,
    .copy_type = R_X86_64_COPY,
    .landing_pad = hf_x86_64_landing_pad,
    .detour_size = hf_x86_64_detour_size,
    .detour = hf_x86_64_detour,
    .detour_target = hf_x86_64_detour_target,
    .relocation_size = hf_x86_64_relocation_size,
    .relocate = hf_x86_64_relocate,
};
