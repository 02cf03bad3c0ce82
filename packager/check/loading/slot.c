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

bool hf_slots_any(const struct hf_image *image, hf_slot_fn fn, void *arg)
{
    GElf_Shdr table;
    GElf_Rela entry;

    for (Elf_Scn *section = NULL; (section = elf_nextscn(image->elf, section));) {
        if (!gelf_getshdr(section, &table) || table.sh_type != SHT_RELA || !(table.sh_flags & SHF_ALLOC))
            continue;
        Elf_Data *data = elf_getdata(section, NULL);
        for (size_t i = 0; data && i < data->d_size / sizeof(Elf64_Rela); i++)
            if (gelf_getrela(data, (int)i, &entry) && fn(&table, &entry, arg))
                return true;
    }
    return false;
}

/* What is looked for, and what comes of it. */
struct search {
    const struct hf_image *image;
    uint64_t place;
    uint64_t size;
    struct hf_slot *slot;
    size_t count;
};

static bool is_at(const GElf_Shdr *table, const GElf_Rela *entry, void *arg)
{
    struct search *search = arg;

    if (entry->r_offset != search->place)
        return false;
    *search->slot =
        (struct hf_slot){.type = (uint32_t)GELF_R_TYPE(entry->r_info), .addend = (uint64_t)entry->r_addend, .name = ""};
    read_symbol(search->image, table, entry, search->slot);
    return true;
}

bool hf_slot_find(const struct hf_image *image, uint64_t place, struct hf_slot *slot)
{
    return hf_slots_any(image, is_at, &(struct search){.image = image, .place = place, .slot = slot});
}

static bool count(const GElf_Shdr *table, const GElf_Rela *entry, void *arg)
{
    struct search *search = arg;

    (void)table;
    search->count +=
        entry->r_offset < search->place + search->size && search->place < entry->r_offset + sizeof(uint64_t);
    return false;
}

size_t hf_slot_count(const struct hf_image *image, uint64_t place, uint64_t size)
{
    struct search search = {.image = image, .place = place, .size = size};

    hf_slots_any(image, count, &search);
    return search.count;
}
