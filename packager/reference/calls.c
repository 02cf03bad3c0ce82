/* SPDX-License-Identifier: Apache-2.0 */
#include "reference/calls.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "object/debuginfo.h"
#include "program/facts.h"

/* Which calls count. */
struct rule {
    const struct hf_target *target;
    enum hf_facts facts;
    bool spare; /* what may be interposed is left alone */
};

bool hf_calls_branch(const struct hf_arch_tools *arch, const struct hf_part *from, const struct hf_reference *reference)
{
    enum hf_relation relation = arch->relation(reference->type);

    return (relation == HF_RELATION_CALL || relation == HF_RELATION_NEAR) && from->kind == HF_PART_CODE &&
           arch->is_branch(from->bytes, reference->offset);
}

/* Can another definition take this one's place when the program is linked or loaded? */
static bool is_interposable(const struct rule *rule, const struct hf_part *function)
{
    const struct hf_name *name = hf_part_function(function);

    if (!name || name->binding == STB_LOCAL || !rule->spare)
        return false;
    if (name->binding == STB_WEAK && !(function->flags & SHF_GROUP))
        return true;
    return !rule->target->executable && name->visibility == STV_DEFAULT;
}

/* The function that a reference calls, when its compiler may have used what it knew of that; NULL. */
static struct hf_part *callee(const struct rule *rule, const struct hf_part *from, const struct hf_reference *reference)
{
    int64_t offset;
    struct hf_part *to = hf_reference_part(reference, &offset);

    if (!to || to->kind != HF_PART_CODE || rule->facts == HF_FACTS_NONE)
        return NULL;
    if (!hf_calls_branch(rule->target->arch, from, reference) &&
        rule->target->arch->relation(reference->type) != HF_RELATION_WORD)
        return NULL;
    struct hf_part *whole = hf_part_whole(to);
    const struct hf_name *name = hf_part_function(whole);
    if (!name || is_interposable(rule, whole) || (rule->facts == HF_FACTS_CLONES && !hf_facts_clone(name->text)))
        return NULL;
    /* Jumps between a function and its cold half are none, but for calls of itself. */
    bool inside = whole == (from->family ? from->family : from);
    return inside && (reference->name->type != STT_FUNC || reference->name != name) ? NULL : whole;
}

/* Goes through the calls of an object: counts them into first[], or, with `to`, stores them from first[] on. */
static void each_call(const struct rule *rule, const struct hf_object *object, size_t *first, size_t *to)
{
    for (size_t i = 1; i < object->part_count; i++) {
        const struct hf_part *part = &object->parts[i];
        size_t from = part->family ? part->family->index : i;
        for (size_t k = 0; part->kind == HF_PART_CODE && k < part->reference_count; k++) {
            const struct hf_part *called = callee(rule, part, &part->references[k]);
            if (!called)
                continue;
            if (to)
                to[first[from]++] = called->index;
            else
                first[from]++;
        }
    }
}

int hf_calls_read(const struct hf_object *object, const struct hf_target *target, struct hf_calls **calls,
                  struct hotfix_error *err)
{
    HF_FREE char *producer = hf_debuginfo_producer(object);
    const struct rule rule = {
        .target = target, .facts = hf_facts_used(producer), .spare = hf_facts_spare_interposable(producer)};
    HF_CALLS struct hf_calls *made = calloc(1, sizeof(*made));
    if (!producer || !made)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");

    made->object = object;
    made->arch = target->arch;
    made->direct = rule.facts == HF_FACTS_CLONES;
    made->first = calloc(object->part_count + 2, sizeof(*made->first));
    made->queue = calloc(object->part_count + 1, sizeof(*made->queue));
    if (!made->first || !made->queue)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    each_call(&rule, object, made->first, NULL);
    size_t total = 0;
    for (size_t i = 0; i <= object->part_count; i++) {
        size_t count = made->first[i];
        made->first[i] = total;
        total += count;
    }
    made->to = calloc(total + 1, sizeof(*made->to));
    if (!made->to)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    /* Filling moves each begin to its end, which is where the next one begins. */
    each_call(&rule, object, made->first, made->to);
    memmove(made->first + 1, made->first, object->part_count * sizeof(*made->first));
    made->first[0] = 0;
    *calls = hf_move(made);
    return 0;
}

void hf_calls_destroy(struct hf_calls *calls)
{
    if (!calls)
        return;
    free(calls->first);
    free(calls->to);
    free(calls->queue);
    free(calls);
}

/* A call of itself, or a loop that begins at its entry: in either case its old code arrives at the detour. */
static bool enters_itself(const struct hf_calls *calls, const struct hf_part *part)
{
    const struct hf_name *name = hf_part_function(part);
    size_t at;

    if (!name || !part->bytes || name->value >= part->size)
        return false;
    size_t pad = calls->arch->arch->landing_pad(part->bytes + name->value, part->size - name->value);
    return calls->arch->enters(part->bytes, part->size, 0, name->value, name->value + pad + 1, &at) != HF_ARCH_OK;
}

void hf_calls_reach(const struct hf_calls *calls, const struct hf_part *from, bool *reached)
{
    size_t count = 0, done = 0;

    memset(reached, 0, calls->object->part_count * sizeof(*reached));
    for (size_t at = from->index;; at = calls->queue[done++]) {
        for (size_t i = calls->first[at]; i < calls->first[at + 1]; i++) {
            size_t to = calls->to[i];
            if (!reached[to]) {
                reached[to] = true;
                calls->queue[count++] = to;
            }
        }
        if (done == count || calls->direct)
            break;
    }
    if (!reached[from->index] && enters_itself(calls, from))
        reached[from->index] = true;
}
