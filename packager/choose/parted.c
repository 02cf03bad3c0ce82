/* SPDX-License-Identifier: Apache-2.0 */
#include "choose/parted.h"

#include <string.h>

#include "error.h"
#include "reference/callers.h"
#include "reference/classes.h"
#include "reference/pointer.h"
#include "reference/prototype.h"
#include "types/prototype.h"

/* The new version of a function, when it has another prototype. */
static struct hf_part *parted(const struct hf_part *before)
{
    return before->kind == HF_PART_CODE && !before->family && before->twin && (before->twin->marks & HF_MARK_PARTED)
               ? before->twin
               : NULL;
}

static bool is_replacing(const struct hf_part *part)
{
    return (part->marks & HF_MARK_CHANGED) && hf_part_function(part) && part->twin && part->twin->twin == part;
}

static bool is_replaced(const struct hf_part *part)
{
    return part->twin && is_replacing(part->twin);
}

/* Whether a class is handed over in registers or by address decides what old callers pass. */
static int refuse_undefined(const struct hf_part *function, const char *class, struct hotfix_error *err)
{
    return hf_error(
        err, HOTFIX_UNPROVEN,
        "%s: nothing tells whether calls of '%s' hand over objects of '%s' in registers or by their address: "
        "no unit of the objects or of the target defines the class; compile the old and the new objects "
        "with -fstandalone-debug (clang++) or -femit-class-debug-always (g++)",
        function->object->name, hf_part_title(function), class);
}

static int mark_pairing(const struct hf_pairing *pairing, struct hf_classes *classes, struct hotfix_error *err)
{
    struct hf_classes_side old_side = {.classes = classes}, new_side = {.classes = classes, .after = true};
    const struct hf_passing_elsewhere old_classes = {.find = hf_classes_find, .arg = &old_side};
    const struct hf_passing_elsewhere new_classes = {.find = hf_classes_find, .arg = &new_side};
    HF_PROTOTYPES struct hf_prototypes before = {.object = NULL};
    HF_PROTOTYPES struct hf_prototypes after = {.object = NULL};

    for (size_t i = 1; i < pairing->after->part_count; i++) {
        struct hf_part *part = &pairing->after->parts[i];
        if (!is_replacing(part))
            continue;
        /* A function that moved has its old version in another object. */
        if (before.object != part->twin->object &&
            hf_prototypes_read(part->twin->object, is_replaced, &old_classes, &before, err) != 0)
            return -1;
        if (!after.object && hf_prototypes_read(pairing->after, is_replacing, &new_classes, &after, err) != 0)
            return -1;
        if (classes->failed)
            return -1;
        const char *undefined =
            before.undefined[part->twin->index] ? before.undefined[part->twin->index] : after.undefined[part->index];
        if (undefined)
            return refuse_undefined(part, undefined, err);
        const char *old = before.texts[part->twin->index];
        const char *new = after.texts[part->index];
        if (old && new && !hf_prototypes_agree(old, new))
            part->marks |= HF_MARK_PARTED;
    }
    return 0;
}

/* The function and its cold half become new; what the target has stays. */
static void take_apart(struct hf_object *before, struct hf_part *function)
{
    struct hf_object *after = function->object;

    for (size_t i = 1; i < before->part_count; i++) {
        struct hf_part *twin = before->parts[i].twin;
        if (twin && (twin == function || twin->family == function))
            before->parts[i].twin = NULL;
    }
    for (size_t i = 1; i < after->part_count; i++) {
        struct hf_part *part = &after->parts[i];
        if (part != function && part->family != function)
            continue;
        part->twin = NULL;
        part->marks &= ~(HF_MARK_CHANGED | HF_MARK_KEPT | HF_MARK_PARTED);
    }
}

/*
 * Only its own file calls such a function by its name. A caller there that is the same in both compilations passes the
 * arguments that both versions take: when compilers remove arguments or make copies of functions, they change the
 * callers accordingly.
 */
static bool is_of_file(const struct hf_name *function)
{
    return function->binding == STB_LOCAL;
}

static int examine(struct hf_work *work, const struct hf_pairing *pairing, const struct hf_part *before,
                   struct hotfix_error *err)
{
    const char *name = hf_part_title(before);
    const char *holder;
    bool stay = hf_callers_stay(work, pairing, before);

    if (hf_pointer_holder(work, pairing, before, &holder, err) != 0)
        return -1;
    if (!holder && stay && is_of_file(hf_part_function(before))) {
        before->twin->marks &= ~HF_MARK_PARTED;
        return 0;
    }

    if (holder)
        return hf_error(
            err, HOTFIX_INCOMPATIBLE,
            "%s: the prototype of '%s' changed, and '%s' in the target has its address: nobody can tell who "
            "calls it through pointers; give the function with the new prototype a new name, and keep one "
            "of the old name and prototype (with __attribute__((used)), if nothing refers to it)",
            pairing->after->name, name, holder);
    if (stay)
        return hf_error(err, HOTFIX_INCOMPATIBLE,
                        "%s: the prototype of '%s' changed, and code calls it that stays as it is%s: give the function "
                        "with the new prototype a new name, and keep one of the old name and prototype",
                        pairing->after->name, name,
                        work->target->executable ? "" : ", or may, since the library exports it");
    return 0;
}

int hf_parted_mark(struct hf_work *work, struct hotfix_error *err)
{
    HF_CLASSES struct hf_classes classes = {.request = work->request, .err = err};

    for (size_t i = 0; i < work->pairing_count; i++)
        if (mark_pairing(&work->pairings[i], &classes, err) != 0)
            return -1;
    /* Mark all of them first: functions that call each other are separated together. */
    for (size_t i = 0; i < work->pairing_count; i++) {
        const struct hf_pairing *pairing = &work->pairings[i];
        for (size_t k = 1; pairing->before && k < pairing->before->part_count; k++)
            if (parted(&pairing->before->parts[k]) && examine(work, pairing, &pairing->before->parts[k], err) != 0)
                return -1;
    }
    for (size_t i = 0; i < work->pairing_count; i++) {
        struct hf_object *before = work->pairings[i].before;
        for (size_t k = 1; before && k < before->part_count; k++)
            if (parted(&before->parts[k]))
                take_apart(before, before->parts[k].twin);
    }
    return 0;
}
