/* SPDX-License-Identifier: Apache-2.0 */
#include <elf.h>

#include "aarch64.h"

/*
 * b and bl reach 128 MiB either way, adrp 4 GiB. One MiB is kept back, so that an addend (a member or an element behind
 * the symbol) does not carry a reference out of reach. A patch that near needs no veneers and no longer detour.
 */
#define REACH ((UINT64_C(1) << 27) - (UINT64_C(1) << 20))

const struct hf_arch hf_arch_aarch64 = {
    .name = "aarch64",
    .machine = EM_AARCH64,
    .reach = REACH,
    .landing_pad = hf_aarch64_landing_pad,
    .detour_size = hf_aarch64_detour_size,
    .detour = hf_aarch64_detour,
    .detour_target = hf_aarch64_detour_target,
    .relocation_size = hf_aarch64_relocation_size,
    .relocate = hf_aarch64_relocate,
};
