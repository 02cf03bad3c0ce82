/* SPDX-License-Identifier: Apache-2.0 */
#include "choose/stored.h"

#include <stdlib.h>
#include <string.h>

#include "arch.h"
#include "cleanup.h"
#include "compare/compare.h"
#include "compare/lines.h"
#include "error.h"
#include "object/scope.h"

#define ADVICE "if it may begin anew, give it another name"

/* One instruction that names a variable. */
struct use {
    const struct hf_part *code;
    const struct hf_part *variable;
    uint64_t offset; /* in the variable's part */
    struct hf_arch_store store;
};

/* All uses of an object's variables by its code. */
struct uses {
    struct use *items;
    size_t count;
};

static void uses_deinit(struct uses *uses)
{
    free(uses->items);
}
#define USES __attribute__((cleanup(uses_deinit)))

static bool is_variable(const struct hf_part *part)
{
    return part && (part->kind == HF_PART_DATA || part->kind == HF_PART_ZERO);
}

/* Of one function. Code that cannot be decoded takes the address of all that it refers to. */
static int add_uses(const struct hf_part *code, struct uses *uses)
{
    const struct hf_arch_tools *arch = hf_arch_tools_find(code->object->machine);
    HF_FREE size_t *fields = calloc(code->reference_count + 1, sizeof(*fields));
    HF_FREE struct hf_arch_store *stores = calloc(code->reference_count + 1, sizeof(*stores));
    struct use *grown = reallocarray(uses->items, uses->count + code->reference_count + 1, sizeof(*grown));

    if (grown)
        uses->items = grown;
    if (!fields || !stores || !grown)
        return -1;
    for (size_t i = 0; i < code->reference_count; i++)
        fields[i] = code->references[i].offset;
    if (arch->stores(code->bytes, code->size, fields, code->reference_count, stores) != HF_ARCH_OK)
        for (size_t i = 0; i < code->reference_count; i++)
            stores[i].kind = HF_STORE_ADDRESS;
    for (size_t i = 0; i < code->reference_count; i++) {
        int64_t offset;
        const struct hf_part *variable = hf_reference_part(&code->references[i], &offset);
        bool near = arch->relation(code->references[i].type) == HF_RELATION_NEAR;
        if (!is_variable(variable))
            continue;
        if (near && arch->from_behind)
            offset += (int64_t)stores[i].behind;
        grown[uses->count++] = (struct use){code, variable, (uint64_t)offset, stores[i]};
    }
    return 0;
}

static int read_uses(const struct hf_object *object, struct uses *uses, struct hotfix_error *err)
{
    for (size_t i = 1; i < object->part_count; i++) {
        const struct hf_part *part = &object->parts[i];
        if (part->kind == HF_PART_CODE && part->bytes && add_uses(part, uses) != 0)
            return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", object->path);
    }
    return 0;
}

static bool is_of(const struct use *use, const struct hf_name *name)
{
    return use->variable == name->part && use->offset >= name->value && use->offset < name->value + name->size;
}

/* The reference in the instruction that has a constant; NULL for a plain number. */
static const struct hf_reference *reference_of(const struct use *use, const struct hf_name *variable)
{
    for (size_t i = 0; i < use->code->reference_count; i++) {
        const struct hf_reference *reference = &use->code->references[i];
        int64_t offset;
        if (reference->offset >= use->store.from && reference->offset < use->store.from_end &&
            hf_reference_part(reference, &offset) != variable->part)
            return reference;
    }
    return NULL;
}

/* Do two instructions, of the same object or of two, set their variable to the same constant? */
static bool same_constant(const struct use *a, const struct hf_name *a_variable, const struct use *b,
                          const struct hf_name *b_variable)
{
    const struct hf_reference *left = reference_of(a, a_variable), *right = reference_of(b, b_variable);

    if (!left || !right)
        return !left && !right && a->store.value == b->store.value;
    struct hf_reference one = *left, other = *right;
    one.offset = other.offset = 0;
    if (a->code->object == b->code->object) {
        int64_t one_offset, other_offset;
        return hf_reference_part(&one, &one_offset) == hf_reference_part(&other, &other_offset) &&
               one_offset == other_offset && one.name == other.name;
    }
    return hf_compare_reference(&one, &other);
}

static bool is_zero(const struct use *use, const struct hf_name *variable)
{
    return use->store.kind == HF_STORE_CONSTANT && use->store.value == 0 && !reference_of(use, variable);
}

/* May all that the new code stores be one constant, and nothing else reach the variable? *known: an instruction that
 * tells it; NULL when none does. */
static bool is_once_stored(const struct uses *uses, const struct hf_name *variable, const struct use **known)
{
    bool stored = false;

    *known = NULL;
    for (size_t i = 0; i < uses->count; i++) {
        const struct use *use = &uses->items[i];
        if (!is_of(use, variable) || use->store.kind == HF_STORE_NONE || is_zero(use, variable))
            continue;
        if (use->store.kind == HF_STORE_ADDRESS || use->store.kind == HF_STORE_VALUE ||
            (use->store.kind == HF_STORE_CONSTANT && *known && !same_constant(*known, variable, use, variable)))
            return false;
        stored = true;
        if (use->store.kind == HF_STORE_CONSTANT)
            *known = use;
    }
    return stored;
}

/* Is all of it as it was, but for the lines that it passes on? */
static bool is_unchanged(const struct hf_part *code)
{
    const struct hf_part *twin = code->twin;

    return twin && (hf_compare_parts(code, twin) || (hf_compare_references(code, twin) && hf_lines_follow(code, twin)));
}

/* Did the old code store nothing but what the new code does? */
static bool stored_alike(const struct uses *uses, const struct hf_name *old, const struct use *known,
                         const struct hf_name *new)
{
    for (size_t i = 0; i < uses->count; i++) {
        const struct use *use = &uses->items[i];
        if (!is_of(use, old) || use->store.kind == HF_STORE_NONE || is_zero(use, old) || is_unchanged(use->code))
            continue;
        if (!known || use->store.kind != HF_STORE_CONSTANT || !same_constant(use, old, known, new))
            return false;
    }
    return true;
}

/* Data that holds the variable's address lets others store in it. */
static bool is_in_data(const struct hf_object *object, const struct hf_name *variable)
{
    for (size_t i = 1; i < object->part_count; i++) {
        const struct hf_part *part = &object->parts[i];
        bool loaded = is_variable(part) || part->kind == HF_PART_CONST || part->kind == HF_PART_START;
        for (size_t k = 0; loaded && k < part->reference_count; k++) {
            int64_t offset;
            if (hf_reference_part(&part->references[k], &offset) == variable->part)
                return true;
        }
    }
    return false;
}

/* The old variable of a new one; NULL when there is none. */
static const struct hf_name *old_name(const struct hf_name *new)
{
    const struct hf_part *old = new->part->twin;

    if (old && old->name_count == 1 && new->part->name_count == 1)
        return old->names[0];
    for (size_t i = 0; old && i < old->name_count; i++)
        if (strcmp(old->names[i]->text, new->text) == 0)
            return old->names[i];
    return NULL;
}

/* gcc concludes nothing of the kind. An object that does not say what compiled it may be clang's. */
static bool is_by_gcc(const struct hf_object *object)
{
    for (size_t i = 1; i < object->part_count; i++) {
        if (strcmp(object->parts[i].name, ".comment") != 0)
            continue;
        Elf_Data *data = elf_getdata(elf_getscn(object->elf, object->parts[i].index), NULL);
        return data && data->d_buf && !memmem(data->d_buf, data->d_size, "clang", strlen("clang")) &&
               memmem(data->d_buf, data->d_size, "GCC", strlen("GCC"));
    }
    return false;
}

/* May it be a pointer that begins as NULL? */
static bool is_pointer(const struct hf_name *name)
{
    static const uint8_t null[sizeof(uint64_t)];
    const struct hf_part *part = name->part;

    if (!is_variable(part) || name->type != STT_OBJECT || name->binding != STB_LOCAL || name->size != sizeof(null) ||
        name->value > part->size || part->size - name->value < sizeof(null))
        return false;
    for (size_t i = 0; i < part->reference_count; i++)
        if (part->references[i].offset == name->value)
            return false;
    return !part->bytes || memcmp(part->bytes + name->value, null, sizeof(null)) == 0;
}

static int check_pointers(const struct hf_pairing *pairing, struct hotfix_error *err)
{
    USES struct uses before = {.count = 0};
    USES struct uses after = {.count = 0};
    const struct hf_object *object = pairing->after;
    const struct use *known;

    if (read_uses(pairing->before, &before, err) != 0 || read_uses(object, &after, err) != 0)
        return -1;
    for (size_t i = 1; i < object->part_count; i++)
        for (size_t k = 0; k < object->parts[i].name_count; k++) {
            const struct hf_name *new = object->parts[i].names[k], *old = is_pointer(new) ? old_name(new) : NULL;
            if (old && is_once_stored(&after, new, &known) && !is_in_data(object, new) &&
                !stored_alike(&before, old, known, new))
                return hf_error(
                    err, HOTFIX_UNPROVEN,
                    "%s: all that the new code stores in static variable '%s' may be one constant, which "
                    "its compiler then takes it for where it is not NULL; the old code has stored something "
                    "else there: " ADVICE,
                    object->name, new->text);
        }
    return 0;
}

/*
 * Does the other side keep the variable in another way? One of the same function counts; without one, those of all
 * functions, since this may have got another name. A variable that the other side does not have is new, or gone.
 */
static bool is_coded_otherwise(const struct hf_scopes *scopes, const struct hf_scope_coded *like)
{
    size_t count;
    const struct hf_scope_coded *coded = hf_scopes_coded(scopes, &count);
    bool other = hf_scopes_find(scopes, like->function, like->name) != NULL;

    for (size_t i = 0; i < count; i++) {
        if (strcmp(coded[i].name, like->name) != 0)
            continue;
        bool same = strcmp(coded[i].operations, like->operations) == 0;
        if (strcmp(coded[i].function, like->function) == 0)
            return !same;
        if (same)
            return false;
        other = true;
    }
    return other;
}

static int check_coded(const struct hf_scopes *scopes, const struct hf_scopes *others, const struct hf_object *object,
                       struct hotfix_error *err)
{
    size_t count;
    const struct hf_scope_coded *coded = hf_scopes_coded(scopes, &count);

    for (size_t i = 0; i < count; i++)
        if (is_coded_otherwise(others, &coded[i]))
            return hf_error(err, HOTFIX_UNPROVEN,
                            "%s: static variable '%s' holds one of two values, of which the compiler keeps which, and "
                            "these are other ones in the new object than in the old one: " ADVICE,
                            object->name, coded[i].name);
    return 0;
}

static int check_codes(const struct hf_pairing *pairing, struct hotfix_error *err)
{
    struct hf_scopes *before = NULL, *after = NULL;
    int failed = hf_scopes_read(pairing->before, &before, err) != 0 || hf_scopes_read(pairing->after, &after, err) != 0;

    if (!failed)
        failed = check_coded(before, after, pairing->after, err) != 0 ||
                 check_coded(after, before, pairing->after, err) != 0;
    hf_scopes_destroy(before);
    hf_scopes_destroy(after);
    return failed ? -1 : 0;
}

int hf_stored_check(const struct hf_pairing *pairing, struct hotfix_error *err)
{
    const struct hf_arch_tools *arch = hf_arch_tools_find(pairing->after->machine);
    bool kept = false;

    for (size_t i = 1; i < pairing->after->part_count; i++)
        kept = kept || (pairing->after->parts[i].marks & HF_MARK_KEPT);
    if (!kept)
        return 0;
    if (check_codes(pairing, err) != 0)
        return -1;
    return arch && arch->stores && !is_by_gcc(pairing->after) ? check_pointers(pairing, err) : 0;
}
