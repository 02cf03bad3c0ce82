/* SPDX-License-Identifier: Apache-2.0 */
#include "choose/independent.h"

#include <string.h>

#include "choose/carried.h"
#include "choose/constant.h"
#include "choose/moved.h"
#include "compare/correlate.h"
#include "error.h"
#include "reference/binding.h"

/* 1 when a kept part refers directly to what it cannot reach; -1 on failure. */
static int needs_independence(struct hf_work *work, struct hf_pairing *pairing, struct hotfix_error *err)
{
    const struct hf_object *object = pairing->after;

    for (size_t i = 1; i < object->part_count; i++) {
        const struct hf_part *part = &object->parts[i];
        for (size_t k = 0; (part->marks & HF_MARK_KEPT) && k < part->reference_count; k++) {
            enum hf_relation relation = work->target->arch->relation(part->references[k].type);
            struct hf_binding binding;
            if (relation != HF_RELATION_NEAR && relation != HF_RELATION_SHORT)
                continue;
            if (hf_bind(work, pairing, part, &part->references[k], &binding, err) != 0)
                return -1;
            if (binding.kind == HF_BINDING_OUTSIDE || (binding.kind == HF_BINDING_IMPORT && binding.address == 0))
                return 1;
        }
    }
    return 0;
}

static const struct hf_object_file *find_file(const struct hf_work *work, const struct hf_object *object)
{
    if (work->pairing_count == 1 && work->independent.count == 1)
        return &work->independent.files[0];
    return hf_object_tree_find(&work->independent, object->name);
}

/* Copies the results of comparing the function to its -fPIC version. */
static int carry_over(struct hf_part *before, const struct hf_part *after, struct hf_object *independent,
                      struct hotfix_error *err)
{
    const struct hf_name *function = hf_part_function(after);
    const struct hf_name *name = function ? hf_object_find(independent, function->text) : NULL;

    if (!name || name->part->kind != HF_PART_CODE)
        return hf_error(err, HOTFIX_INCOMPATIBLE,
                        "%s: function '%s' has to be compiled with -fPIC, and is not in the object that was",
                        after->object->name, hf_part_title(after));
    name->part->marks |= HF_MARK_CHANGED | HF_MARK_KEPT;
    name->part->twin = before;
    before->twin = name->part;
    return 0;
}

/* A function that was separated from its twin has no twin in the -fPIC object either. */
static void part_again(const struct hf_object *after, struct hf_object *independent)
{
    for (size_t i = 1; i < after->part_count; i++) {
        const struct hf_part *part = &after->parts[i];
        const struct hf_name *function = part->kind == HF_PART_CODE ? hf_part_function(part) : NULL;
        const struct hf_name *name = function && !part->twin ? hf_object_find(independent, function->text) : NULL;
        if (!name || !name->part->twin)
            continue;
        if (name->part->twin->twin == name->part)
            name->part->twin->twin = NULL;
        name->part->twin = NULL;
    }
}

static int switch_object(struct hf_work *work, struct hf_pairing *pairing, struct hf_object *independent,
                         struct hotfix_error *err)
{
    struct hf_object *before = pairing->before;
    struct hf_object *after = pairing->after;

    for (size_t i = 1; before && i < before->part_count; i++)
        before->parts[i].twin = NULL;
    if (before && (hf_correlate(before, independent, err) != 0 ||
                   hf_constants_part(work->target->arch, before, independent, NULL, err) != 0))
        return -1;
    for (size_t i = 1; i < after->part_count; i++)
        if ((after->parts[i].marks & HF_MARK_CHANGED) &&
            carry_over(after->parts[i].twin, &after->parts[i], independent, err) != 0)
            return -1;
    if (before)
        part_again(after, independent);
    hf_moved_forget(work, after);
    pairing->after = independent;
    pairing->independent = true;
    hf_object_close(after);
    return 0;
}

int hf_independent_switch(struct hf_work *work, struct hotfix_error *err)
{
    int switched = 0;

    for (size_t i = 0; i < work->pairing_count; i++) {
        struct hf_pairing *pairing = &work->pairings[i];
        const struct hf_object_file *file = find_file(work, pairing->after);
        int needed = file ? needs_independence(work, pairing, err) : 0;
        HF_OBJECT struct hf_object *independent = NULL;
        if (needed < 0)
            return -1;
        if (needed == 0)
            continue;
        if (hf_object_open(file->path, pairing->after->name, &independent, err) != 0 ||
            switch_object(work, pairing, independent, err) != 0)
            return -1;
        independent = NULL;
        switched++;
    }
    if (switched > 0 && (hf_moved_match(work, err) != 0 || hf_carried_match(work, err) != 0))
        return -1;
    return switched;
}
