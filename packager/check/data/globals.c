/* SPDX-License-Identifier: Apache-2.0 */
#include "check/data/globals.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "check/data/touched.h"
#include "check/data/view.h"
#include "check/name.h"
#include "cleanup.h"
#include "error.h"
#include "object/object.h"
#include "types/difference.h"
#include "types/prototype.h"

#define ADVICE        "declare it as the target does, or give the new one another name"
#define ADVICE_LAYOUT "keep the layout"
#define ADVICE_DEBUG  "compile with -g, or name the debug file"
#define MAX_TYPES     64 /* names of a type for a name for a type */

struct state {
    const struct hf_check_subject *subject;
    struct hf_findings *findings;
    const struct hf_pair *pair;
    struct hf_views views;
    const struct hf_symbol **seen; /* variables that were compared */
    size_t seen_count;
    size_t undeclared; /* of them, those that the patch's compiler says nothing of */
    bool blind;        /* it was noted that there is no debug information */
    struct hotfix_error *err;
};

/* One variable, as both sides declare it. */
struct global {
    const struct hf_symbol *symbol;
    Dwarf_Die before; /* NULL: no debug information tells */
    Dwarf_Die after;
    char where[2 * HF_VIEW_PLACE + 32]; /* " (shop.c:3, in the patch fix.c:5)", "" when unknown */
};

static int is_seen(struct state *state, const struct hf_symbol *symbol, bool *seen)
{
    *seen = true;
    for (size_t i = 0; i < state->seen_count; i++)
        if (state->seen[i] == symbol)
            return 0;
    *seen = false;
    const struct hf_symbol **grown = reallocarray(state->seen, state->seen_count + 1, sizeof(*grown));
    if (!grown)
        return hf_error(state->err, HOTFIX_MEMORY, "out of memory");
    state->seen = grown;
    grown[state->seen_count++] = symbol;
    return 0;
}

/* Those of a variable, or of the elements of an array. */
static unsigned qualifiers_of(Dwarf_Debug dwarf, Dwarf_Die holder)
{
    HF_TYPE struct hf_type type = {.die = NULL};

    if (hf_type_of(dwarf, holder, &type) != 0)
        return 0;
    unsigned inner = type.tag == DW_TAG_array_type ? qualifiers_of(dwarf, type.die) : 0;
    return type.qualifiers | inner;
}

/* Bytes of what an entry's type takes; 0 when that is not known. */
static uint64_t size_of(Dwarf_Debug dwarf, Dwarf_Die holder)
{
    HF_TYPE struct hf_type type = {.die = NULL};
    HF_DIE Dwarf_Die range = NULL;
    uint64_t size, length;

    if (hf_type_of(dwarf, holder, &type) != 0 || !type.die)
        return 0;
    if (hf_die_number(type.die, DW_AT_byte_size, &size))
        return size;
    if (type.tag == DW_TAG_pointer_type)
        return sizeof(uint64_t);
    if (type.tag != DW_TAG_array_type)
        return 0;
    size = size_of(dwarf, type.die);
    while (hf_die_next(dwarf, type.die, &range) > 0)
        size *= hf_type_length(range, &length) ? length : 0;
    return size;
}

/* Bytes to whose multiple a variable is declared to be aligned, by itself or through its types' names; 1 when it is
 * not. */
static uint64_t alignment_of(Dwarf_Debug dwarf, Dwarf_Die variable)
{
    uint64_t alignment = 1, wanted, type = hf_die_reference(variable, DW_AT_type);

    hf_die_number(variable, DW_AT_alignment, &alignment);
    for (int depth = 0; type != HF_DIE_NONE && depth < MAX_TYPES; depth++) {
        HF_DIE Dwarf_Die die = hf_die_at(dwarf, type);
        if (!die || hf_die_tag(die) == DW_TAG_pointer_type)
            break;
        if (hf_die_number(die, DW_AT_alignment, &wanted) && wanted > alignment)
            alignment = wanted;
        type = hf_die_reference(die, DW_AT_type);
    }
    return alignment;
}

static void note(struct state *state, const struct global *global, enum hf_verdict verdict, const char *advice,
                 const char *what)
{
    hf_findings_add(state->findings, verdict, state->pair, advice, "%s %s%s", global->symbol->name, what,
                    global->where);
}

/* The section decides where no declaration does: code that writes to what is read-only ends the process. */
static bool is_read_only(const struct hf_program *program, const struct hf_symbol *symbol)
{
    const struct hf_image *image = program->debug ? program->debug : &program->image;
    Elf_Scn *section = symbol->section < SHN_LORESERVE ? elf_getscn(image->elf, symbol->section) : NULL;
    GElf_Shdr header;

    return section && gelf_getshdr(section, &header) && !(header.sh_flags & SHF_WRITE);
}

static void check_qualifiers(struct state *state, const struct global *global)
{
    unsigned after = qualifiers_of(state->subject->patch->dwarf->handle, global->after);
    unsigned before = is_read_only(state->subject->target, global->symbol) ? HF_TYPE_CONST : 0;

    if (global->before)
        before = qualifiers_of(state->subject->target->dwarf->handle, global->before);
    if ((before & HF_TYPE_CONST) && !(after & HF_TYPE_CONST))
        note(state, global, HF_INCOMPATIBLE, ADVICE, "is constant in the target, and not in the patch");
    if (!(before & HF_TYPE_CONST) && (after & HF_TYPE_CONST))
        note(state, global, HF_INCOMPATIBLE, ADVICE, "is constant in the patch, and not in the target");
    if ((before & HF_TYPE_VOLATILE) && !(after & HF_TYPE_VOLATILE))
        note(state, global, HF_INCOMPATIBLE, ADVICE, "is volatile in the target, and not in the patch");
}

/* Compilers count on a declared alignment: instructions that need it fail, tests for it are left out. */
static void check_alignment(struct state *state, const struct global *global)
{
    uint64_t alignment = alignment_of(state->subject->patch->dwarf->handle, global->after);

    if (alignment > 1 && global->symbol->type != STT_TLS && global->symbol->address % alignment != 0)
        hf_findings_add(state->findings, HF_INCOMPATIBLE, state->pair, ADVICE,
                        "%s is aligned to %" PRIu64 " bytes in the patch, and not in the target%s",
                        global->symbol->name, alignment, global->where);
}

static int note_difference(struct state *state, const struct global *global, const struct hf_difference *difference)
{
    char old_place[HF_VIEW_PLACE], new_place[HF_VIEW_PLACE];

    if (hf_view_locate(state->subject->target->dwarf, &difference->before, old_place, state->err) != 0 ||
        hf_view_locate(state->subject->patch->dwarf, &difference->after, new_place, state->err) != 0)
        return -1;
    hf_findings_add(state->findings, difference->equality == HF_TYPES_DIFFERENT ? HF_INCOMPATIBLE : HF_UNPROVEN,
                    state->pair, ADVICE_LAYOUT, "%s has the layout of another file: %s: %s (%s, in the patch %s)",
                    global->symbol->name, difference->type, difference->what, old_place, new_place);
    return 0;
}

/* The layouts of what the target's unit of the function defines are compared elsewhere (layout.c). */
static int check_types(struct state *state, const struct global *global)
{
    Dwarf_Debug target = state->subject->target->dwarf->handle, patch = state->subject->patch->dwarf->handle;
    bool known = hf_views_include(&state->views, state->subject->target->dwarf, hf_die_offset(global->before));
    HF_COMPARISON struct hf_comparison comparison = {.before = target, .after = patch, .shallow = known};
    HF_FREE char *what = NULL;
    enum hf_equality equality = hf_comparison_of(&comparison, global->before, global->after, &what);

    for (size_t i = 0; i < comparison.difference_count; i++)
        if (note_difference(state, global, &comparison.differences[i]) != 0)
            return -1;
    if (equality == HF_TYPES_EQUAL && !comparison.failed)
        return 0;
    HF_FREE char *old_text = hf_type_text(target, global->before);
    HF_FREE char *new_text = hf_type_text(patch, global->after);
    if (!old_text || !new_text || comparison.failed)
        return hf_error(state->err, HOTFIX_MEMORY, "out of memory");
    hf_findings_add(state->findings, equality == HF_TYPES_DIFFERENT ? HF_INCOMPATIBLE : HF_UNPROVEN, state->pair,
                    ADVICE, "%s is '%s', in the patch '%s'%s%s%s", global->symbol->name, old_text, new_text,
                    what ? ": " : "", what ? what : "", global->where);
    return 0;
}

/*
 * The symbol decides where no declaration does. That of a file-local variable may have become smaller than its type,
 * and an array at the end of a structure makes it longer.
 */
static void check_size(struct state *state, const struct global *global)
{
    uint64_t size = size_of(state->subject->patch->dwarf->handle, global->after);

    if (size > global->symbol->size && global->symbol->size > 0 && global->symbol->binding != STB_LOCAL)
        hf_findings_add(state->findings, HF_INCOMPATIBLE, state->pair, ADVICE,
                        "%s has %" PRIu64 " bytes, in the patch %" PRIu64 "%s", global->symbol->name,
                        global->symbol->size, size, global->where);
}

/* The unit of the picked function need not know a variable that the new one uses. */
static int find_elsewhere(struct state *state, const char *name, uint64_t *offset)
{
    struct hf_dwarf *dwarf = state->subject->target->dwarf;

    for (size_t i = 0; *offset == HF_DIE_NONE && i < dwarf->unit_count; i++) {
        struct hf_names names = {.count = 0};
        if (hf_names_read(dwarf, i, &names, state->err) != 0)
            return -1;
        *offset = hf_names_find(&names, HF_NAME_VARIABLE, name, NULL);
        hf_names_deinit(&names);
    }
    return 0;
}

static int find_named(struct state *state, const struct hf_symbol *symbol, uint64_t *before, uint64_t *after)
{
    for (size_t i = 0; i < state->views.count && (*before == HF_DIE_NONE || *after == HF_DIE_NONE); i++)
        if (hf_view_variable(state->views.items[i], symbol, before, after, state->err) != 0)
            return -1;
    /* g++ gives no linkage names to the functions of lambdas: the place alone says which of their variables is meant.
     */
    bool of_function = strncmp(symbol->name, "_ZZ", 3) == 0;
    for (size_t i = 0; i < state->views.count && (symbol->binding == STB_LOCAL || of_function); i++)
        if (*before == HF_DIE_NONE && (*after != HF_DIE_NONE || of_function) &&
            hf_view_placed(state->views.items[i], state->subject, symbol, before, after, state->err) != 0)
            return -1;
    if (*before == HF_DIE_NONE && symbol->binding != STB_LOCAL)
        return find_elsewhere(state, symbol->name, before);
    /* Hidden variables, and static ones of other files: their place says which one is meant. */
    if (*before == HF_DIE_NONE && *after != HF_DIE_NONE)
        *before = hf_view_defined(state->subject->target->dwarf, symbol);
    return 0;
}

/* The linker's names for where a section begins and ends: what lies there may be a static variable of another file. */
static bool is_bound(const struct hf_symbol *symbol)
{
    return strncmp(symbol->name, "__start_", strlen("__start_")) == 0 ||
           strncmp(symbol->name, "__stop_", strlen("__stop_")) == 0;
}

/*
 * Hidden aliases have no declaration of their own: another name of the same variable has it (__GI_limit and limit). And
 * an array without elements lies where another variable does, which the function that uses it does not know.
 */
static int find_declarations(struct state *state, const struct hf_symbol *symbol, uint64_t *before, uint64_t *after)
{
    const struct hf_program *target = state->subject->target;
    const struct hf_image *image = target->debug ? target->debug : &target->image;

    *before = *after = HF_DIE_NONE;
    if (find_named(state, symbol, before, after) != 0)
        return -1;
    for (size_t i = 0; i < image->symbol_count && (*before == HF_DIE_NONE || *after == HF_DIE_NONE); i++) {
        const struct hf_symbol *alias = &image->symbols[i];
        bool same = alias->type == symbol->type && alias->section == symbol->section &&
                    (alias->size == symbol->size || alias->size == 0);
        if (alias != symbol && alias->address == symbol->address && (same || is_bound(alias)) &&
            find_named(state, alias, before, after) != 0)
            return -1;
    }
    return 0;
}

static int locate(const struct state *state, struct global *global)
{
    struct hf_definition before = hf_definition_of(global->before), after = hf_definition_of(global->after);
    char old_place[HF_VIEW_PLACE], new_place[HF_VIEW_PLACE];

    if (hf_view_locate(state->subject->target->dwarf, &before, old_place, state->err) != 0 ||
        hf_view_locate(state->subject->patch->dwarf, &after, new_place, state->err) != 0)
        return -1;
    snprintf(global->where, sizeof(global->where), " (%s, in the patch %s)", old_place, new_place);
    return 0;
}

/* clang tells only of the variables that a unit defines, whatever its options are. */
static bool leaves_out_declarations(const struct hf_function *function)
{
    return function->unit && strstr(function->unit->producer, "clang");
}

static int check_declarations(struct state *state, const struct hf_symbol *symbol)
{
    const struct hf_program *target = state->subject->target, *patch = state->subject->patch;
    struct global global = {.symbol = symbol};
    uint64_t before, after;

    if (!target->has_dwarf || !patch->has_dwarf) {
        if (!state->blind)
            hf_findings_add(state->findings, HF_UNPROVEN, NULL, ADVICE_DEBUG,
                            "no debug information tells the types of variables in the %s",
                            target->has_dwarf ? "patch" : "target");
        state->blind = true;
        return 0;
    }
    if (find_declarations(state, symbol, &before, &after) != 0)
        return -1;
    HF_DIE Dwarf_Die old = before == HF_DIE_NONE ? NULL : hf_die_at(target->dwarf->handle, before);
    HF_DIE Dwarf_Die new = after == HF_DIE_NONE ? NULL : hf_die_at(patch->dwarf->handle, after);
    global.before = old;
    global.after = new;
    /* A table that a compiler made of a switch has no type; hotfix build binds to one of the same bytes alone. */
    if (!old && !new && symbol->binding == STB_LOCAL && hf_name_is_made_up(symbol->name) &&
        is_read_only(target, symbol))
        return 0;
    if (!new &&leaves_out_declarations(state->pair->new_function)) {
        state->undeclared++;
        return 0;
    }
    if (!old || !new)
        hf_findings_add(state->findings, HF_UNPROVEN, state->pair, ADVICE_DEBUG,
                        "no debug information tells the type of %s in the %s", symbol->name, old ? "patch" : "target");
    if (!new)
        return 0;
    if (old && locate(state, &global) != 0)
        return -1;
    check_qualifiers(state, &global);
    check_alignment(state, &global);
    if (old)
        return check_types(state, &global);
    check_size(state, &global);
    return 0;
}

/* What the C++ ABI makes up: guards, tables of virtual methods, type information. Their classes tell their layouts. */
static bool is_of_abi(const char *name)
{
    static const char *const prefixes[] = {"_ZGV", "_ZTV", "_ZTC", "_ZTT", "_ZTI", "_ZTS", "DW.ref."};

    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return strcmp(name, "__tls_guard") == 0 || strcmp(name, "__dso_handle") == 0;
}

static int check_variable(struct state *state, const struct hf_touched_variable *variable)
{
    const struct hf_symbol *symbol = variable->symbol;
    bool seen;

    /* What a library defines is declared by the library's header. */
    if (strchr(symbol->name, '@'))
        return 0;
    if (is_seen(state, symbol, &seen) != 0)
        return -1;
    if (seen)
        return 0;
    if ((symbol->type == STT_TLS) != variable->thread) {
        hf_findings_add(state->findings, HF_INCOMPATIBLE, state->pair, ADVICE,
                        "%s is thread-local in the %s, and not in the %s", symbol->name,
                        variable->thread ? "patch" : "target", variable->thread ? "target" : "patch");
        return 0;
    }
    return is_of_abi(symbol->name) ? 0 : check_declarations(state, symbol);
}

/* A function of the target from the source file of one that only the patch has; NULL when there is none. */
static const struct hf_function *neighbour(const struct state *state, const struct hf_function *new_function)
{
    const struct hf_program *target = state->subject->target;

    for (size_t i = 0; i < target->function_count && *new_function->source; i++)
        if (hf_same_source(target->functions[i].source, new_function->source) &&
            hf_program_subprogram(target, &target->functions[i]))
            return &target->functions[i];
    return NULL;
}

/* The functions whose declarations count: the picked one, and those that it leads to. */
static int enter(struct state *state, const struct hf_touched *touched)
{
    struct hf_view *view;

    hf_views_leave(&state->views);
    for (size_t i = 0; i < touched->function_count; i++) {
        const struct hf_function *new_function = touched->functions[i];
        const struct hf_function *old_function =
            i == 0 ? state->pair->old_function : hf_view_counterpart(state->subject, new_function);
        if (!old_function && !hf_same_source(state->pair->old_function->source, new_function->source))
            old_function = neighbour(state, new_function);
        if (old_function && hf_views_enter(&state->views, old_function, new_function, &view, state->err) != 0)
            return -1;
        if (!old_function && state->views.count > 0)
            hf_view_add(state->views.items[0], state->subject, new_function);
    }
    return 0;
}

static int check_pair(struct state *state, struct hf_toucher *toucher)
{
    HF_TOUCHED struct hf_touched touched = {.variables = NULL};

    if (hf_toucher_read(toucher, state->pair, &touched, state->err) != 0)
        return -1;
    if (!touched.complete)
        hf_findings_add(state->findings, HF_UNPROVEN, state->pair, NULL,
                        "not all of its new code disassembles, so nothing proves which variables it uses");
    if (touched.variable_count == 0)
        return 0;
    if (state->subject->target->has_dwarf && state->subject->patch->has_dwarf && enter(state, &touched) != 0)
        return -1;
    for (size_t i = 0; i < touched.variable_count; i++)
        if (check_variable(state, &touched.variables[i]) != 0)
            return -1;
    return 0;
}

int hf_globals_check(const struct hf_check_subject *subject, struct hf_findings *findings, struct hf_globals *globals,
                     struct hotfix_error *err)
{
    HF_TOUCHER struct hf_toucher toucher = {.subject = NULL};
    struct state state = {.subject = subject, .findings = findings, .views.subject = subject, .err = err};
    int result = hf_toucher_init(subject, &toucher, err);

    for (size_t i = 0; result == 0 && i < subject->pair_count; i++) {
        state.pair = &subject->pairs[i];
        result = check_pair(&state, &toucher);
    }
    globals->compared = state.seen_count - state.undeclared;
    globals->undeclared = state.undeclared;
    free(state.seen);
    hf_views_deinit(&state.views);
    return result;
}
