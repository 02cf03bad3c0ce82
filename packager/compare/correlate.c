/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/correlate.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "object/scope.h"

/* What a part is to the program; twins are of one sort. */
enum sort { SORT_NONE, SORT_CODE, SORT_VARIABLE, SORT_THREAD };

static enum sort sort_of(const struct hf_part *part)
{
    switch (part->kind) {
    case HF_PART_CODE:
        return SORT_CODE;
    case HF_PART_DATA:
    case HF_PART_ZERO:
    case HF_PART_CONST:
        return part->anonymous ? SORT_NONE : SORT_VARIABLE;
    case HF_PART_TLS:
        return SORT_THREAD;
    default:
        return SORT_NONE;
    }
}

static bool is_numbered(const struct hf_name *name)
{
    return name->binding == STB_LOCAL && name->text[hf_name_stem(name->text)] != '\0';
}

static bool same_stem(const char *a, const char *b)
{
    size_t size = hf_name_stem(a);

    return size == hf_name_stem(b) && strncmp(a, b, size) == 0;
}

/* One candidate name of a part that may have a twin. */
struct list {
    struct hf_name **names;
    size_t count;
};

static int by_text(const void *a, const void *b)
{
    const struct hf_name *left = *(struct hf_name *const *)a;
    const struct hf_name *right = *(struct hf_name *const *)b;
    int order = strcmp(left->text, right->text);

    if (order != 0)
        return order;
    return (left->index > right->index) - (left->index < right->index);
}

static int list_names(const struct hf_object *object, struct list *list, struct hotfix_error *err)
{
    list->count = 0;
    list->names = calloc(object->name_count + 1, sizeof(struct hf_name *));
    if (!list->names)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", object->path);
    for (size_t i = 1; i < object->part_count; i++) {
        const struct hf_part *part = &object->parts[i];
        for (size_t k = 0; k < part->name_count && sort_of(part) != SORT_NONE; k++)
            list->names[list->count++] = part->names[k];
    }
    qsort(list->names, list->count, sizeof(struct hf_name *), by_text);
    return 0;
}

static struct hf_name *find(const struct list *list, const char *text)
{
    const struct hf_name key = {.text = text};
    const struct hf_name *wanted = &key;
    size_t low = 0;

    for (size_t high = list->count; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(list->names[middle]->text, wanted->text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < list->count && strcmp(list->names[low]->text, text) == 0 ? list->names[low] : NULL;
}

static void pair(struct hf_part *a, struct hf_part *b)
{
    a->twin = b;
    b->twin = a;
}

/* Plain names mean the same in both objects. Aliases may come and go: each side looks for its own twin. */
static void pair_plain(const struct list *from, const struct list *to)
{
    for (size_t i = 0; i < from->count; i++) {
        struct hf_part *part = from->names[i]->part;
        if (part->twin || part->family || is_numbered(from->names[i]))
            continue;
        struct hf_name *name = find(to, from->names[i]->text);
        if (name && sort_of(name->part) == sort_of(part))
            part->twin = name->part;
    }
}

/* Do two functions look alike, relocation fields aside? */
static bool alike(const struct hf_part *a, const struct hf_part *b)
{
    if (a->size != b->size || a->reference_count != b->reference_count)
        return false;
    for (size_t i = 0; i < a->reference_count; i++)
        if (a->references[i].offset != b->references[i].offset || a->references[i].type != b->references[i].type)
            return false;
    return a->size == 0 || memcmp(a->bytes, b->bytes, a->size) == 0;
}

enum strictness { SAME_CODE_AND_NAME, SAME_CODE, SAME_NAME, SAME_STEM };

static bool fits(const struct hf_name *a, const struct hf_name *b, enum strictness how)
{
    switch (how) {
    case SAME_CODE_AND_NAME:
        return strcmp(a->text, b->text) == 0 && alike(a->part, b->part);
    case SAME_CODE:
        return alike(a->part, b->part);
    case SAME_NAME:
        return strcmp(a->text, b->text) == 0;
    default:
        return true;
    }
}

/* The names that begin with this one's stem are neighbours in the list. */
static struct hf_name *find_clone(const struct list *list, const struct hf_name *clone, enum strictness how)
{
    for (size_t i = 0; i < list->count; i++) {
        struct hf_name *name = list->names[i];
        if (sort_of(name->part) == SORT_CODE && !name->part->twin && is_numbered(name) &&
            same_stem(name->text, clone->text) && fits(clone, name, how))
            return name;
    }
    return NULL;
}

static void pair_clones(const struct list *before, const struct list *after)
{
    for (int how = SAME_CODE_AND_NAME; how <= SAME_STEM; how++) {
        for (size_t i = 0; i < after->count; i++) {
            struct hf_name *name = after->names[i];
            if (sort_of(name->part) != SORT_CODE || name->part->twin || name->part->family || !is_numbered(name))
                continue;
            struct hf_name *twin = find_clone(before, name, (enum strictness)how);
            if (twin && !twin->part->family)
                pair(name->part, twin->part);
        }
    }
}

/* The cold half of a function is what the function says it is. */
static void pair_families(struct hf_object *before, struct hf_object *after)
{
    for (size_t i = 1; i < after->part_count; i++) {
        struct hf_part *part = &after->parts[i];
        if (!part->family || !part->family->twin)
            continue;
        for (size_t k = 1; k < before->part_count; k++)
            if (before->parts[k].family && before->parts[k].family == part->family->twin && !before->parts[k].twin)
                pair(part, &before->parts[k]);
    }
}

/* The static locals of one stem, on both sides. */
struct group {
    struct hf_name **before;
    size_t before_count;
    struct hf_name **after;
    size_t after_count;
};

static struct hf_name *member(struct hf_name *const *names, size_t count, const struct hf_part *part)
{
    for (size_t i = 0; i < count; i++)
        if (names[i]->part == part)
            return names[i];
    return NULL;
}

/* The members that a function or variable refers to, in the order in which it first does. */
static size_t used(const struct hf_part *user, struct hf_name *const *names, size_t count, struct hf_name **found)
{
    size_t found_count = 0;

    for (size_t i = 0; i < user->reference_count; i++) {
        int64_t offset;
        struct hf_name *name = member(names, count, hf_reference_part(&user->references[i], &offset));
        if (name && !member(found, found_count, name->part))
            found[found_count++] = name;
    }
    return found_count;
}

/* Functions, or variables, that use as many of them before as after use the same ones in the same order. */
static void vote(const struct group *group, const struct hf_object *after, enum sort users, unsigned *votes,
                 struct hf_name **scratch)
{
    struct hf_name **after_used = scratch;
    struct hf_name **before_used = scratch + group->after_count;

    for (size_t i = 1; i < after->part_count; i++) {
        const struct hf_part *user = &after->parts[i];
        if (!user->twin || sort_of(user) != users)
            continue;
        size_t count = used(user, group->after, group->after_count, after_used);
        if (count == 0 || used(user->twin, group->before, group->before_count, before_used) != count)
            continue;
        for (size_t k = 0; k < count; k++) {
            size_t row = 0;
            size_t column = 0;
            while (group->after[row] != after_used[k])
                row++;
            while (group->before[column] != before_used[k])
                column++;
            votes[row * group->before_count + column]++;
        }
    }
}

/* Takes the choice that is everybody's: one with votes in its row and column that nobody contests. */
static void count_votes(const struct group *group, const unsigned *votes)
{
    for (size_t row = 0; row < group->after_count; row++) {
        size_t choices = 0;
        size_t choice = 0;
        for (size_t column = 0; column < group->before_count; column++) {
            if (votes[row * group->before_count + column] == 0)
                continue;
            choices++;
            choice = column;
        }
        size_t contested = 0;
        for (size_t other = 0; choices == 1 && other < group->after_count; other++)
            contested += votes[other * group->before_count + choice] > 0;
        if (choices == 1 && contested == 1 && !group->after[row]->part->twin && !group->before[choice]->part->twin)
            pair(group->after[row]->part, group->before[choice]->part);
    }
}

static int pair_by_use(const struct group *group, const struct hf_object *after, enum sort users,
                       struct hotfix_error *err)
{
    HF_FREE unsigned *votes = calloc(group->after_count * group->before_count + 1, sizeof(*votes));
    HF_FREE struct hf_name **scratch = calloc(group->after_count + group->before_count + 1, sizeof(struct hf_name *));
    if (!votes || !scratch)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", after->path);
    vote(group, after, users, votes, scratch);
    count_votes(group, votes);
    return 0;
}

static void pair_by_scope(const struct group *group, const struct hf_scopes *before, const struct hf_scopes *after)
{
    for (size_t i = 0; i < group->after_count; i++) {
        const char *scope = hf_scope_of(after, group->after[i]);
        for (size_t k = 0; scope && k < group->before_count; k++) {
            const char *other = hf_scope_of(before, group->before[k]);
            if (other && strcmp(scope, other) == 0 && !group->before[k]->part->twin && !group->after[i]->part->twin)
                pair(group->after[i]->part, group->before[k]->part);
        }
    }
}

/* The untwinned names of one stem; a malloc'ed array. */
static struct hf_name **gather(const struct list *list, enum sort sort, const char *text, size_t *count)
{
    struct hf_name **found = calloc(list->count + 1, sizeof(struct hf_name *));

    *count = 0;
    for (size_t i = 0; found && i < list->count; i++) {
        struct hf_name *name = list->names[i];
        if (sort_of(name->part) == sort && !name->part->twin && is_numbered(name) && same_stem(name->text, text))
            found[(*count)++] = name;
    }
    return found;
}

static size_t untwinned(struct hf_name *const *names, size_t count, struct hf_name **last)
{
    size_t open = 0;

    for (size_t i = 0; i < count; i++) {
        if (names[i]->part->twin)
            continue;
        open++;
        *last = names[i];
    }
    return open;
}

/* last: another try will not know more. */
static int pair_group(const struct group *group, struct hf_object *before, struct hf_object *after, bool last,
                      struct hotfix_error *err)
{
    struct hf_name *left = NULL;
    struct hf_name *right = NULL;

    if (group->before_count == 0)
        return 0;
    if (group->before_count > 1 || group->after_count > 1) {
        struct hf_scopes *before_scopes = NULL;
        struct hf_scopes *after_scopes = NULL;
        int failed = hf_scopes_read(before, &before_scopes, err);
        if (!failed)
            failed = hf_scopes_read(after, &after_scopes, err);
        if (!failed)
            pair_by_scope(group, before_scopes, after_scopes);
        bool known = !failed && before_scopes && after_scopes;
        hf_scopes_destroy(before_scopes);
        hf_scopes_destroy(after_scopes);
        if (failed || (!known && pair_by_use(group, after, SORT_CODE, err) != 0))
            return -1;
        /* Of a variable that nothing but data refers to, debug information says no address. */
        if (pair_by_use(group, after, SORT_VARIABLE, err) != 0)
            return -1;
    }
    size_t before_open = untwinned(group->before, group->before_count, &left);
    size_t after_open = untwinned(group->after, group->after_count, &right);
    if (before_open == 0 || after_open == 0)
        return 0;
    if (before_open == 1 && after_open == 1) {
        pair(left->part, right->part);
        return 0;
    }
    if (!last)
        return 0;
    return hf_error(
        err, HOTFIX_UNPROVEN,
        "%s: cannot tell which of the old static variables '%.*s' is which of the new ones: compile with -g, or "
        "give them different names",
        after->name, (int)hf_name_stem(right->text), right->text);
}

static int pair_statics(const struct list *before, const struct list *after, struct hf_object *old_object,
                        struct hf_object *new_object, bool last, struct hotfix_error *err)
{
    for (size_t i = 0; i < after->count; i++) {
        const struct hf_name *name = after->names[i];
        enum sort sort = sort_of(name->part);
        if (sort == SORT_CODE || name->part->twin || !is_numbered(name))
            continue;
        struct group group;
        group.before = gather(before, sort, name->text, &group.before_count);
        HF_FREE struct hf_name **owned_before = group.before;
        group.after = gather(after, sort, name->text, &group.after_count);
        HF_FREE struct hf_name **owned_after = group.after;
        if (!owned_before || !owned_after)
            return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", new_object->path);
        if (pair_group(&group, old_object, new_object, last, err) != 0)
            return -1;
    }
    return 0;
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

static bool may_have_moved(const struct hf_name *name, enum sort sort)
{
    return name->binding == STB_LOCAL && !name->part->twin && sort_of(name->part) == sort;
}

/* The only name left of this variable on its side; NULL when there are several or none. */
static struct hf_name *only(const struct list *list, enum sort sort, const char *text, size_t size)
{
    struct hf_name *found = NULL;

    for (size_t i = 0; i < list->count; i++) {
        size_t other_size;
        if (!may_have_moved(list->names[i], sort))
            continue;
        const char *other = variable(list->names[i], &other_size);
        if (other_size != size || strncmp(text, other, size) != 0)
            continue;
        if (found)
            return NULL;
        found = list->names[i];
    }
    return found;
}

static void pair_moved(const struct list *before, const struct list *after)
{
    for (size_t i = 0; i < after->count; i++) {
        enum sort sort = sort_of(after->names[i]->part);
        if (sort == SORT_CODE || !may_have_moved(after->names[i], sort))
            continue;
        size_t size;
        const char *text = variable(after->names[i], &size);
        struct hf_name *name = only(after, sort, text, size);
        struct hf_name *twin = only(before, sort, text, size);
        if (name && twin && name->part->size == twin->part->size)
            pair(name->part, twin->part);
    }
}

/* Variables that nobody names go by their section. */
static void pair_unnamed(struct hf_object *before, struct hf_object *after)
{
    for (size_t i = 1; i < after->part_count; i++) {
        struct hf_part *part = &after->parts[i];
        if (part->name_count > 0 || part->size == 0 || (part->kind != HF_PART_ZERO && part->kind != HF_PART_TLS))
            continue;
        for (size_t k = 1; k < before->part_count && !part->twin; k++) {
            struct hf_part *other = &before->parts[k];
            if (other->name_count == 0 && other->kind == part->kind && strcmp(other->name, part->name) == 0)
                pair(part, other);
        }
    }
}

int hf_correlate(struct hf_object *before, struct hf_object *after, struct hotfix_error *err)
{
    struct list old_names = {.count = 0};
    struct list new_names = {.count = 0};

    int failed = list_names(before, &old_names, err);
    HF_FREE struct hf_name **old_owned = old_names.names;
    if (!failed)
        failed = list_names(after, &new_names, err);
    HF_FREE struct hf_name **new_owned = new_names.names;
    if (failed || !old_owned || !new_owned)
        return -1;

    pair_plain(&new_names, &old_names);
    pair_plain(&old_names, &new_names);
    pair_clones(&old_names, &new_names);
    pair_families(before, after);
    pair_unnamed(before, after);
    /* Twice: what one pair tells of another may come behind it. */
    if (pair_statics(&old_names, &new_names, before, after, false, err) != 0 ||
        pair_statics(&old_names, &new_names, before, after, true, err) != 0)
        return -1;
    pair_moved(&old_names, &new_names);
    return 0;
}
