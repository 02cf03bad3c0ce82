/* SPDX-License-Identifier: Apache-2.0 */
#include "prove/proof.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"

/* What one reference of a function that is being compared tells. */
struct fact {
    const struct hf_reference *reference;
    enum hf_linked_form form;
    uint64_t value;
    struct hf_anchor before; /* what was known before it was taken in */
};

struct facts {
    struct fact *items;
    size_t count;
};

/* Does the name mean this object's own copy? The linker takes one of all objects' weak definitions. */
static bool means_own(const struct hf_name *name)
{
    return name->part && !hf_name_yields(name);
}

static struct hf_anchor *anchor_of(const struct hf_proof *proof, const struct hf_reference *reference)
{
    const struct hf_name *name = reference->name;

    return means_own(name) ? &proof->parts[name->part->index] : &proof->names[name->index];
}

/* Sets where a thing lies; false when that is known and is elsewhere. */
static bool place(struct hf_anchor *anchor, const struct hf_reference *reference, bool thread, uint64_t address)
{
    uint64_t base = address - (means_own(reference->name) ? reference->name->value : 0);

    if (anchor->known)
        return anchor->thread == thread && anchor->address == base;
    anchor->known = true;
    anchor->thread = thread;
    anchor->address = base;
    return true;
}

static bool read_word(const struct hf_target *target, uint64_t address, uint64_t *word)
{
    const uint8_t *bytes = hf_image_bytes(&target->image, address, 8);
    if (!bytes)
        return false;
    *word = 0;
    for (int i = 0; i < 8; i++)
        *word |= (uint64_t)bytes[i] << (8 * i);
    return true;
}

static bool place_address(const struct hf_proof *proof, struct hf_anchor *anchor, const struct hf_reference *reference,
                          uint64_t address)
{
    const struct hf_target *target = proof->target;
    const struct hf_stub *stub = hf_target_stub(target, address);

    if (stub) {
        anchor->stub = address;
        return true;
    }
    if (address == 0 && reference->name->binding == STB_WEAK)
        return true;
    return hf_target_contains(target, address) && place(anchor, reference, false, address);
}

/* A word or slot of the target that the dynamic linker may fill. */
static bool place_word(const struct hf_proof *proof, struct hf_anchor *anchor, const struct hf_reference *reference,
                       uint64_t where, int64_t addend)
{
    const struct hf_dynamic *dynamic = hf_target_dynamic(proof->target, where);
    uint64_t word;

    if (!dynamic)
        return read_word(proof->target, where, &word) &&
               place_address(proof, anchor, reference, word - (uint64_t)addend);
    switch (dynamic->relation) {
    case HF_DYNAMIC_BASE:
        return place_address(proof, anchor, reference, (uint64_t)(dynamic->addend - addend));
    case HF_DYNAMIC_SYMBOL:
    case HF_DYNAMIC_LAZY:
        anchor->imported = true;
        return true;
    default:
        return dynamic->relation == HF_DYNAMIC_RESOLVER;
    }
}

static bool place_slot(const struct hf_proof *proof, struct hf_anchor *anchor, const struct hf_reference *reference,
                       uint64_t slot)
{
    anchor->has_slot = true;
    anchor->slot = slot;
    return place_word(proof, anchor, reference, slot, 0);
}

static bool place_thread_slot(const struct hf_proof *proof, struct hf_anchor *anchor,
                              const struct hf_reference *reference, uint64_t slot)
{
    const struct hf_dynamic *dynamic = hf_target_dynamic(proof->target, slot);
    uint64_t word;

    anchor->has_slot = true;
    anchor->slot = slot;
    if (!dynamic)
        return read_word(proof->target, slot, &word) &&
               place(anchor, reference, true, word - (uint64_t)hf_target_thread_offset(proof->target, 0));
    if (dynamic->relation != HF_DYNAMIC_TLS_DIRECT)
        return false;
    if (dynamic->own)
        return place(anchor, reference, true, (uint64_t)dynamic->addend + dynamic->value);
    anchor->imported = true;
    return true;
}

/* The second of two slots holds the offset; the dynamic linker fills it in when the symbol may be another's. */
static bool place_pair(const struct hf_proof *proof, struct hf_anchor *anchor, const struct hf_reference *reference,
                       uint64_t pair)
{
    const struct hf_dynamic *dynamic = hf_target_dynamic(proof->target, pair + 8);
    uint64_t word;

    if (proof->target->arch->relation(reference->type) == HF_RELATION_TLS_MODULE)
        return true;
    anchor->has_slot = true;
    anchor->slot = pair;
    if (!dynamic)
        return read_word(proof->target, pair + 8, &word) && place(anchor, reference, true, word);
    if (dynamic->relation != HF_DYNAMIC_TLS_OFFSET)
        return false;
    if (dynamic->own)
        return place(anchor, reference, true, (uint64_t)dynamic->addend + dynamic->value);
    anchor->imported = true;
    return true;
}

static bool place_descriptor(const struct hf_proof *proof, struct hf_anchor *anchor,
                             const struct hf_reference *reference, uint64_t descriptor)
{
    const struct hf_dynamic *dynamic = hf_target_dynamic(proof->target, descriptor);

    if (!dynamic || dynamic->relation != HF_DYNAMIC_TLS_DESCRIPTOR)
        return false;
    if (dynamic->own)
        return place(anchor, reference, true, (uint64_t)dynamic->addend + dynamic->value);
    anchor->imported = true;
    return true;
}

/* Takes in one fact; false when it contradicts another or makes no sense. */
static bool take(const struct hf_proof *proof, const struct fact *fact)
{
    const struct hf_reference *reference = fact->reference;
    struct hf_anchor *anchor = anchor_of(proof, reference);

    if (reference->name->part && reference->name->part->kind == HF_PART_MERGE)
        return true;
    switch (fact->form) {
    case HF_LINKED_ADDRESS:
        return place_address(proof, anchor, reference, fact->value);
    case HF_LINKED_WORD:
        return place_word(proof, anchor, reference, fact->value, reference->addend);
    case HF_LINKED_SLOT:
        return place_slot(proof, anchor, reference, fact->value);
    case HF_LINKED_TLS_DIRECT:
        return place(anchor, reference, true, fact->value - (uint64_t)hf_target_thread_offset(proof->target, 0));
    case HF_LINKED_TLS_SLOT:
        return place_thread_slot(proof, anchor, reference, fact->value);
    case HF_LINKED_TLS_OFFSET:
        return place(anchor, reference, true, fact->value);
    case HF_LINKED_TLS_DESCRIPTOR:
        return place_descriptor(proof, anchor, reference, fact->value);
    case HF_LINKED_TLS_PAIR:
        return place_pair(proof, anchor, reference, fact->value);
    default:
        return true;
    }
}

/* Functions of the object while they are looked for. */
struct search {
    struct hf_proof *proof;
    struct facts facts; /* room for those of any one function */
    uint8_t *code;      /* room for the code of any one function */
};

/* The references of a part that lie in [begin, end). */
static const struct hf_reference *references_in(const struct hf_part *part, uint64_t begin, uint64_t end, size_t *count)
{
    size_t first = 0;
    while (first < part->reference_count && part->references[first].offset < begin)
        first++;
    size_t last = first;
    while (last < part->reference_count && part->references[last].offset < end)
        last++;
    *count = last - first;
    return part->references + first;
}

/* Compares bytes [from, to) of a function. */
static bool bytes_equal(const uint8_t *object, const uint8_t *code, uint64_t from, uint64_t to, uint64_t *at)
{
    for (uint64_t i = from; i < to; i++) {
        if (object[i] == code[i])
            continue;
        *at = i;
        return false;
    }
    return true;
}

/* The code of a function in the target. Instructions that linkers moved out of it are put back, in the search's room.
 */
static const uint8_t *code_of(const struct search *search, const struct hf_name *function, uint64_t address)
{
    const struct hf_target *target = search->proof->target;
    const struct hf_arch_tools *arch = target->arch;
    const uint8_t *object = function->part->bytes + function->value;
    const uint8_t *code = hf_image_bytes(&target->image, address, function->size), *bytes;
    uint64_t end = function->value + function->size, stub;
    size_t count, size = arch->displaced_size;
    const struct hf_reference *references = references_in(function->part, function->value, end, &count);

    for (size_t i = 0; code && size && i < count; i++) {
        uint64_t offset = references[i].offset - function->value;
        if (function->size - offset < size ||
            !arch->displaced(object + offset, code + offset, address + offset, &stub) ||
            !(bytes = hf_image_bytes(&target->image, stub, 2 * size)) ||
            !arch->comes_back(bytes, stub, address + offset))
            continue;
        if (code != search->code)
            code = memcpy(search->code, code, function->size);
        memcpy(search->code + offset, bytes, size);
    }
    return code;
}

/* Compares a function with code at an address and collects what its references tell. */
static bool compare(struct search *search, const struct hf_name *function, uint64_t address, uint64_t *at)
{
    const struct hf_target *target = search->proof->target;
    const struct hf_part *part = function->part;
    const uint8_t *object = part->bytes + function->value;
    const uint8_t *code = code_of(search, function, address);
    size_t count;
    const struct hf_reference *references =
        references_in(part, function->value, function->value + function->size, &count);
    uint64_t done = 0;

    *at = 0;
    search->facts.count = 0;
    if (!code)
        return false;
    for (size_t i = 0; i < count; i++) {
        uint64_t offset = references[i].offset - function->value;
        struct hf_linked linked;
        if (offset < done)
            continue;
        *at = offset;
        if (target->arch->linked(references[i].type, references[i].addend, offset, object, code, function->size,
                                 address, &linked) != HF_ARCH_OK)
            return false;
        if (linked.begin > done && !bytes_equal(object, code, done, linked.begin, at))
            return false;
        done = linked.end;
        uint64_t value = linked.form == HF_LINKED_WORD ? address + offset : linked.value;
        search->facts.items[search->facts.count++] =
            (struct fact){.reference = &references[i], .form = linked.form, .value = value};
    }
    return bytes_equal(object, code, done, function->size, at);
}

/* Takes in the facts of the function that was compared last, all or none. */
static bool commit(struct search *search, const struct hf_name *function, uint64_t address)
{
    struct hf_proof *proof = search->proof;
    struct hf_anchor *anchor = &proof->parts[function->part->index];
    uint64_t base = address - function->value;

    if (anchor->known && anchor->address != base)
        return false;
    for (size_t i = 0; i < search->facts.count; i++) {
        struct fact *fact = &search->facts.items[i];
        const struct hf_name *name = fact->reference->name;
        fact->before = *anchor_of(proof, fact->reference);
        if (take(proof, fact))
            continue;
        for (size_t k = i + 1; k-- > 0;)
            *anchor_of(proof, search->facts.items[k].reference) = search->facts.items[k].before;
        /* Another object's definition of a weak function may have won. */
        if (!proof->conflict && function->binding != STB_WEAK)
            proof->conflict = name->part ? hf_part_title(name->part) : name->text;
        return false;
    }
    anchor->known = true;
    anchor->address = base;
    return true;
}

static bool is_function(const struct hf_name *name)
{
    return name->part && name->part->kind == HF_PART_CODE && name->size > 0 && name->part->bytes &&
           (name->type == STT_FUNC || name->type == STT_GNU_IFUNC);
}

static void settle(struct search *search, const struct hf_name *function, uint64_t address)
{
    struct hf_proof *proof = search->proof;
    uint64_t at;
    bool equal = compare(search, function, address, &at) && commit(search, function, address);

    proof->states[function->index] = equal ? HF_PROOF_PROVEN : HF_PROOF_DIFFERS;
    proof->proven_count += equal;
    if (equal)
        return;
    /* Another object's definition of a weak function may have won. */
    if (function->binding == STB_WEAK) {
        proof->states[function->index] = HF_PROOF_ABSENT;
        return;
    }
    proof->differing_count++;
    if (!proof->differing) {
        proof->differing = function;
        proof->differing_at = at;
    }
}

/* The places where the target has this function by its name: how many fit, the last that does, and the first at all. */
struct candidates {
    size_t count;
    size_t fitting;
    size_t of_file; /* of the fitting ones, those that name the object's source file */
    uint64_t first;
    uint64_t fit;
    uint64_t fit_of_file;
};

static void look(struct search *search, const struct hf_name *function, struct candidates *found)
{
    const struct hf_object *object = search->proof->object;
    size_t count;
    struct hf_symbol *const *symbols = hf_target_named(search->proof->target, function->text, &count);

    *found = (struct candidates){.count = 0};
    for (size_t i = 0; i < count; i++) {
        const struct hf_symbol *symbol = symbols[i];
        uint64_t at;
        if ((symbol->type != STT_FUNC && symbol->type != STT_GNU_IFUNC) ||
            (symbol->size && symbol->size != function->size))
            continue;
        bool file = symbol->binding != STB_LOCAL || strcmp(symbol->file, object->source) == 0;
        if (found->count++ == 0)
            found->first = symbol->address;
        if (!compare(search, function, symbol->address, &at))
            continue;
        if (found->fitting++ == 0 || found->fit != symbol->address)
            found->fit = symbol->address;
        if (file && (found->of_file == 0 || found->fit_of_file != symbol->address)) {
            found->fit_of_file = symbol->address;
            found->of_file++;
        }
    }
    /* Of another size only: it differs, and the first byte behind the shorter one says so. */
    for (size_t i = 0; i < count && found->count == 0; i++)
        if (symbols[i]->type == STT_FUNC)
            found->first = symbols[found->count++]->address;
}

/* Looks for one function; true when its state changed. */
static bool prove(struct search *search, const struct hf_name *function)
{
    struct hf_proof *proof = search->proof;
    const struct hf_anchor *anchor = &proof->parts[function->part->index];

    if (anchor->known) {
        settle(search, function, anchor->address + function->value);
        return true;
    }
    /* What calls of a weak function lead to. */
    anchor = &proof->names[function->index];
    if (hf_name_yields(function) && anchor->known && !anchor->thread) {
        settle(search, function, anchor->address);
        return true;
    }
    struct candidates found;
    look(search, function, &found);
    if (found.count == 0)
        return false;
    if (found.fitting == 0)
        settle(search, function, found.first);
    else if (found.fitting == 1)
        settle(search, function, found.fit);
    else if (found.of_file == 1)
        settle(search, function, found.fit_of_file);
    else
        return false;
    return true;
}

/* Pointers in data whose place is known tell as well. */
static bool harvest(struct hf_proof *proof, const struct hf_part *part)
{
    const struct hf_anchor *anchor = &proof->parts[part->index];
    bool progress = false;

    if (!anchor->known || (part->kind != HF_PART_DATA && part->kind != HF_PART_CONST))
        return false;
    for (size_t i = 0; i < part->reference_count; i++) {
        const struct hf_reference *reference = &part->references[i];
        struct hf_anchor *to = anchor_of(proof, reference);
        if (proof->target->arch->relation(reference->type) != HF_RELATION_WORD || to->known || to->imported ||
            (reference->name->part && reference->name->part->kind == HF_PART_MERGE))
            continue;
        struct hf_anchor before = *to;
        if (!place_word(proof, to, reference, anchor->address + reference->offset, reference->addend))
            *to = before;
        progress = progress || to->known;
    }
    return progress;
}

/* The only symbol of the target that can be this variable. */
static void place_by_name(struct hf_proof *proof, const struct hf_part *part)
{
    struct hf_anchor *anchor = &proof->parts[part->index];
    bool thread = part->kind == HF_PART_TLS;
    bool variable = thread || part->kind == HF_PART_DATA || part->kind == HF_PART_ZERO || part->kind == HF_PART_CONST;

    if (!variable || anchor->known || part->anonymous)
        return;
    for (size_t i = 0; i < part->name_count && !anchor->known; i++) {
        const struct hf_name *name = part->names[i];
        size_t count;
        struct hf_symbol *const *symbols = hf_target_named(proof->target, name->text, &count);
        const struct hf_symbol *only = NULL;
        size_t fitting = 0;
        for (size_t k = 0; k < count; k++) {
            const struct hf_symbol *symbol = symbols[k];
            bool local = name->binding == STB_LOCAL;
            if (symbol->size != name->size || (symbol->type == STT_TLS) != thread || symbol->type == STT_FUNC ||
                (local && (symbol->binding != STB_LOCAL || strcmp(symbol->file, proof->object->source) != 0)))
                continue;
            only = symbol;
            fitting++;
        }
        if (fitting != 1)
            continue;
        if (means_own(name))
            *anchor = (struct hf_anchor){.known = true, .thread = thread, .address = only->address - name->value};
        else if (!proof->names[name->index].known)
            proof->names[name->index] = (struct hf_anchor){.known = true, .thread = thread, .address = only->address};
    }
}

static void search_all(struct search *search)
{
    struct hf_proof *proof = search->proof;
    const struct hf_object *object = proof->object;

    /* What the target has of a weak function may be another object's, with that one's literals: they come second. */
    for (bool weak = false, named = false, progress = true; progress || !named;) {
        for (size_t i = 1; i < object->part_count && !progress && weak; i++)
            place_by_name(proof, &object->parts[i]);
        named = named || (!progress && weak);
        weak = weak || !progress;
        progress = false;
        for (size_t i = 0; i < object->name_count; i++)
            if (is_function(&object->names[i]) && proof->states[i] == HF_PROOF_OPEN &&
                (weak || object->names[i].binding != STB_WEAK))
                progress = prove(search, &object->names[i]) || progress;
        for (size_t i = 1; i < object->part_count; i++)
            progress = harvest(proof, &object->parts[i]) || progress;
    }
    for (size_t i = 0; i < object->name_count; i++) {
        size_t count;
        if (is_function(&object->names[i]) && proof->states[i] == HF_PROOF_OPEN) {
            hf_target_named(proof->target, object->names[i].text, &count);
            proof->states[i] = count == 0 ? HF_PROOF_ABSENT : HF_PROOF_OPEN;
        }
    }
}

/* All that one function takes at most: references and bytes. */
static void measure(const struct hf_object *object, size_t *references, size_t *bytes)
{
    *references = *bytes = 0;
    for (size_t i = 1; i < object->part_count; i++)
        *references = object->parts[i].reference_count > *references ? object->parts[i].reference_count : *references;
    for (size_t i = 0; i < object->name_count; i++)
        if (is_function(&object->names[i]) && object->names[i].size > *bytes)
            *bytes = object->names[i].size;
}

int hf_proof_create(const struct hf_object *object, const struct hf_target *target, struct hf_proof **proof,
                    struct hotfix_error *err)
{
    struct hf_proof *made = calloc(1, sizeof(*made));
    size_t references, bytes;

    measure(object, &references, &bytes);
    HF_FREE struct fact *facts = calloc(references + 1, sizeof(*facts));
    HF_FREE uint8_t *code = malloc(bytes + 1);
    if (made) {
        made->object = object;
        made->target = target;
        made->parts = calloc(object->part_count + 1, sizeof(*made->parts));
        made->names = calloc(object->name_count + 1, sizeof(*made->names));
        made->states = calloc(object->name_count + 1, sizeof(*made->states));
    }
    if (!made || !facts || !code || !made->parts || !made->names || !made->states) {
        hf_proof_destroy(made);
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", object->path);
    }
    struct search search = {.proof = made, .facts = {.items = facts}, .code = code};
    search_all(&search);
    *proof = made;
    return 0;
}

void hf_proof_destroy(struct hf_proof *proof)
{
    if (!proof)
        return;
    free(proof->parts);
    free(proof->names);
    free(proof->states);
    free(proof);
}

/* A reference in a function that nothing can be said about. */
static const struct hf_reference *unsupported(const struct hf_proof *proof, const struct hf_name *function)
{
    const struct hf_part *part = function->part;

    for (size_t i = 0; i < part->reference_count; i++) {
        const struct hf_reference *reference = &part->references[i];
        if (reference->offset >= function->value && reference->offset - function->value < function->size &&
            proof->target->arch->relation(reference->type) == HF_RELATION_UNKNOWN)
            return reference;
    }
    return NULL;
}

static bool has_functions(const struct hf_object *object)
{
    for (size_t i = 0; i < object->name_count; i++)
        if (is_function(&object->names[i]))
            return true;
    return false;
}

int hf_proof_check(const struct hf_proof *proof, struct hotfix_error *err)
{
    const struct hf_object *object = proof->object;

    if (proof->proven_count == 0 && proof->differing_count == 0 && has_functions(object))
        return hf_error(err, HOTFIX_UNPROVEN, "%s: none of its functions is in %s", object->path,
                        proof->target->image.path);
    if (proof->conflict)
        return hf_error(err, HOTFIX_INCOMPATIBLE,
                        "%s: is not the object that %s was linked from: its functions disagree on where '%s' lies",
                        object->path, proof->target->image.path, proof->conflict);
    const struct hf_reference *unknown = proof->differing ? unsupported(proof, proof->differing) : NULL;
    if (unknown)
        return hf_error(err, HOTFIX_UNPROVEN,
                        "%s: function '%s' has a relocation of type %u at byte %#" PRIx64
                        ", which is not supported; a code model (-mcmodel) may be the reason",
                        object->path, proof->differing->text, unknown->type, unknown->offset - proof->differing->value);
    if (proof->differing)
        return hf_error(err, HOTFIX_INCOMPATIBLE,
                        "%s: is not the object that %s was linked from: function '%s' differs at byte %#" PRIx64
                        " (%zu of its functions differ, %zu are equal)",
                        object->path, proof->target->image.path, proof->differing->text, proof->differing_at,
                        proof->differing_count, proof->proven_count);
    return 0;
}
