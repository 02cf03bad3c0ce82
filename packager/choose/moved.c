/* SPDX-License-Identifier: Apache-2.0 */
#include "choose/moved.h"

#include <stdlib.h>
#include <string.h>

#include "compare/layout.h"
#include "error.h"
#include "reference/binding.h"

static bool is_hook(const char *text)
{
    return strcmp(text, HF_HOOK_APPLY) == 0 || strcmp(text, HF_HOOK_REVERT) == 0;
}

/* A name that other objects can refer to. */
static bool is_definition(const struct hf_name *name)
{
    return name->binding != STB_LOCAL && name->text[0] != '\0' && !is_hook(name->text) &&
           (name->part || name->section == SHN_COMMON);
}

/* Does every global definition of one object have its like in the other? They come in the same order as a rule. */
static bool defines_all(const struct hf_object *from, const struct hf_object *to)
{
    size_t next = 1;

    for (size_t i = 1; i < from->name_count; i++) {
        const struct hf_name *name = &from->names[i];
        if (!is_definition(name))
            continue;
        while (next < to->name_count && !is_definition(&to->names[next]))
            next++;
        bool here = next < to->name_count && strcmp(to->names[next].text, name->text) == 0;
        const struct hf_name *other = here ? &to->names[next] : hf_global_definition(to, name->text);
        if (!other || hf_name_yields(other) != hf_name_yields(name))
            return false;
        next = other->index + 1;
    }
    return true;
}

bool hf_definitions_differ(const struct hf_object *before, const struct hf_object *after)
{
    return !defines_all(before, after) || !defines_all(after, before);
}

bool hf_moved_from(const struct hf_work *work, const struct hf_object *gone)
{
    for (size_t i = 0; i < work->pairing_count; i++) {
        const struct hf_pairing *pairing = &work->pairings[i];
        for (size_t k = 1; k < pairing->after->name_count; k++) {
            const struct hf_name *name = &pairing->after->names[k];
            if (is_definition(name) && hf_global_definition(gone, name->text) &&
                !hf_global_definition(pairing->before, name->text))
                return true;
        }
    }
    return false;
}

void hf_moved_forget(struct hf_work *work, const struct hf_object *after)
{
    for (size_t i = 0; i < work->pairing_count; i++) {
        struct hf_object *before = work->pairings[i].before;
        for (size_t k = 1; before && k < before->part_count; k++)
            if (before->parts[k].twin && before->parts[k].twin->object == after)
                before->parts[k].twin = NULL;
    }
}

/* One new definition while its place in the target is looked for. */
struct arrival {
    struct hf_work *work;
    const struct hf_pairing *pairing;
    const struct hf_name *name;
    struct hotfix_error *err;
};

static int refuse(const struct arrival *arrival, const char *why, const char *where)
{
    return hf_error(arrival->err, HOTFIX_INCOMPATIBLE, "%s: defines '%s' anew, %s%s", arrival->pairing->after->name,
                    arrival->name->text, why, where);
}

/* Another file that defined the name and no longer does; *others counts all that define it before. */
static const struct hf_name *find_origin(const struct arrival *arrival, size_t *others)
{
    const struct hf_name *origin = NULL;
    size_t count;
    const struct hf_mention *mentions = hf_census_find(&arrival->work->census, arrival->name->text, &count);

    *others = 0;
    for (size_t i = 0; i < count; i++)
        *others += mentions[i].defined;
    for (size_t i = 0; i < arrival->work->pairing_count; i++) {
        const struct hf_pairing *other = &arrival->work->pairings[i];
        const struct hf_name *was = hf_global_definition(other->before, arrival->name->text);
        if (was && !hf_global_definition(other->after, arrival->name->text))
            origin = was;
    }
    return origin;
}

/* An object of the release that mentions the name: defines it, or asks for it. */
static const char *mentioned_by(const struct arrival *arrival, bool defined)
{
    size_t count;
    const struct hf_mention *mentions = hf_census_find(&arrival->work->census, arrival->name->text, &count);

    for (size_t i = 0; i < count; i++)
        if (mentions[i].defined == defined)
            return mentions[i].object;
    return NULL;
}

/* The cold halves of a function go with it. */
static void pair_families(struct hf_part *before, struct hf_part *after)
{
    for (size_t i = 1; i < after->object->part_count; i++) {
        struct hf_part *half = &after->object->parts[i];
        for (size_t k = 1; half->family == after && !half->twin && k < before->object->part_count; k++) {
            struct hf_part *other = &before->object->parts[k];
            if (other->family != before || other->twin)
                continue;
            half->twin = other;
            other->twin = half;
        }
    }
}

static bool is_function(const struct hf_part *part)
{
    return part->kind == HF_PART_CODE;
}

static int pair(const struct arrival *arrival, struct hf_part *before, struct hf_part *after)
{
    if (before->twin == after && after->twin == before)
        return 0;
    if ((after->twin && after->twin != before) || (before->twin && before->twin != after) ||
        is_function(before) != is_function(after) || (before->kind == HF_PART_TLS) != (after->kind == HF_PART_TLS) ||
        before->anonymous || after->anonymous)
        return refuse(arrival, "and what it was is something else now, in ", before->object->name);
    before->twin = after;
    after->twin = before;
    pair_families(before, after);
    return 0;
}

static bool in_writable(const struct hf_target *target, uint64_t address)
{
    size_t count = 0;

    elf_getphdrnum(target->image.elf, &count);
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr segment;
        if (gelf_getphdr(target->image.elf, (int)i, &segment) && segment.p_type == PT_LOAD &&
            address >= segment.p_vaddr && address - segment.p_vaddr < segment.p_memsz)
            return (segment.p_flags & PF_W) != 0;
    }
    return false;
}

/*
 * Does a word of the target have the same initial value as that of the new variable: the address of a symbol of another
 * library?
 */
static bool points_alike(const struct hf_target *target, const struct hf_symbol *symbol,
                         const struct hf_reference *reference)
{
    const struct hf_dynamic *dynamic = hf_target_dynamic(target, symbol->address + reference->offset);

    return target->arch->relation(reference->type) == HF_RELATION_WORD && !reference->name->part && dynamic &&
           dynamic->relation == HF_DYNAMIC_SYMBOL && dynamic->addend == reference->addend &&
           strcmp(dynamic->symbol, reference->name->text) == 0;
}

/* Has the target's variable the same initial value as the new one? */
static bool begins_alike(const struct hf_target *target, const struct hf_symbol *symbol, const struct hf_part *part)
{
    const uint8_t *bytes = hf_image_bytes(&target->image, symbol->address, part->size);

    if (symbol->size != part->size || in_writable(target, symbol->address) != ((part->flags & SHF_WRITE) != 0))
        return false;
    for (size_t i = 0; i < part->reference_count; i++)
        if (!points_alike(target, symbol, &part->references[i]))
            return false;
    for (size_t i = 0; part->bytes && i < part->size; i++)
        if (part->bytes[i] != (bytes ? bytes[i] : 0))
            return false;
    for (size_t i = 0; !part->bytes && bytes && i < part->size; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

static int adopt(const struct arrival *arrival, const struct hf_symbol *symbol)
{
    struct hf_work *work = arrival->work;
    struct hf_part *part = arrival->name->part;
    struct hf_adopted *grown = reallocarray(work->adopted, work->adopted_count + 1, sizeof(*grown));

    if (!grown)
        return hf_error(arrival->err, HOTFIX_MEMORY, "out of memory");
    work->adopted = grown;
    grown[work->adopted_count++] = (struct hf_adopted){.part = part,
                                                       .anchor = {.known = true,
                                                                  .thread = symbol->type == STT_TLS,
                                                                  .address = symbol->address - arrival->name->value}};
    return hf_work_note(work, HF_BUILD_IGNORED, arrival->name->text, arrival->pairing->after->name, arrival->err,
                        "the target has it from another file: it keeps its value");
}

/* The target has the name from an object that was not given, or that keeps it. */
static int arrive_at(const struct arrival *arrival, const struct hf_symbol *symbol)
{
    const struct hf_part *part = arrival->name->part;
    const char *object = mentioned_by(arrival, true);

    if (hf_work_adopted(arrival->work, part))
        return 0;
    if (is_function(part))
        return object ? refuse(arrival, "in the place of the one that the target has from ", object)
                      : refuse(arrival,
                               "and the target has it from another file: give the old and the new object of that file",
                               "");
    if (part->name_count == 1 && begins_alike(arrival->work->target, symbol, part))
        return adopt(arrival, symbol);
    return refuse(arrival, "and the target has it with another size or another initial value", "");
}

/* A definition in a file that did not have it. */
static int arrive(const struct arrival *arrival)
{
    const struct hf_target *target = arrival->work->target;
    const struct hf_name *name = arrival->name;
    bool weak = hf_name_yields(name);
    bool variable = name->part->kind == HF_PART_DATA || name->part->kind == HF_PART_ZERO;
    size_t others;
    const struct hf_name *origin = find_origin(arrival, &others);

    if (origin && origin->part && others == 1)
        return pair(arrival, origin->part, name->part);
    /* Headers contain weak functions and constants, whose copies are interchangeable. A variable exists only once. */
    if (weak && !variable && !origin)
        return 0;
    size_t count;
    const struct hf_symbol *symbol = hf_binding_symbol(target, name->text, &count);
    if (symbol && count == 1)
        return arrive_at(arrival, symbol);
    if (others > 0 || symbol)
        return refuse(arrival, "and the target has it already, where cannot be told; it was defined by ",
                      others > 0 ? mentioned_by(arrival, true) : "several files");
    if (weak)
        return 0;
    if (hf_needed_have(&arrival->work->needed, name->text) && hf_target_import(target, name->text))
        return refuse(arrival, "and the rest of the target uses that of a library: give it another name", "");
    const char *user = mentioned_by(arrival, false);
    if (user)
        return refuse(arrival, "and it is looked for already, and not found, by ", user);
    return 0;
}

/* A weak definition became one that takes precedence: over which? */
static int strengthen(const struct arrival *arrival)
{
    size_t count;
    const struct hf_mention *mentions = hf_census_find(&arrival->work->census, arrival->name->text, &count);

    for (size_t i = 0; i < count; i++)
        if (mentions[i].defined && strcmp(mentions[i].object, arrival->pairing->before->name) != 0)
            return hf_error(arrival->err, HOTFIX_INCOMPATIBLE,
                            "%s: '%s' was weak and takes precedence now over that of %s, which the target may use",
                            arrival->pairing->after->name, arrival->name->text, mentions[i].object);
    return 0;
}

static int match_name(const struct arrival *arrival)
{
    const struct hf_name *name = arrival->name;
    const struct hf_name *was = hf_global_definition(arrival->pairing->before, name->text);

    if (!name->part || name->part->kind == HF_PART_OTHER)
        return 0;
    /* A tentative definition has no section: what takes its place is looked for in the target, too. */
    if (!was || !was->part)
        return arrive(arrival);
    return hf_name_yields(was) && !hf_name_yields(name) ? strengthen(arrival) : 0;
}

/* A definition that took precedence is gone: a weak one of another object would be used in its place. */
static int check_gone(struct hf_work *work, const struct hf_pairing *pairing, const struct hf_name *name,
                      struct hotfix_error *err)
{
    size_t count;

    if (hf_name_yields(name) || hf_global_definition(pairing->after, name->text))
        return 0;
    const struct hf_mention *mentions = hf_census_find(&work->census, name->text, &count);
    for (size_t i = 0; i < count; i++)
        if (mentions[i].defined && mentions[i].weak && strcmp(mentions[i].object, pairing->before->name) != 0)
            return hf_error(err, HOTFIX_INCOMPATIBLE,
                            "%s: '%s' is gone, so that the weak one of %s would be used now, and the target keeps "
                            "using the old one: keep it, and give it the code of the other one",
                            pairing->after->name, name->text, mentions[i].object);
    return 0;
}

int hf_moved_match(struct hf_work *work, struct hotfix_error *err)
{
    for (size_t i = 0; i < work->pairing_count; i++) {
        const struct hf_pairing *pairing = &work->pairings[i];
        for (size_t k = 1; pairing->before && k < pairing->before->name_count; k++)
            if (is_definition(&pairing->before->names[k]) &&
                check_gone(work, pairing, &pairing->before->names[k], err) != 0)
                return -1;
        for (size_t k = 1; k < pairing->after->name_count; k++) {
            const struct arrival arrival = {work, pairing, &pairing->after->names[k], err};
            if (is_definition(arrival.name) && match_name(&arrival) != 0)
                return -1;
        }
    }
    return 0;
}

int hf_moved_layouts(const struct hf_object *before, const struct hf_object *after, struct hotfix_error *err)
{
    const struct hf_object *checked = before;

    for (size_t i = 1; i < after->part_count; i++) {
        const struct hf_part *part = &after->parts[i];
        const struct hf_object *origin = part->twin && (part->marks & HF_MARK_CHANGED) ? part->twin->object : NULL;
        if (!origin || origin == before || origin == checked)
            continue;
        checked = origin;
        if (hf_layouts_check(origin, after, err) != 0)
            return -1;
    }
    return 0;
}
