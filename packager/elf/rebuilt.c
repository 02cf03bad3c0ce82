/* SPDX-License-Identifier: Apache-2.0 */
#include "elf/rebuilt.h"

#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"

/* Two files that should be the same. */
struct pair {
    const struct hf_image *shipped;
    const struct hf_image *rebuilt;
};

/* Bytes of a file at the same address in both. */
struct stretch {
    const char *name; /* of the section; "" for what lies in none */
    const uint8_t *shipped;
    const uint8_t *rebuilt;
    uint64_t address;
    uint64_t size;
};

static int differ(const struct pair *pair, const char *what, struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_INCOMPATIBLE, "%s is no rebuild of %s: %s", pair->rebuilt->path, pair->shipped->path,
                    what);
}

bool hf_rebuilt_is_whole(const struct hf_image *image)
{
    GElf_Shdr header;

    for (Elf_Scn *section = NULL; (section = elf_nextscn(image->elf, section));)
        if (gelf_getshdr(section, &header) && (header.sh_flags & SHF_EXECINSTR) && header.sh_size > 0)
            return header.sh_type != SHT_NOBITS;
    return false;
}

/* The function of the rebuild that an address lies in, or NULL. */
static const struct hf_symbol *function_at(const struct hf_image *image, uint64_t address)
{
    for (size_t i = 0; i < image->symbol_count; i++) {
        const struct hf_symbol *symbol = &image->symbols[i];
        if (symbol->type == STT_FUNC && symbol->section != SHN_UNDEF && address >= symbol->address &&
            address - symbol->address < symbol->size)
            return symbol;
    }
    return NULL;
}

/* Says how much of a stretch differs, and where that begins. `skip` bytes at `skipped` may differ. */
static int compare_bytes(const struct pair *pair, const struct stretch *stretch, const uint8_t *skipped, size_t skip,
                         struct hotfix_error *err)
{
    uint64_t count = 0, first = 0;
    char what[256], place[128] = "";

    if (skip == 0 && memcmp(stretch->shipped, stretch->rebuilt, stretch->size) == 0)
        return 0;
    for (uint64_t i = 0; i < stretch->size; i++) {
        const uint8_t *at = stretch->shipped + i;
        if (*at == stretch->rebuilt[i] || (skip && at >= skipped && at < skipped + skip))
            continue;
        if (count++ == 0)
            first = stretch->address + i;
    }
    if (count == 0)
        return 0;
    const struct hf_symbol *function = function_at(pair->rebuilt, first);
    if (function)
        snprintf(place, sizeof(place), ", in function %.80s + 0x%llx", function->name,
                 (unsigned long long)(first - function->address));
    snprintf(what, sizeof(what), "%llu of the %llu bytes of %.64s differ, the first at 0x%llx%s",
             (unsigned long long)count, (unsigned long long)stretch->size,
             stretch->name[0] ? stretch->name : "a segment", (unsigned long long)first, place);
    return differ(pair, what, err);
}

static const char *section_name(const struct hf_image *image, const GElf_Shdr *header)
{
    size_t names;
    const char *name =
        elf_getshdrstrndx(image->elf, &names) == 0 ? elf_strptr(image->elf, names, header->sh_name) : NULL;
    return name ? name : "";
}

/* The build-id's bytes in the file that holds them. */
static const uint8_t *build_id_bytes(const struct hf_image *image, const uint8_t *begin, uint64_t size)
{
    return image->build_id.size ? memmem(begin, size, image->build_id.bytes, image->build_id.size) : NULL;
}

/* A build-id of another size would move what follows it, so the sizes are the same wherever this is asked. */
static int compare_stretch(const struct pair *pair, const struct stretch *stretch, struct hotfix_error *err)
{
    size_t size = pair->shipped->build_id.size;
    const uint8_t *skipped = NULL;

    if (strcmp(stretch->name, ".note.gnu.build-id") == 0 && size == pair->rebuilt->build_id.size)
        skipped = build_id_bytes(pair->shipped, stretch->shipped, stretch->size);
    return compare_bytes(pair, stretch, skipped, skipped ? size : 0, err);
}

static bool same_section(const GElf_Shdr *a, const GElf_Shdr *b)
{
    return a->sh_type == b->sh_type && a->sh_flags == b->sh_flags && a->sh_addr == b->sh_addr &&
           a->sh_size == b->sh_size && a->sh_addralign == b->sh_addralign && a->sh_entsize == b->sh_entsize;
}

/* The contents of one section; false when they are not in the file. */
static bool read_section(const struct hf_image *image, const GElf_Shdr *header, const uint8_t **bytes)
{
    size_t size;
    const char *file = elf_rawfile(image->elf, &size);

    if (!file || header->sh_offset > size || header->sh_size > size - header->sh_offset)
        return false;
    *bytes = (const uint8_t *)file + header->sh_offset;
    return true;
}

static Elf_Scn *next_allocated(const struct hf_image *image, Elf_Scn *section, GElf_Shdr *header)
{
    while ((section = elf_nextscn(image->elf, section)))
        if (gelf_getshdr(section, header) && (header->sh_flags & SHF_ALLOC))
            return section;
    return NULL;
}

/* As far as both have it: the size says less than the first function that is another one. */
static int compare_moved(const struct pair *pair, const char *name, const GElf_Shdr *shipped, const GElf_Shdr *rebuilt,
                         struct hotfix_error *err)
{
    struct stretch stretch = {.name = name, .address = rebuilt->sh_addr};
    char what[512];
    const struct hf_symbol *function = NULL;

    if ((shipped->sh_flags & SHF_EXECINSTR) && shipped->sh_type == SHT_PROGBITS && rebuilt->sh_type == SHT_PROGBITS &&
        read_section(pair->shipped, shipped, &stretch.shipped) &&
        read_section(pair->rebuilt, rebuilt, &stretch.rebuilt)) {
        uint64_t least = shipped->sh_size < rebuilt->sh_size ? shipped->sh_size : rebuilt->sh_size;
        for (uint64_t i = 0; i < least && !function; i++)
            if (stretch.shipped[i] != stretch.rebuilt[i])
                function = function_at(pair->rebuilt, rebuilt->sh_addr + i);
    }
    snprintf(what, sizeof(what),
             "section %.64s has %llu bytes at 0x%llx there, and %llu at 0x%llx in the rebuild%s%.80s", name,
             (unsigned long long)shipped->sh_size, (unsigned long long)shipped->sh_addr,
             (unsigned long long)rebuilt->sh_size, (unsigned long long)rebuilt->sh_addr,
             function ? "; the first function that differs is " : "", function ? function->name : "");
    return differ(pair, what, err);
}

/* Code first: that it differs tells more than that tables of it do. */
static int compare_sections(const struct pair *pair, bool code, struct hotfix_error *err)
{
    Elf_Scn *shipped = NULL, *rebuilt = NULL;
    GElf_Shdr ours, theirs;

    for (;;) {
        shipped = next_allocated(pair->shipped, shipped, &ours);
        rebuilt = next_allocated(pair->rebuilt, rebuilt, &theirs);
        if (!shipped && !rebuilt)
            return 0;
        const char *name = shipped ? section_name(pair->shipped, &ours) : section_name(pair->rebuilt, &theirs);
        char what[128];
        snprintf(what, sizeof(what), "section %.64s is in only one of them", name);
        if (!shipped || !rebuilt || strcmp(name, section_name(pair->rebuilt, &theirs)) != 0)
            return differ(pair, what, err);
        if (((ours.sh_flags & SHF_EXECINSTR) != 0) != code)
            continue;
        if (!same_section(&ours, &theirs))
            return compare_moved(pair, name, &ours, &theirs, err);
        struct stretch stretch = {.name = name, .address = ours.sh_addr, .size = ours.sh_size};
        if (ours.sh_type == SHT_NOBITS)
            continue;
        if (!read_section(pair->shipped, &ours, &stretch.shipped) ||
            !read_section(pair->rebuilt, &theirs, &stretch.rebuilt))
            return differ(pair, "one of them is cut off", err);
        if (compare_stretch(pair, &stretch, err) != 0)
            return -1;
    }
}

/* A copy of the ELF header without what tells where sections are described, which no loader reads. */
static GElf_Ehdr loaded_header(const struct hf_image *image)
{
    GElf_Ehdr header = image->header;

    header.e_shoff = 0;
    header.e_shnum = 0;
    header.e_shstrndx = 0;
    return header;
}

static bool same_segment(const GElf_Phdr *a, const GElf_Phdr *b)
{
    /* Offsets must agree within a page for PT_LOAD, which the addresses and the kernel see to. */
    return a->p_type == b->p_type && a->p_flags == b->p_flags && a->p_vaddr == b->p_vaddr && a->p_paddr == b->p_paddr &&
           a->p_filesz == b->p_filesz && a->p_memsz == b->p_memsz && a->p_align == b->p_align;
}

/* What segments load, in sections or not, without the build-id and the ELF header's own words of sections. */
static int compare_loaded(const struct pair *pair, const GElf_Phdr *segment, struct hotfix_error *err)
{
    const uint8_t *shipped = hf_image_bytes(pair->shipped, segment->p_vaddr, segment->p_filesz);
    const uint8_t *rebuilt = hf_image_bytes(pair->rebuilt, segment->p_vaddr, segment->p_filesz);
    HF_FREE uint8_t *ours = malloc(segment->p_filesz + 1);
    HF_FREE uint8_t *theirs = malloc(segment->p_filesz + 1);

    if (!ours || !theirs)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", pair->shipped->path);
    if (!shipped || !rebuilt)
        return differ(pair, "one of them is cut off", err);
    memcpy(ours, shipped, segment->p_filesz);
    memcpy(theirs, rebuilt, segment->p_filesz);
    const uint8_t *id = build_id_bytes(pair->shipped, ours, segment->p_filesz);
    if (id && pair->shipped->build_id.size == pair->rebuilt->build_id.size &&
        memcmp(theirs + (id - ours), pair->rebuilt->build_id.bytes, pair->rebuilt->build_id.size) == 0)
        memcpy(theirs + (id - ours), id, pair->shipped->build_id.size);
    /* The header itself was compared; e_shoff and what follows are the words that strip writes. */
    if (segment->p_offset == 0 && segment->p_filesz >= sizeof(Elf64_Ehdr))
        memcpy(theirs, ours, sizeof(Elf64_Ehdr));
    const struct stretch stretch = {
        .name = "", .shipped = ours, .rebuilt = theirs, .address = segment->p_vaddr, .size = segment->p_filesz};
    return compare_bytes(pair, &stretch, NULL, 0, err);
}

static int compare_segments(const struct pair *pair, struct hotfix_error *err)
{
    size_t count = 0, other = 0;
    GElf_Phdr ours, theirs;

    if (elf_getphdrnum(pair->shipped->elf, &count) != 0 || elf_getphdrnum(pair->rebuilt->elf, &other) != 0 ||
        count != other || count == 0)
        return differ(pair, "they have other program headers", err);
    for (size_t i = 0; i < count; i++)
        if (!gelf_getphdr(pair->shipped->elf, (int)i, &ours) || !gelf_getphdr(pair->rebuilt->elf, (int)i, &theirs) ||
            !same_segment(&ours, &theirs))
            return differ(pair, "they have other program headers", err);
    for (size_t i = 0; i < count; i++)
        if (gelf_getphdr(pair->shipped->elf, (int)i, &ours) && ours.p_type == PT_LOAD && ours.p_filesz > 0 &&
            compare_loaded(pair, &ours, err) != 0)
            return -1;
    return 0;
}

int hf_rebuilt_check(const struct hf_image *shipped, const struct hf_image *rebuilt, struct hotfix_error *err)
{
    const struct pair pair = {.shipped = shipped, .rebuilt = rebuilt};
    GElf_Ehdr ours = loaded_header(shipped), theirs = loaded_header(rebuilt);

    if (ours.e_machine != theirs.e_machine || ours.e_type != theirs.e_type)
        return differ(&pair, "they are files of different kinds", err);
    if (!hf_rebuilt_is_whole(rebuilt))
        return differ(&pair, "it holds debug information alone; give it as --debug", err);
    if (compare_sections(&pair, true, err) != 0 || compare_sections(&pair, false, err) != 0)
        return -1;
    if (memcmp(&ours, &theirs, sizeof(ours)) != 0)
        return differ(&pair, "their ELF headers differ", err);
    return compare_segments(&pair, err);
}

int hf_rebuilt_take(const char *path, const char *target, const char **debug_path, struct hotfix_error *err)
{
    struct hf_image shipped, rebuilt;

    if (!path)
        return 0;
    if (*debug_path)
        return hf_error(err, HOTFIX_USAGE, "--rebuilt takes the place of --debug");
    if (hf_image_open(target, &shipped, err) != 0)
        return -1;
    int failed = hf_image_open(path, &rebuilt, err);
    if (!failed) {
        failed = hf_rebuilt_check(&shipped, &rebuilt, err);
        hf_image_close(&rebuilt);
    }
    hf_image_close(&shipped);
    if (!failed)
        *debug_path = path;
    return failed;
}
