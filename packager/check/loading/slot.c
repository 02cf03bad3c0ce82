/* SPDX-License-Identifier: Apache-2.0 */
#include "check/loading/slot.h"

static void read_symbol(const struct hf_image *image, const GElf_Shdr *relocations, const GElf_Rela *entry,
                        struct hf_slot *slot)
{
    Elf_Scn *section = relocations->sh_link ? elf_getscn(image->elf, relocations->sh_link) : NULL;
    GElf_Shdr header;
    GElf_Sym symbol;

    if (GELF_R_SYM(entry->r_info) == 0 || !section || !gelf_getshdr(section, &header) ||
        !gelf_getsym(elf_getdata(section, NULL), (int)GELF_R_SYM(entry->r_info), &symbol))
        return;
    const char *name = elf_strptr(image->elf, header.sh_link, symbol.st_name);
    slot->name = name ? name : "";
    slot->value = symbol.st_value;
    slot->kind = GELF_ST_TYPE(symbol.st_info);
    slot->defined = symbol.st_shndx != SHN_UNDEF;
}

bool hf_slot_find(const struct hf_image *image, uint64_t place, struct hf_slot *slot)
{
    GElf_Shdr header;
    GElf_Rela entry;

    for (Elf_Scn *section = NULL; (section = elf_nextscn(image->elf, section));) {
        if (!gelf_getshdr(section, &header) || header.sh_type != SHT_RELA || !(header.sh_flags & SHF_ALLOC))
            continue;
        Elf_Data *data = elf_getdata(section, NULL);
        for (size_t i = 0; data && i < data->d_size / sizeof(Elf64_Rela); i++) {
            if (!gelf_getrela(data, (int)i, &entry) || entry.r_offset != place)
                continue;
            *slot = (struct hf_slot){
                .type = (uint32_t)GELF_R_TYPE(entry.r_info), .addend = (uint64_t)entry.r_addend, .name = ""};
            read_symbol(image, &header, &entry, slot);
            return true;
        }
    }
    return false;
}

size_t hf_slot_count(const struct hf_image *image, uint64_t place, uint64_t size)
{
    GElf_Shdr header;
    GElf_Rela entry;
    size_t count = 0;

    for (Elf_Scn *section = NULL; (section = elf_nextscn(image->elf, section));) {
        if (!gelf_getshdr(section, &header) || header.sh_type != SHT_RELA || !(header.sh_flags & SHF_ALLOC))
            continue;
        Elf_Data *data = elf_getdata(section, NULL);
        for (size_t i = 0; data && i < data->d_size / sizeof(Elf64_Rela); i++)
            if (gelf_getrela(data, (int)i, &entry) && entry.r_offset < place + size &&
                place < entry.r_offset + sizeof(uint64_t))
                count++;
    }
    return count;
}
