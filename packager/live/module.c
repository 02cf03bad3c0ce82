/* SPDX-License-Identifier: Apache-2.0 */
#include "live/module.h"

#include <elf.h>
#include <string.h>

#include "cleanup.h"
#include "cursor.h"
#include "error.h"
#include "stamp.h"

/* Program headers as they lie in memory. */
struct headers {
    Elf64_Phdr *segments;
    size_t count;
};

/* Where size bytes of the file that begins in the mapping at `first` are; false when no one mapping of it has them. */
static bool find_offset(const struct hf_live *live, size_t first, uint64_t offset, size_t size, uint64_t *address)
{
    for (size_t i = first; i < live->mappings.count; i++) {
        const struct hf_mapping *mapping = &live->mappings.items[i];
        uint64_t bytes = mapping->end - mapping->begin;
        if (strcmp(mapping->path, live->mappings.items[first].path) != 0 || offset < mapping->offset ||
            offset - mapping->offset > bytes || size > bytes - (offset - mapping->offset))
            continue;
        *address = mapping->begin + (offset - mapping->offset);
        return true;
    }
    return false;
}

static bool read_headers(const struct hf_live *live, size_t first, struct headers *headers)
{
    const struct hf_mapping *mapping = &live->mappings.items[first];
    Elf64_Ehdr header;
    uint64_t address;

    if (mapping->end - mapping->begin < sizeof(header) ||
        hf_live_read(live, mapping->begin, &header, sizeof(header), NULL) != 0 ||
        memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
        header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == 0 ||
        header.e_phnum > HF_LIVE_MAX_SEGMENTS)
        return false;
    size_t size = header.e_phnum * sizeof(Elf64_Phdr);
    /* Patches out of bundles have them behind all else, where there was room for one more. */
    if (!find_offset(live, first, header.e_phoff, size, &address))
        return false;
    HF_FREE Elf64_Phdr *segments = malloc(size);
    if (!segments || hf_live_read(live, address, segments, size, NULL) != 0)
        return false;
    headers->segments = hf_move(segments);
    headers->count = header.e_phnum;
    return true;
}

/* Where the segments lie when the file's first byte is at `begin`; false when they say nothing sensible. */
static bool place(const struct headers *headers, uint64_t begin, struct hf_live_module *module)
{
    uint64_t low = UINT64_MAX, high = 0;

    for (size_t i = 0; i < headers->count; i++) {
        const Elf64_Phdr *segment = &headers->segments[i];
        if (segment->p_type != PT_LOAD)
            continue;
        if (segment->p_memsz > INT64_MAX || segment->p_vaddr > INT64_MAX)
            return false;
        if (segment->p_vaddr < low) {
            low = segment->p_vaddr;
            module->base = begin - (segment->p_vaddr - segment->p_offset);
        }
        if (segment->p_vaddr + segment->p_memsz > high)
            high = segment->p_vaddr + segment->p_memsz;
    }
    module->begin = begin;
    module->end = module->base + high;
    return low < high && module->end > module->begin;
}

/* Files are mapped for other reasons, too: only what can be run has been loaded. */
static bool is_loaded(const struct hf_live *live, const struct hf_live_module *module)
{
    for (size_t i = 0; i < live->mappings.count; i++) {
        const struct hf_mapping *mapping = &live->mappings.items[i];
        if (mapping->executable && mapping->begin >= module->begin && mapping->begin < module->end &&
            strcmp(mapping->path, module->path) == 0)
            return true;
    }
    return false;
}

static void read_note(uint32_t type, const uint8_t *name, size_t name_size, const uint8_t *description, size_t size,
                      struct hf_live_module *module)
{
    if (type == NT_GNU_BUILD_ID && name_size == sizeof(ELF_NOTE_GNU) && memcmp(name, ELF_NOTE_GNU, name_size) == 0 &&
        size > 0 && size <= HF_BUILD_ID_MAX) {
        memcpy(module->build_id.bytes, description, size);
        module->build_id.size = size;
    } else if (type == HF_NOTE_STAMP && name_size == sizeof(HF_NOTE_OWNER) &&
               memcmp(name, HF_NOTE_OWNER, name_size) == 0 && size > HF_ID_SIZE &&
               size <= HF_ID_SIZE + sizeof(module->version) && description[size - 1] == '\0') {
        module->stamped = true;
        memcpy(module->id, description, HF_ID_SIZE);
        memcpy(module->version, description + HF_ID_SIZE, size - HF_ID_SIZE);
    }
}

/* gABI chapter 5, note section: name and description are padded to the segment's alignment. */
static void read_notes(const uint8_t *bytes, size_t size, size_t align, struct hf_live_module *module)
{
    struct hf_cursor cursor;

    hf_cursor_init(&cursor, bytes, size);
    while (!cursor.failed && cursor.position < size) {
        size_t name_size = hf_cursor_u32(&cursor), description_size = hf_cursor_u32(&cursor);
        uint32_t type = hf_cursor_u32(&cursor);
        const uint8_t *name = hf_cursor_bytes(&cursor, name_size);
        hf_cursor_bytes(&cursor, -cursor.position % align);
        const uint8_t *description = hf_cursor_bytes(&cursor, description_size);
        if (name && description)
            read_note(type, name, name_size, description, description_size, module);
        if (cursor.position < size)
            hf_cursor_bytes(&cursor, -cursor.position % align);
    }
}

static void read_note_segments(const struct hf_live *live, const struct headers *headers, struct hf_live_module *module)
{
    for (size_t i = 0; i < headers->count; i++) {
        const Elf64_Phdr *segment = &headers->segments[i];
        if (segment->p_type != PT_NOTE || segment->p_filesz == 0 || segment->p_filesz > HF_LIVE_MAX_NOTES)
            continue;
        HF_FREE uint8_t *notes = malloc(segment->p_filesz);
        if (notes && hf_live_read(live, module->base + segment->p_vaddr, notes, segment->p_filesz, NULL) == 0)
            read_notes(notes, segment->p_filesz, segment->p_align == 8 ? 8 : 4, module);
    }
}

static bool recognise(const struct hf_live *live, size_t first, struct hf_live_module *module)
{
    const struct hf_mapping *mapping = &live->mappings.items[first];
    struct headers headers = {0};

    *module = (struct hf_live_module){.path = mapping->path, .deleted = mapping->deleted};
    if (mapping->offset != 0 || !mapping->readable || !read_headers(live, first, &headers))
        return false;
    bool loaded = place(&headers, mapping->begin, module) && is_loaded(live, module);
    if (loaded)
        read_note_segments(live, &headers, module);
    free(headers.segments);
    return loaded;
}

int hf_live_modules_read(struct hf_live *live, struct hotfix_error *err)
{
    uint8_t byte;

    for (size_t i = 0; i < live->mappings.count; i++) {
        struct hf_live_module module;
        if (!recognise(live, i, &module))
            continue;
        struct hf_live_module *longer = reallocarray(live->modules, live->module_count + 1, sizeof(*longer));
        if (!longer)
            return hf_error(err, HOTFIX_MEMORY, "out of memory");
        live->modules = longer;
        live->modules[live->module_count++] = module;
    }
    /* A process that has ended in between has no modules, which would be no news of the target. */
    return live->module_count > 0 ? 0 : hf_live_read(live, live->mappings.items[0].begin, &byte, 1, err);
}
