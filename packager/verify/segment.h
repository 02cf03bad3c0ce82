/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges of virtual addresses against the segments of an ELF file, by the same rules as the loader's. */
#ifndef HF_SEGMENT_H
#define HF_SEGMENT_H

#include <gelf.h>
#include <stdbool.h>
#include <stdint.h>

/* True when size bytes at address lie in one PT_LOAD segment that has all of these PF_* flags. */
bool hf_segment_contains(Elf *elf, uint64_t address, uint64_t size, uint32_t flags);

/* The first program header of this type; false when there is none. */
bool hf_segment_find(Elf *elf, uint32_t type, GElf_Phdr *segment);

/* Offset in the file of size bytes at address, all within the file's part of one segment; false when they are not. */
bool hf_segment_offset(Elf *elf, uint64_t address, uint64_t size, uint64_t *offset);

#endif
