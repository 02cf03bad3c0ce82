/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which definition the dynamic linker chose for a name that a module exports: the module's own, or that of a program or
 * library before it (copy relocations, interposition).
 */
#ifndef HF_CHOSEN_H
#define HF_CHOSEN_H

#include "hotfix/error.h"
#include "process/module.h"

/*
 * offset is that of an entry of the module's dynamic symbol table. *address is the definition to which references of
 * all libraries to its name lead; the module's own definition if the name is not in the global scope. HOTFIX_FORMAT for
 * an offset that is not such an entry; HOTFIX_INCOMPATIBLE if `own` is given and another definition was chosen.
 */
int hf_chosen(const struct hf_module *module, uint64_t offset, bool own, uint64_t *address, struct hotfix_error *err);

#endif
