/* SPDX-License-Identifier: Apache-2.0 */
#include "choose/worlds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "object/inlined.h"
#include "reference/binding.h"
#include "reference/callers.h"
#include "reference/calls.h"
#include "reference/replacement.h"

static int no_memory(struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_MEMORY, "out of memory");
}

/* A pair of objects, with who calls whom in each. */
struct sides {
    struct hf_work *work;
    const struct hf_pairing *pairing;
    struct hf_calls *before;
    struct hf_calls *after;
    bool *reached; /* room for one search in either */
};

static void sides_deinit(struct sides *sides)
{
    hf_calls_destroy(sides->before);
    hf_calls_destroy(sides->after);
    free(sides->reached);
}
#define SIDES __attribute__((cleanup(sides_deinit)))

static int sides_init(struct sides *sides, struct hf_work *work, const struct hf_pairing *pairing,
                      struct hotfix_error *err)
{
    size_t parts = pairing->after->part_count;

    if (pairing->before->part_count > parts)
        parts = pairing->before->part_count;
    *sides = (struct sides){.work = work, .pairing = pairing, .reached = calloc(parts + 1, sizeof(bool))};
    if (!sides->reached)
        return no_memory(err);
    return hf_calls_read(pairing->before, work->target, &sides->before, err) != 0 ||
                   hf_calls_read(pairing->after, work->target, &sides->after, err) != 0
               ? -1
               : 0;
}

static bool is_function(const struct hf_part *part)
{
    return part->kind == HF_PART_CODE && !part->family && part->size > 0;
}

/* A function of the old object that calls no longer reach, or reach in another version, once the patch is applied. */
static bool is_outdated(const struct hf_part *before)
{
    return is_function(before) && (!before->twin || (before->twin->marks & HF_MARK_CHANGED));
}

/* Is the function, or for one of the old object its new version, diverted to by the target? */
static bool is_diverted(const struct hf_part *function, bool old)
{
    const struct hf_part *after = old ? function->twin : function;

    return after && after->twin && (after->marks & HF_MARK_CHANGED);
}

/* Leaving functions undiverted. */

/* Does code or data of the old objects hold the function's address, other than to call it? */
static bool is_address_taken(const struct hf_work *work, const struct hf_part *function, const struct hf_name *name)
{
    for (size_t i = 0; i < work->pairing_count; i++) {
        const struct hf_object *object = work->pairings[i].before;
        for (size_t k = 1; object && k < object->part_count; k++) {
            const struct hf_part *part = &object->parts[k];
            bool loaded = part->kind != HF_PART_DEBUG && part->kind != HF_PART_UNWIND && part->kind != HF_PART_OTHER;
            for (size_t n = 0; loaded && n < part->reference_count; n++) {
                int64_t offset;
                const struct hf_reference *reference = &part->references[n];
                bool foreign = !reference->name->part && name->binding != STB_LOCAL &&
                               strcmp(reference->name->text, name->text) == 0;
                if ((foreign || hf_reference_part(reference, &offset) == function) &&
                    !hf_calls_branch(work->target->arch, part, reference))
                    return true;
            }
        }
    }
    return false;
}

/* Can other modules get its address from the dynamic linker? */
static bool is_dynamic(const struct hf_target *target, uint64_t address)
{
    for (Elf_Scn *section = NULL; (section = elf_nextscn(target->image.elf, section));) {
        GElf_Shdr header;
        GElf_Sym symbol;
        if (!gelf_getshdr(section, &header) || header.sh_type != SHT_DYNSYM)
            continue;
        Elf_Data *data = elf_getdata(section, NULL);
        for (int i = 0; data && gelf_getsym(data, i, &symbol); i++)
            if (symbol.st_shndx != SHN_UNDEF && symbol.st_value == address)
                return true;
    }
    return false;
}

/* Is every caller of the target's function replaced, and does nothing else have its address? */
static bool only_replaced_call(struct hf_work *work, const struct hf_pairing *pairing, const struct hf_part *before)
{
    const struct hf_part *after = before->twin;
    const struct hf_name *name = hf_part_function(before);
    const struct hf_name *new_name = hf_part_function(after);
    struct hf_anchor anchor;

    return name && new_name && name->type == STT_FUNC && new_name->type == STT_FUNC && after->twin == before &&
           hf_locate(work, pairing, before, &anchor, NULL) == 0 &&
           !is_dynamic(work->target, anchor.address + name->value) && !is_address_taken(work, before, name) &&
           !hf_callers_stay(work, pairing, before);
}

/* Do calls of code that the switch outdates, or of new code, lead to this function? */
static bool has_other_callers(const struct sides *sides, const struct hf_part *before)
{
    for (size_t i = 1; i < sides->pairing->before->part_count; i++) {
        const struct hf_part *part = &sides->pairing->before->parts[i];
        if (!is_outdated(part))
            continue;
        hf_calls_reach(sides->before, part, sides->reached);
        if (sides->reached[before->index])
            return true;
    }
    for (size_t i = 1; i < sides->pairing->after->part_count; i++) {
        const struct hf_part *part = &sides->pairing->after->parts[i];
        if (!is_function(part) || (part->twin && !(part->marks & HF_MARK_CHANGED)))
            continue;
        hf_calls_reach(sides->after, part, sides->reached);
        if (sides->reached[before->twin->index])
            return true;
    }
    return false;
}

/* The function and its cold half become new; what the target has stays. */
static void take_apart(struct hf_object *before, struct hf_part *function)
{
    for (size_t i = 1; i < before->part_count; i++) {
        struct hf_part *part = &before->parts[i];
        struct hf_part *twin = part->twin;
        if (!twin || hf_part_whole(twin) != function)
            continue;
        part->twin = NULL;
        part->marks |= HF_MARK_APART;
    }
    for (size_t i = 1; i < function->object->part_count; i++) {
        struct hf_part *part = &function->object->parts[i];
        if (hf_part_whole(part) != function)
            continue;
        part->twin = NULL;
        part->marks = (part->marks & ~(HF_MARK_CHANGED | HF_MARK_KEPT)) | HF_MARK_APART;
    }
}

/* Finds all functions of the pair that are to be taken apart, before the first one is. */
static int find_apart(struct hf_work *work, const struct hf_pairing *pairing, bool *apart, struct hotfix_error *err)
{
    SIDES struct sides sides = {.work = NULL};

    if (sides_init(&sides, work, pairing, err) != 0)
        return -1;
    for (size_t i = 1; i < pairing->before->part_count; i++) {
        const struct hf_part *part = &pairing->before->parts[i];
        apart[i] = is_function(part) && is_diverted(part, true) && only_replaced_call(work, pairing, part) &&
                   has_other_callers(&sides, part);
    }
    return 0;
}

static bool any_changed(const struct hf_pairing *pairing)
{
    for (size_t i = 1; pairing->before && i < pairing->after->part_count; i++)
        if (pairing->after->parts[i].marks & HF_MARK_CHANGED)
            return true;
    return false;
}

int hf_worlds_part(struct hf_work *work, struct hotfix_error *err)
{
    HF_FREE bool **apart = calloc(work->pairing_count + 1, sizeof(*apart));
    int failed = apart ? 0 : no_memory(err);

    for (size_t i = 0; !failed && i < work->pairing_count; i++) {
        const struct hf_pairing *pairing = &work->pairings[i];
        if (!any_changed(pairing))
            continue;
        apart[i] = calloc(pairing->before->part_count + 1, sizeof(bool));
        failed = apart[i] ? find_apart(work, pairing, apart[i], err) : no_memory(err);
    }
    for (size_t i = 0; apart && i < work->pairing_count; i++) {
        const struct hf_pairing *pairing = &work->pairings[i];
        for (size_t k = 1; apart[i] && !failed && k < pairing->before->part_count; k++) {
            struct hf_part *after = pairing->before->parts[k].twin;
            if (!apart[i][k])
                continue;
            take_apart(pairing->before, after);
            failed = hf_work_note(work, HF_BUILD_CHANGED, hf_part_title(after), pairing->after->name, err, "%s", "");
        }
        free(apart[i]);
    }
    return failed;
}

/* The lists. */

static int add_code(struct hf_work *work, enum hf_world_kind kind, const struct hf_pairing *pairing,
                    const struct hf_part *part, struct hotfix_error *err)
{
    struct hf_worlds *worlds = &work->worlds;
    struct hf_world_code *grown = reallocarray(worlds->items, worlds->count + 1, sizeof(*grown));

    if (!grown)
        return no_memory(err);
    worlds->items = grown;
    grown[worlds->count++] = (struct hf_world_code){kind, pairing, part};
    return 0;
}

/* Adds a function with its cold half. */
static int add_function(struct hf_work *work, enum hf_world_kind kind, const struct hf_pairing *pairing,
                        const struct hf_part *function, struct hotfix_error *err)
{
    for (size_t i = 1; i < function->object->part_count; i++) {
        struct hf_part *part = &function->object->parts[i];
        if (part->kind == HF_PART_CODE && part->size > 0 && hf_part_whole(part) == function &&
            add_code(work, kind, pairing, part, err) != 0)
            return -1;
    }
    return 0;
}

static void unite(struct hf_part *a, struct hf_part *b)
{
    struct hf_part *left = hf_part_leader(a);
    struct hf_part *right = hf_part_leader(b);

    if (left != right)
        right->leader = left;
}

/* Old callers that no thread may be in when the patch is applied. */
static int find_old(const struct sides *sides, struct hotfix_error *err)
{
    const struct hf_object *before = sides->pairing->before;

    for (size_t i = 1; i < before->part_count; i++) {
        const struct hf_part *part = &before->parts[i];
        bool meets = false;
        if (!is_outdated(part))
            continue;
        hf_calls_reach(sides->before, part, sides->reached);
        for (size_t k = 1; k < before->part_count; k++) {
            const struct hf_part *callee = &before->parts[k];
            if (!sides->reached[k] || !is_diverted(callee, true))
                continue;
            meets = true;
            if (part->twin)
                unite(callee->twin, part->twin);
        }
        if (meets && add_function(sides->work, HF_WORLD_LEFT_TO_APPLY, sides->pairing, part, err) != 0)
            return -1;
    }
    return 0;
}

/*
 * New callers that no thread may be inside when the patch is reverted, and the functions of the target on which they
 * rely.
 */
static int find_new(const struct sides *sides, bool *assumed, struct hotfix_error *err)
{
    const struct hf_object *after = sides->pairing->after;

    for (size_t i = 1; i < after->part_count; i++) {
        struct hf_part *part = &after->parts[i];
        bool meets = false;
        if (!is_function(part) || !(part->marks & HF_MARK_KEPT))
            continue;
        hf_calls_reach(sides->after, part, sides->reached);
        for (size_t k = 1; k < after->part_count; k++) {
            struct hf_part *callee = &after->parts[k];
            if (!sides->reached[k] || !callee->twin)
                continue;
            bool diverted = is_diverted(callee, false);
            if (!diverted && (callee->marks & HF_MARK_KEPT))
                continue;
            assumed[callee->twin->index] = true;
            meets = meets || diverted;
            if (diverted)
                unite(callee, part);
        }
        if (meets && add_function(sides->work, HF_WORLD_LEFT_TO_REVERT, sides->pairing, part, err) != 0)
            return -1;
    }
    return 0;
}

/* Was the function inlined into the old version of this one, which may have been taken apart? */
static bool was_inlined(const struct hf_inlined *old, const char *function, const struct hf_part *into)
{
    for (size_t i = hf_inlined_find(old, function); i < old->count; i++) {
        if (strcmp(old->items[i].function, function) != 0)
            break;
        const struct hf_part *part = old->items[i].part;
        if (old->items[i].copy && (part == into->twin || strcmp(hf_part_title(part), hf_part_title(into)) == 0))
            return true;
    }
    return false;
}

/*
 * A function of the release that is inlined where it was not before. The patch relies on the target's separate copy of
 * the function; if there is none, on the functions into which it is inlined, since a change of it changes them.
 */
static void assume_body(const struct hf_inlined *old, const char *function, bool *assumed)
{
    bool copies = true;

    for (size_t i = hf_inlined_find(old, function); i < old->count; i++) {
        const struct hf_inlined_item *item = &old->items[i];
        const struct hf_part *whole = item->part->family ? item->part->family : item->part;
        if (strcmp(item->function, function) != 0 || (item->copy && !copies))
            break;
        copies = item->copy;
        if (is_function(whole) && !(whole->twin && (whole->twin->marks & (HF_MARK_CHANGED | HF_MARK_KEPT))))
            assumed[whole->index] = true;
    }
}

/* Code of a function of the release that another function, or a version of its own for some callers, did not have. */
static bool is_new_copy(const struct hf_inlined *old, const struct hf_inlined_item *item)
{
    const struct hf_part *whole = item->part->family ? item->part->family : item->part;

    if (!(item->part->marks & HF_MARK_KEPT))
        return false;
    return item->copy ? !was_inlined(old, item->function, item->part) : !whole->twin;
}

/*
 * Finds functions of the release that the patch's code contains: another bundle that fixes them does not reach these
 * copies.
 */
static int find_inlined(const struct hf_pairing *pairing, bool *assumed, struct hotfix_error *err)
{
    HF_INLINED struct hf_inlined old = {.count = 0};
    HF_INLINED struct hf_inlined new = {.count = 0};

    if (hf_inlined_read(pairing->before, &old, err) != 0 || hf_inlined_read(pairing->after, &new, err) != 0)
        return -1;
    for (size_t i = 0; i < new.count; i++)
        if (is_new_copy(&old, &new.items[i]))
            assume_body(&old, new.items[i].function, assumed);
    return 0;
}

/* The patch's callers use a separate version of it, which other bundles do not divert. */
static bool is_apart(const struct hf_part *before)
{
    return (before->marks & HF_MARK_APART) && is_function(before);
}

static int find_pairing(struct hf_work *work, const struct hf_pairing *pairing, struct hotfix_error *err)
{
    SIDES struct sides sides = {.work = NULL};
    HF_FREE bool *assumed = calloc(pairing->before->part_count + 1, sizeof(*assumed));

    if (!assumed)
        return no_memory(err);
    if (sides_init(&sides, work, pairing, err) != 0 || find_old(&sides, err) != 0 ||
        find_new(&sides, assumed, err) != 0 || find_inlined(pairing, assumed, err) != 0)
        return -1;
    for (size_t i = 1; i < pairing->before->part_count; i++)
        if ((assumed[i] || is_apart(&pairing->before->parts[i])) &&
            add_code(work, HF_WORLD_ASSUMED, pairing, &pairing->before->parts[i], err) != 0)
            return -1;
    return 0;
}

int hf_worlds_find(struct hf_work *work, struct hotfix_error *err)
{
    for (size_t i = 0; i < work->pairing_count; i++) {
        const struct hf_pairing *pairing = &work->pairings[i];
        bool kept = false;
        for (size_t k = 1; k < pairing->after->part_count; k++)
            kept = kept || (pairing->after->parts[k].marks & HF_MARK_KEPT);
        if (pairing->before && kept && find_pairing(work, pairing, err) != 0)
            return -1;
    }
    return 0;
}
