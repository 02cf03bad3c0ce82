/* SPDX-License-Identifier: Apache-2.0 */
#include "process/image.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"

#define HEADERS_MAX 128u
#define DYNAMIC_MAX 512u
#define SYMBOLS_MAX (4u << 20)
#define NAMES_MAX   (64u << 20)
#define NOTES_MAX   4096u
#define CHAIN_MAX   (1u << 20)

/* What the dynamic section says. */
struct dynamic {
    uint64_t symbols;
    uint64_t names;
    uint64_t names_size;
    uint64_t hash;     /* DT_HASH */
    uint64_t gnu_hash; /* DT_GNU_HASH */
    uint64_t soname;   /* offset in names */
    bool has_soname;
};

/* glibc writes addresses over the offsets of the libraries that it loads, but for those that are not writable. */
static uint64_t relocated(const struct hf_image *image, uint64_t value)
{
    return value >= image->begin && value < image->end ? value : image->base + value;
}

static bool read_dynamic(const struct hf_target *target, const struct hf_image *image, uint64_t address, size_t size,
                         struct dynamic *dynamic)
{
    Elf64_Dyn entries[DYNAMIC_MAX];
    size_t count = size / sizeof(entries[0]) < DYNAMIC_MAX ? size / sizeof(entries[0]) : DYNAMIC_MAX;

    *dynamic = (struct dynamic){0};
    if (!hf_target_read(target, address, entries, count * sizeof(entries[0])))
        return false;
    for (size_t i = 0; i < count && entries[i].d_tag != DT_NULL; i++) {
        uint64_t value = entries[i].d_un.d_val;
        switch (entries[i].d_tag) {
        case DT_SYMTAB:
            dynamic->symbols = relocated(image, value);
            break;
        case DT_STRTAB:
            dynamic->names = relocated(image, value);
            break;
        case DT_STRSZ:
            dynamic->names_size = value;
            break;
        case DT_HASH:
            dynamic->hash = relocated(image, value);
            break;
        case DT_GNU_HASH:
            dynamic->gnu_hash = relocated(image, value);
            break;
        case DT_SONAME:
            dynamic->soname = value;
            dynamic->has_soname = true;
            break;
        default:
            break;
        }
    }
    return true;
}

/* How many symbols there are, by the longest chain of the GNU hash table, or by the other one. */
static size_t count_symbols(const struct hf_target *target, const struct dynamic *dynamic)
{
    uint32_t header[4];

    if (dynamic->hash && hf_target_read(target, dynamic->hash, header, 2 * sizeof(header[0])))
        return header[1] < SYMBOLS_MAX ? header[1] : 0;
    if (!dynamic->gnu_hash || !hf_target_read(target, dynamic->gnu_hash, header, sizeof(header)))
        return 0;
    uint32_t buckets = header[0], first = header[1], bloom = header[2], last = 0;
    if (buckets == 0 || buckets > SYMBOLS_MAX || bloom > SYMBOLS_MAX)
        return 0;
    HF_FREE uint32_t *table = calloc(buckets, sizeof(*table));
    uint64_t at = dynamic->gnu_hash + sizeof(header) + (uint64_t)bloom * sizeof(uint64_t);
    if (!table || !hf_target_read(target, at, table, buckets * sizeof(*table)))
        return 0;
    for (uint32_t i = 0; i < buckets; i++)
        last = table[i] > last ? table[i] : last;
    if (last < first)
        return first;
    at += buckets * sizeof(*table);
    for (uint32_t steps = 0; last < SYMBOLS_MAX && steps < CHAIN_MAX; last++, steps++) {
        uint32_t value;
        if (!hf_target_read(target, at + (uint64_t)(last - first) * sizeof(value), &value, sizeof(value)))
            return 0;
        if (value & 1)
            return last + 1;
    }
    return 0;
}

/* False when out of memory. Without names or symbols the image has none. */
static bool read_names(const struct hf_target *target, const struct dynamic *dynamic, struct hf_image *image)
{
    if (dynamic->names_size > 0 && dynamic->names_size < NAMES_MAX) {
        image->names = malloc(dynamic->names_size + 1);
        if (!image->names)
            return false;
        if (hf_target_read(target, dynamic->names, image->names, dynamic->names_size))
            image->names_size = dynamic->names_size;
        image->names[image->names_size] = '\0';
    }
    size_t count = count_symbols(target, dynamic);
    if (count > 0 && image->names_size > 0) {
        image->symbols = calloc(count, sizeof(*image->symbols));
        if (!image->symbols)
            return false;
        if (hf_target_read(target, dynamic->symbols, image->symbols, count * sizeof(*image->symbols)))
            image->symbol_count = count;
    }
    image->soname =
        strdup(dynamic->has_soname && dynamic->soname < image->names_size ? image->names + dynamic->soname : "");
    return image->soname != NULL;
}

static void read_build_id(const struct hf_target *target, uint64_t address, size_t size, struct hf_image *image)
{
    uint8_t notes[NOTES_MAX];
    size_t used = size < sizeof(notes) ? size : sizeof(notes);

    if (image->build_id_size > 0 || !hf_target_read(target, address, notes, used))
        return;
    for (size_t at = 0; at + sizeof(Elf64_Nhdr) <= used;) {
        Elf64_Nhdr note;
        memcpy(&note, notes + at, sizeof(note));
        size_t name = at + sizeof(note), bytes = name + ((note.n_namesz + 3) & ~3u);
        if (note.n_namesz > NOTES_MAX || note.n_descsz > NOTES_MAX || bytes + note.n_descsz > used)
            return;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof("GNU") &&
            memcmp(notes + name, "GNU", sizeof("GNU")) == 0 && note.n_descsz <= HF_IMAGE_BUILD_ID_MAX) {
            memcpy(image->build_id, notes + bytes, note.n_descsz);
            image->build_id_size = note.n_descsz;
            return;
        }
        at = bytes + ((note.n_descsz + 3) & ~3u);
    }
}

/* Where its segments are. False when it is not mapped to be run. */
static bool place(const struct hf_target *target, const struct hf_mapping *first, const Elf64_Ehdr *header,
                  const Elf64_Phdr *segments, struct hf_image *image)
{
    uint64_t low = UINT64_MAX, high = 0;

    for (size_t i = 0; i < header->e_phnum; i++) {
        if (segments[i].p_type != PT_LOAD)
            continue;
        low = segments[i].p_vaddr < low ? segments[i].p_vaddr : low;
        high = segments[i].p_vaddr + segments[i].p_memsz > high ? segments[i].p_vaddr + segments[i].p_memsz : high;
    }
    if (low >= high || high - low > UINT32_MAX)
        return false;
    image->base = first->begin - (low & ~(uint64_t)4095);
    image->begin = image->base + low;
    image->end = image->base + high;
    for (size_t i = 0; i < header->e_phnum; i++) {
        if (segments[i].p_type != PT_LOAD || !(segments[i].p_flags & PF_X))
            continue;
        const struct hf_mapping *code = hf_target_mapping(target, image->base + segments[i].p_vaddr);
        if (!code || !code->executable || code->inode != first->inode || code->device != first->device)
            continue;
        image->code_begin = image->base + segments[i].p_vaddr;
        image->code_end = image->code_begin + segments[i].p_memsz;
        return true;
    }
    return false;
}

/* Are these program headers of which one says that they are mapped themselves? */
static bool have_themselves(const Elf64_Ehdr *header, const Elf64_Phdr *segments)
{
    for (size_t i = 0; i < header->e_phnum; i++)
        if (segments[i].p_type == PT_LOAD && header->e_phoff >= segments[i].p_offset &&
            header->e_phoff - segments[i].p_offset < segments[i].p_filesz)
            return true;
    return false;
}

/*
 * Reads the program headers. Most linkers put them behind the file's header; a tool that changes a linked file puts
 * them at its end. Several mappings may hold a page of the file: the one for variables may end in the middle of the
 * table, and the dynamic linker has written zeros behind the variables. So the whole table must lie in one mapping.
 */
static bool read_segments(const struct hf_target *target, const struct hf_mapping *first, const Elf64_Ehdr *header,
                          Elf64_Phdr *segments)
{
    size_t size = header->e_phnum * sizeof(segments[0]);
    const struct hf_mapping *end = target->mappings + target->mapping_count;

    for (const struct hf_mapping *mapping = first; mapping < end && mapping->begin - first->begin < UINT32_MAX;
         mapping++) {
        if (mapping->inode != first->inode || mapping->device != first->device || header->e_phoff < mapping->offset ||
            mapping->end - mapping->begin < size ||
            header->e_phoff - mapping->offset > mapping->end - mapping->begin - size)
            continue;
        if (hf_target_read(target, mapping->begin + (header->e_phoff - mapping->offset), segments, size) &&
            have_themselves(header, segments))
            return true;
    }
    return false;
}

/* 1: it is an image; 0: it is none; -1: out of memory. */
static int read_image(const struct hf_target *target, const struct hf_mapping *first, bool symbols,
                      struct hf_image *image)
{
    Elf64_Ehdr header;
    Elf64_Phdr segments[HEADERS_MAX];
    struct dynamic dynamic = {0};

    *image = (struct hf_image){0};
    if (!hf_target_read(target, first->begin, &header, sizeof(header)) ||
        memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_phnum == 0 ||
        header.e_phnum > HEADERS_MAX || header.e_phentsize != sizeof(segments[0]) ||
        !read_segments(target, first, &header, segments))
        return 0;
    if (!place(target, first, &header, segments, image))
        return 0;
    for (size_t i = 0; i < header.e_phnum; i++) {
        uint64_t at = image->base + segments[i].p_vaddr;
        if (at < image->begin || at >= image->end || segments[i].p_memsz > image->end - at)
            continue;
        if (segments[i].p_type == PT_DYNAMIC)
            read_dynamic(target, image, at, segments[i].p_memsz, &dynamic);
        else if (segments[i].p_type == PT_NOTE)
            read_build_id(target, at, segments[i].p_memsz, image);
        else if (segments[i].p_type == PT_GNU_EH_FRAME)
            image->unwind = at;
    }
    if (!symbols)
        dynamic = (struct dynamic){0};
    image->path = strdup(first->path);
    return read_names(target, &dynamic, image) && image->path ? 1 : -1;
}

static void image_deinit(struct hf_image *image)
{
    free(image->path);
    free(image->soname);
    free(image->symbols);
    free(image->names);
}

int hf_images_read(const struct hf_target *target, bool symbols, struct hf_images *images, struct hotfix_error *err)
{
    struct hf_images read = {0};

    for (size_t i = 0; i < target->mapping_count; i++) {
        const struct hf_mapping *mapping = &target->mappings[i];
        struct hf_image image;
        if (mapping->offset != 0 || mapping->inode == 0 || !mapping->readable)
            continue;
        int found = read_image(target, mapping, symbols, &image);
        struct hf_image *grown = found > 0 ? reallocarray(read.items, read.count + 1, sizeof(*grown)) : NULL;
        if (grown) {
            read.items = grown;
            grown[read.count++] = image;
        } else if (found != 0) {
            image_deinit(&image);
            hf_images_deinit(&read);
            return hf_error(err, HOTFIX_MEMORY, "out of memory");
        }
    }
    hf_images_deinit(images);
    *images = read;
    return 0;
}

void hf_images_deinit(struct hf_images *images)
{
    for (size_t i = 0; i < images->count; i++)
        image_deinit(&images->items[i]);
    free(images->items);
    *images = (struct hf_images){0};
}

const struct hf_image *hf_images_at(const struct hf_images *images, uint64_t address)
{
    for (size_t i = 0; i < images->count; i++) {
        if (address >= images->items[i].code_begin && address < images->items[i].code_end)
            return &images->items[i];
    }
    return NULL;
}

const struct hf_image *hf_images_named(const struct hf_images *images, const char *soname)
{
    for (size_t i = 0; i < images->count; i++) {
        if (strcmp(images->items[i].soname, soname) == 0)
            return &images->items[i];
    }
    return NULL;
}

static bool defines(const struct hf_image *image, const Elf64_Sym *symbol)
{
    return symbol->st_shndx != SHN_UNDEF && symbol->st_name < image->names_size;
}

static const Elf64_Sym *find_symbol(const struct hf_image *image, const char *name)
{
    for (size_t i = 0; i < image->symbol_count; i++) {
        const Elf64_Sym *symbol = &image->symbols[i];
        if (defines(image, symbol) && ELF64_ST_TYPE(symbol->st_info) != STT_TLS &&
            ELF64_ST_TYPE(symbol->st_info) != STT_GNU_IFUNC && strcmp(image->names + symbol->st_name, name) == 0)
            return symbol;
    }
    return NULL;
}

uint64_t hf_image_symbol(const struct hf_image *image, const char *name)
{
    const Elf64_Sym *symbol = find_symbol(image, name);

    return symbol ? image->base + symbol->st_value : 0;
}

uint64_t hf_image_symbol_size(const struct hf_image *image, const char *name)
{
    const Elf64_Sym *symbol = find_symbol(image, name);

    return symbol ? symbol->st_size : 0;
}

static bool spans(const struct hf_image *image, const Elf64_Sym *symbol, uint64_t address)
{
    uint64_t begin = image->base + symbol->st_value;

    return defines(image, symbol) && ELF64_ST_TYPE(symbol->st_info) == STT_FUNC && address >= begin &&
           address - begin < symbol->st_size;
}

const char *hf_image_function_at(const struct hf_image *image, uint64_t address)
{
    for (size_t i = 0; i < image->symbol_count; i++) {
        if (spans(image, &image->symbols[i], address))
            return image->names + image->symbols[i].st_name;
    }
    return NULL;
}

bool hf_image_is_in(const struct hf_image *image, uint64_t address, const char *name)
{
    for (size_t i = 0; i < image->symbol_count; i++) {
        if (spans(image, &image->symbols[i], address) && strcmp(image->names + image->symbols[i].st_name, name) == 0)
            return true;
    }
    return false;
}

const struct hf_image *hf_images_program(const struct hf_images *images)
{
    for (size_t i = 0; i < images->count; i++) {
        if (strncmp(images->items[i].soname, HF_IMAGE_PATCH, strlen(HF_IMAGE_PATCH)) != 0)
            return &images->items[i];
    }
    return NULL;
}

bool hf_image_is_file(const struct hf_image *image, const char *name)
{
    const char *slash = strrchr(image->path, '/');
    const char *base = slash ? slash + 1 : image->path;
    size_t length = strlen(name);

    return strncmp(base, name, length) == 0 && (base[length] == '\0' || strcmp(base + length, " (deleted)") == 0);
}
