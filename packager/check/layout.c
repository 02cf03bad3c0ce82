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
#include "check/touched.h"
#include "check/view.h"
#include "cleanup.h"
#include "error.h"
#include "types/difference.h"
#include "types/prototype.h"

#define ADVICE       "keep the layout that the program's objects have"
#define ADVICE_INNER "accept it if no object of it outlives a call"
#define ADVICE_DEBUG "compile with -g, or name the debug file"

struct state {
    const struct hf_check_subject *subject;
    struct hf_findings *findings;
    struct hf_comparison comparison;
    size_t reported; /* of its differences */
    struct hf_views views;
    struct hf_view *view; /* the one at hand */
    const struct hf_pair *pair;
    bool in_type_unit; /* a type of the pair may be defined where names are not looked up */
    struct hotfix_error *err;
};

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
        bool inner = hf_reach_inner(&state->view->reach, difference->before.offset);
        enum hf_verdict verdict = difference->equality == HF_TYPES_DIFFERENT && !inner ? HF_INCOMPATIBLE : HF_UNPROVEN;
        char before[HF_VIEW_PLACE], after[HF_VIEW_PLACE];
        if (is_reported(state, difference))
            continue;
        if (hf_view_locate(state->subject->target->dwarf, &difference->before, before, state->err) != 0 ||
            hf_view_locate(state->subject->patch->dwarf, &difference->after, after, state->err) != 0)
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

static bool has_type_units(const struct state *state)
{
    const struct hf_dwarf *dwarf = state->subject->target->dwarf;
    HF_DIE Dwarf_Die die = hf_die_at(dwarf->handle, dwarf->units[state->view->unit].offset);

    return die && refers_to_type_units(dwarf->handle, die, 0);
}

/* Two types of blocks with one name in one function are told by their order. */
static bool same_name(const struct hf_inner_name *a, const struct hf_inner_name *b)
{
    return a->space == b->space && strcmp(a->name, b->name) == 0 && strcmp(a->function, b->function) == 0;
}

static uint64_t find_inner(const struct hf_view *view, const struct hf_inner_name *wanted)
{
    size_t order = 0;

    for (const struct hf_inner_name *inner = view->patch_reach.inner; inner < wanted; inner++)
        order += same_name(inner, wanted);
    for (size_t i = 0; i < view->reach.inner_count; i++)
        if (same_name(&view->reach.inner[i], wanted) && order-- == 0)
            return view->reach.inner[i].offset;
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
        dwarf_get_die_infotypes_flag(after) ? hf_reach_inner(&state->view->patch_reach, hf_die_offset(after)) : NULL;

    uint64_t offset = inner ? find_inner(state->view, inner)
                            : hf_names_find(&state->view->names, space, hf_die_text(after, DW_AT_name));
    HF_DIE Dwarf_Die before = offset == HF_DIE_NONE ? NULL : hf_die_at(state->comparison.before, offset);
    bool elsewhere = before ? hf_die_has(before, DW_AT_signature) : !inner && !hf_die_has(after, DW_AT_declaration);
    if (elsewhere && !state->in_type_unit)
        state->in_type_unit = has_type_units(state);
    if (!before)
        return;
    enum hf_equality equality = hf_comparison_types(&state->comparison, before, after);
    if (equality != HF_TYPES_EQUAL)
        report_name(state, equality, before, after);
}

/* Line tables alone (-g1) tell of functions, but not of what is in them. */
static bool has_types(const struct hf_program *program, const struct hf_function *function)
{
    const struct hf_subprogram *origin = hf_dwarf_origin(program->dwarf, hf_program_subprogram(program, function));
    HF_DIE Dwarf_Die die = hf_die_at(program->dwarf->handle, origin->offset);

    return program->dwarf->units[origin->unit].typed || (die && hf_die_has(die, DW_AT_prototyped));
}

/* A variable is one object for both sides, whatever its type is called. */
static int check_variable(struct state *state, const struct hf_touched_variable *variable)
{
    uint64_t before, after;

    if (hf_view_variable(state->view, variable->symbol, &before, &after, state->err) != 0)
        return -1;
    HF_DIE Dwarf_Die old = before == HF_DIE_NONE ? NULL : hf_die_at(state->comparison.before, before);
    HF_DIE Dwarf_Die new = after == HF_DIE_NONE ? NULL : hf_die_at(state->comparison.after, after);
    if (new)
        hf_reach_root(&state->view->patch_reach, after);
    /* Whether they are of one type themselves is told by the check of variables. */
    HF_FREE char *what = NULL;
    if (old && new)
        hf_comparison_of(&state->comparison, old, new, &what);
    return 0;
}

/* Types that what was read last leads to. */
static int check_view(struct state *state)
{
    struct hf_reach *reach = &state->view->patch_reach;

    hf_reach_types(reach, check_type, state);
    if (state->view->reach.failed || reach->failed || state->comparison.failed)
        return hf_error(state->err, HOTFIX_MEMORY, "out of memory");
    return report(state);
}

/* A function of the patch that is not picked is compared with the target's, where that has it. */
static int check_helper(struct state *state, const struct hf_function *helper)
{
    const struct hf_function *old = hf_view_counterpart(state->subject, helper);
    struct hf_view *view = NULL;

    if (old && hf_views_enter(&state->views, old, helper, &view, state->err) != 0)
        return -1;
    if (view)
        state->view = view;
    else
        hf_view_add(state->view, state->subject, helper);
    return check_view(state);
}

static void note_unknown(struct state *state)
{
    bool typed = has_types(state->subject->target, state->pair->old_function) &&
                 has_types(state->subject->patch, state->pair->new_function);

    if (!typed)
        hf_findings_add(state->findings, HF_UNPROVEN, state->pair, ADVICE_DEBUG, "its debug information has no types");
    if (state->in_type_unit)
        hf_findings_add(state->findings, HF_UNPROVEN, state->pair, "compile the target without -fdebug-types-section",
                        "types that it uses are in type units of the target, which are not searched");
    if (state->view->reach.unknown || state->view->patch_reach.unknown)
        hf_findings_add(state->findings, HF_UNPROVEN, state->pair, ADVICE_DEBUG,
                        "part of what the debug information tells of its types cannot be read");
}

static int check_pair(struct state *state, struct hf_toucher *toucher)
{
    HF_TOUCHED struct hf_touched touched = {.variables = NULL};
    struct hf_view *view;

    if (hf_views_enter(&state->views, state->pair->old_function, state->pair->new_function, &view, state->err) != 0 ||
        hf_toucher_read(toucher, state->pair, &touched, state->err) != 0)
        return -1;
    state->view = view;
    state->in_type_unit = false;
    if (!view) {
        hf_findings_add(state->findings, HF_UNPROVEN, state->pair, ADVICE_DEBUG,
                        "no debug information tells the types that it uses");
        return 0;
    }
    for (size_t i = 0; i < touched.variable_count; i++)
        if (check_variable(state, &touched.variables[i]) != 0)
            return -1;
    if (check_view(state) != 0)
        return -1;
    note_unknown(state);
    for (size_t i = 1; i < touched.function_count; i++)
        if (check_helper(state, touched.functions[i]) != 0)
            return -1;
    return 0;
}

static int run(const struct hf_check_subject *subject, struct hf_findings *findings, struct hotfix_error *err)
{
    HF_TOUCHER struct hf_toucher toucher = {.subject = NULL};
    struct state state = {.subject = subject, .findings = findings, .views.subject = subject, .err = err};
    int result = hf_toucher_init(subject, &toucher, err);

    if (!subject->target->has_dwarf || !subject->patch->has_dwarf) {
        hf_findings_add(findings, HF_UNPROVEN, NULL, ADVICE_DEBUG, "no debug information tells the types of the %s",
                        subject->target->has_dwarf ? "patch" : "target");
        return result;
    }
    state.comparison.before = subject->target->dwarf->handle;
    state.comparison.after = subject->patch->dwarf->handle;
    for (size_t i = 0; result == 0 && i < subject->pair_count; i++) {
        state.pair = &subject->pairs[i];
        result = check_pair(&state, &toucher);
    }
    if (result == 0 && hf_findings_clean(findings))
        hf_findings_add(findings, HF_COMPATIBLE, NULL, NULL, "all %zu types that both sides define are equal",
                        state.comparison.compared);
    hf_views_deinit(&state.views);
    hf_comparison_deinit(&state.comparison);
    return result;
}

const struct hf_check hf_check_layout = {"layout", "types that the picked functions use", HF_ACCEPT_UNPROVEN, run};
