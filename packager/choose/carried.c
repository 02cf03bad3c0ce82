/* SPDX-License-Identifier: Apache-2.0 */
#include "choose/carried.h"

#include <string.h>

#include "compare/roster.h"
#include "error.h"

/* A file-local variable that a program can write to, and that has no twin. */
static const struct hf_name *open_state(const struct hf_part *part)
{
    const struct hf_name *name = part->name_count > 0 ? part->names[0] : NULL;
    bool state = part->kind == HF_PART_DATA || part->kind == HF_PART_ZERO || part->kind == HF_PART_TLS;

    return state && (part->flags & SHF_WRITE) && !part->twin && !part->anonymous && name && name->binding == STB_LOCAL
               ? name
               : NULL;
}

/* "count" of "count.3" (gcc) and of "parse.count.1" (clang). */
static size_t source_name(const char *text, const char **begin)
{
    size_t end = hf_name_stem(text);
    size_t start = end;

    while (start > 0 && text[start - 1] != '.')
        start--;
    *begin = text + start;
    return end - start;
}

static bool same_source_name(const struct hf_name *a, const struct hf_name *b)
{
    const char *left, *right;
    size_t left_size = source_name(a->text, &left);
    size_t right_size = source_name(b->text, &right);

    return left_size == right_size && memcmp(left, right, left_size) == 0;
}

/* The only variable of this name in the source that the function refers to; NULL when there are several or none. */
static const struct hf_part *only_reference(const struct hf_part *function, const struct hf_name *name)
{
    const struct hf_part *found = NULL;

    for (size_t i = 0; i < function->reference_count; i++) {
        int64_t offset;
        const struct hf_part *to = hf_reference_part(&function->references[i], &offset);
        if (!to || to == found || to->name_count == 0 || to->kind == HF_PART_CODE ||
            !same_source_name(to->names[0], name))
            continue;
        if (found)
            return NULL;
        found = to;
    }
    return found;
}

static bool begin_alike(const struct hf_part *a, const struct hf_part *b)
{
    return a->size == b->size && a->kind == b->kind && a->reference_count == 0 && b->reference_count == 0 &&
           (!a->bytes || memcmp(a->bytes, b->bytes, a->size) == 0);
}

/* Does a function that moved from the one object to the other show that these are one variable? */
static bool is_shown(const struct hf_part *before, const struct hf_part *after, const struct hf_name *name)
{
    for (size_t i = 1; i < after->object->part_count; i++) {
        const struct hf_part *function = &after->object->parts[i];
        if (function->kind == HF_PART_CODE && function->twin && function->twin->object == before->object &&
            only_reference(function, name) == after && only_reference(function->twin, name) == before)
            return begin_alike(before, after);
    }
    return false;
}

static int match(struct hf_work *work, const struct hf_pairing *pairing, struct hf_part *after,
                 const struct hf_name *name, struct hotfix_error *err)
{
    struct hf_part *origin = NULL;
    const struct hf_object *other = NULL;

    for (size_t i = 0; i < work->pairing_count && !origin; i++) {
        struct hf_object *before = work->pairings[i].before;
        for (size_t k = 1; before && before != pairing->before && k < before->part_count && !origin; k++) {
            struct hf_part *part = &before->parts[k];
            const struct hf_name *old = open_state(part);
            if (!old || !same_source_name(old, name))
                continue;
            other = before;
            if (is_shown(part, after, name))
                origin = part;
        }
    }
    if (origin)
        hf_parts_pair(origin, after);
    if (origin || !other)
        return 0;
    return hf_error(
        err, HOTFIX_UNPROVEN,
        "%s: static variable '%s' is new, and %s lost one of this name: cannot tell whether it goes on from "
        "that one's value; leave it in its file, or give a variable that is new another name",
        pairing->after->name, name->text, other->name);
}

int hf_carried_match(struct hf_work *work, struct hotfix_error *err)
{
    for (size_t i = 0; i < work->pairing_count; i++) {
        const struct hf_pairing *pairing = &work->pairings[i];
        for (size_t k = 1; k < pairing->after->part_count; k++) {
            struct hf_part *part = &pairing->after->parts[k];
            const struct hf_name *name = open_state(part);
            if (name && match(work, pairing, part, name, err) != 0)
                return -1;
        }
    }
    return 0;
}
