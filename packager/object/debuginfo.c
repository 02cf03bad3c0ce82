/* SPDX-License-Identifier: Apache-2.0 */
#include "object/debuginfo.h"

#include <stdlib.h>
#include <string.h>

#include "dwarf/die.h"
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

/* Gives each defined symbol of loaded parts its part's address: relocating the debug information then does the rest. */
static void move_symbols(const struct hf_object *object, struct hf_debuginfo *info)
{
    for (Elf_Scn *section = NULL; (section = elf_nextscn(info->elf, section));) {
        const Elf64_Shdr *header = elf64_getshdr(section);
        if (!header || header->sh_type != SHT_SYMTAB)
            continue;
        for (size_t i = 0; i < object->name_count && (i + 1) * sizeof(Elf64_Sym) <= header->sh_size; i++) {
            const struct hf_name *name = &object->names[i];
            if (!name->part || name->part->kind == HF_PART_DEBUG || name->part->kind == HF_PART_OTHER)
                continue;
            Elf64_Sym symbol;
            char *place = info->bytes + header->sh_offset + i * sizeof(symbol);
            memcpy(&symbol, place, sizeof(symbol));
            symbol.st_value = hf_debuginfo_address(name->part) + name->value;
            memcpy(place, &symbol, sizeof(symbol));
        }
    }
}

static bool has_debuginfo(const struct hf_object *object)
{
    for (size_t i = 1; i < object->part_count; i++)
        if (strcmp(object->parts[i].name, ".debug_info") == 0)
            return true;
    return false;
}

int hf_debuginfo_open(const struct hf_object *object, struct hf_debuginfo **info, struct hotfix_error *err)
{
    *info = NULL;
    if (!has_debuginfo(object))
        return 0;

    size_t size = 0;
    const char *file = elf_rawfile(object->elf, &size);
    struct hf_debuginfo *opened = calloc(1, sizeof(*opened));
    if (opened && file)
        opened->bytes = malloc(size);
    if (!opened || !file || !opened->bytes) {
        free(opened);
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", object->path);
    }
    memcpy(opened->bytes, file, size);
    /* Once to find the symbol table, and again so that libelf sees what was written. */
    opened->elf = elf_memory(opened->bytes, size);
    if (opened->elf) {
        move_symbols(object, opened);
        elf_end(opened->elf);
        opened->elf = elf_memory(opened->bytes, size);
    }
    Dwarf_Error error;
    int result =
        opened->elf ? dwarf_elf_init(opened->elf, DW_DLC_READ, NULL, NULL, &opened->dwarf, &error) : DW_DLV_NO_ENTRY;
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
        dwarf_finish(info->dwarf, &error);
    if (info->elf)
        elf_end(info->elf);
    free(info->bytes);
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
