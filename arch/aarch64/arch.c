/* SPDX-License-Identifier: Apache-2.0 */
#include <elf.h>

#include "aarch64.h"

/*
 * b and bl reach 128 MiB either way, adrp 4 GiB. One MiB is reserved, so that an addend (a member or an element behind
 * the symbol) does not move a reference out of reach. A patch within this distance needs no veneers.
 */
#define KEPT  (UINT64_C(1) << 20)
#define REACH ((UINT64_C(1) << 27) - KEPT)
#define FAR   ((UINT64_C(1) << 32) - KEPT)

const struct hf_arch hf_arch_aarch64 = {
    .name = "aarch64",
    .machine = EM_AARCH64,
    .reach = REACH,
    .far = FAR,
    .copy_type = R_AARCH64_COPY,
    .landing_pad = hf_aarch64_landing_pad,
    .detour_size = hf_aarch64_detour_size,
    .detour = hf_aarch64_detour,
    .detour_target = hf_aarch64_detour_target,
    .veneer_size = HF_AARCH64_VENEER,
    .veneer = hf_aarch64_veneer,
    .veneer_target = hf_aarch64_veneer_target,
    .relocation_branches = hf_aarch64_relocation_branches,
    .relocation_size = hf_aarch64_relocation_size,
    .relocate = hf_aarch64_relocate,
};
