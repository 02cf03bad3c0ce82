/* SPDX-License-Identifier: Apache-2.0 */
#include "choose/choose.h"

#include <stdlib.h>
#include <string.h>

#include "choose/account.h"
#include "choose/argument.h"
#include "choose/carried.h"
#include "choose/constant.h"
#include "choose/entry.h"
#include "choose/independent.h"
#include "choose/label.h"
#include "choose/moved.h"
#include "choose/once.h"
#include "choose/parted.h"
#include "choose/state.h"
#include "choose/worlds.h"
#include "compare/closures.h"
#include "compare/compare.h"
#include "compare/guarded.h"
#include "compare/initialisers.h"
#include "compare/layout.h"
#include "compare/lines.h"
#include "error.h"
#include "object/unwind.h"
#include "reference/binding.h"
#include "reference/callers.h"
#include "reference/pointer.h"
#include "reference/replacement.h"

static int refuse(const struct hf_object *object, const char *name, const char *why, struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_INCOMPATIBLE, "%s: %s: %s", object->name, name, why);
}

static bool is_compared(const struct hf_part *part)
{
    switch (part->kind) {
    case HF_PART_CODE:
        return part->size > 0;
    case HF_PART_DATA:
    case HF_PART_ZERO:
    case HF_PART_CONST:
    case HF_PART_TLS:
        return !part->anonymous && part->size > 0;
    default:
        return false;
    }
}

/* The n-th part of constructors or destructors; NULL when there are not so many. */
static const struct hf_part *start_part(const struct hf_object *object, size_t n)
{
    for (size_t i = 1; object && i < object->part_count; i++)
        if (object->parts[i].kind == HF_PART_START && object->parts[i].size > 0 && n-- == 0)
            return &object->parts[i];
    return NULL;
}

static bool starts_equal(const struct hf_object *before, const struct hf_object *after)
{
    for (size_t i = 0;; i++) {
        const struct hf_part *left = start_part(before, i);
        const struct hf_part *right = start_part(after, i);
        if (!left || !right)
            return left == right;
        if (strcmp(left->name, right->name) != 0 || !hf_compare_parts(left, right))
            return false;
    }
}

static bool function_equal(const struct hf_part *before, const struct hf_part *after)
{
    return hf_compare_functions(before, after);
}

static bool part_equal(const struct hf_part *before, const struct hf_part *after)
{
    return after->kind == HF_PART_CODE ? function_equal(before, after) : hf_compare_parts(before, after);
}

/* Code without a name that the old object has as well. */
static bool is_known_piece(const struct hf_object *before, const struct hf_part *after)
{
    return after->kind == HF_PART_CODE && after->name_count == 0 && hf_account_has_like(before, after);
}

bool hf_objects_differ(const struct hf_object *before, const struct hf_object *after)
{
    for (size_t i = 1; i < after->part_count; i++) {
        const struct hf_part *part = &after->parts[i];
        if (is_compared(part) && (part->twin ? !part_equal(part->twin, part) : !is_known_piece(before, part)))
            return true;
    }
    for (size_t i = 1; i < before->part_count; i++) {
        const struct hf_part *part = &before->parts[i];
        if (is_compared(part) && part->twin && part->twin->twin != part && !part_equal(part, part->twin))
            return true;
    }
    return !starts_equal(before, after) || hf_definitions_differ(before, after) || hf_account_differs(before, after);
}

/* Compilers may put variables side by side, so that code reaches several of them from one address. */
static bool is_merged(const struct hf_part *part)
{
    return part->name_count > 1 && part->names[0]->value != part->names[part->name_count - 1]->value;
}

/* How existing data differs; NULL when it does not. */
static const char *data_difference(const struct hf_part *before, const struct hf_part *after)
{
    if (before->size != after->size && (is_merged(before) || is_merged(after)))
        return "its size changed, and the target's copy cannot grow or shrink; it is one of several variables in one "
               "section: compile with -fdata-sections, and with clang for arm64 with -mno-global-merge, too";
    if (before->size != after->size)
        return "its size changed, and the target's copy cannot grow or shrink";
    if ((before->flags ^ after->flags) & (SHF_WRITE | SHF_TLS))
        return "it changed between constant and variable, or between thread-local and shared";
    if (!hf_compare_places(before, after))
        return "variables of one section changed places: compile with -fdata-sections";
    if (!hf_compare_parts(before, after) && before->kind == HF_PART_CONST && before->names[0]->binding != STB_LOCAL)
        return "the constant changed, and other files of the target may use it: give the new one another name, and use "
               "it in the functions that are to know it";
    if (!hf_compare_parts(before, after))
        return "its initial value changed, and the target has set and used it already";
    return NULL;
}

static int check_data(struct hf_work *work, const struct hf_pairing *pairing, const struct hf_part *part,
                      struct hotfix_error *err)
{
    const char *difference = part->twin ? data_difference(part->twin, part) : NULL;

    if (!difference)
        return 0;
    if (hf_renumbered_equal(pairing->renumbered, part->twin, part))
        return hf_work_note(work, HF_BUILD_IGNORED, hf_part_title(part), pairing->after->name, err,
                            "only line numbers in it differ");
    /* A message about the changed member of its type is more precise. */
    if (hf_layouts_check(part->twin->object, pairing->after, err) != 0)
        return -1;
    return refuse(pairing->after, hf_part_title(part), difference, err);
}

/* Functions that begin at different places of one part. */
static bool holds_several(const struct hf_part *part)
{
    const struct hf_name *first = hf_part_function(part);

    for (size_t i = 0; i < part->name_count; i++)
        if (first && part->names[i]->type == first->type && part->names[i]->value != first->value)
            return true;
    return false;
}

/* Is this code the resolver of an indirect function? */
static const struct hf_name *indirect(const struct hf_part *part)
{
    for (size_t i = 0; i < part->name_count; i++)
        if (part->names[i]->type == STT_GNU_IFUNC)
            return part->names[i];
    return NULL;
}

static int mark_changed(const struct hf_pairing *pairing, struct hf_part *part, struct hotfix_error *err)
{
    struct hf_part *function = part->family ? part->family : part;
    const struct hf_name *name = hf_part_function(function);
    const struct hf_object *object = pairing->after;

    if (!name)
        return refuse(object, hf_part_title(function), "code without a function symbol changed", err);
    if (holds_several(function) || (function->twin && holds_several(function->twin)))
        return refuse(object, function->name,
                      "a section with several functions changed: compile with -ffunction-sections", err);
    if (indirect(function))
        return refuse(object, indirect(function)->text,
                      "the resolver of an indirect function changed, and it has run already", err);
    if (hf_initialisers_have(object, function))
        return refuse(object, name->text, "a constructor or destructor changed", err);
    if (!function->twin)
        return refuse(object, name->text, "only a part of it is in the old object", err);
    function->marks |= HF_MARK_CHANGED | HF_MARK_KEPT;
    return 0;
}

static bool is_own(const char *name, void *arg)
{
    const struct hf_work *work = arg;
    size_t count;

    hf_target_named(work->target, name, &count);
    return count > 0;
}

/* Compares a function with one that it is the new version of. */
static int compare_function(struct hf_work *work, const struct hf_pairing *pairing, const struct hf_part *before,
                            struct hf_part *after, struct hotfix_error *err)
{
    if (function_equal(before, after)) {
        work->result->unchanged_count += !after->family;
        return 0;
    }
    if (hf_renumbered_equal(pairing->renumbered, before, after))
        return hf_work_note(work, HF_BUILD_IGNORED, hf_part_title(after), pairing->after->name, err,
                            "only line numbers in it differ");
    if (hf_lines_alone(before, after, is_own, work))
        return hf_work_note(work, HF_BUILD_IGNORED, hf_part_title(after), pairing->after->name, err,
                            "only the line numbers of its assertions differ");
    return mark_changed(pairing, after, err);
}

static int compare_functions(struct hf_work *work, const struct hf_pairing *pairing, struct hotfix_error *err)
{
    for (size_t i = 1; i < pairing->after->part_count; i++) {
        struct hf_part *part = &pairing->after->parts[i];
        if (part->kind != HF_PART_CODE || !is_compared(part))
            continue;
        if (part->twin && compare_function(work, pairing, part->twin, part, err) != 0)
            return -1;
        /* The cold half is new: so the function itself differs, and is found on its own. */
    }
    for (size_t i = 1; pairing->before && i < pairing->before->part_count; i++) {
        struct hf_part *part = &pairing->before->parts[i];
        if (part->kind == HF_PART_CODE && is_compared(part) && part->twin && part->twin->twin != part &&
            compare_function(work, pairing, part, part->twin, err) != 0)
            return -1;
    }
    return 0;
}

/* One function of the target cannot become two. */
static int check_split(const struct hf_pairing *pairing, struct hotfix_error *err)
{
    for (size_t i = 1; i < pairing->after->part_count; i++) {
        const struct hf_part *part = &pairing->after->parts[i];
        const struct hf_part *twin = part->kind == HF_PART_CODE ? part->twin : NULL;
        if (!twin || twin->twin == part || !twin->twin)
            continue;
        if ((part->marks | twin->twin->marks) & HF_MARK_CHANGED)
            return hf_error(
                err, HOTFIX_INCOMPATIBLE,
                "%s: functions '%s' and '%s' share their code in the target and no longer do in the new object",
                pairing->after->name, hf_part_title(part), hf_part_title(twin->twin));
    }
    return 0;
}

/* Does it replace a function of the target, or is it new? */
static bool is_different(const struct hf_part *part)
{
    const struct hf_part *function = part->family ? part->family : part;

    return !part->twin || (function->marks & HF_MARK_CHANGED);
}

static bool has_changed(const struct hf_object *object)
{
    for (size_t i = 1; i < object->part_count; i++)
        if (object->parts[i].marks & HF_MARK_CHANGED)
            return true;
    return false;
}

static int compare_pairing(struct hf_work *work, const struct hf_pairing *pairing, struct hotfix_error *err)
{
    const struct hf_object *after = pairing->after;

    if (hf_account_sets(work, pairing, err) != 0)
        return -1;
    if (pairing->before && (hf_initialisers_check(pairing->before, after, err) != 0 ||
                            hf_closures_check(pairing->before, after, err) != 0))
        return -1;
    if (pairing->before && !starts_equal(pairing->before, after))
        return hf_error(
            err, HOTFIX_INCOMPATIBLE,
            "%s: its constructors or destructors changed (%s): they do not run for a patch, use the hook %s",
            after->name, start_part(after, 0) ? start_part(after, 0)->name : "they are gone", HF_HOOK_APPLY);
    if (pairing->before &&
        hf_constants_part(work->target->arch, pairing->before, pairing->after, pairing->renumbered, err) != 0)
        return -1;
    for (size_t i = 1; i < after->part_count; i++) {
        const struct hf_part *part = &after->parts[i];
        if (is_compared(part) && part->kind != HF_PART_CODE && check_data(work, pairing, part, err) != 0)
            return -1;
    }
    if (compare_functions(work, pairing, err) != 0 || check_split(pairing, err) != 0 ||
        (pairing->before && hf_guarded_check(pairing->before, after, is_different, err) != 0))
        return -1;
    if (pairing->before && has_changed(after) && hf_layouts_check(pairing->before, after, err) != 0)
        return -1;
    return hf_moved_layouts(pairing->before, after, err);
}

static void unite(struct hf_part *a, struct hf_part *b)
{
    struct hf_part *left = hf_part_leader(a);
    struct hf_part *right = hf_part_leader(b);

    if (left != right)
        right->leader = left;
}

static int keep_needed(struct hf_work *work, struct hf_pairing *pairing, struct hf_part *part, bool *progress,
                       struct hotfix_error *err)
{
    part->marks |= HF_MARK_QUEUED;
    *progress = true;
    for (size_t i = 0; i < part->reference_count; i++) {
        const struct hf_reference *reference = &part->references[i];
        struct hf_binding binding;
        if (work->target->arch->relation(reference->type) == HF_RELATION_NONE)
            continue;
        if (hf_bind(work, pairing, part, reference, &binding, err) != 0)
            return -1;
        struct hf_part *to = binding.part;
        if (!to)
            continue;
        const struct hf_name *function = to->kind == HF_PART_CODE ? indirect(to) : NULL;
        if (binding.kind == HF_BINDING_OWN && function)
            return refuse(to->object, function->text,
                          "an indirect function is new: its resolver would run before the patch is ready", err);
        if (binding.kind == HF_BINDING_OWN)
            to->marks |= HF_MARK_KEPT;
        if (binding.kind == HF_BINDING_OWN ? !to->anonymous : (to->marks & HF_MARK_CHANGED) != 0)
            unite(part, to);
        else if (binding.kind == HF_BINDING_OWN && to->kind != HF_PART_MERGE && part->object == to->object)
            unite(part, to);
    }
    return 0;
}

static bool is_kept(const struct hf_part *code, void *arg)
{
    (void)arg;
    return (code->marks & HF_MARK_KEPT) != 0;
}

/* Exception tables go with their functions. */
static int keep_tables(const struct hf_part *part, bool *progress, struct hotfix_error *err)
{
    struct hf_unwind unwind;

    if (part->kind != HF_PART_UNWIND)
        return 0;
    if (hf_unwind_cut(part, is_kept, NULL, &unwind, err) != 0)
        return -1;
    for (size_t i = 0; i < unwind.reference_count; i++) {
        int64_t offset;
        struct hf_part *to = hf_reference_part(&unwind.references[i], &offset);
        if (!to || to->kind == HF_PART_CODE || (to->marks & HF_MARK_KEPT))
            continue;
        to->marks |= HF_MARK_KEPT;
        *progress = true;
    }
    hf_unwind_deinit(&unwind);
    return 0;
}

static int keep_all(struct hf_work *work, struct hotfix_error *err)
{
    for (bool progress = true; progress;) {
        progress = false;
        for (size_t i = 0; i < work->pairing_count; i++) {
            struct hf_object *object = work->pairings[i].after;
            for (size_t k = 1; k < object->part_count; k++) {
                struct hf_part *part = &object->parts[k];
                if ((part->marks & (HF_MARK_KEPT | HF_MARK_QUEUED)) == HF_MARK_KEPT &&
                    keep_needed(work, &work->pairings[i], part, &progress, err) != 0)
                    return -1;
            }
            for (size_t k = 1; k < object->part_count; k++)
                if (keep_tables(&object->parts[k], &progress, err) != 0)
                    return -1;
        }
    }
    return 0;
}

static void keep_hooks(const struct hf_object *object)
{
    static const char *const hooks[] = {HF_HOOK_APPLY, HF_HOOK_REVERT};

    for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
        const struct hf_name *hook = hf_object_find(object, hooks[i]);
        if (hook && hook->binding != STB_LOCAL && hook->part->kind == HF_PART_CODE)
            hook->part->marks |= HF_MARK_KEPT;
    }
}

static int note_changed(struct hf_work *work, const struct hf_pairing *pairing, struct hf_part *part,
                        struct hotfix_error *err)
{
    const char *name = hf_part_title(part);
    struct hf_anchor anchor;
    int found = hf_locate(work, pairing, part->twin, &anchor, err);

    if (found < 0)
        return -1;
    if (found == 0)
        return hf_work_note(work, HF_BUILD_CHANGED, name, pairing->after->name, err, "%s", "");
    part->marks &= ~(HF_MARK_CHANGED | HF_MARK_KEPT);
    return hf_work_note(work, HF_BUILD_IGNORED, name, pairing->after->name, err, "the target does not have it");
}

static int note_pairing(struct hf_work *work, const struct hf_pairing *pairing, struct hotfix_error *err)
{
    for (size_t i = 1; i < pairing->after->part_count; i++) {
        const struct hf_part *part = &pairing->after->parts[i];
        if ((part->marks & (HF_MARK_CHANGED | HF_MARK_APART)) || part->family || !is_compared(part) ||
            hf_work_adopted(work, part))
            continue;
        const char *what = part->kind == HF_PART_CODE ? "function" : "variable";
        if ((part->marks & HF_MARK_KEPT) &&
            hf_work_note(work, HF_BUILD_NEW, hf_part_title(part), pairing->after->name, err,
                         !part->twin            ? "%s"
                         : pairing->independent ? "%s, as a copy compiled with -fPIC"
                                                : "%s of the old object that the target does not have",
                         what) != 0)
            return -1;
        if (!(part->marks & HF_MARK_KEPT) && !part->twin &&
            hf_work_note(work, HF_BUILD_IGNORED, hf_part_title(part), pairing->after->name, err,
                         "a new %s that nothing in the patch uses", what) != 0)
            return -1;
    }
    for (size_t i = 1; pairing->before && i < pairing->before->part_count; i++) {
        const struct hf_part *part = &pairing->before->parts[i];
        if (is_compared(part) && !part->twin && !part->family && !(part->marks & HF_MARK_APART) &&
            hf_work_note(work, HF_BUILD_REMOVED, hf_part_title(part), pairing->after->name, err,
                         "the target keeps it") != 0)
            return -1;
    }
    return 0;
}

/* Resets the marks to the changed functions, so that their needs can be determined again. */
static void forget_kept(struct hf_work *work)
{
    for (size_t i = 0; i < work->pairing_count; i++) {
        struct hf_object *object = work->pairings[i].after;
        for (size_t k = 1; k < object->part_count; k++) {
            struct hf_part *part = &object->parts[k];
            part->marks = part->marks & HF_MARK_CHANGED ? HF_MARK_CHANGED | HF_MARK_KEPT : part->marks & HF_MARK_APART;
            part->leader = NULL;
        }
        keep_hooks(object);
    }
}

static int count_replacement(const struct hf_replacement *replacement, void *arg)
{
    (void)replacement;
    ++*(size_t *)arg;
    return 0;
}

/* Checked before steps that take long with many functions. */
static int check_count(const struct hf_work *work, struct hotfix_error *err)
{
    size_t count = 0;

    hf_each_replacement(work, count_replacement, &count);
    if (count <= HF_MANIFEST_MAX_FUNCTIONS)
        return 0;
    return hf_error(err, HOTFIX_FORMAT,
                    "%zu functions of %s change, and a bundle replaces %u at most: start the program anew with the fix",
                    count, work->target->image.path, HF_MANIFEST_MAX_FUNCTIONS);
}

int hf_choose(struct hf_work *work, struct hotfix_error *err)
{
    if (hf_moved_match(work, err) != 0 || hf_carried_match(work, err) != 0)
        return -1;
    for (size_t i = 0; i < work->pairing_count; i++) {
        if (compare_pairing(work, &work->pairings[i], err) != 0)
            return -1;
        keep_hooks(work->pairings[i].after);
    }
    if (check_count(work, err) != 0 || hf_pointers_check(work, err) != 0 || hf_arguments_mark(work, err) != 0 ||
        hf_parted_mark(work, err) != 0 || hf_callers_replace(work, err) != 0 || hf_labels_check(work, err) != 0 ||
        hf_once_check(work, err) != 0 || hf_entries_check(work, err) != 0)
        return -1;
    if (check_count(work, err) != 0 || hf_worlds_part(work, err) != 0)
        return -1;
    for (size_t i = 0; i < work->pairing_count; i++) {
        struct hf_object *object = work->pairings[i].after;
        for (size_t k = 1; k < object->part_count; k++)
            if ((object->parts[k].marks & HF_MARK_CHANGED) &&
                note_changed(work, &work->pairings[i], &object->parts[k], err) != 0)
                return -1;
    }
    if (keep_all(work, err) != 0)
        return -1;
    int switched = hf_independent_switch(work, err);
    if (switched < 0 || (switched > 0 && (forget_kept(work), keep_all(work, err) != 0)))
        return -1;
    if (hf_worlds_find(work, err) != 0)
        return -1;
    for (size_t i = 0; i < work->pairing_count; i++)
        if (note_pairing(work, &work->pairings[i], err) != 0)
            return -1;
    return hf_state_check(work, err) != 0 ? -1 : hf_account(work, err);
}
