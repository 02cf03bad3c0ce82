/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/numbered.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "compare/blocks.h"
#include "compare/compare.h"
#include "compare/lines.h"
#include "compare/uses.h"
#include "error.h"
#include "object/scope.h"

/* Both sides, with the source's data about their variables; NULL without debug information. */
struct hf_numbered {
    const struct hf_roster *before;
    const struct hf_roster *after;
    struct hf_object *old_object;
    struct hf_object *new_object;
    struct hf_scopes *old_scopes;
    struct hf_scopes *new_scopes;
};

/* The functions or the variables of one stem, on both sides. */
struct group {
    struct hf_name **before;
    size_t before_count;
    struct hf_name **after;
    size_t after_count;
};

static void group_deinit(struct group *group)
{
    free(group->before);
    free(group->after);
}
#define HF_GROUP __attribute__((cleanup(group_deinit)))

static bool is_candidate(const struct hf_name *name, enum hf_sort sort)
{
    return hf_name_is_made(name) && hf_part_sort(name->part) == sort && !name->part->family;
}

/* "count" of "count.3" (gcc) and of "parse.count.1" (clang). */
static const char *variable(const struct hf_name *name, size_t *size)
{
    size_t end = hf_name_stem(name->text);
    size_t begin = end;

    while (begin > 0 && name->text[begin - 1] != '.')
        begin--;
    *size = end - begin;
    return name->text + begin;
}

static bool same_variable(const struct hf_name *a, const struct hf_name *b)
{
    size_t a_size, b_size;
    const char *a_text = variable(a, &a_size), *b_text = variable(b, &b_size);

    return a_size == b_size && strncmp(a_text, b_text, a_size) == 0;
}

static bool is_open(const struct hf_name *name, enum hf_sort sort)
{
    return is_candidate(name, sort) && !name->part->twin;
}

/* May they be one? clang's name of a static variable has that of its function, which may have been renamed. */
static bool same_made(const struct hf_name *a, const struct hf_name *b, bool by_variable)
{
    return by_variable && hf_part_sort(a->part) != HF_SORT_CODE ? same_variable(a, b)
                                                                : hf_name_same_stem(a->text, b->text);
}

/* A malloc'ed array. */
static struct hf_name **gather(const struct hf_roster *names, const struct hf_name *like, bool by_variable,
                               size_t *count)
{
    enum hf_sort sort = hf_part_sort(like->part);
    struct hf_name **found = calloc(names->count + 1, sizeof(struct hf_name *));

    *count = 0;
    for (size_t i = 0; found && i < names->count; i++)
        if (is_candidate(names->items[i], sort) && same_made(names->items[i], like, by_variable))
            found[(*count)++] = names->items[i];
    return found;
}

/* by_variable: those of all functions, where names tell the function. */
static int group_init(struct group *group, const struct hf_numbered *sides, const struct hf_name *name,
                      bool by_variable, struct hotfix_error *err)
{
    group->before = gather(sides->before, name, by_variable, &group->before_count);
    group->after = gather(sides->after, name, by_variable, &group->after_count);
    return group->before && group->after ? 0 : hf_error(err, HOTFIX_MEMORY, "%s: out of memory", name->text);
}

static size_t member(struct hf_name *const *names, size_t count, const struct hf_part *part)
{
    size_t i = 0;

    while (i < count && names[i]->part != part)
        i++;
    return i;
}

/* A vote for each place in which an old and a new user, equal otherwise, refer to members of the group. */
struct ballot {
    const struct group *group;
    unsigned *votes; /* by member of `after`, then of `before` */
};

/* Do both refer to items of other groups that are not matched yet? They may turn out to be the same. */
static bool both_open(const struct hf_part *before, const struct hf_part *after)
{
    return before && after && !before->twin && !after->twin && before->name_count > 0 && after->name_count > 0 &&
           hf_part_sort(before) == hf_part_sort(after) && hf_name_is_made(before->names[0]) &&
           hf_name_is_made(after->names[0]) && same_made(before->names[0], after->names[0], true);
}

/* Counts the votes of one user; false when it differs in more than its references to the group. */
static bool vote(const struct ballot *ballot, const struct hf_part *before, const struct hf_part *after, bool count)
{
    const struct group *group = ballot->group;

    for (size_t i = 0; i < after->reference_count; i++) {
        const struct hf_reference *old = &before->references[i], *new = &after->references[i];
        int64_t old_offset, new_offset;
        const struct hf_part *old_part = hf_reference_part(old, &old_offset);
        const struct hf_part *new_part = hf_reference_part(new, &new_offset);
        size_t column = member(group->before, group->before_count, old_part);
        size_t row = member(group->after, group->after_count, new_part);
        bool inside = column < group->before_count && row < group->after_count;
        bool same = old_offset == new_offset && old->type == new->type && old->offset == new->offset;
        if (inside && same)
            ballot->votes[row * group->before_count + column] += count;
        else if (inside || !((same && both_open(old_part, new_part)) || hf_compare_reference(old, new)))
            return false;
    }
    return true;
}

static bool may_vote(const struct hf_part *before, const struct hf_part *after)
{
    if (!before || before->twin != after || before->kind != after->kind || before->size != after->size ||
        before->reference_count != after->reference_count || after->reference_count == 0)
        return false;
    return after->bytes && before->bytes && (hf_code_alike(before, after) || hf_lines_follow(before, after));
}

/* Accepts a match only if it is the sole one in its row and column. */
static bool count_votes(const struct ballot *ballot)
{
    const struct group *group = ballot->group;
    bool progress = false;

    for (size_t row = 0; row < group->after_count; row++) {
        size_t choices = 0, choice = 0, contested = 0;
        for (size_t column = 0; column < group->before_count; column++) {
            bool chosen = ballot->votes[row * group->before_count + column] > 0;
            choices += chosen;
            choice = chosen ? column : choice;
        }
        for (size_t other = 0; choices == 1 && other < group->after_count; other++)
            contested += ballot->votes[other * group->before_count + choice] > 0;
        struct hf_part *left = choices == 1 ? group->before[choice]->part : NULL;
        struct hf_part *right = group->after[row]->part;
        if (choices != 1 || contested != 1 || left->twin || right->twin)
            continue;
        hf_parts_pair(left, right);
        progress = true;
    }
    return progress;
}

static bool is_voter(const struct group *group, const struct hf_part *user)
{
    int64_t offset;

    for (size_t i = 0; i < user->reference_count; i++)
        if (member(group->after, group->after_count, hf_reference_part(&user->references[i], &offset)) <
            group->after_count)
            return true;
    return false;
}

/* Unchanged users show which member is which. */
static int pair_by_users(const struct group *group, const struct hf_object *after, bool *progress,
                         struct hotfix_error *err)
{
    HF_FREE unsigned *votes = calloc(group->after_count * group->before_count + 1, sizeof(*votes));
    const struct ballot ballot = {group, votes};

    if (!votes)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", after->path);
    for (size_t i = 1; i < after->part_count; i++) {
        const struct hf_part *user = &after->parts[i];
        if (hf_part_sort(user) != HF_SORT_NONE && is_voter(group, user) && may_vote(user->twin, user) &&
            vote(&ballot, user->twin, user, false))
            vote(&ballot, user->twin, user, true);
    }
    if (count_votes(&ballot))
        *progress = true;
    return 0;
}

/* What two variables have in common, weakest first. */
enum likeness { LIKE_DECLARED, LIKE_SCOPE, LIKE_VALUE };

static bool same_value(const struct hf_part *a, const struct hf_part *b)
{
    if (a->size != b->size || a->kind != b->kind || !a->bytes != !b->bytes || a->reference_count != b->reference_count)
        return false;
    return !a->bytes || memcmp(a->bytes, b->bytes, a->size) == 0;
}

static bool like(const struct hf_name *a, const struct hf_scope *a_scope, const struct hf_name *b,
                 const struct hf_scope *b_scope, enum likeness how)
{
    return hf_scope_same(a_scope, b_scope) && a->part->size == b->part->size &&
           (how < LIKE_SCOPE || a_scope->inner == b_scope->inner) && (how < LIKE_VALUE || same_value(a->part, b->part));
}

/* How many variables of a declaration the compiler left out, before and after a variable. */
static void count_lost(const struct hf_scopes *scopes, const struct hf_scope *variable, size_t counts[2])
{
    size_t count;
    const struct hf_scope *lost = hf_scopes_lost(scopes, &count);

    counts[0] = counts[1] = 0;
    for (size_t i = 0; i < count; i++)
        if (hf_scope_like_lost(&lost[i], variable))
            counts[lost[i].entry > variable->entry]++;
}

/* Was one left out that is known to be of the same function? */
static bool lost_beside(const struct hf_scopes *scopes, const struct hf_scope *variable)
{
    size_t count;
    const struct hf_scope *lost = hf_scopes_lost(scopes, &count);

    for (size_t i = 0; i < count; i++)
        if (lost[i].function[0] && hf_scope_like_lost(&lost[i], variable))
            return true;
    return false;
}

/* Is it used as before, by code that something distinguishes from the rest of the function? */
static bool same_marked(const struct hf_numbered *sides, const struct hf_name *old, const struct hf_name *new)
{
    HF_BLOCKS struct hf_blocks before = {.items = NULL}, after = {.items = NULL};
    struct hotfix_error ignored;

    return hf_blocks_single(&before, sides->old_scopes, old, &ignored) == 0 &&
           hf_blocks_single(&after, sides->new_scopes, new, &ignored) == 0 &&
           (hf_blocks_same(&before, before.items, &after, after.items) || hf_uses_same(old, new)) &&
           hf_blocks_marked(&before, &after);
}

/*
 * Did the compiler leave out the same variables of a declaration on both sides? Otherwise the variable that has a place
 * on this side may be one that has none on the other. Equal counts do not prove it: a fix may swap two blocks and
 * exchange which of them reads its variable. Then the code at either place is as before, unless something in it moved
 * along, or the code that leads there. What is left out of a function that is not known is likely to be no static
 * variable: then the same use or initial value is enough.
 */
static bool same_lost(const struct hf_numbered *sides, const struct hf_name *old, const struct hf_name *new)
{
    const struct hf_scope *old_scope = hf_scope_of(sides->old_scopes, old);
    const struct hf_scope *new_scope = hf_scope_of(sides->new_scopes, new);
    size_t old_counts[2], new_counts[2];

    count_lost(sides->old_scopes, old_scope, old_counts);
    count_lost(sides->new_scopes, new_scope, new_counts);
    if (old_counts[0] != new_counts[0] || old_counts[1] != new_counts[1])
        return false;
    if (old_counts[0] + old_counts[1] == 0 || same_marked(sides, old, new) || hf_uses_reached_alike(old, new))
        return true;
    return !lost_beside(sides->old_scopes, old_scope) && !lost_beside(sides->new_scopes, new_scope) &&
           (hf_uses_begin_alike(old, new) || hf_uses_same(old, new));
}

/* How many members of one side are like this name. */
static size_t count_like(struct hf_name *const *names, size_t count, const struct hf_scopes *scopes,
                         const struct hf_name *name, const struct hf_scope *scope, enum likeness how)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++)
        found += like(name, scope, names[i], hf_scope_of(scopes, names[i]), how);
    return found;
}

static bool pair_declared(const struct group *group, const struct hf_numbered *sides, enum likeness how)
{
    bool progress = false;

    for (size_t i = 0; i < group->after_count; i++) {
        struct hf_name *name = group->after[i];
        const struct hf_scope *scope = hf_scope_of(sides->new_scopes, name);
        if (name->part->twin || !scope ||
            count_like(group->after, group->after_count, sides->new_scopes, name, scope, how) != 1 ||
            count_like(group->before, group->before_count, sides->old_scopes, name, scope, how) != 1)
            continue;
        for (size_t k = 0; k < group->before_count; k++) {
            struct hf_name *other = group->before[k];
            const struct hf_scope *old = hf_scope_of(sides->old_scopes, other);
            if (other->part->twin || !like(name, scope, other, old, how) || !same_lost(sides, other, name))
                continue;
            hf_parts_pair(name->part, other->part);
            progress = true;
        }
    }
    return progress;
}

/* The only members of the group that a user has, NULL when it has none or several. */
static struct hf_name *only_used(const struct hf_part *user, struct hf_name *const *names, size_t count)
{
    size_t found = count;

    for (size_t i = 0; i < user->reference_count; i++) {
        int64_t offset;
        size_t at = member(names, count, hf_reference_part(&user->references[i], &offset));
        if (at == count || at == found)
            continue;
        if (found < count)
            return NULL;
        found = at;
    }
    return found < count ? names[found] : NULL;
}

/* Without debug information, a function with only one such variable on each side is enough. */
static int pair_by_only_use(const struct group *group, const struct hf_object *after, struct hotfix_error *err)
{
    HF_FREE unsigned *votes = calloc(group->after_count * group->before_count + 1, sizeof(*votes));
    const struct ballot ballot = {group, votes};

    if (!votes)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", after->path);
    for (size_t i = 1; i < after->part_count; i++) {
        const struct hf_part *user = &after->parts[i];
        if (!user->twin || user->twin->twin != user || hf_part_sort(user) == HF_SORT_NONE)
            continue;
        const struct hf_name *new = only_used(user, group->after, group->after_count);
        const struct hf_name *old = only_used(user->twin, group->before, group->before_count);
        if (new &&old)
            votes[member(group->after, group->after_count, new->part) * group->before_count +
                  member(group->before, group->before_count, old->part)]++;
    }
    count_votes(&ballot);
    return 0;
}

/* For several in one function, unchanged blocks show which is which. */
static int pair_by_blocks(const struct hf_numbered *sides, const struct hf_name *name, struct hotfix_error *err)
{
    const struct hf_scope *scope = hf_scope_of(sides->new_scopes, name);
    HF_BLOCKS struct hf_blocks before = {.items = NULL}, after = {.items = NULL};

    if (!scope || !sides->old_scopes)
        return 0;
    if (hf_blocks_init(&before, sides->before, sides->old_scopes, scope, err) != 0 ||
        hf_blocks_init(&after, sides->after, sides->new_scopes, scope, err) != 0)
        return -1;
    const struct hf_block *olds = before.items, *news = after.items;
    bool proven = hf_blocks_proven(&before, &after);
    for (size_t i = 0; i < after.count && proven; i++)
        proven = !olds[i].name || olds[i].name->part->twin == news[i].name->part ||
                 (hf_part_sort(olds[i].name->part) == hf_part_sort(news[i].name->part) &&
                  same_value(olds[i].name->part, news[i].name->part));
    for (size_t i = 0; i < after.count && proven; i++)
        if (olds[i].name)
            hf_parts_pair(olds[i].name->part, news[i].name->part);
    return 0;
}

/* Only data refers to them, and debug information has no address for them: each must be the only one of its name. */
static void pair_alone(const struct group *group, const struct hf_numbered *sides)
{
    struct hf_name *left = group->before_count == 1 ? group->before[0] : NULL;
    struct hf_name *right = group->after_count == 1 ? group->after[0] : NULL;

    if (!left || !right || left->part->twin || right->part->twin || !same_value(left->part, right->part))
        return;
    const struct hf_scope *old = hf_scope_of(sides->old_scopes, left), *new = hf_scope_of(sides->new_scopes, right);
    bool coded = old && new &&strcmp(old->coding, new->coding) != 0; /* what that does is told with all stores */
    if (!old || !new || coded || (hf_scope_same(old, new) && same_lost(sides, left, right)))
        hf_parts_pair(left->part, right->part);
}

/* Pairs functions with the same code; among several, those of one name. */
static bool pair_same_code(const struct group *group)
{
    bool progress = false;

    for (int by_name = 1; by_name >= 0; by_name--)
        for (size_t i = 0; i < group->after_count; i++)
            for (size_t k = 0; k < group->before_count; k++) {
                struct hf_part *left = group->before[k]->part, *right = group->after[i]->part;
                if (left->twin || right->twin || left->family || right->family ||
                    (by_name && strcmp(group->before[k]->text, group->after[i]->text) != 0) ||
                    !hf_compare_parts(left, right))
                    continue;
                hf_parts_pair(left, right);
                progress = true;
            }
    return progress;
}

static int pair_group(const struct hf_numbered *sides, const struct group *group, bool *progress,
                      struct hotfix_error *err)
{
    if (group->before_count == 0)
        return 0;
    if (pair_by_users(group, sides->new_object, progress, err) != 0)
        return -1;
    if (hf_part_sort(group->after[0]->part) == HF_SORT_CODE) {
        *progress = pair_same_code(group) || *progress;
        return 0;
    }
    for (int how = LIKE_DECLARED; how <= LIKE_VALUE; how++)
        *progress = pair_declared(group, sides, (enum likeness)how) || *progress;
    return 0;
}

/* The function of this name. */
static const struct hf_part *function_of(const struct hf_object *object, const char *text)
{
    const struct hf_name *name = hf_object_find(object, text);

    return name && name->part->kind == HF_PART_CODE ? name->part : NULL;
}

/* No code or data of the new object refers to it. */
static bool is_unused(const struct hf_numbered *sides, const struct hf_name *name)
{
    for (size_t i = 1; i < sides->new_object->part_count; i++)
        if (sides->new_object->parts[i].kind != HF_PART_DEBUG &&
            hf_part_refers(&sides->new_object->parts[i], name->part))
            return false;
    return true;
}

/* Did the variable go along with code that its old function now has in a new one, which it calls or has inlined? */
static bool moved(const struct hf_numbered *sides, const struct hf_name *before, const struct hf_scope *old,
                  const struct hf_name *after, const struct hf_scope *new)
{
    const struct hf_part *home = function_of(sides->new_object, old->function);
    const struct hf_part *helper = function_of(sides->new_object, new->function);

    return home && !function_of(sides->old_object, new->function) && same_value(before->part, after->part) &&
           strcmp(old->type, new->type) == 0 && same_lost(sides, before, after) &&
           ((helper && hf_part_refers(home, helper)) || hf_part_refers(home, after->part));
}

/* Did the variable's function get another name, and uses it as before? */
static bool renamed(const struct hf_numbered *sides, const struct hf_name *before, const struct hf_scope *old,
                    const struct hf_name *after, const struct hf_scope *new)
{
    return !function_of(sides->new_object, old->function) && !function_of(sides->old_object, new->function) &&
           same_value(before->part, after->part) && strcmp(old->type, new->type) == 0 &&
           same_lost(sides, before, after) && hf_uses_same(before, after);
}

/* old: the only possible match by debug information; NULL when there are several. */
static int refuse_open(const struct hf_numbered *sides, const struct hf_name *name, const struct hf_scope *scope,
                       const struct hf_scope *old, struct hotfix_error *err)
{
    int stem = (int)hf_name_stem(name->text);

    if (!sides->old_scopes || !sides->new_scopes)
        return hf_error(err, HOTFIX_UNPROVEN,
                        "%s: cannot tell which of the old static variables '%.*s' is which of the new ones: compile "
                        "with -g",
                        sides->new_object->name, stem, name->text);
    if (!scope)
        return hf_error(err, HOTFIX_UNPROVEN,
                        "%s: cannot tell which of the old static variables '%.*s' is which of the new ones: debug "
                        "information does not say where '%s' is declared, and no unchanged function uses it",
                        sides->new_object->name, stem, name->text, name->text);
    if (old && strcmp(old->function, scope->function) != 0)
        return hf_error(
            err, HOTFIX_UNPROVEN,
            "%s: cannot tell whether static variable '%s' of '%s' (line %u) is the one that '%s' had: leave "
            "it there, or give it another name if it is new",
            sides->new_object->name, scope->name, scope->function, scope->line, old->function);
    return hf_error(err, HOTFIX_UNPROVEN,
                    "%s: cannot tell whether static variable '%s' of '%s' (line %u) goes on from an old one of this "
                    "name: several fit, and the functions that use them changed; leave these functions as they are, or "
                    "give a variable that is new another name",
                    sides->new_object->name, scope->name, scope->function[0] ? scope->function : "the file",
                    scope->line);
}

/* The program's value in it has the old type. */
static int refuse_type(const struct hf_numbered *sides, const struct hf_scope *scope, const struct hf_scope *old,
                       struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_UNPROVEN,
                    "%s: static variable '%s' of '%s' (line %u) is '%s' and was '%s': its value cannot go on; keep its "
                    "type, or give a variable that is new another name",
                    sides->new_object->name, scope->name, scope->function[0] ? scope->function : "the file",
                    scope->line, scope->type, old->type);
}

/* Decides about the open variables of both sides: they are the same, proven to be different, or refused. */
static int settle(const struct hf_numbered *sides, struct hf_name *name, struct hotfix_error *err)
{
    enum hf_sort sort = hf_part_sort(name->part);
    const struct hf_scope *scope = hf_scope_of(sides->new_scopes, name);
    const struct hf_scope *fitting = NULL;
    struct hf_name *origin = NULL;
    size_t count = 0;

    for (size_t i = 0; i < sides->before->count; i++) {
        struct hf_name *other = sides->before->items[i];
        const struct hf_scope *old = hf_scope_of(sides->old_scopes, other);
        if (!is_open(other, sort) || !same_variable(name, other))
            continue;
        if (scope && old && strcmp(scope->type, old->type) != 0) {
            if (strcmp(scope->function, old->function) == 0)
                return refuse_type(sides, scope, old, err);
            continue;
        }
        fitting = count++ == 0 ? old : NULL;
        origin = scope && old && (moved(sides, other, old, name, scope) || renamed(sides, other, old, name, scope))
                     ? other
                     : NULL;
    }
    if (count == 1 && origin)
        hf_parts_pair(origin->part, name->part);
    return count == 0 || (count == 1 && origin) ? 0 : refuse_open(sides, name, scope, fitting, err);
}

/* A variable with one symbol on one side and pieces on the other has no twin, and is not new. */
static int check_pieces(const struct hf_numbered *sides, const struct hf_name *name, struct hotfix_error *err)
{
    const struct hf_scope *scope = hf_scope_of(sides->new_scopes, name);
    const struct hf_scope *old = scope ? hf_scopes_find(sides->old_scopes, scope->function, scope->name) : NULL;

    if (!old || (scope->whole && old->whole))
        return 0;
    return hf_error(err, HOTFIX_UNPROVEN,
                    "%s: the compiler keeps static variable '%s' in other pieces in the new object than in the old "
                    "one, so that its state cannot be found: let the fix use it as the old code does",
                    sides->new_object->name, scope->name);
}

static bool has_changed(const struct hf_numbered *sides, const char *function)
{
    const struct hf_part *part = function_of(sides->new_object, function);

    return !part || !part->twin || !hf_compare_parts(part->twin, part);
}

/* Without -fdata-sections many variables are one part: then each must lie where it did. */
static int check_place(const struct hf_numbered *sides, const struct hf_name *name, struct hotfix_error *err)
{
    const struct hf_part *before = name->part->twin;
    const struct hf_scope *scope = hf_scope_of(sides->new_scopes, name), *old = NULL;
    size_t count = 0;

    if (name->part->name_count < 2 || before->name_count < 2 || (scope && !has_changed(sides, scope->function)))
        return 0;
    for (size_t i = 0; i < before->name_count; i++)
        if (before->names[i]->value == name->value && hf_name_is_made(before->names[i]))
            old = hf_scope_of(sides->old_scopes, before->names[i]);
    for (size_t i = 0; scope && i < sides->after->count; i++) {
        const struct hf_scope *other = hf_scope_of(sides->new_scopes, sides->after->items[i]);
        count += hf_scope_same(scope, other) && scope->inner == other->inner;
    }
    if (hf_scope_same(scope, old) && scope->inner == old->inner && count == 1)
        return 0;
    return hf_error(err, HOTFIX_UNPROVEN,
                    "%s: cannot tell which of the old static variables in section %s is '%s' of the new one: compile "
                    "with -fdata-sections",
                    sides->new_object->name, name->part->name, name->text);
}

static bool has_made_variables(const struct hf_roster *names)
{
    for (size_t i = 0; i < names->count; i++)
        if (hf_part_sort(names->items[i]->part) != HF_SORT_CODE && hf_name_is_made(names->items[i]))
            return true;
    return false;
}

int hf_numbered_create(const struct hf_roster *before, const struct hf_roster *after, struct hf_numbered **numbered,
                       struct hotfix_error *err)
{
    HF_NUMBERED struct hf_numbered *sides = calloc(1, sizeof(*sides));

    if (!sides)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    sides->before = before;
    sides->after = after;
    if (before->count > 0 && after->count > 0) {
        sides->old_object = before->items[0]->part->object;
        sides->new_object = after->items[0]->part->object;
        if ((has_made_variables(before) || has_made_variables(after)) &&
            (hf_scopes_read(sides->old_object, &sides->old_scopes, err) != 0 ||
             hf_scopes_read(sides->new_object, &sides->new_scopes, err) != 0))
            return -1;
    }
    *numbered = hf_move(sides);
    return 0;
}

void hf_numbered_destroy(struct hf_numbered *numbered)
{
    if (!numbered)
        return;
    hf_scopes_destroy(numbered->old_scopes);
    hf_scopes_destroy(numbered->new_scopes);
    free(numbered);
}

/*
 * Are these two variables without a twin declared alike in a function and in the function that may be the renamed one?
 */
static bool same_owned(const struct hf_numbered *sides, const struct hf_part *before, const struct hf_part *after)
{
    if (!both_open(before, after) || !same_value(before, after))
        return false;
    const struct hf_scope *old = hf_scope_of(sides->old_scopes, before->names[0]);
    const struct hf_scope *new = hf_scope_of(sides->new_scopes, after->names[0]);
    return old && new &&strcmp(old->name, new->name) == 0 && strcmp(old->type, new->type) == 0 &&
           old->piece == new->piece && old->whole == new->whole && !function_of(sides->new_object, old->function) &&
           !function_of(sides->old_object, new->function);
}

/* Does a part refer to one variable wherever the other refers to its counterpart? */
static bool one_to_one(const struct hf_part *before, const struct hf_part *after, size_t index)
{
    int64_t offset;
    const struct hf_part *old = hf_reference_part(&before->references[index], &offset);
    const struct hf_part *new = hf_reference_part(&after->references[index], &offset);

    for (size_t i = 0; i < after->reference_count; i++)
        if ((hf_reference_part(&before->references[i], &offset) == old) !=
            (hf_reference_part(&after->references[i], &offset) == new))
            return false;
    return true;
}

/* Have a removed and a new function the same code, if variables without a twin are taken to be the same? */
static bool is_renamed(const struct hf_numbered *sides, const struct hf_part *before, const struct hf_part *after)
{
    bool owns = false;

    if (before->kind != HF_PART_CODE || before->twin || before->family || !hf_part_function(before) ||
        hf_name_is_made(hf_part_function(before)) || !before->bytes || !hf_code_alike(before, after))
        return false;
    for (size_t i = 0; i < after->reference_count; i++) {
        const struct hf_reference *old = &before->references[i], *new = &after->references[i];
        int64_t old_offset, new_offset;
        const struct hf_part *old_part = hf_reference_part(old, &old_offset);
        const struct hf_part *new_part = hf_reference_part(new, &new_offset);
        bool itself = old_part == before && new_part == after;
        bool owned = same_owned(sides, old_part, new_part) && one_to_one(before, after, i);
        if (!((itself || owned) && old_offset == new_offset) && !hf_compare_reference(old, new))
            return false;
        owns |= owned;
    }
    return owns;
}

/* The only function of a side that may be the other one under another name; NULL when there is none or several. */
static struct hf_part *only_renamed(const struct hf_numbered *sides, struct hf_part *part, bool part_is_new)
{
    struct hf_object *object = part_is_new ? sides->old_object : sides->new_object;
    struct hf_part *found = NULL;

    for (size_t i = 1; i < object->part_count; i++) {
        struct hf_part *other = &object->parts[i];
        if (!(part_is_new ? is_renamed(sides, other, part) : is_renamed(sides, part, other)) || other->twin)
            continue;
        if (found)
            return NULL;
        found = other;
    }
    return found;
}

/* The variables of a function that has another name and is the same otherwise. */
static bool pair_renamed(struct hf_numbered *sides)
{
    bool progress = false;

    for (size_t i = 1; sides->old_scopes && sides->new_scopes && i < sides->new_object->part_count; i++) {
        struct hf_part *after = &sides->new_object->parts[i];
        if (after->kind != HF_PART_CODE || after->twin || after->family || !hf_part_function(after) ||
            hf_name_is_made(hf_part_function(after)) || !after->bytes)
            continue;
        struct hf_part *before = only_renamed(sides, after, true);
        if (!before || only_renamed(sides, before, false) != after)
            continue;
        for (size_t k = 0; k < after->reference_count; k++) {
            int64_t offset;
            struct hf_part *old = hf_reference_part(&before->references[k], &offset);
            struct hf_part *new = hf_reference_part(&after->references[k], &offset);
            if (same_owned(sides, old, new)) {
                hf_parts_pair(old, new);
                progress = true;
            }
        }
    }
    return progress;
}

int hf_numbered_pair(struct hf_numbered *numbered, bool *progress, struct hotfix_error *err)
{
    for (size_t i = 0; i < numbered->after->count; i++) {
        struct hf_name *name = numbered->after->items[i];
        HF_GROUP struct group group = {.before = NULL};
        if (is_open(name, hf_part_sort(name->part)) &&
            (group_init(&group, numbered, name, true, err) != 0 || pair_group(numbered, &group, progress, err) != 0))
            return -1;
    }
    if (pair_renamed(numbered))
        *progress = true;
    return 0;
}

/* Weaker evidence, which is used when nothing else is left. */
static int pair_last(struct hf_numbered *sides, struct hf_name *name, struct hotfix_error *err)
{
    HF_GROUP struct group group = {.before = NULL};

    if (group_init(&group, sides, name, false, err) != 0)
        return -1;
    if (group.before_count == 0)
        return 0;
    if (pair_by_blocks(sides, name, err) != 0)
        return -1;
    if ((!sides->old_scopes || !sides->new_scopes) && pair_by_only_use(&group, sides->new_object, err) != 0)
        return -1;
    pair_alone(&group, sides);
    return 0;
}

int hf_numbered_settle(struct hf_numbered *numbered, struct hotfix_error *err)
{
    const struct hf_roster *after = numbered->after;

    for (size_t i = 0; i < after->count; i++) {
        enum hf_sort sort = hf_part_sort(after->items[i]->part);
        if (sort != HF_SORT_CODE && is_open(after->items[i], sort) && pair_last(numbered, after->items[i], err) != 0)
            return -1;
    }
    for (size_t i = 0; i < after->count; i++) {
        struct hf_name *name = after->items[i];
        enum hf_sort sort = hf_part_sort(name->part);
        if (sort == HF_SORT_CODE || name->part->kind == HF_PART_CONST)
            continue;
        if (is_open(name, sort) && !is_unused(numbered, name) && settle(numbered, name, err) != 0)
            return -1;
        if (!name->part->twin && check_pieces(numbered, name, err) != 0)
            return -1;
        if (name->part->twin && hf_name_is_made(name) && check_place(numbered, name, err) != 0)
            return -1;
    }
    return 0;
}
