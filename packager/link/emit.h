/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The objects that patch.so is linked from: of each new object the parts that are kept, with references to the target
 * turned into references to placeholders. A placeholder is a hidden symbol in a section without content, so the linker
 * accepts it in every reference to something near; the relocations that the linker keeps show the places of the
 * fix-ups.
 */
#ifndef HF_EMIT_H
#define HF_EMIT_H

#include "link/emission.h"
#include "reference/work.h"

/* Writes the objects. HOTFIX_INCOMPATIBLE naming a reference that has no form in a patch, HOTFIX_IO, HOTFIX_MEMORY. */
int hf_emit(struct hf_work *work, struct hf_emission *emission, struct hotfix_error *err);

#endif
