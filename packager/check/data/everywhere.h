/* SPDX-License-Identifier: Apache-2.0 */
/* Types by their names in all units of a program, for what the unit at hand does not tell. */
#ifndef HF_EVERYWHERE_H
#define HF_EVERYWHERE_H

#include <stdbool.h>
#include <stdint.h>

#include "dwarf/names.h"

struct hf_everywhere {
    struct hf_dwarf *dwarf;
    struct hf_names *units; /* read when they are first needed, all of them */
    size_t count;
};

/*
 * The entry that defines a type of this name, else one that declares it, in *offset (HF_DIE_NONE: none); *declaration
 * tells which. Zeroes and a program's debug information are a beginning. HOTFIX_FORMAT, HOTFIX_MEMORY.
 */
int hf_everywhere_find(struct hf_everywhere *everywhere, enum hf_name_space space, const char *name, uint64_t *offset,
                       bool *declaration, struct hotfix_error *err);
void hf_everywhere_deinit(struct hf_everywhere *everywhere);

#endif
