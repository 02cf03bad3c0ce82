/* SPDX-License-Identifier: Apache-2.0 */
#include "link/attest.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "compare/compare.h"
#include "error.h"
#include "object/debuginfo.h"
#include "reference/binding.h"
#include "reference/replacement.h"

/*
 * Functions that are the same in the target, in the old object and in the new one. Objects that only the proof is
 * about were compiled another way than those that are compared, and so vouch for nothing.
 */
static uint32_t count_witnesses(const struct hf_pairing *pairing)
{
    const struct hf_object *object = pairing->before;
    uint32_t count = 0;

    if (pairing->proof_object != object)
        return 0;
    for (size_t i = 1; i < object->part_count; i++) {
        const struct hf_part *part = &object->parts[i];
        const struct hf_name *function = part->kind == HF_PART_CODE ? hf_part_function(part) : NULL;
        if (function && part->twin && pairing->proof->states[function->index] == HF_PROOF_PROVEN &&
            hf_compare_parts(part, part->twin))
            count++;
    }
    return count;
}

struct collection {
    struct hf_work *work;
    struct hf_proven *proven;
    const struct hf_pairing *pairing; /* the one that the following are about */
    char *producer;                   /* of the proof's object */
    char *old_producer;               /* of the old object */
    uint32_t witnesses;
    struct hotfix_error *err;
};

static int add(struct collection *collection, const struct hf_proven_function *function, const char *producer)
{
    struct hf_proven *proven = collection->proven;
    struct hf_proven_function *grown = reallocarray(proven->items, proven->count + 1, sizeof(*grown));

    if (!grown)
        return hf_error(collection->err, HOTFIX_MEMORY, "out of memory");
    proven->items = grown;
    grown[proven->count] = *function;
    grown[proven->count].name = strdup(function->name);
    grown[proven->count].producer = strdup(producer);
    proven->count++;
    return grown[proven->count - 1].name && grown[proven->count - 1].producer
               ? 0
               : hf_error(collection->err, HOTFIX_MEMORY, "out of memory");
}

static int enter(struct collection *collection, const struct hf_pairing *pairing)
{
    if (collection->pairing == pairing)
        return 0;
    free(collection->producer);
    free(collection->old_producer);
    collection->producer = hf_debuginfo_producer(pairing->proof_object);
    collection->old_producer = hf_debuginfo_producer(pairing->before);
    collection->witnesses = count_witnesses(pairing);
    collection->pairing = pairing;
    return collection->producer && collection->old_producer ? 0
                                                            : hf_error(collection->err, HOTFIX_MEMORY, "out of memory");
}

/* The references in [begin, begin + size), from the first one on; *count of them. */
static const struct hf_reference *references_in(const struct hf_part *part, uint64_t begin, uint64_t size,
                                                size_t *count)
{
    size_t first = 0;

    while (first < part->reference_count && part->references[first].offset < begin)
        first++;
    for (*count = 0; first + *count < part->reference_count; (*count)++)
        if (part->references[first + *count].offset - begin >= size)
            break;
    return part->references + first;
}

/* Did two compilations make the same code of a function? Where operands lead is the linker's business. */
static bool same_code(const struct hf_name *a, const struct hf_name *b)
{
    size_t count, others;
    const struct hf_reference *mine = references_in(a->part, a->value, a->size, &count);
    const struct hf_reference *others_own = references_in(b->part, b->value, b->size, &others);

    if (!a->part->bytes || !b->part->bytes || a->size != b->size || count != others ||
        memcmp(a->part->bytes + a->value, b->part->bytes + b->value, a->size) != 0)
        return false;
    for (size_t i = 0; i < count; i++)
        if (mine[i].type != others_own[i].type || mine[i].offset - a->value != others_own[i].offset - b->value)
            return false;
    return true;
}

/* Objects of the release may record no flags (clang); old objects that hold the same code then do, in `hotfix cc`. */
static const char *producer_of(const struct collection *collection, const struct hf_name *old,
                               const struct hf_name *proven)
{
    size_t size = strlen(collection->producer);
    bool silent =
        !strstr(collection->producer, " -") && strncmp(collection->old_producer, collection->producer, size) == 0;

    return silent && same_code(old, proven) ? collection->old_producer : collection->producer;
}

static int collect(const struct hf_replacement *replacement, void *arg)
{
    struct collection *collection = arg;
    const struct hf_pairing *pairing = replacement->pairing;
    const struct hf_name *function = hf_part_function(replacement->before);
    const struct hf_name *proven =
        function && pairing->proof ? hf_object_find(pairing->proof_object, function->text) : NULL;
    struct hf_anchor anchor;

    if (!proven || pairing->proof->states[proven->index] != HF_PROOF_PROVEN)
        return 0;
    if (enter(collection, pairing) != 0 ||
        hf_locate(collection->work, pairing, replacement->before, &anchor, collection->err) != 0)
        return -1;
    const struct hf_proven_function found = {.address = anchor.address + function->value,
                                             .size = proven->size,
                                             .witnesses = collection->witnesses,
                                             .name = (char *)function->text};
    return hf_proven_find(collection->proven, found.address, found.size)
               ? 0
               : add(collection, &found, producer_of(collection, function, proven));
}

static int by_address(const void *a, const void *b)
{
    const struct hf_proven_function *left = a, *right = b;

    return (left->address > right->address) - (left->address < right->address);
}

int hf_attest(struct hf_work *work, struct hf_proven *proven, struct hotfix_error *err)
{
    struct hf_proven made = {.target = work->target->image.build_id};
    struct collection collection = {.work = work, .proven = &made, .err = err};

    int result = hf_each_replacement(work, collect, &collection);
    free(collection.producer);
    free(collection.old_producer);
    if (result != 0) {
        hf_proven_deinit(&made);
        return -1;
    }
    if (made.count > 0)
        qsort(made.items, made.count, sizeof(*made.items), by_address);
    *proven = made;
    return 0;
}
