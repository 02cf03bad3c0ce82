/* SPDX-License-Identifier: Apache-2.0 */
#include "reference/chance.h"

#include <stdlib.h>

#include "cleanup.h"
#include "dwarf/dwarf.h"
#include "dwarf/qualified.h"
#include "program/program.h"

static bool is_within(uint64_t address, const struct hf_symbol *symbol)
{
    return address >= symbol->address && address - symbol->address < symbol->size;
}

static bool is_code(const struct hf_symbol *symbol)
{
    return symbol->section != SHN_UNDEF && symbol->section != SHN_ABS &&
           (symbol->type == STT_NOTYPE || symbol->type == STT_FUNC || symbol->type == STT_GNU_IFUNC);
}

/* Of functions in one another the inner one. */
static const struct hf_symbol *function_at(const struct hf_target *target, uint64_t place)
{
    const struct hf_symbol *found = NULL;

    for (size_t i = 0; i < target->symbol_count; i++) {
        const struct hf_symbol *symbol = target->by_name[i];
        if (symbol->type == STT_FUNC && is_code(symbol) && is_within(place, symbol) &&
            (!found || symbol->address > found->address))
            found = symbol;
    }
    return found;
}

/* Whatever has a name may be jumped to. */
static size_t find_entries(const struct hf_target *target, const struct hf_symbol *function, uint64_t *entries)
{
    size_t count = 0;

    for (size_t i = 0; i < target->symbol_count; i++) {
        const struct hf_symbol *symbol = target->by_name[i];
        if (is_code(symbol) && is_within(symbol->address, function))
            entries[count++] = symbol->address - function->address;
    }
    return count;
}

/* Is that the code of a function, or its first or its cold part, that a compiler of C or C++ made? */
static bool is_compiled(const struct hf_program *program, const struct hf_symbol *symbol)
{
    const struct hf_code *code = program->dwarf ? hf_dwarf_code(program->dwarf, symbol->address) : NULL;

    if (!code || code->end != symbol->address + symbol->size)
        return false;
    size_t unit = program->dwarf->subprograms[code->subprogram].unit;
    const struct hf_unit *compiled = program->dwarf->units[unit].unit;
    return compiled && (hf_dwarf_is_c(compiled->language) || hf_qualified_language(compiled->language));
}

static bool ask_compiled(const struct hf_work *work, const struct hf_symbol *symbol)
{
    struct hf_asked asked = {.count = 0};
    struct hf_program *program;
    bool compiled = false;

    elf_errno(); /* libdwarf takes an error that libelf noted before for one of its own */
    if (hf_asked_add(&asked, symbol->name) == 0 &&
        hf_program_open(work->target->image.path, work->request->debug, &asked, &program, NULL) == 0) {
        compiled = is_compiled(program, symbol);
        hf_program_close(program);
    }
    hf_asked_deinit(&asked);
    return compiled;
}

bool hf_chance(const struct hf_work *work, uint64_t place, uint64_t to)
{
    const struct hf_target *target = work->target;
    const struct hf_symbol *symbol = target->arch->by_chance ? function_at(target, place) : NULL;
    HF_FREE uint64_t *entries = symbol ? calloc(target->symbol_count + 1, sizeof(*entries)) : NULL;

    if (!entries)
        return false;
    const struct hf_arch_function function = {
        .code = hf_image_bytes(&target->image, symbol->address, symbol->size),
        .size = symbol->size,
        .address = symbol->address,
        .entries = entries,
        .entry_count = find_entries(target, symbol, entries),
    };
    return function.code && target->arch->by_chance(&function, place - symbol->address, to) &&
           ask_compiled(work, symbol);
}
