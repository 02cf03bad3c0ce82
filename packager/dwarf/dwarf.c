/* SPDX-License-Identifier: Apache-2.0 */
#include "dwarf/dwarf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "dwarf/sieve.h"
#include "elf/path.h"
#include "error.h"

#define MAX_ORIGIN 16 /* abstract_origin behind abstract_origin */

struct reader {
    const struct hf_image *image;
    struct hf_sieve sieve;
    struct hf_dwarf *dwarf;
    bool failed; /* err is set */
    struct hotfix_error *err;
};

/* The function around an entry, as far as the walk has come. */
struct place {
    size_t unit;
    bool in_function;
    size_t function; /* index of the subprogram */
    unsigned depth;
};

static int out_of_memory(struct reader *reader)
{
    reader->failed = true;
    return hf_error(reader->err, HOTFIX_MEMORY, "%s: out of memory for debug information", reader->image->path);
}

static int damaged(const struct reader *reader, Dwarf_Die die)
{
    return hf_error(reader->err, HOTFIX_FORMAT, "%s: damaged debug information near offset %#llx of .debug_info",
                    reader->image->path, (unsigned long long)hf_die_offset(die));
}

/* Room for one more item: the array doubles when its count reaches a power of two. It stays as it was on failure. */
static int reserve(void *items, size_t count, size_t size)
{
    void **array = items;

    if (count & (count - 1))
        return 0;
    void *grown = reallocarray(*array, count ? 2 * count : 1, size);
    if (!grown)
        return -1;
    *array = grown;
    return 0;
}

/* Code for which the linker found no place (a folded or unused section) stays in DWARF with an address near zero. */
static bool is_code(const struct hf_image *image, uint64_t address)
{
    size_t count = 0;
    GElf_Phdr segment;

    elf_getphdrnum(image->elf, &count);
    for (size_t i = 0; address != 0 && i < count; i++)
        if (gelf_getphdr(image->elf, (int)i, &segment) && segment.p_type == PT_LOAD && (segment.p_flags & PF_X) &&
            address >= segment.p_vaddr && address - segment.p_vaddr < segment.p_memsz)
            return true;
    return false;
}

static int add_code(uint64_t begin, uint64_t end, void *arg)
{
    struct reader *reader = arg;
    struct hf_dwarf *dwarf = reader->dwarf;
    struct hf_subprogram *subprogram = &dwarf->subprograms[dwarf->subprogram_count - 1];

    if (!is_code(reader->image, begin))
        return 0;
    if (reserve(&dwarf->codes, dwarf->code_count, sizeof(*dwarf->codes)) != 0)
        return out_of_memory(reader);
    dwarf->codes[dwarf->code_count++] = (struct hf_code){
        .begin = begin,
        .end = end,
        .subprogram = dwarf->subprogram_count - 1,
        .entry = subprogram->address == HF_DIE_NONE,
    };
    if (subprogram->address == HF_DIE_NONE)
        subprogram->address = begin;
    return 0;
}

static const char *name_of(Dwarf_Die die)
{
    const char *name = hf_die_text(die, DW_AT_linkage_name);

    if (!name)
        name = hf_die_text(die, DW_AT_MIPS_linkage_name);
    return name ? name : hf_die_text(die, DW_AT_name);
}

static int add_subprogram(struct reader *reader, Dwarf_Die die, struct place *place)
{
    struct hf_dwarf *dwarf = reader->dwarf;
    uint64_t file = HF_DIE_NONE, line = 0;

    if (reserve(&dwarf->subprograms, dwarf->subprogram_count, sizeof(*dwarf->subprograms)) != 0)
        return out_of_memory(reader);
    hf_die_number(die, DW_AT_decl_file, &file);
    hf_die_number(die, DW_AT_decl_line, &line);
    place->function = dwarf->subprogram_count;
    dwarf->subprograms[dwarf->subprogram_count++] = (struct hf_subprogram){
        .offset = hf_die_offset(die),
        .origin = hf_die_reference(die, DW_AT_abstract_origin),
        .specification = hf_die_reference(die, DW_AT_specification),
        .name = name_of(die),
        .file = file,
        .line = (unsigned)line,
        .address = HF_DIE_NONE,
        .declaration = hf_die_has(die, DW_AT_declaration),
        .unit = place->unit,
    };
    if (hf_die_ranges(dwarf->handle, die, &dwarf->units[place->unit].die_unit, add_code, reader) != 0)
        return reader->failed ? -1 : damaged(reader, die);
    place->in_function = dwarf->subprograms[place->function].address != HF_DIE_NONE;
    return 0;
}

static int take_first(uint64_t begin, uint64_t end, void *arg)
{
    uint64_t *first = arg;

    (void)end;
    if (*first == HF_DIE_NONE)
        *first = begin;
    return 0;
}

/* A copy with no range of its own is one all the same: its instructions were merged with its caller's. */
static int add_copy(struct reader *reader, Dwarf_Die die, const struct place *place)
{
    struct hf_dwarf *dwarf = reader->dwarf;
    uint64_t address = HF_DIE_NONE, origin = hf_die_reference(die, DW_AT_abstract_origin);

    if (hf_die_ranges(dwarf->handle, die, &dwarf->units[place->unit].die_unit, take_first, &address) != 0)
        return damaged(reader, die);
    /* What a compiler made up and no entry tells of: gcc's wrappers around thread-local variables. */
    if (origin == HF_DIE_NONE)
        return 0;
    if (address == HF_DIE_NONE)
        address = hf_die_entry(die);
    if (address == HF_DIE_NONE)
        address = dwarf->subprograms[place->function].address;
    if (reserve(&dwarf->copies, dwarf->copy_count, sizeof(*dwarf->copies)) != 0)
        return out_of_memory(reader);
    dwarf->copies[dwarf->copy_count++] =
        (struct hf_dwarf_copy){.address = address, .origin = origin, .caller = place->function};
    return 0;
}

/* Entries below which neither code of a function nor a declaration of one can be. */
static bool is_leaf(Dwarf_Die die, Dwarf_Half tag, const struct hf_dwarf_unit *unit)
{
    Dwarf_Half children;

    switch (tag) {
    case DW_TAG_formal_parameter:
    case DW_TAG_variable:
    case DW_TAG_enumeration_type:
    case DW_TAG_call_site:
    case DW_TAG_GNU_call_site:
    case DW_TAG_subroutine_type:
    case DW_TAG_array_type:
        return true;
    case DW_TAG_structure_type:
    case DW_TAG_union_type:
        return unit->in_c;
    default:
        return dwarf_die_abbrev_children_flag(die, &children) == DW_DLV_OK && !children;
    }
}

/* Entries that a unit with types has at least one of; or it takes them from a partial unit. */
static bool is_type(Dwarf_Half tag)
{
    return tag == DW_TAG_base_type || tag == DW_TAG_pointer_type || tag == DW_TAG_structure_type ||
           tag == DW_TAG_typedef || tag == DW_TAG_imported_unit;
}

static int walk(struct reader *reader, Dwarf_Die parent, const struct place *around);

static int visit(struct reader *reader, Dwarf_Die die, const struct place *around)
{
    Dwarf_Half tag = hf_die_tag(die);
    struct place place = *around;

    if (tag == 0)
        return damaged(reader, die);
    if (tag == DW_TAG_subprogram && add_subprogram(reader, die, &place) != 0)
        return -1;
    if (tag == DW_TAG_inlined_subroutine && place.in_function && add_copy(reader, die, &place) != 0)
        return -1;
    struct hf_dwarf_unit *unit = &reader->dwarf->units[place.unit];
    if (is_type(tag))
        unit->typed = true;
    place.depth++;
    return is_leaf(die, tag, unit) ? 0 : walk(reader, die, &place);
}

static int walk(struct reader *reader, Dwarf_Die parent, const struct place *around)
{
    HF_DIE Dwarf_Die die = NULL;
    int more;

    if (around->depth > HF_DWARF_MAX_DEPTH)
        return hf_error(reader->err, HOTFIX_FORMAT, "%s: debug information is nested more than %d deep",
                        reader->image->path, HF_DWARF_MAX_DEPTH);
    while ((more = hf_die_next(reader->dwarf->handle, parent, &die)) > 0)
        if (visit(reader, die, around) != 0)
            return -1;
    return more < 0 ? damaged(reader, parent) : 0;
}

static char *copy(const char *text)
{
    return strdup(text ? text : "");
}

static struct hf_unit *describe_unit(Dwarf_Die die, Dwarf_Half version)
{
    struct hf_unit *unit = calloc(1, sizeof(*unit));
    uint64_t language = 0;

    if (!unit)
        return NULL;
    hf_die_number(die, DW_AT_language, &language);
    unit->name = copy(hf_die_text(die, DW_AT_name));
    unit->directory = copy(hf_die_text(die, DW_AT_comp_dir));
    unit->path = unit->name && unit->directory ? hf_path_join(unit->directory, unit->name) : NULL;
    unit->producer = copy(hf_die_text(die, DW_AT_producer));
    unit->language = (uint16_t)language;
    unit->version = version;
    return unit;
}

bool hf_dwarf_is_c(uint16_t language)
{
    return language == DW_LANG_C || language == DW_LANG_C89 || language == DW_LANG_C99 || language == DW_LANG_C11;
}

static int add_unit(struct reader *reader, Dwarf_Die die, Dwarf_Half version)
{
    struct hf_dwarf *dwarf = reader->dwarf;
    Dwarf_Addr base = 0;
    Dwarf_Error error;

    if (reserve(&dwarf->units, dwarf->unit_count, sizeof(*dwarf->units)) != 0)
        return out_of_memory(reader);
    if (dwarf_lowpc(die, &base, &error) != DW_DLV_OK)
        base = 0;
    struct hf_dwarf_unit *added = &dwarf->units[dwarf->unit_count++];
    *added = (struct hf_dwarf_unit){.offset = hf_die_offset(die), .die_unit = {.version = version, .base = base}};
    if (hf_die_tag(die) == DW_TAG_partial_unit)
        return 0;
    struct hf_unit *unit = added->unit = describe_unit(die, version);
    added->in_c = unit && hf_dwarf_is_c(unit->language);
    return unit && unit->path && unit->producer ? 0 : out_of_memory(reader);
}

/* Type units hold no code. Of a unit that does not pass the sieve only its first entry is read. */
static int read_unit(struct reader *reader, Dwarf_Half version, bool passes)
{
    HF_DIE Dwarf_Die die = NULL;
    Dwarf_Error error;

    int status = dwarf_siblingof_b(reader->dwarf->handle, NULL, true, &die, &error);
    if (status != DW_DLV_OK)
        return status == DW_DLV_NO_ENTRY
                   ? 0
                   : hf_error(reader->err, HOTFIX_FORMAT, "%s: damaged debug information: a unit has no entry",
                              reader->image->path);
    Dwarf_Half tag = hf_die_tag(die);
    if (tag != DW_TAG_compile_unit && tag != DW_TAG_partial_unit)
        return 0;
    if (add_unit(reader, die, version) != 0)
        return -1;
    return passes ? walk(reader, die, &(struct place){.unit = reader->dwarf->unit_count - 1}) : 0;
}

/* Goes on to the next unit. DW_DLV_NO_ENTRY behind the last one: the next call begins anew. */
static int next_unit(Dwarf_Debug handle, Dwarf_Half *version, uint64_t *end, Dwarf_Error *error)
{
    Dwarf_Unsigned length, type_offset, next = 0;
    Dwarf_Half address_size, length_size, extension_size, header_type;
    Dwarf_Off abbreviations;
    Dwarf_Sig8 signature;

    int status = dwarf_next_cu_header_d(handle, true, &length, version, &abbreviations, &address_size, &length_size,
                                        &extension_size, &signature, &type_offset, &next, &header_type, error);
    *end = next;
    return status;
}

static int read_units(struct reader *reader)
{
    struct hf_dwarf *dwarf = reader->dwarf;
    Dwarf_Error error;
    Dwarf_Half version;
    uint64_t begin, end = 0;
    int status;

    while ((begin = end, status = next_unit(dwarf->handle, &version, &end, &error)) == DW_DLV_OK) {
        size_t count = dwarf->unit_count;
        if (read_unit(reader, version, hf_sieve_passes(&reader->sieve, begin)) != 0)
            return -1;
        if (dwarf->unit_count > count)
            dwarf->units[count].end = end;
    }
    if (status == DW_DLV_ERROR)
        return hf_error(reader->err, HOTFIX_FORMAT, "%s: damaged debug information: %s", reader->image->path,
                        dwarf_errmsg(error));
    return 0;
}

void hf_dwarf_enter(struct hf_dwarf *dwarf, size_t unit)
{
    Dwarf_Error error;
    Dwarf_Half version;
    uint64_t end = 0;

    if (dwarf->entered == unit + 1)
        return;
    /* At most to the end and from the beginning once more. */
    for (unsigned rounds = 0; rounds < 2 && end != dwarf->units[unit].end;)
        rounds += next_unit(dwarf->handle, &version, &end, &error) != DW_DLV_OK;
    dwarf->entered = unit + 1;
}

static int compare_codes(const void *a, const void *b)
{
    const struct hf_code *first = a, *second = b;

    if (first->begin != second->begin)
        return first->begin < second->begin ? -1 : 1;
    return first->subprogram < second->subprogram ? -1 : first->subprogram > second->subprogram;
}

static int compare_names(const void *a, const void *b, void *arg)
{
    const struct hf_dwarf *dwarf = arg;
    size_t first = *(const size_t *)a, second = *(const size_t *)b;
    int order = strcmp(dwarf->subprograms[first].name, dwarf->subprograms[second].name);

    return order != 0 ? order : first < second ? -1 : first > second;
}

static int order_codeless(struct reader *reader)
{
    struct hf_dwarf *dwarf = reader->dwarf;

    dwarf->codeless = calloc(dwarf->subprogram_count + 1, sizeof(*dwarf->codeless));
    if (!dwarf->codeless)
        return out_of_memory(reader);
    for (size_t i = 0; i < dwarf->subprogram_count; i++) {
        const struct hf_subprogram *subprogram = &dwarf->subprograms[i];
        if (subprogram->name && !subprogram->declaration && subprogram->address == HF_DIE_NONE &&
            subprogram->origin == HF_DIE_NONE)
            dwarf->codeless[dwarf->codeless_count++] = i;
    }
    qsort_r(dwarf->codeless, dwarf->codeless_count, sizeof(*dwarf->codeless), compare_names, dwarf);
    return 0;
}

/* Nothing in it is no error. */
static int open_handle(struct reader *reader, const struct hf_joined *joined)
{
    const struct hf_image *image = reader->image;
    Dwarf_Error error;

    int status = hf_sections_open(&reader->dwarf->sections, image, joined, &reader->dwarf->handle, &error);
    if (status == DW_DLV_ERROR) {
        hf_error(reader->err, HOTFIX_FORMAT, "%s: damaged debug information: %s", image->path, dwarf_errmsg(error));
        dwarf_dealloc_error(NULL, error);
        reader->dwarf->handle = NULL;
        return -1;
    }
    return status == DW_DLV_OK && (read_units(reader) != 0 || order_codeless(reader) != 0) ? -1 : 0;
}

int hf_dwarf_open(const struct hf_image *image, const struct hf_joined *joined, const struct hf_asked *asked,
                  struct hf_dwarf **dwarf, struct hotfix_error *err)
{
    struct hf_dwarf *opened = calloc(1, sizeof(*opened));
    struct reader reader = {.image = image, .dwarf = opened, .err = err};

    if (!opened)
        return out_of_memory(&reader);
    int result =
        hf_sieve_init(image, joined ? NULL : asked, &reader.sieve, err) == 0 && open_handle(&reader, joined) == 0 ? 0
                                                                                                                  : -1;
    hf_sieve_deinit(&reader.sieve);
    if (result != 0) {
        hf_dwarf_close(opened);
        return -1;
    }
    if (opened->code_count)
        qsort(opened->codes, opened->code_count, sizeof(*opened->codes), compare_codes);
    *dwarf = opened;
    return 0;
}

void hf_dwarf_close(struct hf_dwarf *dwarf)
{
    Dwarf_Error error;

    if (!dwarf)
        return;
    for (size_t i = 0; i < dwarf->unit_count; i++) {
        struct hf_dwarf_unit *unit = &dwarf->units[i];
        if (unit->unit) {
            free(unit->unit->name);
            free(unit->unit->directory);
            free(unit->unit->path);
            free(unit->unit->producer);
            free(unit->unit);
        }
        for (size_t k = 0; unit->sources && k < unit->file_count; k++)
            free((char *)unit->sources[k]);
        free(unit->sources);
    }
    free(dwarf->units);
    free(dwarf->subprograms);
    free(dwarf->codeless);
    free(dwarf->codes);
    free(dwarf->copies);
    if (dwarf->handle)
        dwarf_object_finish(dwarf->handle, &error);
    free(dwarf);
}

const struct hf_subprogram *hf_dwarf_subprogram(const struct hf_dwarf *dwarf, uint64_t offset)
{
    size_t low = 0, high = dwarf->subprogram_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (dwarf->subprograms[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < dwarf->subprogram_count && dwarf->subprograms[low].offset == offset ? &dwarf->subprograms[low] : NULL;
}

const struct hf_subprogram *hf_dwarf_origin(const struct hf_dwarf *dwarf, const struct hf_subprogram *subprogram)
{
    for (unsigned i = 0; i < MAX_ORIGIN; i++) {
        const struct hf_subprogram *next =
            subprogram->origin == HF_DIE_NONE ? NULL : hf_dwarf_subprogram(dwarf, subprogram->origin);
        if (!next)
            break;
        subprogram = next;
    }
    return subprogram;
}

const struct hf_subprogram *hf_dwarf_declaration(const struct hf_dwarf *dwarf, const struct hf_subprogram *subprogram)
{
    return subprogram->specification == HF_DIE_NONE ? NULL : hf_dwarf_subprogram(dwarf, subprogram->specification);
}

const struct hf_code *hf_dwarf_code(const struct hf_dwarf *dwarf, uint64_t address)
{
    size_t low = 0, high = dwarf->code_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (dwarf->codes[middle].begin < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < dwarf->code_count && dwarf->codes[low].begin == address ? &dwarf->codes[low] : NULL;
}

/* Whether a unit's source has this base name. */
static bool is_from(const struct hf_dwarf *dwarf, const struct hf_subprogram *subprogram, const char *file)
{
    const struct hf_unit *unit = dwarf->units[subprogram->unit].unit;
    const char *slash = unit ? strrchr(unit->name, '/') : NULL;

    return !file || (unit && strcmp(slash ? slash + 1 : unit->name, file) == 0);
}

const struct hf_subprogram *hf_dwarf_codeless(const struct hf_dwarf *dwarf, const char *name, const char *file)
{
    const struct hf_subprogram *found = NULL;
    size_t low = 0, high = dwarf->codeless_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(dwarf->subprograms[dwarf->codeless[middle]].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < dwarf->codeless_count; low++) {
        const struct hf_subprogram *subprogram = &dwarf->subprograms[dwarf->codeless[low]];
        if (strcmp(subprogram->name, name) != 0)
            break;
        if (!is_from(dwarf, subprogram, file))
            continue;
        if (found)
            return NULL;
        found = subprogram;
    }
    return found;
}

/* libdwarf's file table of a unit. One that it cannot read is an empty one. */
static int read_files(struct hf_dwarf *dwarf, struct hf_dwarf_unit *unit)
{
    HF_DIE Dwarf_Die die = hf_die_at(dwarf->handle, unit->offset);
    char **files = NULL;
    Dwarf_Signed count = 0;
    Dwarf_Error error;

    if (!die || dwarf_srcfiles(die, &files, &count, &error) != DW_DLV_OK)
        count = 0;
    unit->sources = calloc((size_t)count + 1, sizeof(*unit->sources));
    if (!unit->sources)
        return -1;
    unit->files = files;
    unit->file_count = (size_t)count;
    return 0;
}

int hf_dwarf_source(struct hf_dwarf *dwarf, const struct hf_subprogram *subprogram, const char **source,
                    struct hotfix_error *err)
{
    struct hf_dwarf_unit *unit = &dwarf->units[subprogram->unit];
    uint64_t index = subprogram->file;

    *source = "";
    if (index == HF_DIE_NONE)
        return 0;
    if (!unit->sources && read_files(dwarf, unit) != 0)
        return hf_error(err, HOTFIX_MEMORY, "out of memory for a file table");
    if (unit->die_unit.version < 5)
        index--; /* counted from 1, where 0 is no file */
    if (index >= unit->file_count)
        return 0;
    if (!unit->sources[index]) {
        char *path = strdup(unit->files[index]);
        if (!path)
            return hf_error(err, HOTFIX_MEMORY, "out of memory for a file table");
        hf_path_simplify(path);
        unit->sources[index] = path;
    }
    *source = unit->sources[index];
    return 0;
}
