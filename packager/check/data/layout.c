/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Has the patch the same idea as the target of every type that its functions look into? Objects that the program made
 * have the old layout, and code that stays goes on making them.
 *
 * Types are matched by name within the picked function's own translation unit, those of blocks within their function:
 * a type of C that the target's unit does not have is new there, and may look as it likes. Classes of C++ go by their
 * names with their scopes, and are looked for in all units.
 */
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/check.h"
#include "check/data/everywhere.h"
#include "check/data/touched.h"
#include "check/data/view.h"
#include "check/name.h"
#include "cleanup.h"
#include "dwarf/qualified.h"
#include "error.h"
#include "patch/proven.h"
#include "types/difference.h"
#include "types/prototype.h"

#define ADVICE "keep the layout that the program's objects have"
#define ADVICE_KNOWN                                                                                                   \
    "compile both with -femit-class-debug-always (g++) or -fstandalone-debug (clang++), or accept it if they agree"
#define ADVICE_NEW   "accept it if the program has no objects of it"
#define ADVICE_INNER "accept it if no object of it outlives a call"
#define ADVICE_DEBUG "compile with -g, or name the debug file"

#define MAX_NESTED 16 /* classes in classes, names of one type */

#define FRAME ".Frame" /* ends the name of the type of a coroutine's frame */

struct state {
    const struct hf_check_subject *subject;
    struct hf_findings *findings;
    struct hf_comparison comparison;
    size_t reported; /* of its differences */
    struct hf_views views;
    struct hf_view *view; /* the one at hand */
    const struct hf_pair *pair;
    struct hf_everywhere target; /* types by name */
    struct hf_everywhere patch;
    struct hf_proven proven; /* what the patch brings along of a proof */
    void *told;              /* names of types that were told of as unproven; see tsearch(3) */
    bool failed;             /* *err is set */
    bool in_type_unit;       /* a type of the pair may be defined where names are not looked up */
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

static void compare(struct state *state, Dwarf_Die before, Dwarf_Die after)
{
    enum hf_equality equality = hf_comparison_types(&state->comparison, before, after);

    if (equality != HF_TYPES_EQUAL)
        report_name(state, equality, before, after);
}

static int compare_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

__attribute__((format(printf, 4, 5))) static void tell_unproven(struct state *state, const char *name,
                                                                const char *advice, const char *why, ...)
{
    char *own = strdup(name);
    char **known = own ? tsearch(own, &state->told, compare_text) : NULL;
    va_list arguments;
    char *text;

    if (!known || *known != own)
        free(own);
    state->comparison.failed |= !known;
    if (!known || *known != own)
        return;
    va_start(arguments, why);
    if (vasprintf(&text, why, arguments) < 0)
        text = NULL;
    va_end(arguments);
    if (text)
        hf_findings_add(state->findings, HF_UNPROVEN, state->pair, advice, "%s: %s", name, text);
    state->comparison.failed |= !text;
    free(text);
}

/* Does the unit tell all classes that it knows? Else one that it only declares may be known to its code. */
static bool tells_classes(const struct state *state)
{
    const struct hf_unit *unit = state->subject->patch->dwarf->units[state->view->patch_unit].unit;

    return unit &&
           (strstr(unit->producer, "-femit-class-debug-always") || strstr(unit->producer, "-fstandalone-debug"));
}

/* `hotfix build` compared the classes of the old objects, which are the target's, with those of the new ones. */
static bool is_proven(const struct state *state)
{
    const struct hf_function *old = state->pair->old_function;
    const struct hf_build_id *id = &state->subject->target->image.build_id;

    return id->size == state->proven.target.size && memcmp(id->bytes, state->proven.target.bytes, id->size) == 0 &&
           hf_proven_find(&state->proven, old->address, old->size);
}

static bool leaves_traces(Dwarf_Debug dwarf, Dwarf_Die class, unsigned depth);

/* Does a member or base class? Not what pointers lead to, nor elements of arrays, of which there may be none. */
static bool part_leaves_traces(Dwarf_Debug dwarf, Dwarf_Die part, unsigned depth)
{
    HF_DIE Dwarf_Die type = hf_die_refer(dwarf, part, DW_AT_type);

    for (unsigned steps = 0; type && steps < MAX_NESTED; steps++) {
        Dwarf_Half tag = hf_die_tag(type);
        if (tag != DW_TAG_typedef && tag != DW_TAG_const_type)
            return (tag == DW_TAG_class_type || tag == DW_TAG_structure_type) && leaves_traces(dwarf, type, depth + 1);
        Dwarf_Die next = hf_die_refer(dwarf, type, DW_AT_type);
        dwarf_dealloc_die(type);
        type = next;
    }
    return false;
}

/*
 * Would objects that the target's code made have left a trace of the class? A constructor, a virtual method or a table
 * of them would, be they inlined or not, of the class itself or of what it holds; an object of plain data may be
 * reached by casts alone.
 */
static bool leaves_traces(Dwarf_Debug dwarf, Dwarf_Die class, unsigned depth)
{
    const char *name = hf_die_text(class, DW_AT_name);
    size_t size = name ? strcspn(name, "<") : 0;
    HF_DIE Dwarf_Die child = NULL;

    if (hf_die_has(class, DW_AT_containing_type))
        return true;
    while (size > 0 && depth < MAX_NESTED && hf_die_next(dwarf, class, &child) > 0) {
        Dwarf_Half tag = hf_die_tag(child);
        bool part = (tag == DW_TAG_member && !hf_die_has(child, DW_AT_external)) || tag == DW_TAG_inheritance;
        if (part && part_leaves_traces(dwarf, child, depth))
            return true;
        const char *method = tag == DW_TAG_subprogram ? hf_die_text(child, DW_AT_name) : NULL;
        if (method && strcspn(method, "<") == size && strncmp(method, name, size) == 0 &&
            !hf_die_has(child, DW_AT_artificial))
            return true;
    }
    return false;
}

/*
 * Classes of C++. Compilers leave out of a unit's debug information what they think another unit tells, so a class that
 * is only declared may be known to the code all the same.
 */
static void check_class(struct state *state, const char *name, Dwarf_Die after, uint64_t before, bool before_declares)
{
    bool declares = hf_die_has(after, DW_AT_declaration);
    size_t length = strlen(name);
    /* Frames that exist go on in the old code, unless the body itself is picked. */
    bool frame = length > strlen(FRAME) && strcmp(name + length - strlen(FRAME), FRAME) == 0;
    /* Other units have others of these names. */
    bool own = strstr(name, HF_QUALIFIED_ANONYMOUS) != NULL;
    bool is_class = hf_die_tag(after) != DW_TAG_enumeration_type;
    uint64_t elsewhere = HF_DIE_NONE;

    if (frame && !strstr(state->pair->old_function->name, FRAME "."))
        return;
    if (!own && (before == HF_DIE_NONE || before_declares) &&
        hf_everywhere_find(&state->target, HF_NAME_TAG, name, &before, &before_declares, state->err) != 0)
        state->failed = true;
    if (!own && declares &&
        hf_everywhere_find(&state->patch, HF_NAME_TAG, name, &elsewhere, &declares, state->err) != 0)
        state->failed = true;
    if (state->failed)
        return;
    HF_DIE Dwarf_Die old = before == HF_DIE_NONE ? NULL : hf_die_at(state->comparison.before, before);
    HF_DIE Dwarf_Die new = elsewhere == HF_DIE_NONE ? NULL : hf_die_at(state->comparison.after, elsewhere);
    if (old && !before_declares && !declares) {
        compare(state, old, new ? new : after);
        return;
    }
    if (!is_class || hf_name_reserved(name))
        return;
    if (declares && !tells_classes(state) && (before_declares || !is_proven(state)))
        tell_unproven(state, name, ADVICE_KNOWN, "%s defines it, and the functions may look into it",
                      before_declares ? "neither target nor patch" : "the patch only declares it, the target");
    else if (!declares && old && !is_proven(state))
        tell_unproven(state, name, ADVICE_KNOWN, "the target only declares it");
    else if (!declares && !old && strncmp(name, "_Z", 2) != 0 && !leaves_traces(state->comparison.after, after, 0) &&
             !hf_reach_makes(&state->view->patch_reach, after))
        tell_unproven(state, name, ADVICE_NEW, "no debug information of the target tells of it");
}

static void check_type(Dwarf_Die after, void *arg)
{
    struct state *state = arg;
    enum hf_name_space space = hf_name_space(hf_die_tag(after));
    const struct hf_inner_name *inner =
        dwarf_get_die_infotypes_flag(after) ? hf_reach_inner(&state->view->patch_reach, hf_die_offset(after)) : NULL;
    const char *scoped = hf_comparison_scoped(&state->comparison, after);
    const char *name = scoped ? scoped : hf_die_text(after, DW_AT_name);
    bool declares = true;

    uint64_t offset =
        inner ? find_inner(state->view, inner) : hf_names_find(&state->view->names, space, name, &declares);
    if (scoped && !inner && space == HF_NAME_TAG) {
        check_class(state, name, after, offset, declares);
        return;
    }
    /* All instances of an alias template have one name; what they stand for is compared by its own. The library's
     * cannot change: its headers are the compiler's, which is the same. */
    if (scoped && !inner && hf_name_reserved(name))
        return;
    HF_DIE Dwarf_Die before = offset == HF_DIE_NONE ? NULL : hf_die_at(state->comparison.before, offset);
    bool elsewhere = before ? hf_die_has(before, DW_AT_signature) : !inner && !hf_die_has(after, DW_AT_declaration);
    if (elsewhere && !state->in_type_unit)
        state->in_type_unit = has_type_units(state);
    if (before)
        compare(state, before, after);
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
    if (state->failed)
        return -1;
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
    if (result == 0 && hf_proven_read(&subject->patch->image, &state.proven, err) < 0)
        result = -1;
    state.target.dwarf = subject->target->dwarf;
    state.patch.dwarf = subject->patch->dwarf;
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
    hf_everywhere_deinit(&state.target);
    hf_everywhere_deinit(&state.patch);
    hf_proven_deinit(&state.proven);
    tdestroy(state.told, free);
    hf_comparison_deinit(&state.comparison);
    return result;
}

const struct hf_check hf_check_layout = {"layout", "types that the picked functions use", HF_ACCEPT_UNPROVEN, run};
