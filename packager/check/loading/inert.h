/* SPDX-License-Identifier: Apache-2.0 */
/* Does a function that the dynamic linker calls do nothing? Decided by its code, not by its name. */
#ifndef HF_INERT_H
#define HF_INERT_H

#include <stdbool.h>
#include <stdint.h>

#include "arch.h"
#include "elf/image.h"

/* As hf_arch_tools.inert of the function at an address of a linked file; it may store bytes in zeroed memory only if
 * notes. */
bool hf_inert(const struct hf_image *image, const struct hf_arch_tools *tools, uint64_t address, bool notes);

#endif
