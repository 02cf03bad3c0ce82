/* SPDX-License-Identifier: Apache-2.0 */
#include "object/debuginfo.h"

#include <stdlib.h>
#include <string.h>

#include "arch.h"
#include "cleanup.h"
#include "dwarf/bytes.h"
#include "dwarf/die.h"
#include "dwarf/guard.h"
#include "error.h"

#define PART_SHIFT 32 /* no part is longer than 4 GiB */

uint64_t hf_debuginfo_address(const struct hf_part *part)
{
    return (uint64_t)part->index << PART_SHIFT;
}

struct hf_part *hf_debuginfo_part(const struct hf_object *object, uint64_t address, uint64_t *offset)
{
    uint64_t index = address >> PART_SHIFT;

    *offset = address & ((UINT64_C(1) << PART_SHIFT) - 1);
    return index > 0 && index < object->part_count ? &object->parts[index] : NULL;
}

/* What libdwarf sees of a section of the object: NULL as its name where it is to see nothing. */
static const Elf64_Shdr *shown(const struct hf_debuginfo *info, size_t index, const char **name)
{
    const struct hf_part *part = index > 0 && index < info->object->part_count ? &info->object->parts[index] : NULL;
    Elf_Scn *section = part ? elf_getscn(info->object->elf, index) : NULL;
    const Elf64_Shdr *header = section ? elf64_getshdr(section) : NULL;

    *name = header && (part->kind == HF_PART_DEBUG || part->type == SHT_GROUP) ? part->name : NULL;
    return header;
}

/* What a relocation makes of its symbol's place: an address of a loaded part, an offset in one of debug information. */
static uint64_t relocated(const struct hf_reference *reference)
{
    const struct hf_part *part = reference->name->part;
    bool loaded = part && part->kind != HF_PART_DEBUG && part->kind != HF_PART_OTHER;

    return (loaded ? hf_debuginfo_address(part) : 0) + reference->name->value + (uint64_t)reference->addend;
}

/* How many bytes it is put into; 0 where that is not known. */
static size_t field_size(const struct hf_arch_tools *arch, uint32_t type)
{
    switch (arch->relation(type)) {
    case HF_RELATION_WORD:
    case HF_RELATION_SHORT:
    case HF_RELATION_TLS_OFFSET:
        return arch->field_size(type);
    default:
        return arch->dynamic_relation(type) == HF_DYNAMIC_TLS_OFFSET ? sizeof(uint64_t) : 0;
    }
}

/* Both CPUs are little-endian. */
static bool relocate(const struct hf_part *part, uint8_t *bytes, size_t size)
{
    const struct hf_arch_tools *arch = hf_arch_tools_find(part->object->machine);
    HF_FREE struct hf_reference *references = NULL;
    size_t count = 0;

    if (!arch || hf_object_references(part, &references, &count, NULL) != 0)
        return false;
    for (size_t i = 0; i < count; i++) {
        uint64_t value = relocated(&references[i]);
        size_t width = field_size(arch, references[i].type);
        if (width == 0 && arch->relation(references[i].type) == HF_RELATION_NONE)
            continue;
        if (width == 0 || references[i].offset > size || width > size - references[i].offset)
            return false;
        memcpy(bytes + references[i].offset, &value, width);
    }
    return true;
}

/* What libdwarf must not be given (dwarf/guard.h). */
static bool is_sound(const char *name, const struct hf_bytes *bytes)
{
    if (strcmp(name, ".debug_rnglists") == 0 || strcmp(name, ".debug_loclists") == 0)
        return hf_guard_lists(bytes);
    return strcmp(name, ".debug_line") != 0 || hf_guard_lines(bytes);
}

/* The bytes of a section, unpacked and with its relocations applied; NULL when it cannot be read. */
static uint8_t *load(const struct hf_part *part, size_t *size)
{
    Elf_Scn *section = elf_getscn(part->object->elf, part->index);
    const Elf64_Shdr *header = section ? elf64_getshdr(section) : NULL;

    if (!header || ((header->sh_flags & SHF_COMPRESSED) && elf_compress(section, 0, 0) < 0))
        return NULL;
    Elf_Data *data = elf_rawdata(section, NULL);
    uint8_t *bytes = data ? malloc(data->d_size + 1) : NULL;
    if (!bytes)
        return NULL;
    if (data->d_size > 0)
        memcpy(bytes, data->d_buf, data->d_size);
    *size = data->d_size;
    const struct hf_bytes all = {.begin = bytes, .size = data->d_size};
    if (part->kind == HF_PART_DEBUG && (!relocate(part, bytes, data->d_size) || !is_sound(part->name, &all))) {
        free(bytes);
        return NULL;
    }
    return bytes;
}

static Dwarf_Unsigned count_sections(void *arg)
{
    const struct hf_debuginfo *info = arg;

    return info->object->part_count;
}

static int describe_section(void *arg, Dwarf_Half index, Dwarf_Obj_Access_Section *section, int *error)
{
    const struct hf_debuginfo *info = arg;
    const char *name;
    const Elf64_Shdr *header = shown(info, index, &name);

    (void)error;
    *section = (Dwarf_Obj_Access_Section){.name = "", .type = SHT_PROGBITS};
    if (name)
        *section = (Dwarf_Obj_Access_Section){.name = name,
                                              .type = header->sh_type,
                                              .size = info->sections[index].size,
                                              .link = header->sh_link,
                                              .info = header->sh_info,
                                              .entrysize = header->sh_entsize};
    return DW_DLV_OK;
}

static int load_section(void *arg, Dwarf_Half index, Dwarf_Small **bytes, int *error)
{
    const struct hf_debuginfo *info = arg;

    (void)error;
    *bytes = index < info->object->part_count ? info->sections[index].bytes : NULL;
    return *bytes ? DW_DLV_OK : DW_DLV_NO_ENTRY;
}

static Dwarf_Endianness tell_order(void *arg)
{
    (void)arg;
    return DW_OBJECT_LSB;
}

static Dwarf_Small tell_size(void *arg)
{
    (void)arg;
    return sizeof(uint64_t);
}

static bool has_debuginfo(const struct hf_object *object)
{
    for (size_t i = 1; i < object->part_count; i++)
        if (strcmp(object->parts[i].name, ".debug_info") == 0)
            return true;
    return false;
}

static bool load_all(struct hf_debuginfo *info)
{
    info->sections = calloc(info->object->part_count + 1, sizeof(*info->sections));
    for (size_t i = 1; info->sections && i < info->object->part_count; i++) {
        struct hf_debuginfo_section *section = &info->sections[i];
        const char *name;
        shown(info, i, &name);
        if (name && !(section->bytes = load(&info->object->parts[i], &section->size)))
            return false;
    }
    return info->sections != NULL;
}

int hf_debuginfo_open(const struct hf_object *object, struct hf_debuginfo **info, struct hotfix_error *err)
{
    static const struct Dwarf_Obj_Access_Methods_s methods = {
        .get_section_info = describe_section,
        .get_byte_order = tell_order,
        .get_length_size = tell_size,
        .get_pointer_size = tell_size,
        .get_section_count = count_sections,
        .load_section = load_section,
    };

    *info = NULL;
    if (!has_debuginfo(object))
        return 0;
    struct hf_debuginfo *opened = calloc(1, sizeof(*opened));
    if (!opened)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", object->path);
    *opened = (struct hf_debuginfo){.object = object, .access = {.object = opened, .methods = &methods}};

    Dwarf_Error error = NULL;
    int result = load_all(opened)
                     ? dwarf_object_init_b(&opened->access, NULL, NULL, DW_GROUPNUMBER_ANY, &opened->dwarf, &error)
                     : DW_DLV_NO_ENTRY;
    if (result != DW_DLV_OK) {
        if (result == DW_DLV_ERROR)
            dwarf_dealloc_error(NULL, error);
        opened->dwarf = NULL;
        hf_debuginfo_close(opened);
        return hf_error(err, HOTFIX_FORMAT, "%s: its debug information cannot be read", object->path);
    }
    *info = opened;
    return 0;
}

void hf_debuginfo_close(struct hf_debuginfo *info)
{
    Dwarf_Error error;

    if (!info)
        return;
    if (info->dwarf)
        dwarf_object_finish(info->dwarf, &error);
    for (size_t i = 0; info->sections && i < info->object->part_count; i++)
        free(info->sections[i].bytes);
    free(info->sections);
    free(info);
}

int hf_debuginfo_units(struct hf_debuginfo *info, int (*fn)(Dwarf_Debug dwarf, Dwarf_Die unit, void *arg), void *arg)
{
    Dwarf_Unsigned length;
    Dwarf_Unsigned type_offset;
    Dwarf_Unsigned next;
    Dwarf_Half version;
    Dwarf_Half address_size;
    Dwarf_Half length_size;
    Dwarf_Half extension_size;
    Dwarf_Half header_type;
    Dwarf_Off abbreviations;
    Dwarf_Sig8 signature;
    Dwarf_Error error;
    int result = 0;

    /* libdwarf goes on from where the last pass ended, so each pass goes to the end. */
    while (dwarf_next_cu_header_d(info->dwarf, 1, &length, &version, &abbreviations, &address_size, &length_size,
                                  &extension_size, &signature, &type_offset, &next, &header_type,
                                  &error) == DW_DLV_OK) {
        HF_DIE Dwarf_Die unit = NULL;
        if (result == 0 && dwarf_siblingof_b(info->dwarf, NULL, 1, &unit, &error) == DW_DLV_OK)
            result = fn(info->dwarf, unit, arg);
    }
    return result;
}

/* DW_AT_producer of the units of an object, as long as it is the same text in all. */
struct producer {
    char *text;
    bool several;
};

static int read_producer(Dwarf_Debug dwarf, Dwarf_Die unit, void *arg)
{
    struct producer *producer = arg;
    char *text = NULL;
    Dwarf_Error error;

    (void)dwarf;
    if (dwarf_die_text(unit, DW_AT_producer, &text, &error) != DW_DLV_OK)
        text = NULL;
    producer->several |= producer->text && strcmp(producer->text, text ? text : "") != 0;
    if (!producer->text)
        producer->text = strdup(text ? text : "");
    return producer->text ? 0 : -1;
}

char *hf_debuginfo_producer(const struct hf_object *object)
{
    struct producer producer = {.text = NULL};
    HF_DEBUGINFO struct hf_debuginfo *info = NULL;

    if (hf_debuginfo_open(object, &info, NULL) != 0 || !info)
        return strdup("");
    hf_debuginfo_units(info, read_producer, &producer);
    if (producer.text && !producer.several)
        return producer.text;
    free(producer.text);
    return strdup("");
}
