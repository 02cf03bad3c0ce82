/* SPDX-License-Identifier: Apache-2.0 */
#include "elf/room.h"

#define LONG_ENOUGH 32 /* bytes; no landing pad and detour take as many */

/* Where the section that holds the function ends; the function's own end when there is none. */
static uint64_t section_end(const struct hf_image *image, uint64_t address, uint64_t size)
{
    for (Elf_Scn *section = NULL; (section = elf_nextscn(image->elf, section));) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) && (header.sh_flags & SHF_EXECINSTR) && address >= header.sh_addr &&
            address - header.sh_addr < header.sh_size && size <= header.sh_size - (address - header.sh_addr))
            return header.sh_addr + header.sh_size;
    }
    return address + size;
}

uint64_t hf_room(const struct hf_image *image, const struct hf_image *symbols, const struct hf_arch_tools *tools,
                 uint64_t address, uint64_t size)
{
    if (size == 0 || size >= LONG_ENOUGH || symbols->stripped || hf_image_section(image, HF_PATCHABLE_SECTION, NULL))
        return size;
    uint64_t end = section_end(image, address, size);
    if (end > address + LONG_ENOUGH)
        end = address + LONG_ENOUGH;
    for (size_t i = 0; i < symbols->symbol_count; i++) {
        const struct hf_symbol *symbol = &symbols->symbols[i];
        if (symbol->section != SHN_UNDEF && symbol->section != SHN_ABS && symbol->type != STT_TLS &&
            symbol->address >= address + size && symbol->address < end)
            end = symbol->address;
    }
    const uint8_t *code = hf_image_bytes(image, address, end - address);
    return code ? tools->room(code, size, end - address) : size;
}
