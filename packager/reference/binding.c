/* SPDX-License-Identifier: Apache-2.0 */
#include "reference/binding.h"

#include <string.h>

#include "error.h"

static bool is_entry(const struct hf_part *part, int64_t offset)
{
    for (size_t i = 0; i < part->name_count; i++)
        if ((int64_t)part->names[i]->value == offset)
            return true;
    return false;
}

/* Does a reference to code mean the function, not a place in it? */
static bool means_function(const struct hf_work *work, const struct hf_part *part, const struct hf_reference *reference,
                           int64_t offset)
{
    if (!work->target->arch->from_behind)
        return is_entry(part, offset);
    switch (work->target->arch->relation(reference->type)) {
    case HF_RELATION_NEAR:
    case HF_RELATION_CALL:
    case HF_RELATION_SLOT:
        return is_entry(part, offset + (int64_t)work->target->arch->field_size(reference->type));
    default:
        return is_entry(part, offset);
    }
}

static bool same_family(const struct hf_part *a, const struct hf_part *b)
{
    const struct hf_part *left = a->family ? a->family : a;
    const struct hf_part *right = b->family ? b->family : b;

    return left == right && (a->family || b->family);
}

/* The pairing whose old object a part is of: a definition may have moved to another file. */
static const struct hf_pairing *home_of(const struct hf_work *work, const struct hf_part *before)
{
    for (size_t i = 0; i < work->pairing_count; i++)
        if (work->pairings[i].before == before->object)
            return &work->pairings[i];
    return NULL;
}

/*
 * What the proof tells of a name's part; of a weak name, which of all its definitions the linker took. *offset: what is
 * to be added to have the address of the name.
 */
static const struct hf_anchor *proven_name(const struct hf_proof *proof, const struct hf_name *name, uint64_t *offset)
{
    const struct hf_anchor *part = &proof->parts[name->part->index];
    const struct hf_anchor *taken = &proof->names[name->index];

    *offset = hf_name_yields(name) && taken->known ? 0 : name->value;
    return hf_name_yields(name) && taken->known ? taken : part;
}

/* A name of the part that no other object's definition can take, where there is one. */
static const struct hf_name *stable_name(const struct hf_part *part)
{
    for (size_t i = 0; i < part->name_count; i++)
        if (!hf_name_yields(part->names[i]))
            return part->names[i];
    return part->name_count > 0 ? part->names[0] : NULL;
}

/* A part of the old object, by the name that the object of the proof has for it. *offset: what is to be added. */
static const struct hf_anchor *proven_part(const struct hf_pairing *pairing, const struct hf_part *before,
                                           uint64_t *offset)
{
    const struct hf_name *first = stable_name(before);
    const struct hf_name *name =
        first && pairing->proof_object != before->object ? hf_object_find(pairing->proof_object, first->text) : first;

    *offset = 0;
    if (!name)
        return pairing->proof_object == before->object ? &pairing->proof->parts[before->index] : NULL;
    /* Jumps to neighbours are shorter where functions share a section, so functions may differ in size. */
    if ((before->kind != HF_PART_CODE || !name->part || name->part->kind != HF_PART_CODE) && name->size != first->size)
        return NULL;
    const struct hf_anchor *anchor = proven_name(pairing->proof, name, offset);
    *offset -= first->value;
    return anchor;
}

/* Where the target has what the name of a part means, which may be another object's where the name is weak. */
static int locate_name(struct hf_work *work, const struct hf_pairing *pairing, const struct hf_part *before,
                       struct hf_anchor *anchor, struct hotfix_error *err)
{
    const struct hf_pairing *home = home_of(work, before);
    uint64_t offset = 0;
    const struct hf_anchor *found = home && home->proof ? proven_part(home, before, &offset) : NULL;
    size_t count = 0;

    if (found && found->known) {
        *anchor = *found;
        anchor->address += offset;
        return 0;
    }
    for (size_t i = 0; i < before->name_count && count == 0; i++)
        hf_target_named(work->target, before->names[i]->text, &count);
    if (count == 0 && before->name_count > 0 && !work->target->symbols->stripped)
        return 1;
    return hf_error(
        err, HOTFIX_UNPROVEN,
        "%s: cannot tell where '%s' lies in %s: no function that was found refers to it, and its name is %s",
        pairing->after->name, hf_part_title(before), work->target->image.path,
        count == 0 ? "not among its symbols (give --debug)" : "not unique there");
}

/* Does the target's symbol, or another object of the release, say that a definition won that takes precedence? */
static bool is_overruled(struct hf_work *work, const struct hf_object *object, const char *text)
{
    size_t count;
    struct hf_symbol *const *symbols = hf_target_named(work->target, text, &count);
    bool strong = count == 1 && symbols[0]->binding == STB_GLOBAL;
    const struct hf_mention *mentions = hf_census_find(&work->census, text, &count);

    for (size_t i = 0; i < count && !strong; i++)
        strong = mentions[i].defined && !mentions[i].weak && strcmp(mentions[i].object, object->name) != 0;
    return strong;
}

/* The object's own code lies in the target: does the name mean another place all the same? */
static bool is_passed_over(const struct hf_target *target, const struct hf_proof *proof, const struct hf_name *name)
{
    const struct hf_anchor *own = &proof->parts[name->part->index];
    const struct hf_anchor *taken = &proof->names[name->index];
    size_t count;
    const struct hf_symbol *symbol = hf_binding_symbol(target, name->text, &count);

    if (!own->known || (!taken->known && (!symbol || count != 1)))
        return false;
    return (taken->known ? taken->address : symbol->address) != own->address + name->value;
}

/*
 * Another object may define a weak function with other code. 0 when the target has this object's, 1 when another's took
 * precedence, -1 when that cannot be told. In groups, as C++ has them, all objects' definitions are of one source.
 */
static int is_elsewhere(struct hf_work *work, const struct hf_pairing *pairing, const struct hf_part *before,
                        struct hotfix_error *err)
{
    const struct hf_name *first = stable_name(before);

    if (before->kind != HF_PART_CODE || before->family || (before->flags & SHF_GROUP) || !first ||
        !hf_name_yields(first) || !pairing->proof)
        return 0;
    const struct hf_name *name =
        pairing->proof_object == before->object ? first : hf_object_find(pairing->proof_object, first->text);
    if (!name)
        return 0;
    if (pairing->proof->states[name->index] == HF_PROOF_PROVEN)
        return is_passed_over(work->target, pairing->proof, name);
    if (is_overruled(work, before->object, first->text))
        return 1;
    return hf_error(err, HOTFIX_UNPROVEN,
                    "%s: function '%s' is weak, and what %s has under this name is not the code of the old object: it "
                    "may be another object's; give all objects of the release with --old and --new, and those that it "
                    "was linked from with --proof",
                    pairing->after->name, first->text, work->target->image.path);
}

int hf_locate(struct hf_work *work, const struct hf_pairing *pairing, const struct hf_part *before,
              struct hf_anchor *anchor, struct hotfix_error *err)
{
    const struct hf_pairing *home = home_of(work, before);
    int elsewhere = home ? is_elsewhere(work, home, before, err) : 0;

    return elsewhere != 0 ? elsewhere : locate_name(work, pairing, before, anchor, err);
}

/* What the target imports or exports under a name: slots and stubs. */
static void find_links(const struct hf_target *target, const char *name, struct hf_binding *binding)
{
    for (size_t i = 0; i < target->dynamic_count; i++) {
        const struct hf_dynamic *dynamic = &target->dynamics[i];
        if (dynamic->addend != 0 || strcmp(dynamic->symbol, name) != 0)
            continue;
        /* An import with a value: a program that is not position-independent made its stub the function's address. */
        if (binding->kind == HF_BINDING_IMPORT && dynamic->value != 0)
            binding->address = dynamic->value;
        bool slot = dynamic->relation == HF_DYNAMIC_SYMBOL && dynamic->type != target->arch->word_type;
        if (slot || dynamic->relation == HF_DYNAMIC_TLS_DIRECT) {
            binding->has_slot = true;
            binding->slot = dynamic->place;
        }
        if (dynamic->relation == HF_DYNAMIC_TLS_MODULE && !binding->has_slot) {
            binding->has_pair = true;
            binding->slot = dynamic->place;
        }
        if ((slot || dynamic->relation == HF_DYNAMIC_LAZY) && !binding->stub) {
            const struct hf_stub *stub = hf_target_stub_of(target, dynamic->place);
            binding->stub = stub ? stub->address : 0;
        }
    }
}

/* Binds to a part that the target has. */
static void bind_anchor(const struct hf_work *work, const struct hf_anchor *anchor, const struct hf_name *name,
                        uint64_t value, struct hf_binding *binding)
{
    bool resolver = name->type == STT_GNU_IFUNC;

    *binding = (struct hf_binding){.kind = anchor->thread ? HF_BINDING_THREAD
                                           : resolver     ? HF_BINDING_RESOLVER
                                                          : HF_BINDING_TARGET,
                                   .address = anchor->address + value,
                                   .stub = resolver ? anchor->stub : 0};
    if (anchor->thread && anchor->has_slot) {
        const struct hf_dynamic *dynamic = hf_target_dynamic(work->target, anchor->slot);
        binding->has_slot = dynamic && dynamic->relation == HF_DYNAMIC_TLS_DIRECT;
        binding->slot = anchor->slot;
    }
    /* What a library exports may be taken over by the program: the library's own slots and stubs know. */
    if (!work->target->executable && !resolver && name->binding != STB_LOCAL && name->visibility == STV_DEFAULT) {
        find_links(work->target, name->text, binding);
        if (!binding->has_slot && !binding->has_pair && !binding->stub && binding->kind == HF_BINDING_TARGET)
            binding->exported = hf_target_exports(work->target, name->text, anchor->address + value, &binding->symbol);
        binding->must_be_own = binding->exported && name->type == STT_FUNC && !hf_target_yields(work->target);
    }
}

static int bind_part(struct hf_work *work, struct hf_pairing *pairing, const struct hf_part *from,
                     const struct hf_reference *reference, const struct hf_name *name, struct hf_part *part,
                     struct hf_binding *binding, struct hotfix_error *err)
{
    int64_t offset = (int64_t)name->value + reference->addend;
    bool near = work->target->arch->relation(reference->type) == HF_RELATION_NEAR;
    bool own = part->anonymous || part->kind == HF_PART_MERGE || !part->twin;

    if (part->kind == HF_PART_OTHER || part->kind == HF_PART_UNWIND || part->kind == HF_PART_START)
        return hf_error(err, HOTFIX_INCOMPATIBLE, "%s: '%s' refers to section %s, which is not supported",
                        pairing->after->name, hf_part_title(from), part->name);
    /* Code that was compiled in another way may hand over arguments and registers in another way: see independent.h. */
    bool call = from->kind == HF_PART_CODE && work->target->arch->is_branch(from->bytes, reference->offset);
    if (pairing->independent && part->kind == HF_PART_CODE &&
        (name->binding == STB_LOCAL || name->visibility != STV_DEFAULT))
        own = own || call || hf_name_stem(name->text) != strlen(name->text);
    if (part->kind == HF_PART_CODE && !own)
        /* Unwind information describes the patch's own code, whatever the relocation's type. */
        own = from->kind == HF_PART_UNWIND || part->family || same_family(from, part) ||
              !means_function(work, part, reference, offset) ||
              (from->anonymous && near && (part->marks & (HF_MARK_CHANGED | HF_MARK_KEPT)));
    struct hf_anchor anchor;
    uint64_t literal, ahead;
    if (own && hf_literals_find(pairing->literals, reference, &literal, &ahead)) {
        *binding = (struct hf_binding){.kind = HF_BINDING_TARGET, .address = literal, .ahead = ahead, .part = part};
        return 0;
    }
    const struct hf_anchor *adopted = own ? hf_work_adopted(work, part) : NULL;
    if (adopted) {
        anchor = *adopted;
        own = false;
    } else if (!own) {
        int result = locate_name(work, pairing, part->twin, &anchor, err);
        if (result < 0)
            return -1;
        own = result == 1;
    }
    if (own && part->kind == HF_PART_TLS)
        return hf_error(err, HOTFIX_INCOMPATIBLE,
                        "%s: thread-local variable '%s' is new: the threads that run already have no room for it",
                        pairing->after->name, hf_part_title(part));
    if (own)
        *binding = (struct hf_binding){.kind = HF_BINDING_OWN};
    else
        bind_anchor(work, &anchor, name, name->value, binding);
    binding->part = part;
    return 0;
}

/* A definition in another new object. */
static const struct hf_name *find_definition(struct hf_work *work, const char *text, struct hf_pairing **pairing)
{
    const struct hf_name *weak = NULL;

    for (size_t i = 0; i < work->pairing_count; i++) {
        struct hf_object *object = work->pairings[i].after;
        for (size_t k = 0; object && k < object->name_count; k++) {
            const struct hf_name *name = &object->names[k];
            if (!name->part || name->binding == STB_LOCAL || strcmp(name->text, text) != 0)
                continue;
            if (name->binding == STB_WEAK && weak)
                continue;
            *pairing = &work->pairings[i];
            if (name->binding != STB_WEAK)
                return name;
            weak = name;
        }
    }
    return weak;
}

/* Where the proven functions of the old object found this name. */
static const struct hf_anchor *sighting(const struct hf_pairing *pairing, const char *text)
{
    const struct hf_object *object = pairing->proof_object;

    for (size_t i = 0; pairing->proof && i < object->name_count; i++)
        if (!object->names[i].part && strcmp(object->names[i].text, text) == 0)
            return &pairing->proof->names[i];
    return NULL;
}

const struct hf_symbol *hf_binding_symbol(const struct hf_target *target, const char *text, size_t *count)
{
    size_t total;
    struct hf_symbol *const *symbols = hf_target_named(target, text, &total);
    const struct hf_symbol *found = NULL;

    *count = 0;
    for (size_t i = 0; i < total; i++) {
        /* The linker puts globals that a version script makes local behind a file symbol without a name. */
        bool hidden =
            symbols[i]->binding == STB_LOCAL && (symbols[i]->visibility != STV_DEFAULT || symbols[i]->file[0] == '\0');
        if (symbols[i]->binding == STB_LOCAL && !hidden)
            continue;
        if (!found || found->address != symbols[i]->address)
            (*count)++;
        found = symbols[i];
    }
    return found;
}

static void bind_symbol(const struct hf_work *work, const struct hf_symbol *symbol, const struct hf_name *name,
                        struct hf_binding *binding)
{
    struct hf_anchor anchor = {.known = true, .thread = symbol->type == STT_TLS, .address = symbol->address};
    struct hf_name as = *name;

    as.type = symbol->type;
    as.visibility = symbol->visibility;
    bind_anchor(work, &anchor, &as, 0, binding);
    /* Programs that are not position-independent call such a function through a stub, whose address is its identity. */
    for (size_t i = 0; symbol->type == STT_GNU_IFUNC && !binding->stub && i < work->target->dynamic_count; i++) {
        const struct hf_dynamic *dynamic = &work->target->dynamics[i];
        if (dynamic->relation != HF_DYNAMIC_RESOLVER || (uint64_t)dynamic->addend != symbol->address)
            continue;
        const struct hf_stub *stub = hf_target_stub_of(work->target, dynamic->place);
        binding->stub = stub ? stub->address : 0;
    }
}

/* Can the dynamic linker find what libhotfix offers, from where the machine that builds cannot see? */
static bool may_bring_library(const struct hf_target *target)
{
    if (!target->executable)
        return true;
    for (size_t i = 0; i < target->needed_count; i++)
        if (strncmp(target->needed[i], "libhotfix.so", strlen("libhotfix.so")) == 0)
            return true;
    return false;
}

static int bind_foreign(struct hf_work *work, struct hf_pairing *pairing, const struct hf_part *from,
                        const struct hf_name *name, struct hf_binding *binding, struct hotfix_error *err)
{
    const struct hf_anchor *seen = sighting(pairing, name->text);
    size_t count;
    const struct hf_symbol *symbol = hf_binding_symbol(work->target, name->text, &count);

    if (symbol && count == 1 && (!seen || !seen->known || seen->address == symbol->address)) {
        bind_symbol(work, symbol, name, binding);
        return 0;
    }
    if (symbol && seen && seen->known)
        return hf_error(err, HOTFIX_UNPROVEN, "%s: the code and the symbols of %s disagree on where '%s' lies",
                        pairing->after->name, work->target->image.path, name->text);
    if (seen && seen->known) {
        bind_anchor(work, seen, name, 0, binding);
        return 0;
    }
    *binding = (struct hf_binding){.kind = HF_BINDING_IMPORT};
    find_links(work->target, name->text, binding);
    if (binding->has_slot || binding->has_pair || binding->stub)
        return 0;
    binding->kind = name->section == SHN_COMMON ? HF_BINDING_OWN : HF_BINDING_OUTSIDE;
    bool library = strncmp(name->text, "hotfix_", strlen("hotfix_")) == 0;
    if (name->section == SHN_COMMON || name->binding == STB_WEAK || hf_needed_have(&work->needed, name->text) ||
        (library && may_bring_library(work->target)))
        return 0;
    if (library)
        return hf_error(err, HOTFIX_INCOMPATIBLE,
                        "%s: '%s' refers to '%s' of libhotfix, which %s was not linked with, or only with one that has "
                        "no such function; if it was and is stripped, give --debug",
                        pairing->after->name, hf_part_title(from), name->text, work->target->image.path);
    return hf_error(err, HOTFIX_INCOMPATIBLE,
                    "%s: '%s' refers to '%s', which neither the new objects nor %s nor its libraries define",
                    pairing->after->name, hf_part_title(from), name->text, work->target->image.path);
}

int hf_bind(struct hf_work *work, struct hf_pairing *pairing, const struct hf_part *from,
            const struct hf_reference *reference, struct hf_binding *binding, struct hotfix_error *err)
{
    const struct hf_name *name = reference->name;

    if (name->part)
        return bind_part(work, pairing, from, reference, name, name->part, binding, err);
    if (name->section == SHN_ABS)
        return hf_error(err, HOTFIX_INCOMPATIBLE, "%s: '%s' refers to the absolute symbol '%s', which is not supported",
                        pairing->after->name, hf_part_title(from), name->text);
    struct hf_pairing *other = NULL;
    const struct hf_name *definition = find_definition(work, name->text, &other);
    if (definition)
        return bind_part(work, other, from, reference, definition, definition->part, binding, err);
    return bind_foreign(work, pairing, from, name, binding, err);
}
