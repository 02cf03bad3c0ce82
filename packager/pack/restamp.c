/* SPDX-License-Identifier: Apache-2.0 */
/* Layout of ELF files: gABI chapters 4 and 5. */
#include "pack/restamp.h"

#include <elf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cursor.h"
#include "error.h"
#include "stamp.h"

#define MAX_ALIGN     (UINT64_C(1) << 30)
#define MAX_ADDRESS   (UINT64_C(1) << 46) /* user addresses end at 2^47 at the most */
#define MIN_PAGE      UINT64_C(4096)
#define NOTE_SECTION  ".note.hotfix"
#define NOTE_ALIGN    4
#define TABLE_ALIGN   8
#define SEGMENT_ALIGN 16

/* The shared object as it came, its tables copied out of the bytes. */
struct object {
    const uint8_t *bytes;
    size_t size;
    Elf64_Ehdr header;
    Elf64_Phdr *segments;
    size_t segment_count;
    Elf64_Shdr *sections;
    size_t section_count;
    Elf64_Dyn *dynamic; /* with what follows the first DT_NULL */
    size_t dynamic_count;
    size_t dynamic_end;    /* index of the first DT_NULL; dynamic_count without one (ld --spare-dynamic-tags=0) */
    size_t dynamic_at;     /* index of PT_DYNAMIC */
    const uint8_t *dynstr; /* ends in NUL */
    size_t dynstr_size;
    uint64_t end;   /* one past the last mapped address */
    uint64_t align; /* largest alignment of a segment */
};

/* Where everything goes in the file to be written; what lies in the new segment has the address file offset + delta. */
struct layout {
    size_t segment; /* the new segment: program headers first */
    size_t segment_size;
    size_t dynamic; /* 0: the dynamic section stays where it is */
    size_t dynstr;
    size_t dynstr_size;
    size_t note;
    size_t note_size;
    size_t names; /* section names, behind the segment; 0: there are no section headers */
    size_t names_size;
    size_t sections;
    size_t total;
    uint64_t delta;
};

static void object_deinit(struct object *object)
{
    free(object->segments);
    free(object->sections);
    free(object->dynamic);
}

static bool within(const struct object *object, uint64_t offset, uint64_t size)
{
    return offset <= object->size && size <= object->size - offset;
}

static uint64_t align_up(uint64_t value, uint64_t align)
{
    return (value + align - 1) & ~(align - 1);
}

/* A malloc'ed copy of count elements that lie at an offset of the file; NULL when they do not. */
static void *copy_table(const struct object *object, uint64_t offset, size_t count, size_t element)
{
    if (!within(object, offset, (uint64_t)count * element))
        return NULL;
    void *table = calloc(count + 1, element);
    if (table)
        memcpy(table, object->bytes + offset, count * element);
    return table;
}

static int read_header(struct object *object, struct hotfix_error *err)
{
    Elf64_Ehdr *header = &object->header;

    if (object->size < sizeof(*header))
        return hf_error(err, HOTFIX_FORMAT, "it is too short for an ELF file");
    memcpy(header, object->bytes, sizeof(*header));
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
        return hf_error(err, HOTFIX_FORMAT, "it is not an ELF file");
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB)
        return hf_error(err, HOTFIX_FORMAT, "it is not a 64-bit little-endian ELF file");
    if (header->e_type != ET_DYN)
        return hf_error(err, HOTFIX_FORMAT, "it is not a shared object (link it with -shared)");
    if (header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phnum == 0 || header->e_phnum >= PN_XNUM - 2)
        return hf_error(err, HOTFIX_FORMAT, "it has no usable program header table");
    return 0;
}

static int read_tables(struct object *object, struct hotfix_error *err)
{
    const Elf64_Ehdr *header = &object->header;

    object->segment_count = header->e_phnum;
    object->segments = copy_table(object, header->e_phoff, object->segment_count, sizeof(Elf64_Phdr));
    if (!object->segments)
        return hf_error(err, HOTFIX_FORMAT, "its program header table lies outside the file");
    if (header->e_shoff == 0)
        return 0;

    if (header->e_shentsize != sizeof(Elf64_Shdr) || header->e_shnum == 0 || header->e_shnum >= SHN_LORESERVE - 1 ||
        header->e_shstrndx >= header->e_shnum)
        return hf_error(err, HOTFIX_FORMAT, "it has no usable section header table");
    object->section_count = header->e_shnum;
    object->sections = copy_table(object, header->e_shoff, object->section_count, sizeof(Elf64_Shdr));
    if (!object->sections)
        return hf_error(err, HOTFIX_FORMAT, "its section header table lies outside the file");
    const Elf64_Shdr *names = &object->sections[header->e_shstrndx];
    if (names->sh_type != SHT_STRTAB || !within(object, names->sh_offset, names->sh_size) || names->sh_size == 0)
        return hf_error(err, HOTFIX_FORMAT, "its section names lie outside the file");
    return 0;
}

static int read_segments(struct object *object, struct hotfix_error *err)
{
    size_t dynamics = 0;

    object->align = MIN_PAGE;
    for (size_t i = 0; i < object->segment_count; i++) {
        const Elf64_Phdr *segment = &object->segments[i];
        if (segment->p_type == PT_DYNAMIC) {
            object->dynamic_at = i;
            dynamics++;
        }
        if (segment->p_type != PT_LOAD)
            continue;
        if (!within(object, segment->p_offset, segment->p_filesz) || segment->p_filesz > segment->p_memsz ||
            segment->p_vaddr > MAX_ADDRESS || segment->p_memsz > MAX_ADDRESS - segment->p_vaddr)
            return hf_error(err, HOTFIX_FORMAT, "segment %zu lies outside the file", i);
        if (segment->p_align > MAX_ALIGN || (segment->p_align & (segment->p_align - 1)) != 0)
            return hf_error(err, HOTFIX_FORMAT, "segment %zu has the alignment 0x%llx", i,
                            (unsigned long long)segment->p_align);
        if (segment->p_align > object->align)
            object->align = segment->p_align;
        if (segment->p_vaddr + segment->p_memsz > object->end)
            object->end = segment->p_vaddr + segment->p_memsz;
    }
    if (dynamics != 1 || object->end == 0)
        return hf_error(err, HOTFIX_FORMAT, "it has %zu dynamic segments instead of one", dynamics);
    return 0;
}

/* Index of the entry with this tag before the first DT_NULL; dynamic_end when there is none. */
static size_t find_tag(const struct object *object, int64_t tag)
{
    size_t i = 0;
    while (i < object->dynamic_end && object->dynamic[i].d_tag != tag)
        i++;
    return i;
}

/* The value of a tag that must be there once. */
static int require_tag(const struct object *object, int64_t tag, const char *name, uint64_t *value,
                       struct hotfix_error *err)
{
    size_t count = 0;
    for (size_t i = 0; i < object->dynamic_end; i++) {
        if (object->dynamic[i].d_tag != tag)
            continue;
        *value = object->dynamic[i].d_un.d_val;
        count++;
    }
    if (count != 1)
        return hf_error(err, HOTFIX_FORMAT, "its dynamic section has %zu %s entries instead of one", count, name);
    return 0;
}

/* Bytes of the file at an address, NULL when they are not all in one segment. */
static const uint8_t *bytes_at(const struct object *object, uint64_t address, uint64_t size)
{
    for (size_t i = 0; i < object->segment_count; i++) {
        const Elf64_Phdr *segment = &object->segments[i];
        if (segment->p_type == PT_LOAD && address >= segment->p_vaddr &&
            address - segment->p_vaddr <= segment->p_filesz && size <= segment->p_filesz - (address - segment->p_vaddr))
            return object->bytes + segment->p_offset + (address - segment->p_vaddr);
    }
    return NULL;
}

static int read_dynamic(struct object *object, struct hotfix_error *err)
{
    const Elf64_Phdr *segment = &object->segments[object->dynamic_at];
    uint64_t address = 0, size = 0;

    object->dynamic_count = segment->p_filesz / sizeof(Elf64_Dyn);
    const uint8_t *mapped = bytes_at(object, segment->p_vaddr, segment->p_filesz);
    if (!mapped || (uint64_t)(mapped - object->bytes) != segment->p_offset)
        return hf_error(err, HOTFIX_FORMAT, "its dynamic section lies outside the loaded segments");
    object->dynamic = copy_table(object, segment->p_offset, object->dynamic_count, sizeof(Elf64_Dyn));
    if (!object->dynamic)
        return hf_error(err, HOTFIX_FORMAT, "its dynamic section lies outside the file");
    while (object->dynamic_end < object->dynamic_count && object->dynamic[object->dynamic_end].d_tag != DT_NULL)
        object->dynamic_end++;
    if (require_tag(object, DT_STRTAB, "DT_STRTAB", &address, err) != 0 ||
        require_tag(object, DT_STRSZ, "DT_STRSZ", &size, err) != 0)
        return -1;
    if (find_tag(object, DT_SONAME) != object->dynamic_end) {
        uint64_t name;
        if (require_tag(object, DT_SONAME, "DT_SONAME", &name, err) != 0)
            return -1;
    }
    object->dynstr = bytes_at(object, address, size);
    object->dynstr_size = size;
    if (!object->dynstr || size == 0 || object->dynstr[size - 1] != '\0')
        return hf_error(err, HOTFIX_FORMAT, "its dynamic string table lies outside the loaded segments");
    return 0;
}

/* Is there a note of our owner and type among these? A note that is cut off ends the search. */
static bool has_stamp(const uint8_t *notes, size_t size, uint64_t align)
{
    struct hf_cursor cursor;

    hf_cursor_init(&cursor, notes, size);
    while (!hf_cursor_done(&cursor) && !cursor.failed) {
        uint32_t name_size = hf_cursor_u32(&cursor);
        uint32_t description_size = hf_cursor_u32(&cursor);
        uint32_t type = hf_cursor_u32(&cursor);
        const uint8_t *name = hf_cursor_bytes(&cursor, align_up(name_size, align));
        hf_cursor_bytes(&cursor, align_up(description_size, align));
        if (name && type == HF_NOTE_STAMP && name_size == sizeof(HF_NOTE_OWNER) &&
            memcmp(name, HF_NOTE_OWNER, sizeof(HF_NOTE_OWNER)) == 0)
            return true;
    }
    return false;
}

static int refuse_stamped(const struct object *object, struct hotfix_error *err)
{
    for (size_t i = 0; i < object->segment_count; i++) {
        const Elf64_Phdr *segment = &object->segments[i];
        if (segment->p_type != PT_NOTE || !within(object, segment->p_offset, segment->p_filesz))
            continue;
        if (has_stamp(object->bytes + segment->p_offset, segment->p_filesz, segment->p_align == 8 ? 8 : 4))
            return hf_error(err, HOTFIX_USAGE,
                            "it carries the stamp of a bundle already: pack the shared object that the linker made");
    }
    return 0;
}

static int object_init(struct object *object, struct hotfix_error *err)
{
    return read_header(object, err) || read_tables(object, err) || read_segments(object, err) ||
                   read_dynamic(object, err) || refuse_stamped(object, err)
               ? -1
               : 0;
}

/* Can DT_SONAME be written where the dynamic section is, and a DT_NULL still end it? */
static bool has_room(const struct object *object)
{
    size_t end = object->dynamic_end, count = object->dynamic_count;
    return (end < count && find_tag(object, DT_SONAME) < end) ||
           (end + 1 < count && object->dynamic[end + 1].d_tag == DT_NULL);
}

static void plan(const struct object *object, const struct hf_manifest *manifest, struct layout *layout)
{
    size_t at = align_up(object->size, SEGMENT_ALIGN);

    *layout = (struct layout){.segment = at};
    at += (object->segment_count + 2) * sizeof(Elf64_Phdr);
    if (!has_room(object)) {
        layout->dynamic = at = align_up(at, SEGMENT_ALIGN);
        at += (object->dynamic_end + 2) * sizeof(Elf64_Dyn);
    }
    layout->note = at = align_up(at, NOTE_ALIGN);
    layout->note_size = sizeof(Elf64_Nhdr) + align_up(sizeof(HF_NOTE_OWNER), NOTE_ALIGN) +
                        align_up(HF_ID_SIZE + strlen(manifest->version) + 1, NOTE_ALIGN);
    at += layout->note_size;
    layout->dynstr = at;
    layout->dynstr_size = object->dynstr_size + strlen(manifest->soname) + 1;
    at += layout->dynstr_size;
    layout->segment_size = at - layout->segment;
    layout->delta = align_up(object->end, object->align) - (layout->segment & ~(object->align - 1));

    if (object->section_count > 0) {
        layout->names = at;
        layout->names_size = object->sections[object->header.e_shstrndx].sh_size + sizeof(NOTE_SECTION);
        layout->sections = align_up(at + layout->names_size, TABLE_ALIGN);
        at = layout->sections + (object->section_count + 1) * sizeof(Elf64_Shdr);
    }
    layout->total = at;
}

/* The program header table: PT_LOAD entries stay ordered by address, which the new one ends. */
static void put_segments(const struct object *object, const struct layout *layout, uint8_t *out)
{
    size_t count = object->segment_count + 2, next = 0, last_load = 0;
    uint64_t address = layout->segment + layout->delta;
    Elf64_Phdr load = {.p_type = PT_LOAD,
                       .p_flags = layout->dynamic ? PF_R | PF_W : PF_R, /* older linkers write to the dynamic section */
                       .p_offset = layout->segment,
                       .p_vaddr = address,
                       .p_paddr = address,
                       .p_filesz = layout->segment_size,
                       .p_memsz = layout->segment_size,
                       .p_align = object->align};
    Elf64_Phdr note = {.p_type = PT_NOTE,
                       .p_flags = PF_R,
                       .p_offset = layout->note,
                       .p_vaddr = layout->note + layout->delta,
                       .p_paddr = layout->note + layout->delta,
                       .p_filesz = layout->note_size,
                       .p_memsz = layout->note_size,
                       .p_align = NOTE_ALIGN};

    for (size_t i = 0; i < object->segment_count; i++)
        if (object->segments[i].p_type == PT_LOAD)
            last_load = i;
    for (size_t i = 0; i < object->segment_count; i++) {
        Elf64_Phdr segment = object->segments[i];
        if (segment.p_type == PT_PHDR) {
            segment.p_offset = layout->segment;
            segment.p_vaddr = segment.p_paddr = address;
            segment.p_filesz = segment.p_memsz = count * sizeof(segment);
        } else if (segment.p_type == PT_DYNAMIC && layout->dynamic) {
            segment.p_offset = layout->dynamic;
            segment.p_vaddr = segment.p_paddr = layout->dynamic + layout->delta;
            segment.p_filesz = segment.p_memsz = (object->dynamic_end + 2) * sizeof(Elf64_Dyn);
        }
        memcpy(out + layout->segment + next++ * sizeof(segment), &segment, sizeof(segment));
        if (i == last_load)
            memcpy(out + layout->segment + next++ * sizeof(load), &load, sizeof(load));
    }
    memcpy(out + layout->segment + next * sizeof(note), &note, sizeof(note));
}

static void put_dynamic(const struct object *object, const struct layout *layout, uint8_t *out)
{
    size_t soname = find_tag(object, DT_SONAME); /* without one, the entry that ends the section */
    size_t at = layout->dynamic ? layout->dynamic : object->segments[object->dynamic_at].p_offset;
    size_t count = layout->dynamic ? object->dynamic_end : object->dynamic_count;

    for (size_t i = 0; i < count || i == soname; i++) {
        Elf64_Dyn entry = object->dynamic[i];
        if (i == soname)
            entry = (Elf64_Dyn){.d_tag = DT_SONAME, .d_un.d_val = object->dynstr_size};
        else if (i < object->dynamic_end && entry.d_tag == DT_STRTAB)
            entry.d_un.d_ptr = layout->dynstr + layout->delta;
        else if (i < object->dynamic_end && entry.d_tag == DT_STRSZ)
            entry.d_un.d_val = layout->dynstr_size;
        memcpy(out + at + i * sizeof(entry), &entry, sizeof(entry));
    }
}

static void put_note(const struct hf_manifest *manifest, const struct layout *layout, uint8_t *out)
{
    size_t version_size = strlen(manifest->version) + 1;
    Elf64_Nhdr header = {
        .n_namesz = sizeof(HF_NOTE_OWNER), .n_descsz = (uint32_t)(HF_ID_SIZE + version_size), .n_type = HF_NOTE_STAMP};
    uint8_t *at = out + layout->note;

    at = mempcpy(at, &header, sizeof(header));
    memcpy(at, HF_NOTE_OWNER, sizeof(HF_NOTE_OWNER));
    at += align_up(sizeof(HF_NOTE_OWNER), NOTE_ALIGN);
    at = mempcpy(at, manifest->id, HF_ID_SIZE);
    memcpy(at, manifest->version, version_size);
}

/* The first word of the global offset table is the address of the dynamic section (psABI). */
static void move_got(const Elf64_Shdr *section, const char *name, uint64_t from, uint64_t to, uint8_t *out)
{
    uint64_t word;

    if (section->sh_type != SHT_PROGBITS || section->sh_size < sizeof(word) ||
        (strcmp(name, ".got") != 0 && strcmp(name, ".got.plt") != 0))
        return;
    memcpy(&word, out + section->sh_offset, sizeof(word));
    if (word == from)
        memcpy(out + section->sh_offset, &to, sizeof(to));
}

/* The symbol _DYNAMIC follows the dynamic section. */
static void move_symbols(const struct object *object, const Elf64_Shdr *section, uint64_t from, uint64_t to,
                         uint8_t *out)
{
    static const char name[] = "_DYNAMIC";

    if ((section->sh_type != SHT_SYMTAB && section->sh_type != SHT_DYNSYM) || section->sh_link >= object->section_count)
        return;
    const Elf64_Shdr *strings = &object->sections[section->sh_link];
    if (strings->sh_type != SHT_STRTAB || !within(object, strings->sh_offset, strings->sh_size))
        return;
    for (uint64_t at = 0; section->sh_size - at >= sizeof(Elf64_Sym); at += sizeof(Elf64_Sym)) {
        Elf64_Sym symbol;
        memcpy(&symbol, out + section->sh_offset + at, sizeof(symbol));
        if (symbol.st_value != from || symbol.st_name > strings->sh_size ||
            strings->sh_size - symbol.st_name < sizeof(name) ||
            memcmp(object->bytes + strings->sh_offset + symbol.st_name, name, sizeof(name)) != 0)
            continue;
        symbol.st_value = to;
        memcpy(out + section->sh_offset + at, &symbol, sizeof(symbol));
    }
}

static void follow_dynamic(const struct object *object, const struct layout *layout, uint8_t *out)
{
    const char *names = (const char *)out + layout->names;
    size_t names_size = layout->names_size; /* ends in NUL */
    uint64_t from = object->segments[object->dynamic_at].p_vaddr, to = layout->dynamic + layout->delta;

    for (size_t i = 0; i < object->section_count; i++) {
        const Elf64_Shdr *section = &object->sections[i];
        if (!within(object, section->sh_offset, section->sh_size) || section->sh_type == SHT_NOBITS)
            continue;
        if (section->sh_name < names_size)
            move_got(section, names + section->sh_name, from, to, out);
        move_symbols(object, section, from, to, out);
    }
}

static void put_sections(const struct object *object, const struct layout *layout, uint8_t *out)
{
    const Elf64_Shdr *names = &object->sections[object->header.e_shstrndx];
    const Elf64_Phdr *dynamic = &object->segments[object->dynamic_at];
    Elf64_Shdr note = {.sh_name = (uint32_t)names->sh_size,
                       .sh_type = SHT_NOTE,
                       .sh_flags = SHF_ALLOC,
                       .sh_addr = layout->note + layout->delta,
                       .sh_offset = layout->note,
                       .sh_size = layout->note_size,
                       .sh_addralign = NOTE_ALIGN};
    uint64_t dynstr_address = object->dynamic[find_tag(object, DT_STRTAB)].d_un.d_ptr;
    uint8_t *at = out + layout->sections;

    memcpy(out + layout->names, object->bytes + names->sh_offset, names->sh_size);
    memcpy(out + layout->names + names->sh_size, NOTE_SECTION, sizeof(NOTE_SECTION));
    for (size_t i = 0; i < object->section_count; i++) {
        Elf64_Shdr section = object->sections[i];
        if (i == object->header.e_shstrndx) {
            section.sh_offset = layout->names;
            section.sh_size = layout->names_size;
        } else if (section.sh_type == SHT_STRTAB && (section.sh_flags & SHF_ALLOC) &&
                   section.sh_addr == dynstr_address) {
            section.sh_addr = layout->dynstr + layout->delta;
            section.sh_offset = layout->dynstr;
            section.sh_size = layout->dynstr_size;
        } else if (section.sh_type == SHT_DYNAMIC && section.sh_addr == dynamic->p_vaddr && layout->dynamic) {
            section.sh_addr = layout->dynamic + layout->delta;
            section.sh_offset = layout->dynamic;
            section.sh_size = (object->dynamic_end + 2) * sizeof(Elf64_Dyn);
        }
        at = mempcpy(at, &section, sizeof(section));
    }
    memcpy(at, &note, sizeof(note));
}

static void put_header(const struct object *object, const struct layout *layout, uint8_t *out)
{
    Elf64_Ehdr header = object->header;

    header.e_phoff = layout->segment;
    header.e_phnum = (uint16_t)(object->segment_count + 2);
    if (object->section_count > 0) {
        header.e_shoff = layout->sections;
        header.e_shnum = (uint16_t)(object->section_count + 1);
    }
    memcpy(out, &header, sizeof(header));
}

static int restamp(const struct object *object, const struct hf_manifest *manifest, uint8_t **stamped,
                   size_t *stamped_size, struct hotfix_error *err)
{
    struct layout layout;

    plan(object, manifest, &layout);
    HF_FREE uint8_t *out = calloc(1, layout.total);
    if (!out)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    memcpy(out, object->bytes, object->size);
    put_dynamic(object, &layout, out);
    put_segments(object, &layout, out);
    memcpy(out + layout.dynstr, object->dynstr, object->dynstr_size);
    memcpy(out + layout.dynstr + object->dynstr_size, manifest->soname, strlen(manifest->soname) + 1);
    put_note(manifest, &layout, out);
    if (object->section_count > 0)
        put_sections(object, &layout, out);
    if (object->section_count > 0 && layout.dynamic)
        follow_dynamic(object, &layout, out);
    put_header(object, &layout, out);
    *stamped = hf_move(out);
    *stamped_size = layout.total;
    return 0;
}

int hf_restamp(const struct hf_manifest *manifest, const void *elf, size_t size, uint8_t **stamped,
               size_t *stamped_size, struct hotfix_error *err)
{
    struct object object = {.bytes = elf, .size = size};
    int result = object_init(&object, err);

    if (result == 0)
        result = restamp(&object, manifest, stamped, stamped_size, err);
    object_deinit(&object);
    return result;
}
