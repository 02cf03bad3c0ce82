/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/uses.h"

#include "arch.h"
#include "compare/excerpt.h"

/* The index of the first reference to a variable from one on; reference_count when there is none. */
static size_t next_use(const struct hf_part *user, const struct hf_name *variable, size_t from)
{
    while (from < user->reference_count && !hf_excerpt_names(user, from, variable))
        from++;
    return from;
}

/* The straight run of instructions around a reference. */
static bool run_around(const struct hf_part *user, size_t reference, struct hf_scope_code *run)
{
    const struct hf_arch_tools *arch = hf_arch_tools_find(user->object->machine);
    size_t begin, end;

    if (!arch || user->kind != HF_PART_CODE || !user->bytes ||
        arch->run(user->bytes, user->size, user->references[reference].offset, &begin, &end) != HF_ARCH_OK)
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
        if (!run_around(old_user, old, &old_run) || !run_around(new_user, new, &new_run) ||
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
