/* SPDX-License-Identifier: Apache-2.0 */
#include "check/loading/sections.h"

#include <inttypes.h>
#include <string.h>

#include "check/loading/slot.h"

/* Sections of which a file has one, and where the dynamic linker finds it; 0: by its program header. */
static const struct kind {
    GElf_Word type, partner; /* partner: the kind of section that sh_link must lead to, 0 for any */
    int64_t tag;
} kinds[] = {
    {SHT_DYNAMIC, SHT_STRTAB, 0},
    {SHT_DYNSYM, SHT_STRTAB, DT_SYMTAB},
    {SHT_HASH, SHT_DYNSYM, DT_HASH},
    {SHT_GNU_HASH, SHT_DYNSYM, DT_GNU_HASH},
    {SHT_GNU_versym, SHT_DYNSYM, DT_VERSYM},
    {SHT_GNU_verneed, SHT_STRTAB, DT_VERNEED},
    {SHT_GNU_verdef, SHT_STRTAB, DT_VERDEF},
    {SHT_RELR, 0, DT_RELR},
};

static const char other_section[] = "the patch has a section that is not the one that the dynamic linker uses";
static const char other_bytes[] = "the patch has a section that is not what is mapped at its address";
static const char other_partner[] =
    "the patch has a section that goes with another one than the dynamic linker uses for it";

static void note(struct hf_findings *findings, const char *what, uint64_t address)
{
    hf_findings_add(findings, HF_INCOMPATIBLE, NULL, "link it again; do not edit its headers", "%s, at %#" PRIx64, what,
                    address);
}

/* The first section of this type, by its index; 0 for none. *count says how many there are. */
static size_t find(const struct hf_image *image, GElf_Word type, GElf_Shdr *found, size_t *count)
{
    GElf_Shdr header;
    size_t first = 0;

    *count = 0;
    for (Elf_Scn *section = NULL; (section = elf_nextscn(image->elf, section));) {
        if (!gelf_getshdr(section, &header) || header.sh_type != type)
            continue;
        if ((*count)++ > 0)
            continue;
        first = elf_ndxscn(section);
        *found = header;
    }
    return first;
}

/* The bytes of the section where they are loaded; NULL when they are others than those of the file's section. */
static const uint8_t *loaded(const struct hf_image *image, const GElf_Shdr *header)
{
    size_t size;
    const uint8_t *file = (const uint8_t *)elf_rawfile(image->elf, &size);
    const uint8_t *bytes = hf_image_bytes(image, header->sh_addr, header->sh_size);

    return file && bytes && (uint64_t)(bytes - file) == header->sh_offset ? bytes : NULL;
}

/* The value of each entry with this tag must be this one; false without any. */
static bool has_value(const struct hf_image *image, const GElf_Shdr *dynamic, int64_t tag, uint64_t value,
                      struct hf_findings *findings)
{
    const uint8_t *bytes = loaded(image, dynamic);
    Elf64_Dyn entry;
    bool found = false;

    for (size_t at = 0; bytes && dynamic->sh_size - at >= sizeof(entry); at += sizeof(entry)) {
        memcpy(&entry, bytes + at, sizeof(entry));
        if (entry.d_tag == DT_NULL)
            break;
        found |= entry.d_tag == tag;
        if (entry.d_tag == tag && entry.d_un.d_ptr != value)
            note(findings,
                 tag == DT_SYMTAB || tag == DT_STRTAB ? "the patch's symbols are not those of its sections"
                                                      : "the patch has a table that is not that of its sections",
                 entry.d_un.d_ptr);
    }
    return found;
}

/* Whose names and symbols these are: there is one table of either that the dynamic linker uses. */
struct partners {
    size_t symbols, strings;
};

static void check_partner(GElf_Word type, const GElf_Shdr *header, const struct partners *partners,
                          struct hf_findings *findings)
{
    if ((type == SHT_DYNSYM && header->sh_link != partners->symbols) ||
        (type == SHT_STRTAB && header->sh_link != partners->strings))
        note(findings, other_partner, header->sh_addr);
}

static void check_kind(const struct hf_image *image, const struct kind *kind, const GElf_Shdr *dynamic,
                       const struct partners *partners, struct hf_findings *findings)
{
    GElf_Shdr header = {0};
    size_t count;
    bool there = find(image, kind->type, &header, &count) > 0;
    bool asked = kind->tag ? has_value(image, dynamic, kind->tag, header.sh_addr, findings) : there;

    if (there != asked || count > 1 || (there && !(header.sh_flags & SHF_ALLOC)))
        note(findings, other_section, header.sh_addr);
    if (there)
        check_partner(kind->partner, &header, partners, findings);
}

/* Every section that is loaded is what is loaded there. */
static void check_places(const struct hf_image *image, const struct partners *partners, struct hf_findings *findings)
{
    GElf_Shdr header;

    for (Elf_Scn *section = NULL; (section = elf_nextscn(image->elf, section));) {
        if (!gelf_getshdr(section, &header) || !(header.sh_flags & SHF_ALLOC) || header.sh_type == SHT_NOBITS ||
            header.sh_size == 0)
            continue;
        if (!loaded(image, &header))
            note(findings, other_bytes, header.sh_addr);
        if (header.sh_type == SHT_RELA)
            check_partner(SHT_DYNSYM, &header, partners, findings);
    }
}

/* The symbols that a table of 32-bit words leads to (gABI chapter 5, hash table). */
static bool hash_is_within(const uint8_t *bytes, size_t size, size_t symbols)
{
    uint32_t count;

    if (size < 2 * sizeof(count))
        return false;
    memcpy(&count, bytes + sizeof(count), sizeof(count));
    return count <= symbols;
}

/* Those that GNU's leads to: each bucket begins a chain, whose last word is odd. */
static bool gnu_hash_is_within(const uint8_t *bytes, size_t size, size_t symbols)
{
    uint32_t head[4], first, word = 0;

    if (size < sizeof(head))
        return false;
    memcpy(head, bytes, sizeof(head));
    uint64_t buckets = sizeof(head) + (uint64_t)head[2] * sizeof(uint64_t);
    uint64_t chains = buckets + (uint64_t)head[0] * sizeof(word);
    if (chains > size)
        return false;
    for (uint64_t i = 0; i < head[0]; i++) {
        memcpy(&first, bytes + buckets + i * sizeof(first), sizeof(first));
        if (first == 0)
            continue;
        if (first < head[1] || first >= symbols)
            return false;
        for (uint64_t symbol = first;; symbol++) {
            uint64_t at = chains + (symbol - head[1]) * sizeof(word);
            if (symbol >= symbols || at > size - sizeof(word))
                return false;
            memcpy(&word, bytes + at, sizeof(word));
            if (word & 1)
                break;
        }
    }
    return true;
}

static bool is_beyond(const GElf_Shdr *table, const GElf_Rela *entry, void *arg)
{
    const size_t *symbols = arg;

    (void)table;
    return GELF_R_SYM(entry->r_info) != 0 && GELF_R_SYM(entry->r_info) >= *symbols;
}

/* A symbol that is not looked at could be a function that the dynamic linker calls. */
static void check_symbols(const struct hf_image *image, const GElf_Shdr *symbols, struct hf_findings *findings)
{
    static bool (*const within[])(const uint8_t *, size_t, size_t) = {hash_is_within, gnu_hash_is_within};
    static const GElf_Word types[] = {SHT_HASH, SHT_GNU_HASH};
    size_t count = symbols->sh_size / sizeof(Elf64_Sym), found;
    bool good = !hf_slots_any(image, is_beyond, &count);
    GElf_Shdr header;

    for (size_t i = 0; i < 2; i++) {
        if (find(image, types[i], &header, &found) == 0)
            continue;
        const uint8_t *bytes = loaded(image, &header);
        good &= bytes && within[i](bytes, header.sh_size, count);
    }
    if (!good)
        note(findings, "the patch has a relocation or a table of names that leads to symbols beyond its section",
             symbols->sh_addr);
}

/* The section that everything else is read by is the one that the dynamic linker reads. */
static bool check_dynamic(const struct hf_image *image, const GElf_Shdr *dynamic, struct hf_findings *findings)
{
    size_t count = 0;
    GElf_Phdr segment;
    bool used = (dynamic->sh_flags & SHF_ALLOC) != 0;

    elf_getphdrnum(image->elf, &count);
    for (size_t i = 0; i < count && gelf_getphdr(image->elf, (int)i, &segment); i++)
        used &= segment.p_type != PT_DYNAMIC || segment.p_vaddr == dynamic->sh_addr;
    if (!used)
        note(findings, other_section, dynamic->sh_addr);
    else if (!loaded(image, dynamic))
        note(findings, other_bytes, dynamic->sh_addr);
    return used && loaded(image, dynamic);
}

/* Its names are in the one table of names. */
static void check_strings(const struct hf_image *image, const GElf_Shdr *dynamic, struct hf_findings *findings)
{
    GElf_Shdr strings;
    Elf_Scn *section = elf_getscn(image->elf, dynamic->sh_link);

    if (!section || !gelf_getshdr(section, &strings) || strings.sh_type != SHT_STRTAB ||
        !has_value(image, dynamic, DT_STRTAB, strings.sh_addr, findings) ||
        !has_value(image, dynamic, DT_STRSZ, strings.sh_size, findings))
        note(findings, other_partner, dynamic->sh_addr);
}

void hf_sections_check(const struct hf_image *image, struct hf_findings *findings)
{
    GElf_Shdr dynamic = {0}, symbols = {0};
    size_t count;
    struct partners partners = {.symbols = find(image, SHT_DYNSYM, &symbols, &count)};

    if (find(image, SHT_DYNAMIC, &dynamic, &count) == 0 || !check_dynamic(image, &dynamic, findings))
        return; /* the caller refuses a dynamic segment without such a section */
    partners.strings = dynamic.sh_link;
    check_strings(image, &dynamic, findings);
    check_places(image, &partners, findings);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        check_kind(image, &kinds[i], &dynamic, &partners, findings);
    check_symbols(image, &symbols, findings);
}
