/* SPDX-License-Identifier: Apache-2.0 */
#include "elf/dwarf.h"

#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "elf/die.h"
#include "elf/prototype.h"
#include "error.h"

#define MAX_DEPTH  256 /* entries within entries */
#define MAX_ORIGIN 8   /* abstract_origin and specification behind one another */

/* Code of a function: a DW_TAG_subprogram with an address. */
struct concrete {
    uint64_t address;
    uint64_t offset; /* of its entry */
    uint64_t
        origin; /* of the entry at the end of abstract_origin and specification: equal for all copies of one function */
    struct hf_unit *unit;
};

/* An inlined copy, before its caller's name is known. */
struct inlined {
    uint64_t origin;
    uint64_t address;
    uint64_t caller; /* address of the function that contains it */
};

struct reader {
    struct hf_program *program;
    Dwarf_Debug dwarf;
    struct concrete *concretes;
    size_t concrete_count;
    struct inlined *inlined;
    size_t inlined_count;
    struct hotfix_error *err;
};

static int out_of_memory(struct reader *reader)
{
    return hf_error(reader->err, HOTFIX_MEMORY, "%s: out of memory for debug information",
                    reader->program->debug->path);
}

/* Doubles an array when its count reaches a power of two; items stays as it was on failure. */
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

/* The entry that says what the function is: the end of the chain of abstract_origin and specification. */
static uint64_t origin_of(Dwarf_Debug dwarf, Dwarf_Die die)
{
    uint64_t offset = hf_die_offset(die);

    for (unsigned i = 0; i < MAX_ORIGIN; i++) {
        HF_DIE Dwarf_Die at = hf_die_at(dwarf, offset);
        if (!at)
            break;
        uint64_t next = hf_die_reference(at, DW_AT_abstract_origin);
        if (next == HF_DIE_NONE)
            next = hf_die_reference(at, DW_AT_specification);
        if (next == HF_DIE_NONE)
            break;
        offset = next;
    }
    return offset;
}

static int add_concrete(struct reader *reader, Dwarf_Die die, struct hf_unit *unit, uint64_t address)
{
    if (reserve(&reader->concretes, reader->concrete_count, sizeof(*reader->concretes)) != 0)
        return out_of_memory(reader);
    reader->concretes[reader->concrete_count++] = (struct concrete){
        .address = address,
        .offset = hf_die_offset(die),
        .origin = origin_of(reader->dwarf, die),
        .unit = unit,
    };
    return 0;
}

static int add_inlined(struct reader *reader, Dwarf_Die die, uint64_t caller)
{
    uint64_t address = hf_die_address(reader->dwarf, die);
    uint64_t origin = hf_die_reference(die, DW_AT_abstract_origin);

    if (origin == HF_DIE_NONE)
        return 0;
    if (reserve(&reader->inlined, reader->inlined_count, sizeof(*reader->inlined)) != 0)
        return out_of_memory(reader);
    HF_DIE Dwarf_Die abstract = hf_die_at(reader->dwarf, origin);
    reader->inlined[reader->inlined_count++] = (struct inlined){
        .origin = abstract ? origin_of(reader->dwarf, abstract) : origin,
        .address = address == HF_DIE_NONE ? caller : address,
        .caller = caller,
    };
    return 0;
}

/* Entries below which no code of a function can be. */
static bool is_leaf(Dwarf_Half tag)
{
    return tag == DW_TAG_formal_parameter || tag == DW_TAG_variable || tag == DW_TAG_enumeration_type ||
           tag == DW_TAG_call_site || tag == DW_TAG_GNU_call_site || tag == DW_TAG_subroutine_type ||
           tag == DW_TAG_array_type;
}

/* Visits the children of an entry. caller is the address of the function around them, HF_DIE_NONE outside of any. */
static int walk(struct reader *reader, Dwarf_Die parent, struct hf_unit *unit, uint64_t caller, unsigned depth)
{
    if (depth > MAX_DEPTH)
        return hf_error(reader->err, HOTFIX_FORMAT, "%s: debug information is nested more than %d deep",
                        reader->program->debug->path, MAX_DEPTH);
    HF_DIE Dwarf_Die die = hf_die_child(parent);
    while (die) {
        Dwarf_Half tag = hf_die_tag(die);
        uint64_t within = caller;
        if (tag == DW_TAG_subprogram) {
            within = hf_die_address(reader->dwarf, die);
            if (within != HF_DIE_NONE && add_concrete(reader, die, unit, within) != 0)
                return -1;
        } else if (tag == DW_TAG_inlined_subroutine && caller != HF_DIE_NONE && add_inlined(reader, die, caller) != 0) {
            return -1;
        }
        /* An abstract function holds no code, only what its copies refer to. */
        bool skip = is_leaf(tag) || (tag == DW_TAG_subprogram && within == HF_DIE_NONE);
        if (!skip && walk(reader, die, unit, within, depth + 1) != 0)
            return -1;
        Dwarf_Die next = hf_die_sibling(reader->dwarf, die);
        dwarf_dealloc_die(die);
        die = next;
    }
    return 0;
}

static char *copy(const char *text)
{
    return strdup(text ? text : "");
}

static struct hf_unit *add_unit(struct reader *reader, Dwarf_Die die, Dwarf_Half version)
{
    struct hf_program *program = reader->program;
    struct hf_unit *unit = calloc(1, sizeof(*unit));
    uint64_t language = 0;

    if (!unit || reserve(&program->units, program->unit_count, sizeof(*program->units)) != 0) {
        free(unit);
        return NULL;
    }
    program->units[program->unit_count++] = unit;
    hf_die_number(die, DW_AT_language, &language);
    unit->name = copy(hf_die_text(die, DW_AT_name));
    unit->directory = copy(hf_die_text(die, DW_AT_comp_dir));
    unit->producer = copy(hf_die_text(die, DW_AT_producer));
    unit->language = (uint16_t)language;
    unit->version = version;
    return unit->name && unit->directory && unit->producer ? unit : NULL;
}

/* Partial units carry what several units share; their functions' code is in the others. */
static int read_unit(struct reader *reader, Dwarf_Half version)
{
    HF_DIE Dwarf_Die die = hf_die_sibling(reader->dwarf, NULL);

    if (!die || hf_die_tag(die) != DW_TAG_compile_unit)
        return 0;
    struct hf_unit *unit = add_unit(reader, die, version);
    return unit ? walk(reader, die, unit, HF_DIE_NONE, 0) : out_of_memory(reader);
}

static int read_units(struct reader *reader)
{
    for (;;) {
        Dwarf_Unsigned length, type_offset, next;
        Dwarf_Half version, address_size, length_size, extension_size, header_type;
        Dwarf_Off abbreviations;
        Dwarf_Sig8 signature;
        Dwarf_Error error;
        int status =
            dwarf_next_cu_header_d(reader->dwarf, true, &length, &version, &abbreviations, &address_size, &length_size,
                                   &extension_size, &signature, &type_offset, &next, &header_type, &error);
        if (status == DW_DLV_NO_ENTRY)
            return 0;
        if (status != DW_DLV_OK)
            return hf_error(reader->err, HOTFIX_FORMAT, "%s: damaged debug information: %s",
                            reader->program->debug->path, dwarf_errmsg(error));
        if (read_unit(reader, version) != 0)
            return -1;
    }
}

static int compare_concretes(const void *a, const void *b)
{
    const struct concrete *first = a, *second = b;

    if (first->address != second->address)
        return first->address < second->address ? -1 : 1;
    return first->offset < second->offset ? -1 : first->offset > second->offset;
}

static int compare_inlined(const void *a, const void *b)
{
    const struct inlined *first = a, *second = b;

    if (first->origin != second->origin)
        return first->origin < second->origin ? -1 : 1;
    return first->address < second->address ? -1 : first->address > second->address;
}

static const struct concrete *find_concrete(const struct reader *reader, uint64_t address)
{
    size_t low = 0, high = reader->concrete_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (reader->concretes[middle].address < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < reader->concrete_count && reader->concretes[low].address == address ? &reader->concretes[low] : NULL;
}

static const struct hf_function *function_at(const struct hf_program *program, uint64_t address)
{
    size_t low = 0, high = program->function_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (program->functions[middle].address < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < program->function_count && program->functions[low].address == address ? &program->functions[low]
                                                                                       : NULL;
}

/* The source file of an entry: its unit's file table at DW_AT_decl_file, which counts from 1 before DWARF 5. */
static const char *declared_in(struct reader *reader, Dwarf_Die die, const struct hf_unit *unit, char ***files,
                               Dwarf_Signed *file_count, const struct hf_unit **files_of)
{
    uint64_t index;
    Dwarf_Off header, length, root;
    Dwarf_Error error;

    if (!hf_die_number(die, DW_AT_decl_file, &index))
        return NULL;
    if (*files_of != unit) {
        if (dwarf_die_CU_offset_range(die, &header, &length, &error) != DW_DLV_OK ||
            dwarf_get_cu_die_offset_given_cu_header_offset_b(reader->dwarf, header, true, &root, &error) != DW_DLV_OK)
            return NULL;
        HF_DIE Dwarf_Die unit_die = hf_die_at(reader->dwarf, root);
        if (!unit_die || dwarf_srcfiles(unit_die, files, file_count, &error) != DW_DLV_OK)
            return NULL;
        *files_of = unit;
    }
    if (unit->version < 5)
        index--;
    return index < (uint64_t)*file_count ? (*files)[index] : NULL;
}

/* Completes one function from the entries of its code and of its origin. */
static int complete(struct reader *reader, struct hf_function *function, const struct concrete *concrete, char ***files,
                    Dwarf_Signed *file_count, const struct hf_unit **files_of)
{
    HF_DIE Dwarf_Die own = hf_die_at(reader->dwarf, concrete->offset);
    HF_DIE Dwarf_Die origin = hf_die_at(reader->dwarf, concrete->origin);
    uint64_t line = 0;

    if (!own || !origin)
        return 0;
    function->unit = concrete->unit;
    if (function->size == 0)
        function->size = hf_die_size(own);
    const char *source = declared_in(reader, own, concrete->unit, files, file_count, files_of);
    if (!source)
        source = declared_in(reader, origin, concrete->unit, files, file_count, files_of);
    if (source) {
        free(function->source);
        function->source = strdup(source);
        if (!function->source)
            return out_of_memory(reader);
    }
    if (hf_die_number(own, DW_AT_decl_line, &line) || hf_die_number(origin, DW_AT_decl_line, &line))
        function->line = (unsigned)line;
    return hf_prototype_read(reader->dwarf, origin, function, reader->err);
}

/* The inlined copies of a function: those with the same origin. */
static int attach_inlined(struct reader *reader, struct hf_function *function, uint64_t origin)
{
    size_t low = 0, high = reader->inlined_count, end;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (reader->inlined[middle].origin < origin)
            low = middle + 1;
        else
            high = middle;
    }
    for (end = low; end < reader->inlined_count && reader->inlined[end].origin == origin; end++)
        ;
    if (end == low)
        return 0;
    function->inlined = calloc(end - low, sizeof(*function->inlined));
    if (!function->inlined)
        return out_of_memory(reader);
    for (size_t i = low; i < end; i++) {
        const struct hf_function *caller = function_at(reader->program, reader->inlined[i].caller);
        function->inlined[function->inlined_count++] = (struct hf_inline_copy){
            .address = reader->inlined[i].address,
            .caller = caller ? caller->name : "",
            .caller_source = caller ? caller->source : "",
        };
    }
    return 0;
}

static int complete_functions(struct reader *reader)
{
    struct hf_program *program = reader->program;
    char **files = NULL;
    Dwarf_Signed file_count = 0;
    const struct hf_unit *files_of = NULL;

    if (reader->concrete_count)
        qsort(reader->concretes, reader->concrete_count, sizeof(*reader->concretes), compare_concretes);
    if (reader->inlined_count)
        qsort(reader->inlined, reader->inlined_count, sizeof(*reader->inlined), compare_inlined);
    for (size_t i = 0; i < program->function_count; i++) {
        const struct concrete *concrete = find_concrete(reader, program->functions[i].address);
        if (concrete && complete(reader, &program->functions[i], concrete, &files, &file_count, &files_of) != 0)
            return -1;
    }
    /* Callers' sources are known only now. */
    for (size_t i = 0; i < program->function_count; i++) {
        const struct concrete *concrete = find_concrete(reader, program->functions[i].address);
        if (concrete && attach_inlined(reader, &program->functions[i], concrete->origin) != 0)
            return -1;
    }
    return 0;
}

/* Why a file without a single unit has none: said to whoever must find the debug information. */
static int note_absence(struct hf_program *program, struct hotfix_error *err)
{
    if (program->debug_note)
        return 0;
    if (asprintf(&program->debug_note, "%s holds no debug information; compile it with -g", program->debug->path) < 0) {
        program->debug_note = NULL;
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    }
    return 0;
}

static int note_supplement(struct hf_program *program, struct hotfix_error *err)
{
    if (asprintf(&program->debug_note,
                 "%s was compressed with dwz and its debug information lies partly in another file, which is not read",
                 program->debug->path) < 0) {
        program->debug_note = NULL;
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    }
    return 0;
}

int hf_dwarf_read(struct hf_program *program, struct hotfix_error *err)
{
    struct reader reader = {.program = program, .err = err};
    Dwarf_Error error;

    /* libdwarf gives one placeholder for every string in a supplementary file: two unknowns would compare equal. */
    if (hf_image_section(program->debug, ".debug_info", NULL) &&
        hf_image_section(program->debug, ".gnu_debugaltlink", NULL))
        return note_supplement(program, err);
    int status = dwarf_elf_init(program->debug->elf, DW_DLC_READ, NULL, NULL, &reader.dwarf, &error);
    if (status == DW_DLV_NO_ENTRY)
        return note_absence(program, err);
    if (status != DW_DLV_OK)
        return hf_error(err, HOTFIX_FORMAT, "%s: damaged debug information: %s", program->debug->path,
                        dwarf_errmsg(error));

    int failed = read_units(&reader);
    if (!failed)
        failed = complete_functions(&reader);
    dwarf_finish(reader.dwarf, &error);
    free(reader.concretes);
    free(reader.inlined);
    if (failed)
        return -1;
    program->has_dwarf = program->unit_count > 0;
    return program->has_dwarf ? 0 : note_absence(program, err);
}
