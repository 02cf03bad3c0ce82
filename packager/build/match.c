/* SPDX-License-Identifier: Apache-2.0 */
#include "build/match.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"

#define MAX_USES 64 /* things of one stem that one function uses */

static bool is_matched_by_name(const struct hf_section *section)
{
    return section->leader[0] && (section->kind == HF_SECTION_CODE || section->kind == HF_SECTION_DATA);
}

static bool same_stem(const struct hf_section *a, const struct hf_section *b)
{
    size_t stem = hf_name_stem(a->leader);

    return stem == hf_name_stem(b->leader) && strncmp(a->leader, b->leader, stem) == 0 && a->kind == b->kind &&
           (a->flags & SHF_TLS) == (b->flags & SHF_TLS);
}

static bool is_numbered(const struct hf_section *section)
{
    return section->leader[hf_name_stem(section->leader)] != '\0';
}

static void pair(struct hf_match *match, uint32_t old_index, uint32_t new_index)
{
    match->old_of[new_index] = old_index;
    match->new_of[old_index] = new_index;
}

/* Sections that carry a name of their own, and those that nobody names but that have the same section name. */
static void match_by_name(struct hf_match *match)
{
    const struct hf_object *old = match->old_object, *new = match->new_object;

    for (uint32_t n = 1; n < new->section_count; n++) {
        const struct hf_section *wanted = &new->sections[n];
        bool named = is_matched_by_name(wanted);
        if (wanted->kind == HF_SECTION_OTHER || (named && is_numbered(wanted)))
            continue;
        for (uint32_t o = 1; o < old->section_count; o++) {
            const struct hf_section *section = &old->sections[o];
            bool same = named ? section->kind == wanted->kind && strcmp(section->leader, wanted->leader) == 0
                              : !is_matched_by_name(section) && section->kind == wanted->kind &&
                                    strcmp(section->name, wanted->name) == 0;
            if (same && match->new_of[o] == HF_UNMATCHED) {
                pair(match, o, n);
                break;
            }
        }
    }
}

static size_t count_stem(const struct hf_object *object, const struct hf_section *like)
{
    size_t count = 0;

    for (uint32_t i = 1; i < object->section_count; i++)
        count += is_matched_by_name(&object->sections[i]) && is_numbered(&object->sections[i]) &&
                 same_stem(&object->sections[i], like);
    return count;
}

/* The only unmatched section of that stem; HF_UNMATCHED when there is not exactly one. */
static uint32_t only_unmatched(const struct hf_object *object, const uint32_t *matched, const struct hf_section *like,
                               bool contents)
{
    uint32_t found = HF_UNMATCHED;

    for (uint32_t i = 1; i < object->section_count; i++) {
        const struct hf_section *section = &object->sections[i];
        if (matched[i] != HF_UNMATCHED || !is_matched_by_name(section) || !is_numbered(section) ||
            !same_stem(section, like))
            continue;
        if (contents && (section->size != like->size || section->type != like->type ||
                         (section->bytes && memcmp(section->bytes, like->bytes, section->size) != 0)))
            continue;
        if (found != HF_UNMATCHED)
            return HF_UNMATCHED;
        found = i;
    }
    return found;
}

/* The things of a stem that a function uses, in the order of their first use. */
static size_t uses_of(const struct hf_object *object, const struct hf_section *function, const struct hf_section *like,
                      uint32_t uses[MAX_USES])
{
    size_t count = 0;

    for (size_t r = 0; r < function->relocation_count; r++) {
        const struct hf_object_symbol *symbol = &object->symbols[function->relocations[r].symbol];
        if (!hf_symbol_defined(symbol))
            continue;
        const struct hf_section *used = &object->sections[symbol->section];
        bool seen = !is_matched_by_name(used) || !is_numbered(used) || !same_stem(used, like);
        for (size_t i = 0; i < count && !seen; i++)
            seen = uses[i] == symbol->section;
        if (!seen && count < MAX_USES)
            uses[count++] = symbol->section;
    }
    return count;
}

/* Matches the k-th use by a function with the k-th use by its other version, where both use equally many. */
static void match_by_use(struct hf_match *match, const struct hf_section *like)
{
    const struct hf_object *old = match->old_object, *new = match->new_object;
    uint32_t old_uses[MAX_USES], new_uses[MAX_USES];

    for (uint32_t f = 1; f < new->section_count; f++) {
        uint32_t o = match->old_of[f];
        if (o == HF_UNMATCHED || new->sections[f].kind == HF_SECTION_OTHER)
            continue;
        size_t count = uses_of(new, &new->sections[f], like, new_uses);
        if (count == 0 || uses_of(old, &old->sections[o], like, old_uses) != count)
            continue;
        for (size_t i = 0; i < count; i++) {
            uint32_t before = match->old_of[new_uses[i]], after = match->new_of[old_uses[i]];
            if (before == HF_UNMATCHED && after == HF_UNMATCHED)
                pair(match, old_uses[i], new_uses[i]);
            else if (before != old_uses[i])
                match->ambiguous[new_uses[i]] = true; /* two functions disagree */
        }
    }
}

static void match_numbered(struct hf_match *match, uint32_t n)
{
    const struct hf_object *old = match->old_object, *new = match->new_object;
    const struct hf_section *section = &new->sections[n];
    size_t old_count = count_stem(old, section), new_count = count_stem(new, section);

    if (old_count == 1 && new_count == 1) {
        pair(match, only_unmatched(old, match->new_of, section, false), n);
        return;
    }
    if (old_count == 0)
        return;
    match_by_use(match, section);
    if (match->old_of[n] != HF_UNMATCHED)
        return;
    /* Nothing that uses it decides: equal contents of exactly one on each side do. */
    uint32_t o = only_unmatched(old, match->new_of, section, true);
    if (o != HF_UNMATCHED && only_unmatched(new, match->old_of, &old->sections[o], true) == n)
        pair(match, o, n);
    else if (only_unmatched(old, match->new_of, section, false) != HF_UNMATCHED || old_count > new_count)
        match->ambiguous[n] = true;
}

int hf_match_create(const struct hf_object *old_object, const struct hf_object *new_object, struct hf_match *match,
                    struct hotfix_error *err)
{
    struct hf_match made = {
        .old_object = old_object,
        .new_object = new_object,
        .old_of = calloc(new_object->section_count + 1, sizeof(*made.old_of)),
        .new_of = calloc(old_object->section_count + 1, sizeof(*made.new_of)),
        .ambiguous = calloc(new_object->section_count + 1, sizeof(*made.ambiguous)),
    };

    if (!made.old_of || !made.new_of || !made.ambiguous) {
        hf_match_deinit(&made);
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", new_object->path);
    }
    match_by_name(&made);
    /* Functions first: they say how data is used. */
    static const enum hf_section_kind kinds[] = {HF_SECTION_CODE, HF_SECTION_DATA};
    for (size_t k = 0; k < 2; k++)
        for (uint32_t n = 1; n < new_object->section_count; n++) {
            const struct hf_section *section = &new_object->sections[n];
            if (section->kind == kinds[k] && made.old_of[n] == HF_UNMATCHED && is_matched_by_name(section) &&
                is_numbered(section))
                match_numbered(&made, n);
        }
    *match = made;
    return 0;
}

void hf_match_deinit(struct hf_match *match)
{
    free(match->old_of);
    free(match->new_of);
    free(match->ambiguous);
    memset(match, 0, sizeof(*match));
}
