/* SPDX-License-Identifier: Apache-2.0 */
#include "types/difference.h"

#include <inttypes.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "types/listing.h"
#include "types/methods.h"
#include "types/prototype.h"

#define MAX_DEPTH      64  /* types within types without a name between them */
#define MEMBERS_A_STEP 256 /* that are looked at while a type is read */

/* Two definitions that are to be compared. */
struct hf_pending {
    struct hf_type before;
    struct hf_type after;
};

struct pair {
    uint64_t before;
    uint64_t after;
};

/* What comparing two types without a name came to, and in which walk: only that has said where they differ. */
struct answer {
    struct pair pair; /* first: compare_pairs() looks at nothing else */
    enum hf_equality equality;
    size_t walk;
};

/* One comparison of two definitions, and the worst that it came to. */
struct walk {
    size_t number; /* from 1 */
    struct hf_comparison *comparison;
    enum hf_equality said;
    char *what;
    char *member; /* see struct hf_difference */
    bool gone;
};

static enum hf_equality worse(enum hf_equality a, enum hf_equality b)
{
    return a > b ? a : b;
}

/* The first thing to be said of those that are as bad as it gets. */
__attribute__((format(printf, 3, 4))) static enum hf_equality say(struct walk *walk, enum hf_equality equality,
                                                                  const char *format, ...)
{
    va_list arguments;
    char *text;

    if (equality <= walk->said)
        return equality;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0) {
        walk->comparison->failed = true;
        return equality;
    }
    free(walk->what);
    walk->what = text;
    walk->said = equality;
    return equality;
}

static enum hf_equality compare_of(struct walk *walk, Dwarf_Die before, Dwarf_Die after, unsigned depth);
static enum hf_equality compare_body(struct walk *walk, const struct hf_type *before, const struct hf_type *after,
                                     const char *path, unsigned depth);
static enum hf_equality compare_unnamed(struct walk *walk, const struct hf_type *before, const struct hf_type *after,
                                        const char *path, unsigned depth);

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *first = a, *second = b;

    if (first->before != second->before)
        return first->before < second->before ? -1 : 1;
    return first->after < second->after ? -1 : first->after > second->after;
}

/* Remembers a pair of definitions: true the first time. */
static bool is_new_pair(struct hf_comparison *comparison, Dwarf_Die before, Dwarf_Die after)
{
    struct pair *pair = malloc(sizeof(*pair));

    if (!pair) {
        comparison->failed = true;
        return false;
    }
    *pair = (struct pair){.before = hf_type_key(before), .after = hf_type_key(after)};
    struct pair **known = tsearch(pair, &comparison->pairs, compare_pairs);
    if (known && *known == pair)
        return true;
    comparison->failed |= !known;
    free(pair);
    return false;
}

/* Takes steps; false where the comparison has none left. */
static bool spend(struct walk *walk, size_t steps)
{
    struct hf_comparison *comparison = walk->comparison;

    if (steps <= HF_COMPARISON_STEPS - comparison->steps) {
        comparison->steps += steps;
        return true;
    }
    comparison->steps = HF_COMPARISON_STEPS;
    say(walk, HF_TYPES_UNPROVEN, "the types take more than %d steps to compare", HF_COMPARISON_STEPS);
    return false;
}

/*
 * The answer for a pair of unnamed types: *known says whether it was found. One that is not found is unproven until it
 * is set, also for types that lead back to themselves. Without it types that have an inner one twice at each of n
 * levels would be compared 2^n times. NULL when out of memory.
 */
static struct answer *find_answer(struct walk *walk, const struct hf_type *before, const struct hf_type *after,
                                  bool *known)
{
    struct hf_comparison *comparison = walk->comparison;
    struct answer *answer = malloc(sizeof(*answer));

    *known = false;
    if (!answer) {
        comparison->failed = true;
        return NULL;
    }
    *answer = (struct answer){.pair = {.before = hf_type_key(before->die), .after = hf_type_key(after->die)},
                              .equality = HF_TYPES_UNPROVEN,
                              .walk = walk->number};
    struct answer **found = tsearch(answer, &comparison->answers, compare_pairs);
    if (found && *found == answer)
        return answer;
    free(answer);
    if (!found) {
        comparison->failed = true;
        return NULL;
    }
    *known = (*found)->equality == HF_TYPES_EQUAL || (*found)->walk == walk->number;
    **found = (struct answer){
        .pair = (*found)->pair, .equality = *known ? (*found)->equality : HF_TYPES_UNPROVEN, .walk = walk->number};
    return *found;
}

/* Both types move to the list of those to be compared; a declaration says nothing that could differ. */
static void postpone(struct hf_comparison *comparison, struct hf_type *before, struct hf_type *after)
{
    if (comparison->shallow || !hf_type_is_definition(before) || !hf_type_is_definition(after) ||
        !is_new_pair(comparison, before->die, after->die))
        return;
    struct hf_pending *grown = reallocarray(comparison->pending, comparison->pending_count + 1, sizeof(*grown));
    if (!grown) {
        comparison->failed = true;
        return;
    }
    comparison->pending = grown;
    grown[comparison->pending_count++] = (struct hf_pending){.before = *before, .after = *after};
    before->die = NULL;
    after->die = NULL;
}

static const char *qualified_name(struct hf_comparison *comparison, bool before, const struct hf_type *type)
{
    struct hf_qualified **names = before ? &comparison->before_names : &comparison->after_names;

    if (!*names)
        *names = hf_qualified_create(before ? comparison->before : comparison->after);
    comparison->failed |= !*names;
    return *names ? hf_qualified_name(*names, type->die) : NULL;
}

/* Types with tags of their own: of one name in one scope? What cannot be read does not count against them. */
static bool same_name(struct hf_comparison *comparison, const struct hf_type *before, const struct hf_type *after)
{
    if (strcmp(before->name, after->name) != 0)
        return false;
    const char *left = qualified_name(comparison, true, before);
    const char *right = left ? qualified_name(comparison, false, after) : NULL;
    return !right || strcmp(left, right) == 0;
}

static enum hf_equality compare_aggregates(struct walk *walk, struct hf_type *before, struct hf_type *after,
                                           unsigned depth)
{
    bool tagged = before->name && after->name && !before->alias && !after->alias;

    if (tagged && !same_name(walk->comparison, before, after))
        return HF_TYPES_DIFFERENT;
    if (!before->name && !after->name)
        return compare_unnamed(walk, before, after, "", depth + 1);
    postpone(walk->comparison, before, after);
    return HF_TYPES_EQUAL;
}

/* Sizes and encodings: what a base type is called does not matter. */
static enum hf_equality compare_numbers(const struct hf_type *before, const struct hf_type *after)
{
    static const Dwarf_Half attributes[] = {DW_AT_byte_size, DW_AT_encoding, DW_AT_bit_size};

    for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
        uint64_t left = 0, right = 0;
        bool has_left = hf_die_number(before->die, attributes[i], &left);
        bool has_right = hf_die_number(after->die, attributes[i], &right);
        if (has_left != has_right || left != right)
            return HF_TYPES_DIFFERENT;
    }
    return HF_TYPES_EQUAL;
}

/* A declared array may leave its length open; an open one at the end of a structure has none. */
static bool same_length(Dwarf_Die before, Dwarf_Die after, unsigned depth)
{
    uint64_t left = 0, right = 0;
    bool has_left = hf_type_length(before, &left), has_right = hf_type_length(after, &right);

    return (depth == 0 && (!has_left || !has_right)) || left == right;
}

static enum hf_equality compare_arrays(struct walk *walk, const struct hf_type *before, const struct hf_type *after,
                                       unsigned depth)
{
    HF_DIE Dwarf_Die left = NULL;
    HF_DIE Dwarf_Die right = NULL;
    int more_left, more_right;

    do {
        more_left = hf_die_next(walk->comparison->before, before->die, &left);
        more_right = hf_die_next(walk->comparison->after, after->die, &right);
        if (more_left < 0 || more_right < 0)
            return HF_TYPES_UNPROVEN;
        if (more_left != more_right || (more_left && !same_length(left, right, depth)))
            return HF_TYPES_DIFFERENT;
    } while (more_left);
    return compare_of(walk, before->die, after->die, depth + 1);
}

static bool is_open(Dwarf_Die function)
{
    Dwarf_Half children;

    return !hf_die_has(function, DW_AT_prototyped) &&
           dwarf_die_abbrev_children_flag(function, &children) == DW_DLV_OK && !children;
}

static enum hf_equality compare_functions(struct walk *walk, const struct hf_type *before, const struct hf_type *after,
                                          unsigned depth)
{
    HF_DIE Dwarf_Die left = NULL;
    HF_DIE Dwarf_Die right = NULL;
    enum hf_equality equality = compare_of(walk, before->die, after->die, depth + 1);

    if (is_open(before->die) || is_open(after->die))
        return equality;
    for (;;) {
        int more_left = hf_die_next(walk->comparison->before, before->die, &left);
        int more_right = hf_die_next(walk->comparison->after, after->die, &right);
        if (more_left < 0 || more_right < 0)
            return worse(equality, HF_TYPES_UNPROVEN);
        if (more_left != more_right || (more_left && hf_die_tag(left) != hf_die_tag(right)))
            return HF_TYPES_DIFFERENT;
        if (!more_left)
            return equality;
        equality = worse(equality, compare_of(walk, left, right, depth + 1));
    }
}

static enum hf_equality compare_types(struct walk *walk, struct hf_type *before, struct hf_type *after, unsigned depth);

/* A structure or union that nothing but its place names: nobody else will compare it. */
static bool is_bare(const struct hf_type *type)
{
    return hf_type_is_aggregate(type) && !type->name;
}

/* A pointer to anything lies as one to something does, but nothing says that it points to that. */
static enum hf_equality compare_pointees(struct walk *walk, const struct hf_type *before, const struct hf_type *after,
                                         unsigned depth)
{
    HF_TYPE struct hf_type left = {.die = NULL};
    HF_TYPE struct hf_type right = {.die = NULL};

    bool read = hf_type_of(walk->comparison->before, before->die, &left) == 0 &&
                hf_type_of(walk->comparison->after, after->die, &right) == 0;
    if (walk->comparison->flat && !(read && is_bare(&left) && is_bare(&right)))
        return HF_TYPES_EQUAL;
    if (!read)
        return HF_TYPES_UNPROVEN;
    if (!left.tag != !right.tag)
        return HF_TYPES_UNPROVEN;
    return compare_types(walk, &left, &right, depth + 1);
}

/* An offset, or a function and an adjustment: by what it points to, and in which class. */
static enum hf_equality compare_member_pointers(struct walk *walk, const struct hf_type *before,
                                                const struct hf_type *after, unsigned depth)
{
    HF_DIE Dwarf_Die left = hf_die_refer(walk->comparison->before, before->die, DW_AT_containing_type);
    HF_DIE Dwarf_Die right = hf_die_refer(walk->comparison->after, after->die, DW_AT_containing_type);
    HF_TYPE struct hf_type left_class = {.die = NULL};
    HF_TYPE struct hf_type right_class = {.die = NULL};

    if (!left || !right || hf_type_from(walk->comparison->before, left, &left_class) != 0 ||
        hf_type_from(walk->comparison->after, right, &right_class) != 0)
        return HF_TYPES_UNPROVEN;
    enum hf_equality equality = compare_types(walk, &left_class, &right_class, depth + 1);
    return worse(equality, compare_of(walk, before->die, after->die, depth + 1));
}

static enum hf_equality compare_types(struct walk *walk, struct hf_type *before, struct hf_type *after, unsigned depth)
{
    if (depth > MAX_DEPTH || !spend(walk, 1))
        return HF_TYPES_UNPROVEN;
    if (before->tag != after->tag || (before->qualifiers & HF_TYPE_ATOMIC) != (after->qualifiers & HF_TYPE_ATOMIC))
        return HF_TYPES_DIFFERENT;
    if (hf_type_is_aggregate(before))
        return compare_aggregates(walk, before, after, depth);
    switch (before->tag) {
    case 0: /* void */
        return HF_TYPES_EQUAL;
    case DW_TAG_pointer_type:
    case DW_TAG_reference_type:
    case DW_TAG_rvalue_reference_type:
        return compare_pointees(walk, before, after, depth);
    case DW_TAG_array_type:
        return compare_arrays(walk, before, after, depth);
    case DW_TAG_subroutine_type:
        return compare_unnamed(walk, before, after, "", depth);
    case DW_TAG_ptr_to_member_type:
        return compare_member_pointers(walk, before, after, depth);
    default:
        return compare_numbers(before, after);
    }
}

static enum hf_equality compare_of(struct walk *walk, Dwarf_Die before, Dwarf_Die after, unsigned depth)
{
    HF_TYPE struct hf_type left = {.die = NULL};
    HF_TYPE struct hf_type right = {.die = NULL};

    if (hf_type_of(walk->comparison->before, before, &left) != 0 ||
        hf_type_of(walk->comparison->after, after, &right) != 0)
        return HF_TYPES_UNPROVEN;
    return compare_types(walk, &left, &right, depth);
}

/* "4" or "4:0 of 3 bits". */
static const char *place_text(const struct hf_member *member, char text[64])
{
    if (member->finder.size)
        snprintf(text, 64, "a place that its objects tell");
    else if (member->bits)
        snprintf(text, 64, "%" PRIu64 ":%" PRIu64 " of %" PRIu64 " bits", member->bit / 8, member->bit % 8,
                 member->bits);
    else
        snprintf(text, 64, "%" PRIu64, member->bit / 8);
    return text;
}

/* The member without a twin that lies where this one does. */
static const struct hf_member *renamed(const struct hf_members *members, size_t index, const struct hf_members *others)
{
    for (size_t i = 0; i < others->count; i++)
        if (hf_member_same_place(&members->items[index], &others->items[i]) && !hf_members_twin(others, i, members))
            return &others->items[i];
    return NULL;
}

static const char *member_name(const struct hf_member *member)
{
    return member->name[0] ? member->name : "<unnamed>";
}

/* What a member is called in sentences. */
static const char *member_noun(const struct hf_member *member)
{
    return member->base ? "base class" : "member";
}

/* The first one of a definition says what was done to it. */
static enum hf_equality say_member(struct walk *walk, const char *path, const struct hf_member *member, bool gone)
{
    const char *name = member_name(member);

    if (member->base)
        return say(walk, HF_TYPES_DIFFERENT, "base class %s is %s", name, gone ? "gone" : "new");
    if (walk->said != HF_TYPES_DIFFERENT && asprintf(&walk->member, "%s%s", path, name) < 0)
        walk->member = NULL;
    walk->gone = gone;
    return say(walk, HF_TYPES_DIFFERENT, "member %s%s is %s", path, name, gone ? "gone" : "new");
}

/* Members that one side alone has. */
static enum hf_equality compare_presence(struct walk *walk, const struct hf_members *before,
                                         const struct hf_members *after, const char *path, unsigned depth)
{
    enum hf_equality equality = HF_TYPES_EQUAL;

    for (size_t i = 0; i < after->count; i++) {
        const struct hf_member *member = &after->items[i];
        if (hf_members_twin(after, i, before))
            continue;
        const struct hf_member *old = renamed(after, i, before);
        if (old && compare_of(walk, old->die, member->die, depth + 1) == HF_TYPES_EQUAL)
            equality = worse(equality, say(walk, HF_TYPES_UNPROVEN, "member %s%s is called %s in the patch", path,
                                           member_name(old), member_name(member)));
        else
            return say_member(walk, path, member, false);
    }
    for (size_t i = 0; i < before->count; i++)
        if (!hf_members_twin(before, i, after) && !renamed(before, i, after))
            return say_member(walk, path, &before->items[i], true);
    return equality;
}

static enum hf_equality compare_member_types(struct walk *walk, const struct hf_member *before,
                                             const struct hf_member *after, const char *path, unsigned depth)
{
    HF_TYPE struct hf_type left = {.die = NULL};
    HF_TYPE struct hf_type right = {.die = NULL};
    enum hf_equality equality = HF_TYPES_UNPROVEN;

    if (hf_type_of(walk->comparison->before, before->die, &left) == 0 &&
        hf_type_of(walk->comparison->after, after->die, &right) == 0) {
        HF_FREE char *inner = NULL;
        bool bare = left.tag == right.tag && hf_type_is_aggregate(&left) && !left.name && !right.name;
        if (bare && asprintf(&inner, "%s%s%s", path, before->name, before->name[0] ? "." : "") < 0)
            inner = NULL;
        if (bare && inner)
            return compare_unnamed(walk, &left, &right, inner, depth + 1);
        equality = compare_types(walk, &left, &right, depth + 1);
    }
    if (equality == HF_TYPES_EQUAL || equality <= walk->said)
        return equality;
    HF_FREE char *old_text = hf_type_text(walk->comparison->before, before->die);
    HF_FREE char *new_text = hf_type_text(walk->comparison->after, after->die);
    return say(walk, equality, "%s %s%s is '%s', in the patch '%s'", member_noun(before), path, member_name(before),
               old_text ? old_text : "?", new_text ? new_text : "?");
}

static enum hf_equality compare_members(struct walk *walk, const struct hf_type *before, const struct hf_type *after,
                                        const char *path, unsigned depth)
{
    HF_MEMBERS struct hf_members left = {.count = 0};
    HF_MEMBERS struct hf_members right = {.count = 0};
    char old_place[64], new_place[64];

    if (hf_members_read(walk->comparison->before, before->die, &left) != 0 ||
        hf_members_read(walk->comparison->after, after->die, &right) != 0) {
        walk->comparison->failed = true;
        return HF_TYPES_UNPROVEN;
    }
    if (left.unknown || right.unknown)
        return say(walk, HF_TYPES_UNPROVEN, "where its members lie cannot be read");
    /* Each may have to be looked for among all others. */
    if (!spend(walk, left.count * right.count / MEMBERS_A_STEP))
        return HF_TYPES_UNPROVEN;
    enum hf_equality equality = compare_presence(walk, &left, &right, path, depth);
    for (size_t i = 0; i < left.count && equality != HF_TYPES_DIFFERENT; i++) {
        const struct hf_member *old = &left.items[i], *new = hf_members_twin(&left, i, &right);
        if (!new)
            continue;
        if (hf_member_same_place(old, new))
            equality = worse(equality, compare_member_types(walk, old, new, path, depth));
        else
            equality = say(walk, HF_TYPES_DIFFERENT, "%s %s%s is at %s, in the patch at %s", member_noun(old), path,
                           member_name(old), place_text(old, old_place), place_text(new, new_place));
    }
    return equality;
}

static enum hf_equality say_method(struct walk *walk, const struct hf_method *method, bool gone)
{
    if (method->slot == HF_METHOD_ANYWHERE)
        return say(walk, HF_TYPES_DIFFERENT, "virtual method %s() is %s", method->name, gone ? "gone" : "new");
    return say(walk, HF_TYPES_DIFFERENT, "virtual method %s() is %s at slot %" PRIu64, method->name,
               gone ? "gone" : "new", method->slot);
}

/* The table of virtual methods: the lowest slot that differs says what was done to it. */
static enum hf_equality compare_methods(struct walk *walk, const struct hf_type *before, const struct hf_type *after)
{
    HF_METHODS struct hf_methods left = {.count = 0};
    HF_METHODS struct hf_methods right = {.count = 0};

    if (hf_methods_read(walk->comparison->before, before->die, &left) != 0 ||
        hf_methods_read(walk->comparison->after, after->die, &right) != 0) {
        walk->comparison->failed = true;
        return HF_TYPES_UNPROVEN;
    }
    if (left.unknown || right.unknown)
        return say(walk, HF_TYPES_UNPROVEN, "its virtual methods cannot be read");
    for (size_t i = 0; i < right.count; i++)
        if (!right.items[i].implicit && !hf_methods_find(&left, right.items[i].linkage))
            return say_method(walk, &right.items[i], false);
    for (size_t i = 0; i < left.count; i++) {
        const struct hf_method *old = &left.items[i], *new = hf_methods_find(&right, old->linkage);
        if (!new && !old->implicit)
            return say_method(walk, old, true);
        if (new &&new->slot != old->slot)
            return say(walk, HF_TYPES_DIFFERENT, "virtual method %s() is at slot %" PRIu64 ", in the patch at %" PRIu64,
                       old->name, old->slot, new->slot);
    }
    return HF_TYPES_EQUAL;
}

/* Finds an enumerator of the new type by its name. */
static bool find_enumerator(struct walk *walk, Dwarf_Die enumeration, const char *name, uint64_t *value)
{
    Dwarf_Debug dwarf = walk->comparison->after;
    HF_DIE Dwarf_Die child = NULL;

    while (spend(walk, 1) && hf_die_next(dwarf, enumeration, &child) > 0) {
        const char *text = hf_die_text(child, DW_AT_name);
        if (text && strcmp(text, name) == 0)
            return hf_die_number(child, DW_AT_const_value, value);
    }
    return false;
}

/* One more enumerator is what a fix may bring; one that means another number is not. */
static enum hf_equality compare_enumerators(struct walk *walk, const struct hf_type *before,
                                            const struct hf_type *after)
{
    HF_DIE Dwarf_Die child = NULL;
    HF_DIE Dwarf_Die beside = NULL;
    enum hf_equality equality = HF_TYPES_EQUAL;
    bool aligned = true;

    while (equality != HF_TYPES_DIFFERENT && hf_die_next(walk->comparison->before, before->die, &child) > 0) {
        const char *name = hf_die_text(child, DW_AT_name), *other = NULL;
        uint64_t old_value = 0, new_value = 0;
        if (!name || !hf_die_number(child, DW_AT_const_value, &old_value))
            return say(walk, HF_TYPES_UNPROVEN, "its enumerators cannot be read");
        aligned = aligned && hf_die_next(walk->comparison->after, after->die, &beside) > 0;
        if (aligned)
            other = hf_die_text(beside, DW_AT_name);
        bool found = other && strcmp(other, name) == 0 ? hf_die_number(beside, DW_AT_const_value, &new_value)
                                                       : find_enumerator(walk, after->die, name, &new_value);
        if (!found)
            equality = say(walk, HF_TYPES_UNPROVEN, "enumerator %s is gone", name);
        else if (old_value != new_value)
            equality = say(walk, HF_TYPES_DIFFERENT, "enumerator %s is %" PRId64 ", in the patch %" PRId64, name,
                           (int64_t)old_value, (int64_t)new_value);
    }
    return equality;
}

static enum hf_equality compare_attribute(struct walk *walk, const struct hf_type *before, const struct hf_type *after,
                                          Dwarf_Half attribute, const char *noun)
{
    uint64_t left = 0, right = 0;

    hf_die_number(before->die, attribute, &left);
    hf_die_number(after->die, attribute, &right);
    if (left == right)
        return HF_TYPES_EQUAL;
    return say(walk, HF_TYPES_DIFFERENT, "its %s is %" PRIu64 " bytes, in the patch %" PRIu64, noun, left, right);
}

static enum hf_equality compare_body(struct walk *walk, const struct hf_type *before, const struct hf_type *after,
                                     const char *path, unsigned depth)
{
    enum hf_equality equality = HF_TYPES_EQUAL;

    if (depth > MAX_DEPTH)
        return say(walk, HF_TYPES_UNPROVEN, "it is nested too deep to be compared");
    if (before->tag != after->tag)
        return say(walk, HF_TYPES_DIFFERENT, "it is another kind of type in the patch");
    if (before->tag != DW_TAG_enumeration_type)
        equality = worse(compare_members(walk, before, after, path, depth), compare_methods(walk, before, after));
    else if (!walk->comparison->flat)
        equality = compare_enumerators(walk, before, after);
    if (equality == HF_TYPES_DIFFERENT)
        return equality;
    equality = worse(equality, compare_attribute(walk, before, after, DW_AT_byte_size, "size"));
    return worse(equality, compare_attribute(walk, before, after, DW_AT_alignment, "alignment"));
}

/* Compares types that no name stands for, once for each pair of them. */
static enum hf_equality compare_unnamed(struct walk *walk, const struct hf_type *before, const struct hf_type *after,
                                        const char *path, unsigned depth)
{
    bool known;
    struct answer *answer = find_answer(walk, before, after, &known);

    if (!answer || known)
        return answer ? answer->equality : HF_TYPES_UNPROVEN;
    enum hf_equality equality = before->tag == DW_TAG_subroutine_type && after->tag == DW_TAG_subroutine_type
                                    ? compare_functions(walk, before, after, depth)
                                    : compare_body(walk, before, after, path, depth);
    answer->equality = equality;
    return equality;
}

struct hf_definition hf_definition_of(Dwarf_Die die)
{
    struct hf_definition definition = {.offset = HF_DIE_NONE, .file = HF_DIE_NONE};
    uint64_t line = 0;

    if (dwarf_get_die_infotypes_flag(die))
        definition.offset = hf_die_offset(die);
    hf_die_number(die, DW_AT_decl_file, &definition.file);
    hf_die_number(die, DW_AT_decl_line, &line);
    definition.line = (unsigned)line;
    return definition;
}

/* What a definition is called: with its scopes, where it has any. */
static char *label_of(struct hf_comparison *comparison, const struct hf_type *after)
{
    struct hf_type named = *after;
    const char *qualified = after->alias || !after->name ? NULL : qualified_name(comparison, false, after);

    if (qualified)
        named.name = qualified;
    return hf_type_label(&named);
}

static void add_difference(struct hf_comparison *comparison, const struct hf_pending *pair, struct walk *walk)
{
    struct hf_difference difference = {
        .equality = walk->said,
        .type = label_of(comparison, &pair->after),
        .what = hf_move(walk->what),
        .member = hf_move(walk->member),
        .gone = walk->gone,
        .layouts = hf_listing(comparison->before, &pair->before, comparison->after, &pair->after),
        .before = hf_definition_of(pair->before.die),
        .after = hf_definition_of(pair->after.die),
    };
    struct hf_difference *grown =
        reallocarray(comparison->differences, comparison->difference_count + 1, sizeof(*grown));

    if (grown)
        comparison->differences = grown;
    if (!grown || !difference.type || !difference.layouts) {
        comparison->failed = true;
        free(difference.type);
        free(difference.what);
        free(difference.member);
        free(difference.layouts);
        return;
    }
    grown[comparison->difference_count++] = difference;
}

/* Each definition may bring more of them. */
static void compare_pending(struct hf_comparison *comparison)
{
    while (comparison->pending_count > 0) {
        struct hf_pending pair = comparison->pending[--comparison->pending_count];
        struct walk walk = {.comparison = comparison, .number = ++comparison->walk_count};
        comparison->compared++;
        compare_body(&walk, &pair.before, &pair.after, "", 0);
        if (walk.said != HF_TYPES_EQUAL)
            add_difference(comparison, &pair, &walk);
        free(walk.what);
        free(walk.member);
        hf_type_deinit(&pair.before);
        hf_type_deinit(&pair.after);
    }
}

enum hf_equality hf_comparison_of(struct hf_comparison *comparison, Dwarf_Die before, Dwarf_Die after, char **what)
{
    struct walk walk = {.comparison = comparison, .number = ++comparison->walk_count};
    enum hf_equality equality = compare_of(&walk, before, after, 0);

    *what = walk.what;
    free(walk.member);
    compare_pending(comparison);
    return equality;
}

enum hf_equality hf_comparison_types(struct hf_comparison *comparison, Dwarf_Die before, Dwarf_Die after)
{
    HF_TYPE struct hf_type left = {.die = NULL};
    HF_TYPE struct hf_type right = {.die = NULL};
    struct walk walk = {.comparison = comparison, .number = ++comparison->walk_count};

    if (hf_type_from(comparison->before, before, &left) != 0 || hf_type_from(comparison->after, after, &right) != 0)
        return HF_TYPES_UNPROVEN;
    enum hf_equality equality = compare_types(&walk, &left, &right, 0);
    free(walk.what);
    free(walk.member);
    compare_pending(comparison);
    return equality;
}

const char *hf_comparison_scoped(struct hf_comparison *comparison, Dwarf_Die after)
{
    struct hf_type type = {.die = after};
    const char *name = qualified_name(comparison, false, &type);

    return name && hf_qualified_scoped(comparison->after_names, after) ? name : NULL;
}

void hf_comparison_deinit(struct hf_comparison *comparison)
{
    for (size_t i = 0; i < comparison->difference_count; i++) {
        free(comparison->differences[i].type);
        free(comparison->differences[i].what);
        free(comparison->differences[i].member);
        free(comparison->differences[i].layouts);
    }
    free(comparison->differences);
    free(comparison->pending);
    tdestroy(comparison->pairs, free);
    tdestroy(comparison->answers, free);
    hf_qualified_destroy(comparison->before_names);
    hf_qualified_destroy(comparison->after_names);
    *comparison = (struct hf_comparison){.before = NULL};
}
