/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/segment.h"

static bool next(Elf *elf, size_t *index, uint32_t type, GElf_Phdr *segment)
{
    size_t count = 0;
    if (elf_getphdrnum(elf, &count) != 0)
        return false;
    while (*index < count) {
        if (gelf_getphdr(elf, (int)(*index)++, segment) && segment->p_type == type)
            return true;
    }
    return false;
}

static bool within(uint64_t address, uint64_t size, uint64_t begin, uint64_t length)
{
    return address >= begin && size <= length && address - begin <= length - size;
}

bool hf_segment_contains(Elf *elf, uint64_t address, uint64_t size, uint32_t flags)
{
    GElf_Phdr segment;
    for (size_t i = 0; next(elf, &i, PT_LOAD, &segment);) {
        if ((segment.p_flags & flags) == flags && within(address, size, segment.p_vaddr, segment.p_memsz))
            return true;
    }
    return false;
}

bool hf_segment_find(Elf *elf, uint32_t type, GElf_Phdr *segment)
{
    GElf_Phdr found;
    size_t index = 0;
    if (!next(elf, &index, type, &found))
        return false;
    *segment = found;
    return true;
}

bool hf_segment_offset(Elf *elf, uint64_t address, uint64_t size, uint64_t *offset)
{
    size_t file_size = 0;
    GElf_Phdr segment;
    if (!elf_rawfile(elf, &file_size))
        return false;
    for (size_t i = 0; next(elf, &i, PT_LOAD, &segment);) {
        if (!within(address, size, segment.p_vaddr, segment.p_filesz))
            continue;
        uint64_t into = address - segment.p_vaddr;
        if (segment.p_offset > file_size || !within(into, size, 0, file_size - segment.p_offset))
            return false;
        *offset = segment.p_offset + into;
        return true;
    }
    return false;
}
