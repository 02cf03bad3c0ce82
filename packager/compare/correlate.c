/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/correlate.h"

#include <string.h>

#include "compare/numbered.h"
#include "compare/roster.h"

/* Plain names mean the same in both objects. Aliases may come and go: each side looks for its own twin. */
static void pair_plain(const struct hf_roster *from, const struct hf_roster *to)
{
    for (size_t i = 0; i < from->count; i++) {
        struct hf_part *part = from->items[i]->part;
        if (part->twin || part->family || hf_name_is_made(from->items[i]))
            continue;
        struct hf_name *name = hf_roster_find(to, from->items[i]->text);
        if (name && hf_part_sort(name->part) == hf_part_sort(part))
            part->twin = name->part;
    }
}

/* The cold half of a function is matched by the function. */
static void pair_families(struct hf_object *before, struct hf_object *after)
{
    for (size_t i = 1; i < after->part_count; i++) {
        struct hf_part *part = &after->parts[i];
        if (!part->family || !part->family->twin)
            continue;
        for (size_t k = 1; k < before->part_count; k++)
            if (before->parts[k].family && before->parts[k].family == part->family->twin && !before->parts[k].twin)
                hf_parts_pair(part, &before->parts[k]);
    }
}

/* Variables without a name are matched by their section. */
static void pair_unnamed(struct hf_object *before, struct hf_object *after)
{
    for (size_t i = 1; i < after->part_count; i++) {
        struct hf_part *part = &after->parts[i];
        if (part->name_count > 0 || part->size == 0 || (part->kind != HF_PART_ZERO && part->kind != HF_PART_TLS))
            continue;
        for (size_t k = 1; k < before->part_count && !part->twin; k++) {
            struct hf_part *other = &before->parts[k];
            if (other->name_count == 0 && other->kind == part->kind && strcmp(other->name, part->name) == 0)
                hf_parts_pair(part, other);
        }
    }
}

int hf_correlate(struct hf_object *before, struct hf_object *after, struct hotfix_error *err)
{
    HF_ROSTER struct hf_roster old_names = {.count = 0};
    HF_ROSTER struct hf_roster new_names = {.count = 0};
    HF_NUMBERED struct hf_numbered *numbered = NULL;

    if (hf_roster_list(before, &old_names, err) != 0 || hf_roster_list(after, &new_names, err) != 0 ||
        hf_numbered_create(&old_names, &new_names, &numbered, err) != 0)
        return -1;
    pair_plain(&new_names, &old_names);
    pair_plain(&old_names, &new_names);
    pair_unnamed(before, after);
    /* Repeat while there is progress: a match makes more functions equal, and these prove further matches. */
    for (bool progress = true; progress;) {
        progress = false;
        pair_families(before, after);
        if (hf_numbered_pair(numbered, &progress, err) != 0)
            return -1;
    }
    return hf_numbered_settle(numbered, err);
}
