/* SPDX-License-Identifier: Apache-2.0 */
#include "check/loading/layout.h"

#include <inttypes.h>
#include <string.h>

#define PAGE   UINT64_C(4096) /* the smallest of any CPU here */
#define ADVICE "link it again; do not edit its headers"

static void note(struct hf_findings *findings, const char *what, uint64_t address)
{
    hf_findings_add(findings, HF_INCOMPATIBLE, NULL, ADVICE, "%s, at %#" PRIx64, what, address);
}

/* Of two segments at one page the one that is mapped last is seen, and the checks see the first. */
static void check_order(const struct hf_image *image, struct hf_findings *findings)
{
    size_t count = 0;
    uint64_t end = 0;
    GElf_Phdr segment;

    elf_getphdrnum(image->elf, &count);
    for (size_t i = 0; i < count && gelf_getphdr(image->elf, (int)i, &segment); i++) {
        if (segment.p_type != PT_LOAD || segment.p_memsz == 0)
            continue;
        if ((segment.p_vaddr & -PAGE) < end || segment.p_vaddr + segment.p_memsz < segment.p_vaddr)
            note(findings, "the patch has a segment that is mapped over another one", segment.p_vaddr);
        end = (segment.p_vaddr + segment.p_memsz + PAGE - 1) & -PAGE;
    }
}

/* Whether all these bytes are of a segment that is writable (or is not). */
static bool lies_in(const struct hf_image *image, uint64_t address, uint64_t size, bool writable)
{
    size_t count = 0;
    GElf_Phdr segment;

    elf_getphdrnum(image->elf, &count);
    for (size_t i = 0; i < count && gelf_getphdr(image->elf, (int)i, &segment); i++)
        if (segment.p_type == PT_LOAD && address >= segment.p_vaddr && size <= segment.p_memsz &&
            address - segment.p_vaddr <= segment.p_memsz - size)
            return ((segment.p_flags & PF_W) != 0) == writable;
    return false;
}

/* What the dynamic linker writes to. */
static void check_target(const struct hf_image *image, uint64_t address, uint64_t size, const GElf_Shdr *dynamic,
                         struct hf_findings *findings)
{
    if (!lies_in(image, address, size, true))
        note(findings, "the patch has a relocation of what is not writable", address);
    else if (address < dynamic->sh_addr + dynamic->sh_size && dynamic->sh_addr < address + size)
        note(findings, "the patch has a relocation that changes its dynamic section", address);
}

static void check_place(const struct hf_image *image, const struct hf_arch_tools *tools, const GElf_Rela *entry,
                        const GElf_Shdr *dynamic, struct hf_findings *findings)
{
    enum hf_dynamic_relation relation =
        tools ? tools->dynamic_relation((uint32_t)GELF_R_TYPE(entry->r_info)) : HF_DYNAMIC_OTHER;
    bool two = relation == HF_DYNAMIC_TLS_DESCRIPTOR || relation == HF_DYNAMIC_OTHER;
    uint64_t size = (two ? 2 : 1) * sizeof(uint64_t);

    if (relation == HF_DYNAMIC_COPY)
        note(findings, "the patch has a relocation that copies a variable, as only programs have", entry->r_offset);
    else
        check_target(image, entry->r_offset, size, dynamic, findings);
}

/*
 * Relative relocations in their short form (gABI, SHT_RELR): an even word is a place, an odd one says which of the 63
 * words that follow are places, too. Each adds the load base to what is there: twice for one that has another
 * relocation.
 */
static void check_packed(const struct hf_image *image, const GElf_Shdr *table, const GElf_Shdr *dynamic,
                         struct hf_findings *findings)
{
    const uint8_t *bytes = hf_image_bytes(image, table->sh_addr, table->sh_size);
    const uint64_t width = sizeof(uint64_t);
    uint64_t next = 0, word;

    for (uint64_t at = 0; bytes && table->sh_size - at >= width; at += width) {
        memcpy(&word, bytes + at, sizeof(word));
        if (word & 1) {
            for (uint64_t bit = 1; bit < 64; bit++)
                if (word >> bit & 1)
                    check_target(image, next + (bit - 1) * width, width, dynamic, findings);
            next += 63 * width;
        } else {
            check_target(image, word, width, dynamic, findings);
            next = word + width;
        }
    }
}

static void check_table(const struct hf_image *image, const GElf_Shdr *table, const char *what,
                        struct hf_findings *findings)
{
    if (table->sh_size > 0 && !lies_in(image, table->sh_addr, table->sh_size, false))
        note(findings, what, table->sh_addr);
}

/* All places that the relocations of one section write to. */
static void check_places(const struct hf_image *image, const struct hf_arch_tools *tools, Elf_Scn *section,
                         const GElf_Shdr *dynamic, struct hf_findings *findings)
{
    Elf_Data *data = elf_getdata(section, NULL);
    GElf_Rela entry;

    for (size_t i = 0; data && i < data->d_size / sizeof(Elf64_Rela); i++)
        if (gelf_getrela(data, (int)i, &entry))
            check_place(image, tools, &entry, dynamic, findings);
}

static void check_symbols(const struct hf_image *image, const GElf_Shdr *symbols, struct hf_findings *findings)
{
    static const char writable[] = "the patch has symbols that can change while it is loaded";
    GElf_Shdr strings;
    Elf_Scn *section = elf_getscn(image->elf, symbols->sh_link);

    if (!section || !gelf_getshdr(section, &strings))
        return;
    check_table(image, symbols, writable, findings);
    check_table(image, &strings, writable, findings);
}

void hf_layout_check(const struct hf_image *image, const struct hf_arch_tools *tools, struct hf_findings *findings)
{
    GElf_Shdr header, dynamic = {0};

    check_order(image, findings);
    if (!hf_image_section(image, ".dynamic", &dynamic))
        return; /* which the caller refuses where there is a dynamic segment */
    for (Elf_Scn *section = NULL; (section = elf_nextscn(image->elf, section));) {
        if (!gelf_getshdr(section, &header) || !(header.sh_flags & SHF_ALLOC))
            continue;
        if (header.sh_type == SHT_DYNSYM)
            check_symbols(image, &header, findings);
        if (header.sh_type == SHT_HASH || header.sh_type == SHT_GNU_HASH)
            check_table(image, &header, "the patch has a table of names that can change while it is loaded", findings);
        if (header.sh_type != SHT_RELA && header.sh_type != SHT_RELR)
            continue;
        check_table(image, &header, "the patch has relocations that can change while it is loaded", findings);
        if (header.sh_type == SHT_RELA)
            check_places(image, tools, section, &dynamic, findings);
        else
            check_packed(image, &header, &dynamic, findings);
    }
}
