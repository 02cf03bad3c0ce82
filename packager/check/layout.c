/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Has the patch the same idea as the target of every type that its functions look into? Objects that the program made
 * have the old layout, and code that stays goes on making them.
 *
 * Types are matched by name within the picked function's own translation unit, those of blocks within their function:
 * a type that the target's unit does not have is new there, and may look as it likes.
 */
#include <stdio.h>
#include <string.h>

#include "check/check.h"
#include "check/name.h"
#include "cleanup.h"
#include "elf/difference.h"
#include "elf/prototype.h"
#include "elf/reach.h"
#include "error.h"

#define ADVICE       "keep the layout that the program's objects have"
#define ADVICE_INNER "accept it if no object of it outlives a call"
#define ADVICE_DEBUG "compile with -g, or name the debug file"

/* A unit of the target, and what the functions that were picked from it use on both sides. */
struct scope {
    size_t unit;
    struct hf_names names;
    bool has_type_units, type_units_known;
    struct hf_reach before;
    struct hf_reach after;
};

struct state {
    const struct hf_check_subject *subject;
    struct hf_findings *findings;
    struct hf_comparison comparison;
    size_t reported; /* of its differences */
    struct scope *scopes;
    size_t scope_count;
    struct scope *scope; /* the one at hand */
    const struct hf_pair *pair;
    bool in_type_unit; /* a type of the pair may be defined where names are not looked up */
    struct hotfix_error *err;
};

static void state_deinit(struct state *state)
{
    for (size_t i = 0; i < state->scope_count; i++) {
        hf_names_deinit(&state->scopes[i].names);
        hf_reach_deinit(&state->scopes[i].before);
        hf_reach_deinit(&state->scopes[i].after);
    }
    free(state->scopes);
    hf_comparison_deinit(&state->comparison);
}
#define HF_STATE __attribute__((cleanup(state_deinit)))

static int find_scope(struct state *state, size_t unit)
{
    for (size_t i = 0; i < state->scope_count; i++) {
        state->scope = &state->scopes[i];
        if (state->scope->unit == unit)
            return 0;
    }
    struct scope *grown = reallocarray(state->scopes, state->scope_count + 1, sizeof(*grown));
    if (!grown)
        return hf_error(state->err, HOTFIX_MEMORY, "out of memory");
    state->scopes = grown;
    state->scope = &grown[state->scope_count];
    *state->scope =
        (struct scope){.unit = unit, .before.dwarf = state->comparison.before, .after.dwarf = state->comparison.after};
    if (hf_names_read(state->subject->target->dwarf, unit, &state->scope->names, state->err) != 0)
        return -1;
    state->scope_count++;
    return 0;
}

/* The unit that an offset lies in; unit_count when it lies in none. */
static size_t unit_at(const struct hf_dwarf *dwarf, uint64_t offset)
{
    size_t low = 0, high = dwarf->unit_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (dwarf->units[middle].end <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < dwarf->unit_count && offset >= dwarf->units[low].offset ? low : dwarf->unit_count;
}

/* "shop.h:12". */
static int locate(struct hf_dwarf *dwarf, const struct hf_definition *definition, char text[256],
                  struct hotfix_error *err)
{
    const char *source = "";
    size_t unit = definition->offset == HF_DIE_NONE ? dwarf->unit_count : unit_at(dwarf, definition->offset);

    snprintf(text, 256, "unknown source");
    if (unit < dwarf->unit_count) {
        const struct hf_subprogram where = {.unit = unit, .file = definition->file};
        if (hf_dwarf_source(dwarf, &where, &source, err) != 0)
            return -1;
    }
    if (*source)
        snprintf(text, 256, "%s:%u", hf_base_name(source), definition->line);
    return 0;
}

/* A type that several functions use, or several units define, is told of once. */
static bool is_reported(const struct state *state, const struct hf_difference *difference)
{
    for (size_t i = 0; i < state->reported; i++)
        if (strcmp(state->comparison.differences[i].type, difference->type) == 0 &&
            strcmp(state->comparison.differences[i].what, difference->what) == 0)
            return true;
    return false;
}

static int report(struct state *state)
{
    for (; state->reported < state->comparison.difference_count; state->reported++) {
        const struct hf_difference *difference = &state->comparison.differences[state->reported];
        /* Nobody but the function itself knows a type of one of its blocks. */
        bool inner = hf_reach_inner(&state->scope->before, difference->before.offset);
        enum hf_verdict verdict = difference->equality == HF_TYPES_DIFFERENT && !inner ? HF_INCOMPATIBLE : HF_UNPROVEN;
        char before[256], after[256];
        if (is_reported(state, difference))
            continue;
        if (locate(state->subject->target->dwarf, &difference->before, before, state->err) != 0 ||
            locate(state->subject->patch->dwarf, &difference->after, after, state->err) != 0)
            return -1;
        hf_findings_add(state->findings, verdict, state->pair, inner ? ADVICE_INNER : ADVICE,
                        "%s: %s (%s, in the patch %s)", difference->type, difference->what, before, after);
        hf_findings_detail(state->findings, difference->layouts);
    }
    return 0;
}

/* Does a unit refer to type units, whose names are not looked up? */
static bool refers_to_type_units(Dwarf_Debug dwarf, Dwarf_Die parent, unsigned depth)
{
    HF_DIE Dwarf_Die die = NULL;

    while (depth < HF_DWARF_MAX_DEPTH && hf_die_next(dwarf, parent, &die) > 0) {
        bool is_signed = hf_die_has(die, DW_AT_type) && hf_die_reference(die, DW_AT_type) == HF_DIE_NONE;
        if (is_signed || hf_die_has(die, DW_AT_signature) || refers_to_type_units(dwarf, die, depth + 1))
            return true;
    }
    return false;
}

static bool has_type_units(struct state *state)
{
    struct scope *scope = state->scope;

    if (!scope->type_units_known) {
        HF_DIE Dwarf_Die die =
            hf_die_at(state->comparison.before, state->subject->target->dwarf->units[scope->unit].offset);
        scope->has_type_units = die && refers_to_type_units(state->comparison.before, die, 0);
        scope->type_units_known = true;
    }
    return scope->has_type_units;
}

/* The target's entry for a type of a block: of several with one name in one function, the one in the same order. */
static uint64_t find_inner(const struct scope *scope, const struct hf_inner_name *wanted)
{
    size_t order = 0;

    for (const struct hf_inner_name *inner = scope->after.inner; inner < wanted; inner++)
        order += inner->space == wanted->space && strcmp(inner->name, wanted->name) == 0 &&
                 strcmp(inner->function, wanted->function) == 0;
    for (size_t i = 0; i < scope->before.inner_count; i++) {
        const struct hf_inner_name *inner = &scope->before.inner[i];
        if (inner->space == wanted->space && strcmp(inner->name, wanted->name) == 0 &&
            strcmp(inner->function, wanted->function) == 0 && order-- == 0)
            return inner->offset;
    }
    return HF_DIE_NONE;
}

static char *label(const struct state *state, bool before, Dwarf_Die die)
{
    HF_TYPE struct hf_type type = {.die = NULL};

    hf_type_from(before ? state->comparison.before : state->comparison.after, die, &type);
    return hf_type_label(&type);
}

/* One name for two kinds of types, or a typedef of what has no definition of its own: a number, a pointer, an array. */
static void report_name(struct state *state, enum hf_equality equality, Dwarf_Die before, Dwarf_Die after)
{
    enum hf_verdict verdict = equality == HF_TYPES_DIFFERENT ? HF_INCOMPATIBLE : HF_UNPROVEN;
    bool is_typedef = hf_die_tag(after) == DW_TAG_typedef;
    HF_FREE char *old_text = is_typedef ? hf_type_text(state->comparison.before, before) : label(state, true, before);
    HF_FREE char *new_text = is_typedef ? hf_type_text(state->comparison.after, after) : label(state, false, after);

    if (!old_text || !new_text)
        state->comparison.failed = true;
    else
        hf_findings_add(state->findings, verdict, state->pair, ADVICE, "%s: it is '%s', in the patch '%s'",
                        hf_die_text(after, DW_AT_name), old_text, new_text);
}

static void check_type(Dwarf_Die after, void *arg)
{
    struct state *state = arg;
    enum hf_name_space space = hf_name_space(hf_die_tag(after));
    const struct hf_inner_name *inner =
        dwarf_get_die_infotypes_flag(after) ? hf_reach_inner(&state->scope->after, hf_die_offset(after)) : NULL;

    uint64_t offset = inner ? find_inner(state->scope, inner)
                            : hf_names_find(&state->scope->names, space, hf_die_text(after, DW_AT_name));
    HF_DIE Dwarf_Die before = offset == HF_DIE_NONE ? NULL : hf_die_at(state->comparison.before, offset);
    bool elsewhere = before ? hf_die_has(before, DW_AT_signature) : !inner && !hf_die_has(after, DW_AT_declaration);
    if (elsewhere && has_type_units(state))
        state->in_type_unit = true;
    if (!before)
        return;
    enum hf_equality equality = hf_comparison_types(&state->comparison, before, after);
    if (equality != HF_TYPES_EQUAL)
        report_name(state, equality, before, after);
}

/* Line tables alone (-g1) tell of functions, but not of what is in them. */
static bool has_types(const struct hf_dwarf *dwarf, const struct hf_subprogram *function)
{
    HF_DIE Dwarf_Die die = hf_die_at(dwarf->handle, function->offset);

    return dwarf->units[function->unit].typed || (die && hf_die_has(die, DW_AT_prototyped));
}

static int check_pair(struct state *state)
{
    const struct hf_check_subject *subject = state->subject;
    const struct hf_subprogram *old = hf_program_subprogram(subject->target, state->pair->old_function);
    const struct hf_subprogram *new = hf_program_subprogram(subject->patch, state->pair->new_function);

    if (!old || !new) {
        hf_findings_add(state->findings, HF_UNPROVEN, state->pair, ADVICE_DEBUG,
                        "no debug information tells the types that it uses in the %s", old ? "patch" : "target");
        return 0;
    }
    const struct hf_subprogram *old_origin = hf_dwarf_origin(subject->target->dwarf, old);
    const struct hf_subprogram *new_origin = hf_dwarf_origin(subject->patch->dwarf, new);
    if (find_scope(state, old_origin->unit) != 0)
        return -1;
    hf_dwarf_enter(subject->target->dwarf, old_origin->unit);
    hf_dwarf_enter(subject->patch->dwarf, new_origin->unit);
    struct scope *scope = state->scope;
    hf_reach_function(&scope->before, old->offset);
    hf_reach_function(&scope->after, new->offset);
    bool typed = has_types(subject->target->dwarf, old_origin) && has_types(subject->patch->dwarf, new_origin);
    state->in_type_unit = false;
    hf_reach_types(&scope->after, check_type, state);
    if (!typed)
        hf_findings_add(state->findings, HF_UNPROVEN, state->pair, ADVICE_DEBUG, "its debug information has no types");
    if (state->in_type_unit)
        hf_findings_add(state->findings, HF_UNPROVEN, state->pair, "compile the target without -fdebug-types-section",
                        "types that it uses are in type units of the target, which are not searched");
    if (scope->before.unknown || scope->after.unknown)
        hf_findings_add(state->findings, HF_UNPROVEN, state->pair, ADVICE_DEBUG,
                        "part of what the debug information tells of its types cannot be read");
    if (scope->before.failed || scope->after.failed || state->comparison.failed)
        return hf_error(state->err, HOTFIX_MEMORY, "out of memory");
    return report(state);
}

static int run(const struct hf_check_subject *subject, struct hf_findings *findings, struct hotfix_error *err)
{
    HF_STATE struct state state = {.subject = subject, .findings = findings, .err = err};

    if (!subject->target->has_dwarf || !subject->patch->has_dwarf) {
        hf_findings_add(findings, HF_UNPROVEN, NULL, ADVICE_DEBUG, "no debug information tells the types of the %s",
                        subject->target->has_dwarf ? "patch" : "target");
        return 0;
    }
    state.comparison.before = subject->target->dwarf->handle;
    state.comparison.after = subject->patch->dwarf->handle;
    for (size_t i = 0; i < subject->pair_count; i++) {
        state.pair = &subject->pairs[i];
        if (check_pair(&state) != 0)
            return -1;
    }
    if (hf_findings_clean(findings))
        hf_findings_add(findings, HF_COMPATIBLE, NULL, NULL, "all %zu types that both sides define are equal",
                        state.comparison.compared);
    return 0;
}

const struct hf_check hf_check_layout = {"layout", "types that the picked functions use", HF_ACCEPT_UNPROVEN, run};
