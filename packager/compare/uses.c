/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/uses.h"

#include <stdlib.h>

#include "arch.h"
#include "cleanup.h"
#include "compare/excerpt.h"
#include "leak.h"

/* The index of the first reference to a variable from one on; reference_count when there is none. */
static size_t next_use(const struct hf_part *user, const struct hf_name *variable, size_t from)
{
    while (from < user->reference_count && !hf_excerpt_names(user, from, variable))
        from++;
    return from;
}

/* The straight run of instructions around a reference; cut: as far as nothing jumps into it. */
static bool run_around(const struct hf_part *user, size_t reference, bool cut, struct hf_scope_code *run)
{
    const struct hf_arch_tools *arch = hf_arch_tools_find(user->object->machine);
    size_t begin, end;

    if (!arch || user->kind != HF_PART_CODE || !user->bytes ||
        (cut ? arch->stretch : arch->run)(user->bytes, user->size, user->references[reference].offset, &begin, &end) !=
            HF_ARCH_OK)
        return false;
    *run = (struct hf_scope_code){.part = user, .begin = begin, .end = end};
    return true;
}

/* All uses in one function and its twin. */
static bool same_in(const struct hf_part *old_user, const struct hf_name *before, const struct hf_part *new_user,
                    const struct hf_name *after)
{
    size_t old = next_use(old_user, before, 0), new = next_use(new_user, after, 0);

    for (; old < old_user->reference_count && new < new_user->reference_count;
         old = next_use(old_user, before, old + 1), new = next_use(new_user, after, new + 1)) {
        struct hf_scope_code old_run, new_run;
        if (!run_around(old_user, old, false, &old_run) || !run_around(new_user, new, false, &new_run) ||
            !hf_excerpt_same(&old_run, before, &new_run, after))
            return false;
    }
    return old == old_user->reference_count && new == new_user->reference_count;
}

static bool is_user(const struct hf_part *part, const struct hf_name *variable)
{
    return part->kind != HF_PART_DEBUG && next_use(part, variable, 0) < part->reference_count;
}

/* The only user of a variable; NULL when it has none or several. */
static const struct hf_part *only_user(const struct hf_name *variable, size_t *count)
{
    const struct hf_object *object = variable->part->object;
    const struct hf_part *user = NULL;

    *count = 0;
    for (size_t i = 1; i < object->part_count; i++)
        if (is_user(&object->parts[i], variable) && (*count)++ == 0)
            user = &object->parts[i];
    return *count == 1 ? user : NULL;
}

bool hf_uses_begin_alike(const struct hf_name *before, const struct hf_name *after)
{
    const struct hf_part *old = before->part, *new = after->part;
    bool any = false;

    if (!old->bytes || !new->bytes || before->size != after->size || before->value > old->size ||
        after->value > new->size || before->size > old->size - before->value || after->size > new->size - after->value)
        return false;
    for (uint64_t i = 0; i < before->size; i++) {
        if (old->bytes[before->value + i] != new->bytes[after->value + i])
            return false;
        any = any || old->bytes[before->value + i] != 0;
    }
    return any;
}

bool hf_uses_same(const struct hf_name *before, const struct hf_name *after)
{
    const struct hf_object *object = after->part->object;
    size_t old_count, new_count;
    const struct hf_part *old_user = only_user(before, &old_count), *new_user = only_user(after, &new_count);

    if (old_user && new_user)
        return same_in(old_user, before, new_user, after);
    for (size_t i = 1; i < object->part_count; i++) {
        const struct hf_part *user = &object->parts[i];
        if (is_user(user, after) &&
            (!user->twin || user->twin->twin != user || !same_in(user->twin, before, user, after)))
            return false;
    }
    return old_count == new_count && new_count > 0;
}

/* As run_around(), cut, and only as far as the instruction that refers to the variable last. */
static bool use_around(const struct hf_part *user, size_t reference, const struct hf_name *variable,
                       struct hf_scope_code *run)
{
    const struct hf_arch_tools *arch = hf_arch_tools_find(user->object->machine);
    struct hf_arch_store store;
    size_t field = 0;

    if (!run_around(user, reference, true, run))
        return false;
    for (size_t i = reference; i < user->reference_count && user->references[i].offset < run->end; i++)
        if (hf_excerpt_names(user, i, variable))
            field = user->references[i].offset;
    if (arch->stores && arch->stores(user->bytes, user->size, &field, 1, &store) == HF_ARCH_OK)
        run->end = field + store.behind;
    return true;
}

/* Is each run of one user that refers to a variable the same as one of the other user? */
static bool found_in(const struct hf_part *one, const struct hf_name *variable, const struct hf_part *other,
                     const struct hf_name *counterpart)
{
    for (size_t i = next_use(one, variable, 0); i < one->reference_count; i = next_use(one, variable, i + 1)) {
        struct hf_scope_code left, right;
        bool found = false;
        if (!use_around(one, i, variable, &left))
            return false;
        for (size_t k = next_use(other, counterpart, 0); !found && k < other->reference_count;
             k = next_use(other, counterpart, k + 1))
            found = use_around(other, k, counterpart, &right) && hf_excerpt_same(&left, variable, &right, counterpart);
        if (!found)
            return false;
    }
    return true;
}

bool hf_uses_alike(const struct hf_name *before, const struct hf_name *after)
{
    const struct hf_object *object = after->part->object;
    size_t old_count, new_count, count = 0;

    only_user(before, &old_count);
    only_user(after, &new_count);
    for (size_t i = 1; i < object->part_count; i++) {
        const struct hf_part *user = &object->parts[i];
        if (!is_user(user, after))
            continue;
        if (!user->twin || user->twin->twin != user || !is_user(user->twin, before) ||
            !found_in(user, after, user->twin, before) || !found_in(user->twin, before, user, after))
            return false;
        count++;
    }
    return count > 0 && count == new_count && count == old_count;
}

/* Is it all of one function's code? */
static bool is_whole(const struct hf_part *user)
{
    const struct hf_object *object = user->object;

    for (size_t i = 1; i < object->part_count; i++)
        if (object->parts[i].family == user)
            return false;
    return user->kind == HF_PART_CODE && user->bytes && user->name_count == 1;
}

/* Does a function lead only forward, to known places? */
static bool goes_straight(const struct hf_part *user)
{
    const struct hf_arch_tools *arch = hf_arch_tools_find(user->object->machine);
    struct hf_flow flow;

    return arch && is_whole(user) && arch->flow(user->bytes, user->size, &flow) == HF_ARCH_OK && !flow.loops &&
           !flow.jumps_anywhere;
}

/*
 * Does the function do nothing but compute with the variable: without a branch, a call, a reference to anything else or
 * an argument? Then no blocks can be told apart in it, and none can have taken another one's place.
 */
static bool is_simple(const struct hf_part *user, const struct hf_name *variable)
{
    const struct hf_arch_tools *arch = hf_arch_tools_find(user->object->machine);
    HF_FREE struct hf_named_field *fields = calloc(user->reference_count + 1, sizeof(*fields));
    struct hf_steps steps = {.items = NULL};
    uint32_t known = 0;

    if (!fields || !arch || !arch->steps || !is_whole(user))
        return false;
    for (size_t i = 0; i < user->reference_count; i++) {
        if (!hf_excerpt_names(user, i, variable))
            return false;
        fields[i] = (struct hf_named_field){.offset = user->references[i].offset, .arguments = HF_NAMED_UNKNOWN};
    }
    const struct hf_leak_question question = {
        .code = user->bytes, .size = user->size, .fields = fields, .field_count = user->reference_count};
    bool simple = arch->steps(&question, &steps) && steps.count > 0;
    for (size_t i = 0; simple && i < steps.count; i++) {
        const struct hf_step *step = &steps.items[i];
        simple = i + 1 == steps.count
                     ? step->kind == HF_STEP_RETURN
                     : step->kind == HF_STEP_PLAIN && !step->reads_other && !((step->reads | step->address) & ~known);
        known |= step->writes;
    }
    free(steps.items);
    return simple;
}

/* The end of the last use, as an offset; 0 when it is not known. */
static uint64_t last_use(const struct hf_part *user, const struct hf_name *variable)
{
    struct hf_scope_code run;
    uint64_t end = 0;

    for (size_t i = next_use(user, variable, 0); i < user->reference_count; i = next_use(user, variable, i + 1))
        end = use_around(user, i, variable, &run) ? run.end : 0;
    return end;
}

/* Are all conditions in a function the same on both sides, and are there no other parts of it? */
static bool same_conditions(const struct hf_part *old, const struct hf_part *new)
{
    const struct hf_arch_tools *arch = hf_arch_tools_find(new->object->machine);

    return arch && arch->decide_alike && is_whole(old) && is_whole(new) &&
           arch->decide_alike(old->bytes, old->size, new->bytes, new->size);
}

bool hf_uses_reached_alike(const struct hf_name *before, const struct hf_name *after)
{
    size_t old_count, new_count;
    const struct hf_part *old = only_user(before, &old_count), *new = only_user(after, &new_count);

    if (!old || !new || old->twin != new)
        return false;
    if ((same_conditions(old, new) && same_in(old, before, new, after)) ||
        (hf_uses_begin_alike(before, after) && is_simple(old, before) && is_simple(new, after)))
        return true;
    const struct hf_scope_code left = {.part = old, .end = last_use(old, before)};
    const struct hf_scope_code right = {.part = new, .end = last_use(new, after)};
    return goes_straight(old) && goes_straight(new) && hf_excerpt_same(&left, before, &right, after);
}

int hf_uses_runs(const struct hf_name *variable, uint64_t block, struct hf_scope_code **runs, size_t *count)
{
    const struct hf_object *object = variable->part->object;

    for (size_t i = 1; i < object->part_count; i++) {
        const struct hf_part *user = &object->parts[i];
        for (size_t k = next_use(user, variable, 0); user->kind != HF_PART_DEBUG && k < user->reference_count;
             k = next_use(user, variable, k + 1)) {
            struct hf_scope_code run;
            if (!run_around(user, k, true, &run))
                continue;
            run.block = block;
            struct hf_scope_code *grown = reallocarray(*runs, *count + 1, sizeof(**runs));
            if (!grown)
                return -1;
            grown[(*count)++] = run;
            *runs = grown;
        }
    }
    return 0;
}
