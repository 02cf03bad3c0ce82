/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/renumbered.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compare/compare.h"
#include "compare/correlate.h"
#include "compare/roster.h"
#include "error.h"

struct hf_renumbered {
    struct hf_object *old; /* the third object */
    struct hf_object *new; /* the new one again: a part has one twin */
};

/* Are two names equal but for numbers? A line may be part of a name ("seen_41"). */
static bool same_text(const char *a, const char *b)
{
    for (;;) {
        while (isdigit((unsigned char)*a))
            a++;
        while (isdigit((unsigned char)*b))
            b++;
        if (*a != *b)
            return false;
        if (*a == '\0')
            return true;
        a++;
        b++;
    }
}

/* One source, compiled twice by one compiler: symbol by symbol the same, in one order. */
static bool same_symbols(const struct hf_object *a, const struct hf_object *b)
{
    if (a->name_count != b->name_count)
        return false;
    for (size_t i = 0; i < a->name_count; i++) {
        const struct hf_name *left = &a->names[i], *right = &b->names[i];
        if (!same_text(left->text, right->text) || left->type != right->type || left->binding != right->binding ||
            !left->part != !right->part || (left->part && left->part->kind != right->part->kind))
            return false;
    }
    return true;
}

int hf_renumbered_open(const char *path, const struct hf_object *before, const struct hf_object *after,
                       struct hf_renumbered **renumbered, struct hotfix_error *err)
{
    struct hotfix_error why;

    *renumbered = NULL;
    if (access(path, F_OK) != 0)
        return 0;
    struct hf_renumbered *opened = calloc(1, sizeof(*opened));
    if (!opened)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", path);
    if (hf_object_open(path, before->name, &opened->old, err) != 0 ||
        hf_object_open(after->path, after->name, &opened->new, err) != 0) {
        hf_renumbered_close(opened);
        return -1;
    }
    bool fine = same_symbols(before, opened->old);
    if (fine && hf_correlate(opened->old, opened->new, &why) != 0) {
        fine = false;
        if (why.code == HOTFIX_MEMORY) {
            hf_renumbered_close(opened);
            return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", path);
        }
    }
    if (fine)
        *renumbered = opened;
    else
        hf_renumbered_close(opened);
    return 0;
}

void hf_renumbered_close(struct hf_renumbered *renumbered)
{
    if (!renumbered)
        return;
    hf_object_close(renumbered->old);
    hf_object_close(renumbered->new);
    free(renumbered);
}

void hf_renumbered_guide(const struct hf_renumbered *renumbered, struct hf_object *before, struct hf_object *after)
{
    for (size_t i = 0; renumbered && i < before->name_count; i++) {
        struct hf_part *part = before->names[i].part;
        const struct hf_part *third = renumbered->old->names[i].part;
        bool plain = strcmp(before->names[i].text, renumbered->old->names[i].text) == 0;
        if (!part || !third || (plain && !hf_name_is_made(&before->names[i])) || !third->twin ||
            third->twin->twin != third)
            continue;
        struct hf_part *twin = &after->parts[third->twin->index];
        if (!part->twin && !twin->twin)
            hf_parts_pair(part, twin);
    }
}

bool hf_renumbered_equal(const struct hf_renumbered *renumbered, const struct hf_part *before,
                         const struct hf_part *after)
{
    if (!renumbered || before->name_count == 0)
        return false;
    const struct hf_part *third = renumbered->old->names[before->names[0]->index].part;
    const struct hf_part *again = &renumbered->new->parts[after->index];

    return third && hf_parts_twins(third, again) && hf_compare_parts(third, again) &&
           (after->kind != HF_PART_CODE || hf_compare_unwind(third, again));
}
