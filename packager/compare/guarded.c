/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/guarded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "compare/compare.h"
#include "compare/initialiser.h"
#include "error.h"

#define GUARD "_ZGV"

/* "_ZZ4nextiE5count" for "_ZGVZ4nextiE5count". */
static const struct hf_name *variable_of(const struct hf_object *object, const char *guard)
{
    HF_FREE char *text = NULL;

    if (strncmp(guard, GUARD, strlen(GUARD)) != 0 || asprintf(&text, "_Z%s", guard + strlen(GUARD)) < 0) {
        text = NULL;
        return NULL;
    }
    return hf_object_find(object, text);
}

static int refuse(const struct hf_object *after, const char *guard, const struct hf_part *function,
                  struct hotfix_error *err)
{
    const struct hf_name *variable = variable_of(after, guard);
    const char *name = variable && variable->part ? hf_part_title(variable->part) : guard;

    return hf_error(
        err, HOTFIX_UNPROVEN,
        "%s: how '%s' is initialised%s%s%s changed, or is not proven to be the same, and the program may have "
        "initialised it already: keep that code as it is, and make the fix in another function; or give the "
        "variable another name, and keep the old one beside it with __attribute__((used))",
        after->name, name, function ? " in '" : "", function ? hf_part_title(function) : "", function ? "'" : "");
}

static const struct hf_name *guard_in(const struct hf_part *part)
{
    bool is_data = part->kind == HF_PART_ZERO || part->kind == HF_PART_DATA || part->kind == HF_PART_TLS;

    return is_data && part->name_count == 1 && strncmp(part->names[0]->text, GUARD, strlen(GUARD)) == 0 ? part->names[0]
                                                                                                        : NULL;
}

/* A variable that both sides have, and that code initialises on one side only. */
static int check_guards(const struct hf_object *of, const struct hf_object *other, const struct hf_object *after,
                        struct hotfix_error *err)
{
    for (size_t i = 1; i < of->part_count; i++) {
        const struct hf_name *guard = guard_in(&of->parts[i]);
        const struct hf_name *variable = guard && !guard->part->twin ? variable_of(of, guard->text) : NULL;
        if (variable && variable->part && variable->part->twin && variable_of(other, guard->text))
            return refuse(after, guard->text, NULL, err);
    }
    return 0;
}

static bool is_code(const struct hf_part *part)
{
    return part->kind == HF_PART_CODE && part->size > 0 && part->bytes;
}

/* Is each place where a new function initialises the variable the same as one of the old object's? */
static int compare_initialisers(const struct hf_object *before, const struct hf_part *function,
                                const struct hf_part *guard, struct hotfix_error *err)
{
    HF_INITIALISER struct hf_initialiser *new = NULL;

    if (hf_initialiser_open(function, guard, &new, err) != 0)
        return -1;
    for (size_t n = 0; n < new->place_count; n++) {
        bool same = false;
        for (size_t i = 1; i < before->part_count && !same; i++) {
            HF_INITIALISER struct hf_initialiser *old = NULL;
            if (!is_code(&before->parts[i]) || !hf_part_refers(&before->parts[i], guard->twin))
                continue;
            if (hf_initialiser_open(&before->parts[i], guard->twin, &old, err) != 0)
                return -1;
            for (size_t o = 0; o < old->place_count && !same; o++)
                same = hf_initialiser_same(old, o, new, n);
        }
        if (!same)
            return refuse(function->object, guard->names[0]->text, function, err);
    }
    return new->known ? 0 : refuse(function->object, guard->names[0]->text, function, err);
}

int hf_guarded_check(const struct hf_object *before, const struct hf_object *after,
                     bool (*changed)(const struct hf_part *part), struct hotfix_error *err)
{
    if (check_guards(after, before, after, err) != 0 || check_guards(before, after, after, err) != 0)
        return -1;
    for (size_t i = 1; i < after->part_count; i++) {
        const struct hf_part *guard = &after->parts[i];
        if (!guard_in(guard) || !guard->twin)
            continue;
        for (size_t k = 1; k < after->part_count; k++) {
            const struct hf_part *function = &after->parts[k];
            if (is_code(function) && changed(function) && hf_part_refers(function, guard) &&
                compare_initialisers(before, function, guard, err) != 0)
                return -1;
        }
    }
    return 0;
}
