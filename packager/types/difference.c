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
#include "types/prototype.h"

#define MAX_DEPTH 64 /* types within types without a name between them */

/* Two definitions that are to be compared. */
struct hf_pending {
    struct hf_type before;
    struct hf_type after;
};

struct pair {
    uint64_t before;
    uint64_t after;
};

/* One comparison of two definitions, and the worst that it came to. */
struct walk {
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

static enum hf_equality compare_aggregates(struct walk *walk, struct hf_type *before, struct hf_type *after,
                                           unsigned depth)
{
    bool tagged = before->name && after->name && !before->alias && !after->alias;

    if (tagged && strcmp(before->name, after->name) != 0)
        return HF_TYPES_DIFFERENT;
    if (!before->name && !after->name)
        return compare_body(walk, before, after, "", depth + 1);
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

/* A pointer to anything lies as one to something does, but nothing says that it points to that. */
static enum hf_equality compare_pointees(struct walk *walk, const struct hf_type *before, const struct hf_type *after,
                                         unsigned depth)
{
    HF_TYPE struct hf_type left = {.die = NULL};
    HF_TYPE struct hf_type right = {.die = NULL};

    if (walk->comparison->flat)
        return HF_TYPES_EQUAL;
    if (hf_type_of(walk->comparison->before, before->die, &left) != 0 ||
        hf_type_of(walk->comparison->after, after->die, &right) != 0)
        return HF_TYPES_UNPROVEN;
    if (!left.tag != !right.tag)
        return HF_TYPES_UNPROVEN;
    return compare_types(walk, &left, &right, depth + 1);
}

static enum hf_equality compare_types(struct walk *walk, struct hf_type *before, struct hf_type *after, unsigned depth)
{
    if (depth > MAX_DEPTH)
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
        return compare_functions(walk, before, after, depth);
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
    if (member->bits)
        snprintf(text, 64, "%" PRIu64 ":%" PRIu64 " of %" PRIu64 " bits", member->bit / 8, member->bit % 8,
                 member->bits);
    else
        snprintf(text, 64, "%" PRIu64, member->bit / 8);
    return text;
}

static bool same_place(const struct hf_member *a, const struct hf_member *b)
{
    return a->bit == b->bit && a->bits == b->bits;
}

/* What the other list has for a member: by name; those without one by their order. */
static const struct hf_member *twin_of(const struct hf_members *members, size_t index, const struct hf_members *others)
{
    size_t unnamed = 0;

    /* Nearly always where it was. */
    if (index < others->count && strcmp(members->items[index].name, others->items[index].name) == 0 &&
        members->items[index].name[0])
        return &others->items[index];
    if (members->items[index].name[0])
        return hf_members_find(others, members->items[index].name);
    for (size_t i = 0; i < index; i++)
        unnamed += !members->items[i].name[0];
    for (size_t i = 0; i < others->count; i++)
        if (!others->items[i].name[0] && unnamed-- == 0)
            return &others->items[i];
    return NULL;
}

/* The member without a twin that lies where this one does. */
static const struct hf_member *renamed(const struct hf_members *members, size_t index, const struct hf_members *others)
{
    for (size_t i = 0; i < others->count; i++)
        if (same_place(&members->items[index], &others->items[i]) && !twin_of(others, i, members))
            return &others->items[i];
    return NULL;
}

/* The first one of a definition says what was done to it. */
static enum hf_equality say_member(struct walk *walk, const char *path, const char *name, bool gone)
{
    if (walk->said != HF_TYPES_DIFFERENT && asprintf(&walk->member, "%s%s", path, name) < 0)
        walk->member = NULL;
    walk->gone = gone;
    return say(walk, HF_TYPES_DIFFERENT, "member %s%s is %s", path, name, gone ? "gone" : "new");
}

static const char *member_name(const struct hf_member *member)
{
    return member->name[0] ? member->name : "<unnamed>";
}

/* Members that one side alone has. */
static enum hf_equality compare_presence(struct walk *walk, const struct hf_members *before,
                                         const struct hf_members *after, const char *path, unsigned depth)
{
    enum hf_equality equality = HF_TYPES_EQUAL;

    for (size_t i = 0; i < after->count; i++) {
        const struct hf_member *member = &after->items[i];
        if (twin_of(after, i, before))
            continue;
        const struct hf_member *old = renamed(after, i, before);
        if (old && compare_of(walk, old->die, member->die, depth + 1) == HF_TYPES_EQUAL)
            equality = worse(equality, say(walk, HF_TYPES_UNPROVEN, "member %s%s is called %s in the patch", path,
                                           member_name(old), member_name(member)));
        else
            return say_member(walk, path, member_name(member), false);
    }
    for (size_t i = 0; i < before->count; i++)
        if (!twin_of(before, i, after) && !renamed(before, i, after))
            return say_member(walk, path, member_name(&before->items[i]), true);
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
            return compare_body(walk, &left, &right, inner, depth + 1);
        equality = compare_types(walk, &left, &right, depth + 1);
    }
    if (equality == HF_TYPES_EQUAL || equality <= walk->said)
        return equality;
    HF_FREE char *old_text = hf_type_text(walk->comparison->before, before->die);
    HF_FREE char *new_text = hf_type_text(walk->comparison->after, after->die);
    return say(walk, equality, "member %s%s is '%s', in the patch '%s'", path, member_name(before),
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
    enum hf_equality equality = compare_presence(walk, &left, &right, path, depth);
    for (size_t i = 0; i < left.count && equality != HF_TYPES_DIFFERENT; i++) {
        const struct hf_member *old = &left.items[i], *new = twin_of(&left, i, &right);
        if (!new)
            continue;
        if (same_place(old, new))
            equality = worse(equality, compare_member_types(walk, old, new, path, depth));
        else
            equality = say(walk, HF_TYPES_DIFFERENT, "member %s%s is at %s, in the patch at %s", path, member_name(old),
                           place_text(old, old_place), place_text(new, new_place));
    }
    return equality;
}

/* Finds an enumerator by its name, first where another list has it. */
static bool find_enumerator(Dwarf_Debug dwarf, Dwarf_Die enumeration, const char *name, uint64_t *value)
{
    HF_DIE Dwarf_Die child = NULL;

    while (hf_die_next(dwarf, enumeration, &child) > 0) {
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
        bool found = other && strcmp(other, name) == 0
                         ? hf_die_number(beside, DW_AT_const_value, &new_value)
                         : find_enumerator(walk->comparison->after, after->die, name, &new_value);
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
        equality = compare_members(walk, before, after, path, depth);
    else if (!walk->comparison->flat)
        equality = compare_enumerators(walk, before, after);
    if (equality == HF_TYPES_DIFFERENT)
        return equality;
    equality = worse(equality, compare_attribute(walk, before, after, DW_AT_byte_size, "size"));
    return worse(equality, compare_attribute(walk, before, after, DW_AT_alignment, "alignment"));
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

static void add_difference(struct hf_comparison *comparison, const struct hf_pending *pair, struct walk *walk)
{
    struct hf_difference difference = {
        .equality = walk->said,
        .type = hf_type_label(&pair->after),
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
        struct walk walk = {.comparison = comparison};
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
    struct walk walk = {.comparison = comparison};
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
    struct walk walk = {.comparison = comparison};

    if (hf_type_from(comparison->before, before, &left) != 0 || hf_type_from(comparison->after, after, &right) != 0)
        return HF_TYPES_UNPROVEN;
    enum hf_equality equality = compare_types(&walk, &left, &right, 0);
    free(walk.what);
    free(walk.member);
    compare_pending(comparison);
    return equality;
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
    *comparison = (struct hf_comparison){.before = NULL};
}
