/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room for a detour at the entry of a function. Compilers align functions, so that behind a short one there is padding:
 * instructions that do nothing and that nothing runs.
 */
#ifndef HF_ROOM_H
#define HF_ROOM_H

#include "arch.h"
#include "elf/image.h"

/* Lists the room that -fpatchable-function-entry left at functions for tracers, in front of entries as well. */
#define HF_PATCHABLE_SECTION "__patchable_function_entries"

/*
 * How many bytes from `address` on a detour of the function there, of `size` bytes, may use: `size`, or more where the
 * function is too short and padding follows it. Only where `symbols`, the image whose symbols are used, tells where
 * other functions begin.
 */
uint64_t hf_room(const struct hf_image *image, const struct hf_image *symbols, const struct hf_arch_tools *tools,
                 uint64_t address, uint64_t size);

#endif
