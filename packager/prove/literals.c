/* SPDX-License-Identifier: Apache-2.0 */
#include "prove/literals.h"

#include <stdlib.h>
#include <string.h>

#include "object/piece.h"

/* A literal: bytes of an object. */
struct literal {
    const uint8_t *bytes;
    size_t size;
    uint64_t address; /* in the target */
    bool several;     /* at more places than that */
};

struct hf_literals {
    const struct hf_target *target;
    struct literal *items;
    size_t count;
};

/* The literal that a reference means. */
static bool literal_of(const struct hf_reference *reference, struct literal *literal, uint64_t *offset)
{
    struct hf_piece piece;

    if (!hf_piece_of(reference, &piece) || piece.part->flags & SHF_WRITE || hf_piece_has_references(&piece))
        return false;
    *literal = (struct literal){.bytes = piece.part->bytes + piece.begin, .size = piece.end - piece.begin};
    *offset = piece.begin;
    return true;
}

static int by_content(const void *a, const void *b)
{
    const struct literal *left = a, *right = b;

    if (left->size != right->size)
        return left->size < right->size ? -1 : 1;
    return memcmp(left->bytes, right->bytes, left->size);
}

static bool add(struct hf_literals *literals, const struct literal *literal)
{
    const uint8_t *there = hf_image_bytes(&literals->target->image, literal->address, literal->size);

    if (!there || memcmp(there, literal->bytes, literal->size) != 0)
        return true;
    /* Doubles where the count reaches a power of two. */
    if ((literals->count & (literals->count - 1)) == 0) {
        size_t capacity = literals->count ? 2 * literals->count : 1;
        struct literal *grown = reallocarray(literals->items, capacity, sizeof(*grown));
        if (!grown)
            return false;
        literals->items = grown;
    }
    literals->items[literals->count++] = *literal;
    return true;
}

/* Records what one reference at `place` of the target shows; `value` is that of its symbol there. */
static bool see(struct hf_literals *literals, const struct hf_reference *reference, uint64_t value)
{
    struct literal literal;
    uint64_t offset;

    if (!literal_of(reference, &literal, &offset))
        return true;
    literal.address = value + offset - reference->name->value;
    return add(literals, &literal);
}

/* Reads a pointer in the target's data, with the value that it has after the dynamic linker has relocated it. */
static bool read_pointer(const struct hf_target *target, uint64_t place, uint64_t *value)
{
    const struct hf_dynamic *dynamic = hf_target_dynamic(target, place);
    const uint8_t *bytes = hf_image_bytes(&target->image, place, 8);

    if (dynamic && dynamic->relation != HF_DYNAMIC_BASE)
        return false;
    *value = dynamic ? (uint64_t)dynamic->addend : 0;
    for (int i = 0; !dynamic && bytes && i < 8; i++)
        *value |= (uint64_t)bytes[i] << (8 * i);
    return dynamic || bytes;
}

/* The linked value of the symbol of a reference in a function at `address`. */
static bool linked_value(const struct hf_proof *proof, const struct hf_name *function, uint64_t address,
                         const struct hf_reference *reference, uint64_t *value)
{
    const uint8_t *code = hf_image_bytes(&proof->target->image, address, function->size);
    uint64_t offset = reference->offset - function->value;
    struct hf_linked linked;

    if (!code || reference->offset < function->value || offset >= function->size ||
        proof->target->arch->linked(reference->type, reference->addend, offset, function->part->bytes + function->value,
                                    code, function->size, address, &linked) != HF_ARCH_OK)
        return false;
    *value = linked.value;
    if (linked.form != HF_LINKED_WORD || !hf_target_dynamic(proof->target, address + offset))
        return linked.form == HF_LINKED_WORD || linked.form == HF_LINKED_ADDRESS;
    if (!read_pointer(proof->target, address + offset, value))
        return false;
    *value -= (uint64_t)reference->addend;
    return true;
}

static bool read_function(struct hf_literals *literals, const struct hf_proof *proof, const struct hf_name *function)
{
    uint64_t address = proof->parts[function->part->index].address + function->value;

    for (size_t i = 0; i < function->part->reference_count; i++) {
        const struct hf_reference *reference = &function->part->references[i];
        uint64_t value;
        if (linked_value(proof, function, address, reference, &value) && !see(literals, reference, value))
            return false;
    }
    return true;
}

static bool read_data(struct hf_literals *literals, const struct hf_proof *proof, const struct hf_part *part)
{
    const struct hf_anchor *anchor = &proof->parts[part->index];
    bool variable = part->kind == HF_PART_DATA || part->kind == HF_PART_CONST;

    for (size_t i = 0; variable && anchor->known && i < part->reference_count; i++) {
        const struct hf_reference *reference = &part->references[i];
        uint64_t value;
        if (proof->target->arch->relation(reference->type) == HF_RELATION_WORD &&
            read_pointer(proof->target, anchor->address + reference->offset, &value) &&
            !see(literals, reference, value - (uint64_t)reference->addend))
            return false;
    }
    return true;
}

/* Of equal literals the first stays, and records whether all lie at one place. */
static void join(struct hf_literals *literals)
{
    size_t kept = 0;

    if (literals->count > 0)
        qsort(literals->items, literals->count, sizeof(*literals->items), by_content);
    for (size_t i = 0; i < literals->count; i++) {
        struct literal *last = kept > 0 ? &literals->items[kept - 1] : NULL;
        if (last && by_content(last, &literals->items[i]) == 0)
            last->several = last->several || last->address != literals->items[i].address;
        else
            literals->items[kept++] = literals->items[i];
    }
    literals->count = kept;
}

struct hf_literals *hf_literals_create(const struct hf_proof *proof)
{
    struct hf_literals *literals = calloc(1, sizeof(*literals));
    const struct hf_object *object = proof->object;

    if (!literals)
        return NULL;
    literals->target = proof->target;
    bool fine = true;
    for (size_t i = 0; fine && i < object->name_count; i++)
        if (proof->states[i] == HF_PROOF_PROVEN)
            fine = read_function(literals, proof, &object->names[i]);
    for (size_t i = 1; fine && i < object->part_count; i++)
        fine = read_data(literals, proof, &object->parts[i]);
    if (!fine) {
        hf_literals_destroy(literals);
        return NULL;
    }
    join(literals);
    return literals;
}

void hf_literals_destroy(struct hf_literals *literals)
{
    if (!literals)
        return;
    free(literals->items);
    free(literals);
}

bool hf_literals_find(const struct hf_literals *literals, const struct hf_reference *reference, uint64_t *address,
                      uint64_t *ahead)
{
    struct literal literal;
    uint64_t offset;

    if (!literals || literals->count == 0 || !literal_of(reference, &literal, &offset))
        return false;
    const struct literal *found = bsearch(&literal, literals->items, literals->count, sizeof(literal), by_content);
    if (!found || found->several)
        return false;
    *address = found->address;
    *ahead = offset - reference->name->value;
    return true;
}
