/* SPDX-License-Identifier: Apache-2.0 */
#include "check/code/callsites.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "program/facts.h"

#define MAX_REFERENCES 65536

/* One function's code being read. */
struct scan {
    struct hf_callsites *callsites;
    uint64_t *picked; /* addresses of picked functions, ordered */
    size_t picked_count;
    struct hf_arch_reference *references; /* MAX_REFERENCES */
    const struct hf_function *caller;
    size_t capacity;
    bool failed; /* out of memory */
};

static int by_address(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;

    return (first > second) - (first < second);
}

static int by_callee(const void *a, const void *b)
{
    const struct hf_callsite *first = a, *second = b;

    if (first->to != second->to)
        return first->to < second->to ? -1 : 1;
    return (first->caller > second->caller) - (first->caller < second->caller);
}

static bool is_picked(const struct scan *scan, uint64_t address)
{
    return bsearch(&address, scan->picked, scan->picked_count, sizeof(*scan->picked), by_address);
}

static void add(struct scan *scan, uint64_t to)
{
    struct hf_callsites *callsites = scan->callsites;

    if (callsites->count == scan->capacity) {
        size_t capacity = 2 * scan->capacity + 16;
        struct hf_callsite *grown = reallocarray(callsites->items, capacity, sizeof(*grown));
        if (!grown) {
            scan->failed = true;
            return;
        }
        callsites->items = grown;
        scan->capacity = capacity;
    }
    callsites->items[callsites->count++] = (struct hf_callsite){to, scan->caller};
}

/* Decoding takes long: most functions do not even seem to call a picked one. */
static bool seems_to_call(const struct scan *scan, const uint8_t *code)
{
    const struct hf_function *caller = scan->caller;
    uint64_t to;

    for (size_t at = 0; at < caller->size; at++) {
        at = scan->callsites->subject->tools->branch(code, caller->size, caller->address, at, &to);
        if (at < caller->size && is_picked(scan, to))
            return true;
    }
    return false;
}

/* What does not decode calls whatever it seems to. */
static void add_seeming(struct scan *scan, const uint8_t *code)
{
    const struct hf_function *caller = scan->caller;
    uint64_t to;

    for (size_t at = 0; at < caller->size; at++) {
        at = scan->callsites->subject->tools->branch(code, caller->size, caller->address, at, &to);
        if (at < caller->size && is_picked(scan, to))
            add(scan, to);
    }
}

static void read_caller(struct scan *scan)
{
    const struct hf_check_subject *subject = scan->callsites->subject;
    const struct hf_function *caller = scan->caller;
    const uint8_t *code =
        caller->size > 0 ? hf_image_bytes(&subject->target->image, caller->address, caller->size) : NULL;
    size_t count = 0;

    if (!code || !seems_to_call(scan, code))
        return;
    if (subject->tools->references(code, caller->size, caller->address, scan->references, MAX_REFERENCES, &count) !=
            HF_ARCH_OK ||
        count > MAX_REFERENCES) {
        add_seeming(scan, code);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (scan->references[i].branch && is_picked(scan, scan->references[i].value))
            add(scan, scan->references[i].value);
}

static int read_all(struct scan *scan, struct hotfix_error *err)
{
    struct hf_callsites *callsites = scan->callsites;
    const struct hf_check_subject *subject = callsites->subject;
    size_t kept = 0;

    for (size_t i = 0; i < subject->pair_count; i++)
        scan->picked[scan->picked_count++] = subject->pairs[i].old_function->address;
    qsort(scan->picked, scan->picked_count, sizeof(*scan->picked), by_address);
    for (size_t i = 0; i < subject->target->function_count && !scan->failed; i++) {
        scan->caller = &subject->target->functions[i];
        read_caller(scan);
    }
    if (scan->failed)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (callsites->count > 0)
        qsort(callsites->items, callsites->count, sizeof(*callsites->items), by_callee);
    for (size_t i = 0; i < callsites->count; i++)
        if (kept == 0 || by_callee(&callsites->items[kept - 1], &callsites->items[i]) != 0)
            callsites->items[kept++] = callsites->items[i];
    callsites->count = kept;
    return 0;
}

int hf_callsites_read(const struct hf_check_subject *subject, struct hf_callsites *callsites, struct hotfix_error *err)
{
    struct hf_callsites made = {.subject = subject, .library = hf_image_is_library(&subject->target->image)};
    HF_FREE uint64_t *picked = calloc(subject->pair_count + 1, sizeof(*picked));
    HF_FREE struct hf_arch_reference *references = calloc(MAX_REFERENCES, sizeof(*references));
    struct scan scan = {.callsites = &made, .picked = picked, .references = references};

    *callsites = (struct hf_callsites){.subject = subject};
    if (!picked || !references)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (made.library && hf_dynamic_read(&subject->target->image, &made.dynamic, err) != 0)
        return -1;
    int result = subject->tools ? read_all(&scan, err) : 0;
    if (result == 0)
        *callsites = made;
    else
        hf_callsites_deinit(&made);
    return result;
}

void hf_callsites_deinit(struct hf_callsites *callsites)
{
    free(callsites->items);
    if (callsites->library)
        hf_dynamic_deinit(&callsites->dynamic);
    *callsites = (struct hf_callsites){.subject = NULL};
}

/* Does a library show it to others, and did its compiler leave such functions alone? */
static bool is_spared(const struct hf_callsites *callsites, const struct hf_function *function)
{
    return !function->local && function->unit && hf_facts_spare_interposable(function->unit->producer) &&
           callsites->library && hf_dynamic_find(&callsites->dynamic, function->name, NULL);
}

/* Functions of unknown units may be of one. */
static bool is_same_unit(const struct hf_function *a, const struct hf_function *b)
{
    if (a->unit && b->unit)
        return a->unit == b->unit;
    return !a->unit && !b->unit && (!a->local || !b->local || strcmp(a->source, b->source) == 0);
}

/* Where the callers of an address begin. */
static size_t find(const struct hf_callsites *callsites, uint64_t to)
{
    size_t low = 0, high = callsites->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (callsites->items[middle].to < to)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void hf_callsites_fitted(const struct hf_callsites *callsites, const struct hf_function *callee, hf_fitted_fn fn,
                         void *arg)
{
    size_t i = find(callsites, callee->address);
    const char *producer = callee->unit ? callee->unit->producer : NULL;

    if (i == callsites->count || callsites->items[i].to != callee->address)
        return;
    enum hf_facts facts = hf_facts_used(producer);
    if (facts == HF_FACTS_NONE || (facts == HF_FACTS_CLONES && !hf_facts_clone(callee->name)) ||
        is_spared(callsites, callee))
        return;
    for (; i < callsites->count && callsites->items[i].to == callee->address; i++)
        if (is_same_unit(callsites->items[i].caller, callee) && !fn(callsites->items[i].caller, arg))
            return;
}
