/* SPDX-License-Identifier: Apache-2.0 */
#include "program/program.h"

#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "dwarf/dwarf.h"
#include "dwarf/guard.h"
#include "dwarf/split.h"
#include "dwarf/supplement.h"
#include "elf/debugfile.h"
#include "elf/room.h"
#include "error.h"
#include "types/prototype.h"

static int out_of_memory(const struct hf_program *program, struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", program->image.path);
}

static int compare_functions(const void *a, const void *b)
{
    const struct hf_function *first = a, *second = b;

    if (first->address != second->address)
        return first->address < second->address ? -1 : 1;
    return strcmp(first->name, second->name);
}

static bool is_function(const struct hf_symbol *symbol)
{
    return (symbol->type == STT_FUNC || symbol->type == STT_GNU_IFUNC) && symbol->section != SHN_UNDEF &&
           symbol->name[0];
}

static int add_function(struct hf_program *program, const struct hf_symbol *symbol)
{
    struct hf_function *function = &program->functions[program->function_count++];
    const char *version = strstr(symbol->name, "@@");

    *function = (struct hf_function){
        .name = symbol->name,
        .address = symbol->address,
        .size = symbol->size,
        .local = symbol->binding == STB_LOCAL,
        .source = symbol->file,
    };
    if (!version || version == symbol->name)
        return 0;
    function->name = function->own_name = strndup(symbol->name, (size_t)(version - symbol->name));
    return function->name ? 0 : -1;
}

/* A debug file may have lost the symbol table that the program still has. */
static int read_functions(struct hf_program *program, struct hotfix_error *err)
{
    const struct hf_image *from = program->debug->stripped ? &program->image : program->debug;

    program->functions = calloc(from->symbol_count + 1, sizeof(*program->functions));
    if (!program->functions)
        return out_of_memory(program, err);
    for (size_t i = 0; i < from->symbol_count; i++)
        if (is_function(&from->symbols[i]) && add_function(program, &from->symbols[i]) != 0)
            return out_of_memory(program, err);
    if (program->function_count)
        qsort(program->functions, program->function_count, sizeof(*program->functions), compare_functions);
    program->cold = calloc(program->function_count + 1, sizeof(*program->cold));
    if (!program->cold)
        return out_of_memory(program, err);
    for (size_t i = 0; i < program->function_count; i++)
        if (strstr(program->functions[i].name, ".cold"))
            program->cold[program->cold_count++] = i;
    return 0;
}

static bool has_debug_sections(const struct hf_image *image)
{
    GElf_Shdr header;

    return (hf_image_section(image, ".debug_info", &header) && header.sh_type != SHT_NOBITS && header.sh_size > 0) ||
           hf_image_section(image, ".zdebug_info", NULL);
}

static int choose_debug(struct hf_program *program, const char *debug_path, struct hotfix_error *err)
{
    struct hf_image debug;
    int found = 0;

    program->debug = &program->image;
    if (debug_path)
        found = hf_debugfile_open(&program->image, debug_path, &debug, err) == 0 ? 1 : -1;
    else if (!has_debug_sections(&program->image))
        found = hf_debugfile_find(&program->image, HF_DEBUG_ROOT, &debug, &program->debug_note, err);
    if (found <= 0)
        return found;
    program->debug = malloc(sizeof(debug));
    if (!program->debug) {
        program->debug = &program->image;
        hf_image_close(&debug);
        return out_of_memory(program, err);
    }
    *program->debug = debug;
    return 0;
}

static int note(struct hf_program *program, const char *sentence, struct hotfix_error *err)
{
    if (program->debug_note)
        return 0;
    if (asprintf(&program->debug_note, "%s %s", program->debug->path, sentence) < 0) {
        program->debug_note = NULL;
        return out_of_memory(program, err);
    }
    return 0;
}

/* Names of one piece of code are asked about together. */
static int add_aliases(const struct hf_program *program, const struct hf_asked *asked, struct hf_asked *all)
{
    for (size_t i = 0, next; i < program->function_count; i = next) {
        bool wanted = false;
        for (next = i; next < program->function_count; next++) {
            if (program->functions[next].address != program->functions[i].address)
                break;
            wanted |= hf_asked_has(asked, program->functions[next].name);
        }
        for (size_t k = i; wanted && k < next; k++)
            if (hf_asked_add(all, program->functions[k].name) != 0)
                return -1;
    }
    return 0;
}

static int open_dwarf(struct hf_program *program, const struct hf_asked *asked, struct hotfix_error *err)
{
    struct hf_asked all = {.count = 0};
    int failed = 0;

    if (!asked)
        return hf_dwarf_open(program->debug, program->joined, NULL, &program->dwarf, err);
    for (size_t i = 0; i < asked->count && !failed; i++)
        failed = hf_asked_add(&all, asked->names[i]);
    if (!failed)
        failed = add_aliases(program, asked, &all);
    int result = failed ? out_of_memory(program, err)
                        : hf_dwarf_open(program->debug, program->joined, &all, &program->dwarf, err);
    hf_asked_deinit(&all);
    return result;
}

static int read_dwarf(struct hf_program *program, const struct hf_asked *asked, struct hotfix_error *err)
{
    if (!has_debug_sections(program->debug))
        return note(program, "holds no debug information; compile it with -g", err);
    if (hf_guard_check(program->debug, err) != 0)
        return -1;
    /* libdwarf gives one placeholder for every text in another file: two unknowns would compare equal. */
    if (hf_supplement_open(program->debug, HF_DEBUG_ROOT, &program->joined, &program->debug_note, err) != 0 ||
        (!program->joined && !program->debug_note &&
         hf_split_open(program->debug, &program->joined, &program->debug_note, err) != 0))
        return -1;
    if (program->debug_note)
        return 0;
    if (open_dwarf(program, asked, err) != 0)
        return -1;
    program->units = calloc(program->dwarf->unit_count + 1, sizeof(*program->units));
    if (!program->units)
        return out_of_memory(program, err);
    for (size_t i = 0; i < program->dwarf->unit_count; i++)
        if (program->dwarf->units[i].unit)
            program->units[program->unit_count++] = program->dwarf->units[i].unit;
    program->has_dwarf = program->unit_count > 0;
    return program->has_dwarf ? 0 : note(program, "holds no debug information; compile it with -g", err);
}

static const char *declared_name(const struct hf_dwarf *dwarf, const struct hf_subprogram *origin)
{
    const struct hf_subprogram *declaration = hf_dwarf_declaration(dwarf, origin);

    return origin->name || !declaration ? origin->name : declaration->name;
}

/* A C++ definition outside of its class has its own file and line; what it lacks is in the declaration. */
static int find_source(struct hf_dwarf *dwarf, const struct hf_subprogram *origin, const char **source, unsigned *line,
                       struct hotfix_error *err)
{
    const struct hf_subprogram *declaration = hf_dwarf_declaration(dwarf, origin);

    if (hf_dwarf_source(dwarf, origin, source, err) != 0)
        return -1;
    if (line && origin->line)
        *line = origin->line;
    if (**source || !declaration)
        return 0;
    if (line && !origin->line)
        *line = declaration->line;
    return hf_dwarf_source(dwarf, declaration, source, err);
}

/* Folded functions share an address: how well does a piece of code fit this symbol? */
static unsigned fitness(const struct hf_dwarf *dwarf, const struct hf_code *code, const char *symbol)
{
    const struct hf_subprogram *own = &dwarf->subprograms[code->subprogram];
    const struct hf_subprogram *origin = hf_dwarf_origin(dwarf, own);
    const char *name = declared_name(dwarf, origin);
    size_t size = name ? strlen(name) : 0;

    if ((own->name && strcmp(own->name, symbol) == 0) || (name && strcmp(name, symbol) == 0))
        return 3;
    if (size && strncmp(symbol, name, size) == 0 && symbol[size] == '.')
        return 2;
    return code->entry;
}

/*
 * gcc for arm64 has what -fpatchable-function-entry puts at the entry stand in front of the code that debug information
 * tells of: the first piece inside the symbol's that bears its name.
 */
static const struct hf_code *find_code_behind(const struct hf_dwarf *dwarf, const struct hf_function *function)
{
    size_t low = 0, high = dwarf->code_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (dwarf->codes[middle].begin <= function->address)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < dwarf->code_count && dwarf->codes[low].begin < function->address + function->size; low++)
        if (dwarf->codes[low].entry && fitness(dwarf, &dwarf->codes[low], function->name) > 1)
            return &dwarf->codes[low];
    return NULL;
}

static const struct hf_code *find_code(const struct hf_dwarf *dwarf, const struct hf_function *function)
{
    const struct hf_code *best = NULL;
    const struct hf_code *first = hf_dwarf_code(dwarf, function->address);

    for (size_t i = first ? (size_t)(first - dwarf->codes) : dwarf->code_count; i < dwarf->code_count; i++) {
        const struct hf_code *code = &dwarf->codes[i];
        if (code->begin != function->address)
            break;
        if (!best || fitness(dwarf, code, function->name) > fitness(dwarf, best, function->name))
            best = code;
    }
    return best ? best : find_code_behind(dwarf, function);
}

static int describe_types(struct hf_program *program, const struct hf_subprogram *origin, struct hf_function *function,
                          struct hotfix_error *err)
{
    Dwarf_Debug handle = program->dwarf->handle;
    HF_DIE Dwarf_Die subprogram = hf_die_at(handle, origin->offset);
    HF_DIE Dwarf_Die declaration =
        origin->specification == HF_DIE_NONE ? NULL : hf_die_at(handle, origin->specification);
    bool typed = program->dwarf->units[origin->unit].typed || (subprogram && hf_die_has(subprogram, DW_AT_prototyped));
    if (!subprogram || !typed)
        return 0;
    struct hf_prototype prototype = {.text = NULL};
    int failed = hf_types_describe(program->types, subprogram, declaration, !hf_dwarf_is_c(function->unit->language),
                                   &prototype, err);
    function->prototype = prototype.text;
    function->parameters = prototype.parameters;
    function->parameter_count = prototype.parameter_count;
    return failed;
}

/* A function whose types are still to be described, by the entry that tells them. */
struct pending {
    struct hf_function *function;
    const struct hf_subprogram *origin;
};

/* Behind a call offset of a thunk's symbol, "h" or "v" and its numbers (Itanium C++ ABI, section 5.1.4.2); NULL when it
 * is none. */
static const char *behind_offset(const char *symbol)
{
    unsigned numbers = *symbol == 'h' ? 1 : *symbol == 'v' ? 2 : 0;

    if (numbers == 0)
        return NULL;
    for (symbol++; numbers > 0; numbers--, symbol++) {
        symbol += *symbol == 'n';
        symbol += strspn(symbol, "0123456789");
        if (*symbol != '_')
            return NULL;
    }
    return symbol;
}

/* Is it a thunk that ends in the function of this symbol? */
static bool is_thunk_to(const char *thunk, const char *symbol)
{
    const char *at = strncmp(thunk, "_ZT", 3) == 0 ? thunk + 3 : "";
    bool covariant = *at == 'c';

    at = behind_offset(at + covariant);
    if (at && covariant)
        at = behind_offset(at);
    return at && strncmp(symbol, "_Z", 2) == 0 && strcmp(symbol + 2, at) == 0;
}

/* gcc tells nothing of thunks: they were compiled as the function that they end in. */
static const struct hf_code *find_code_of_end(const struct hf_program *program, const struct hf_function *thunk)
{
    bool none = strncmp(thunk->name, "_ZT", 3) != 0 || !strchr("hvc", thunk->name[3]);

    for (size_t i = 0; i < program->function_count && !none; i++)
        if (is_thunk_to(thunk->name, program->functions[i].name))
            return find_code(program->dwarf, &program->functions[i]);
    return NULL;
}

/* Code that was folded into that of an equal function is told by its name alone; *code is NULL then. */
static const struct hf_subprogram *find_own(const struct hf_program *program, const struct hf_function *function,
                                            const struct hf_code **code)
{
    const struct hf_dwarf *dwarf = program->dwarf;
    const char *file = function->source, *slash = strrchr(file, '/');

    *code = find_code(dwarf, function);
    const struct hf_code *end = *code ? NULL : find_code_of_end(program, function);
    if (end)
        return &dwarf->subprograms[end->subprogram];
    if (!*code)
        return hf_dwarf_codeless(dwarf, function->name, !function->local ? NULL : slash ? slash + 1 : file);
    return &dwarf->subprograms[(*code)->subprogram];
}

/* All but the types; pending->origin is NULL when there is nothing to tell of them. */
static int complete(struct hf_program *program, struct hf_function *function, struct pending *pending,
                    struct hotfix_error *err)
{
    struct hf_dwarf *dwarf = program->dwarf;
    const struct hf_code *code;
    const struct hf_subprogram *own = find_own(program, function, &code);
    const char *source;

    *pending = (struct pending){.function = function};
    if (code && function->size == 0)
        function->size = code->end - code->begin;
    if (!own)
        return 0;
    const struct hf_subprogram *origin = hf_dwarf_origin(dwarf, own);
    if (find_source(dwarf, origin, &source, &function->line, err) != 0)
        return -1;
    if (*source)
        function->source = source;
    function->declared = declared_name(dwarf, origin);
    if (function->declared)
        function->inlined = hf_program_inlined(program, function->declared, function->source, &function->inlined_count);
    /* Link-time optimisation compiles in units of its own making; dwz moves origins to partial ones. */
    function->unit = dwarf->units[origin->unit].unit;
    if (!function->unit)
        function->unit = dwarf->units[own->unit].unit;
    pending->origin = function->unit ? origin : NULL;
    return 0;
}

size_t hf_program_first_at(const struct hf_program *program, uint64_t address)
{
    size_t low = 0, high = program->function_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (program->functions[middle].address < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const struct hf_function *function_at(const struct hf_program *program, uint64_t address)
{
    size_t first = hf_program_first_at(program, address);

    return first < program->function_count && program->functions[first].address == address ? &program->functions[first]
                                                                                           : NULL;
}

/* The caller goes by its symbol; where that was stripped, by what DWARF calls it. */
static int name_caller(struct hf_program *program, const struct hf_subprogram *caller, struct hf_inline_copy *copy,
                       struct hotfix_error *err)
{
    const struct hf_function *function = function_at(program, caller->address);
    const struct hf_subprogram *origin = hf_dwarf_origin(program->dwarf, caller);
    const char *name = declared_name(program->dwarf, origin);

    copy->caller = function ? function->name : name ? name : "";
    return find_source(program->dwarf, origin, &copy->caller_source, NULL, err);
}

static int compare_copies(const void *a, const void *b)
{
    const struct hf_inline_copy *first = a, *second = b;
    int order = strcmp(first->name, second->name);

    if (order == 0)
        order = strcmp(first->source, second->source);
    if (order != 0)
        return order;
    return first->address < second->address ? -1 : first->address > second->address;
}

static int read_copies(struct hf_program *program, struct hotfix_error *err)
{
    struct hf_dwarf *dwarf = program->dwarf;

    program->inlined = calloc(dwarf->copy_count + 1, sizeof(*program->inlined));
    if (!program->inlined)
        return out_of_memory(program, err);
    for (size_t i = 0; i < dwarf->copy_count; i++) {
        const struct hf_dwarf_copy *found = &dwarf->copies[i];
        const struct hf_subprogram *copied = hf_dwarf_subprogram(dwarf, found->origin);
        struct hf_inline_copy copy = {.address = found->address};
        if (!copied)
            return hf_error(err, HOTFIX_FORMAT,
                            "%s: damaged debug information: the origin of the inlined copy at %#llx is no function",
                            program->debug->path, (unsigned long long)found->address);
        copied = hf_dwarf_origin(dwarf, copied);
        copy.name = declared_name(dwarf, copied);
        if (!copy.name)
            continue;
        if (find_source(dwarf, copied, &copy.source, NULL, err) != 0 ||
            name_caller(program, &dwarf->subprograms[found->caller], &copy, err) != 0)
            return -1;
        program->inlined[program->inlined_count++] = copy;
    }
    if (program->inlined_count)
        qsort(program->inlined, program->inlined_count, sizeof(*program->inlined), compare_copies);
    return 0;
}

static int compare_pending(const void *a, const void *b)
{
    const struct pending *first = a, *second = b;
    uint64_t left = first->origin ? first->origin->offset : 0, right = second->origin ? second->origin->offset : 0;

    return left < right ? -1 : left > right;
}

static int complete_functions(struct hf_program *program, struct hotfix_error *err)
{
    HF_FREE struct pending *pending = calloc(program->function_count + 1, sizeof(*pending));

    program->types = hf_types_create(program->dwarf->handle);
    if (!pending || !program->types)
        return out_of_memory(program, err);
    if (read_copies(program, err) != 0)
        return -1;
    for (size_t i = 0; i < program->function_count; i++)
        if (complete(program, &program->functions[i], &pending[i], err) != 0)
            return -1;
    qsort(pending, program->function_count, sizeof(*pending), compare_pending);
    for (size_t i = 0; i < program->function_count; i++) {
        if (!pending[i].origin)
            continue;
        hf_dwarf_enter(program->dwarf, pending[i].origin->unit);
        if (describe_types(program, pending[i].origin, pending[i].function, err) != 0)
            return -1;
    }
    return 0;
}

int hf_program_open(const char *path, const char *debug_path, const struct hf_asked *asked, struct hf_program **program,
                    struct hotfix_error *err)
{
    struct hf_program *opened = calloc(1, sizeof(*opened));

    if (!opened)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", path);
    if (hf_image_open(path, &opened->image, err) != 0) {
        free(opened);
        return -1;
    }
    if (choose_debug(opened, debug_path, err) != 0 || read_functions(opened, err) != 0 ||
        read_dwarf(opened, asked, err) != 0 || (opened->has_dwarf && complete_functions(opened, err) != 0)) {
        hf_program_close(opened);
        return -1;
    }
    *program = opened;
    return 0;
}

void hf_program_close(struct hf_program *program)
{
    if (!program)
        return;
    for (size_t i = 0; i < program->function_count; i++) {
        free(program->functions[i].own_name);
        free(program->functions[i].prototype);
        free(program->functions[i].parameters);
    }
    free(program->functions);
    free(program->cold);
    free(program->inlined);
    free(program->units);
    free(program->debug_note);
    hf_types_destroy(program->types);
    hf_dwarf_close(program->dwarf);
    hf_joined_free(program->joined);
    if (program->debug && program->debug != &program->image) {
        hf_image_close(program->debug);
        free(program->debug);
    }
    hf_image_close(&program->image);
    free(program);
}

/* Where a name and source stand in the order of copies against one copy. */
static int compare_key(const char *name, const char *source, const struct hf_inline_copy *copy)
{
    int order = strcmp(name, copy->name);

    return order != 0 || !source ? order : strcmp(source, copy->source);
}

/* The first copy that is not below the key, or (after) the first that is above it. */
static size_t copies_bound(const struct hf_program *program, const char *name, const char *source, bool after)
{
    size_t low = 0, high = program->inlined_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_key(name, source, &program->inlined[middle]);
        if (order > 0 || (after && order == 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct hf_inline_copy *hf_program_inlined(const struct hf_program *program, const char *name, const char *source,
                                                size_t *count)
{
    size_t first = copies_bound(program, name, source, false);

    *count = copies_bound(program, name, source, true) - first;
    return *count ? &program->inlined[first] : NULL;
}

const struct hf_subprogram *hf_program_subprogram(const struct hf_program *program, const struct hf_function *function)
{
    const struct hf_code *code;

    return program->dwarf ? find_own(program, function, &code) : NULL;
}

uint64_t hf_program_room(const struct hf_program *program, const struct hf_arch_tools *tools,
                         const struct hf_function *function)
{
    const struct hf_image *symbols = program->debug->stripped ? &program->image : program->debug;

    return hf_room(&program->image, symbols, tools, function->address, function->size);
}
