/* SPDX-License-Identifier: Apache-2.0 */
#include "choose/once.h"

#include <string.h>

#include "compare/initialiser.h"
#include "compare/initialisers.h"
#include "error.h"

#define MAX_DEPTH 4 /* functions that only such functions call */
#define GUARD     "_ZGV"

static const struct hf_part *guard_of(const struct hf_reference *reference)
{
    int64_t offset;
    const struct hf_part *part = hf_reference_part(reference, &offset);
    bool is_guard = part && part->twin && part->name_count == 1 && part->kind != HF_PART_CODE &&
                    strncmp(part->names[0]->text, GUARD, strlen(GUARD)) == 0;

    return is_guard ? part : NULL;
}

static bool is_inside(const struct hf_initialiser *initialiser, uint64_t offset)
{
    for (size_t i = 0; i < initialiser->place_count; i++)
        for (size_t k = 0; k < initialiser->steps.count; k++) {
            uint64_t end =
                k + 1 < initialiser->steps.count ? initialiser->steps.items[k + 1].offset : initialiser->function->size;
            if (initialiser->places[i].inside[k] && offset >= initialiser->steps.items[k].offset && offset < end)
                return true;
        }
    return false;
}

/* 1 when a reference of a function is in code that initialises a variable which the target has. */
static int initialises(const struct hf_part *function, uint64_t offset, struct hotfix_error *err)
{
    const struct hf_part *last = NULL;

    for (size_t i = 0; i < function->reference_count; i++) {
        HF_INITIALISER struct hf_initialiser *initialiser = NULL;
        const struct hf_part *guard = guard_of(&function->references[i]);
        if (!guard || guard == last)
            continue;
        last = guard;
        if (hf_initialiser_open(function, guard, &initialiser, err) != 0)
            return -1;
        if (is_inside(initialiser, offset))
            return 1;
    }
    return 0;
}

/* Does another file of the release know the function, or may other modules call it? */
static bool is_known_elsewhere(struct hf_work *work, const struct hf_part *part)
{
    const struct hf_name *name = hf_part_function(part);
    bool of_lambda = name && (strstr(name->text, "Ul") || strstr(name->text, "$_"));
    size_t count;

    if (!name || name->binding == STB_LOCAL)
        return !name;
    if (!work->target->executable && !of_lambda)
        return true;
    const struct hf_mention *mentions = hf_census_find(&work->census, name->text, &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(mentions[i].object, part->object->name) != 0)
            return true;
    return false;
}

/* 1 when nothing but initialisers refers to the function. */
static int is_once(struct hf_work *work, const struct hf_part *part, unsigned depth, struct hotfix_error *err)
{
    const struct hf_object *object = part->object;
    bool any = false;

    if (depth > MAX_DEPTH || is_known_elsewhere(work, part))
        return 0;
    for (size_t i = 1; i < object->part_count; i++) {
        const struct hf_part *from = &object->parts[i];
        if (from == part || from->kind == HF_PART_OTHER || from->kind == HF_PART_DEBUG || from->kind == HF_PART_UNWIND)
            continue;
        for (size_t k = 0; k < from->reference_count; k++) {
            int64_t offset;
            if (hf_reference_part(&from->references[k], &offset) != part)
                continue;
            any = true;
            if (from->kind != HF_PART_CODE)
                return 0;
            int inside = hf_initialisers_have(object, from) ? 1 : initialises(from, from->references[k].offset, err);
            if (inside == 0)
                inside = is_once(work, from, depth + 1, err);
            if (inside != 1)
                return inside;
        }
    }
    return any;
}

int hf_once_check(struct hf_work *work, struct hotfix_error *err)
{
    for (size_t i = 0; i < work->pairing_count; i++) {
        const struct hf_object *after = work->pairings[i].after;
        for (size_t k = 1; work->pairings[i].before && k < after->part_count; k++) {
            const struct hf_part *part = &after->parts[k];
            int once = part->kind == HF_PART_CODE && !part->family && (part->marks & HF_MARK_CHANGED)
                           ? is_once(work, part, 0, err)
                           : 0;
            if (once < 0)
                return -1;
            if (once)
                return hf_error(
                    err, HOTFIX_UNPROVEN,
                    "%s: '%s' changed, and only code that initialises variables calls it, which the "
                    "program may have run already: there the fix has no effect; set the variable in the "
                    "hook hotfix_on_apply, or give the variable another name, and keep the old one beside it with "
                    "__attribute__((used))",
                    after->name, hf_part_title(part));
        }
    }
    return 0;
}
