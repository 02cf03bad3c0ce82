/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/closures.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "compare/compare.h"
#include "error.h"

/* A name with its numbers taken out: those of one scope and one kind have the same. */
struct numbered {
    char *key;
    struct hf_part *part;
    const struct hf_name *name;
};

struct list {
    struct numbered *items;
    size_t count;
};

static void list_deinit(struct list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i].key);
    free(list->items);
}
#define LIST __attribute__((cleanup(list_deinit)))

static bool is_variable(const struct hf_part *part)
{
    return !part->anonymous && (part->kind == HF_PART_DATA || part->kind == HF_PART_ZERO ||
                                part->kind == HF_PART_CONST || part->kind == HF_PART_TLS);
}

static size_t digits(const char *text)
{
    size_t count = 0;

    while (isdigit((unsigned char)text[count]))
        count++;
    return count;
}

/* Length of a number of the Itanium ABI at the begin of a text, its underscore included; 0 when there is none. */
static size_t number(const char *text)
{
    size_t count = digits(text);

    return text[count] == '_' ? count + 1 : 0;
}

/*
 * The number of a lambda follows the E that ends its parameters (UliE0_), that of an unnamed type follows Ut; for names
 * that are local to the object, clang uses $_0 for both. Other text that looks like such a number only merges two
 * groups into one.
 */
static char *blank(const char *text)
{
    bool lambda = strstr(text, "Ul") != NULL;
    char *key = strdup(text), *out = key;

    while (key && *text) {
        size_t skip = 0;
        if (strncmp(text, "$_", 2) == 0) {
            skip = digits(text + 2);
            *out++ = *text++;
        } else if (lambda && *text == 'E') {
            skip = number(text + 1);
        } else if (strncmp(text, "Ut", 2) == 0) {
            skip = number(text + 2);
            *out++ = *text++;
        }
        *out++ = *text++;
        text += skip;
    }
    if (key)
        *out = '\0';
    return key;
}

static bool is_closure(const char *text)
{
    return strncmp(text, "_Z", 2) == 0 && (strstr(text, "Ul") || strstr(text, "Ut") || strstr(text, "$_"));
}

/* "_ZZ3runvE5count", "_ZZ3runvE5count_0": of blocks of one function. Length without the number behind it. */
static size_t block_stem(const char *text)
{
    size_t size = strlen(text), end = size;

    if (strncmp(text, "_ZZ", 3) != 0)
        return size;
    if (end > 0 && text[end - 1] == '_')
        end--;
    size_t before = end;
    while (end > 0 && isdigit((unsigned char)text[end - 1]))
        end--;
    return end < before && end > 1 && text[end - 1] == '_' ? end - 1 - (text[size - 1] == '_') : size;
}

/* The key of a name; NULL for one without a number. *failed when out of memory. */
static char *key_of(const struct hf_part *part, const struct hf_name *name, bool *failed)
{
    bool local = is_variable(part) && strncmp(name->text, "_ZZ", 3) == 0;
    char *key = NULL;

    if (!local && !is_closure(name->text))
        return NULL;
    key = is_closure(name->text) ? blank(name->text) : strdup(name->text);
    *failed = !key;
    if (key && local)
        key[block_stem(key)] = '\0';
    return key;
}

static int by_key(const void *a, const void *b)
{
    const struct numbered *left = a, *right = b;
    int order = strcmp(left->key, right->key);

    return order != 0 ? order : strcmp(left->name->text, right->name->text);
}

static int read_list(const struct hf_object *object, struct list *list, struct hotfix_error *err)
{
    bool failed = false;

    list->items = calloc(object->name_count + 1, sizeof(*list->items));
    for (size_t i = 1; list->items && i < object->part_count && !failed; i++) {
        struct hf_part *part = &object->parts[i];
        for (size_t k = 0; k < part->name_count && !failed; k++) {
            bool known = part->kind == HF_PART_CODE || is_variable(part);
            char *key = known ? key_of(part, part->names[k], &failed) : NULL;
            if (key)
                list->items[list->count++] = (struct numbered){key, part, part->names[k]};
        }
    }
    if (!list->items || failed)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", object->path);
    qsort(list->items, list->count, sizeof(*list->items), by_key);
    return 0;
}

static bool is_equal(const struct hf_part *before, const struct hf_part *after)
{
    return after->kind == HF_PART_CODE ? hf_compare_functions(before, after) : hf_compare_parts(before, after);
}

static bool has_closure_name(const struct hf_part *part)
{
    for (size_t i = 0; i < part->name_count; i++)
        if (is_closure(part->names[i]->text))
            return true;
    return false;
}

/* Some of a list's names, which have one key. */
struct group {
    const struct numbered *items;
    size_t count;
};

/* The users found so far through which a member's address is passed on. */
struct search {
    const struct hf_object *after;
    bool *reached; /* by index: members, and functions of closures that refer to one */
    size_t users;
    bool again;
};

/* Adds all users of one part; false when one of them changed. */
static bool visit_users(struct search *search, const struct hf_part *to)
{
    for (size_t i = 1; i < search->after->part_count; i++) {
        const struct hf_part *user = &search->after->parts[i];
        bool program = user->kind == HF_PART_CODE || is_variable(user);
        if (search->reached[i] || !program || !hf_part_refers(user, to))
            continue;
        if (user->kind == HF_PART_CODE && has_closure_name(user)) {
            search->reached[i] = search->again = true;
            continue;
        }
        if (!user->twin || !is_equal(user->twin, user))
            return false;
        search->users++;
    }
    return true;
}

/*
 * Is all code unchanged that passes on a member's address, directly or through functions whose names contain the
 * member's? Then a number means the same place of the source on both sides. False when there is no such code.
 */
static bool users_equal(const struct hf_object *after, const struct group *group)
{
    HF_FREE bool *reached = calloc(after->part_count + 1, sizeof(*reached));
    struct search search = {.after = after, .reached = reached, .again = true};

    for (size_t i = 0; reached && i < group->count; i++)
        reached[group->items[i].part->index] = true;
    while (reached && search.again) {
        search.again = false;
        for (size_t to = 1; to < after->part_count; to++)
            if (reached[to] && !visit_users(&search, &after->parts[to]))
                return false;
    }
    return reached && search.users > 0;
}

/* How many members of a group differ from their namesakes, and how many have no namesake. */
static void count(const struct group *group, size_t *changed, size_t *alone)
{
    *changed = *alone = 0;
    for (size_t i = 0; i < group->count; i++) {
        const struct hf_part *part = group->items[i].part;
        if (!part->twin)
            ++*alone;
        else if (part->kind == HF_PART_CODE && !is_equal(part->twin, part))
            ++*changed;
    }
}

/* Does a changed member look like the old version of another one? */
static bool moved(const struct group *before, const struct group *after)
{
    for (size_t i = 0; i < after->count; i++) {
        const struct hf_part *new = after->items[i].part;
        bool changed = new->twin &&new->kind == HF_PART_CODE && !is_equal(new->twin, new);
        for (size_t k = 0; changed && k < before->count; k++)
            if (before->items[k].part != new->twin && is_equal(before->items[k].part, new))
                return true;
    }
    return false;
}

/*
 * Constants of one content, as gcc -O0 makes of std::is_invocable_r_v for each lambda: it does not matter which is
 * which.
 */
static bool are_one_constant(const struct group *before, const struct group *after)
{
    const struct hf_part *one = before->items[0].part;
    bool alike = true;

    for (size_t i = 0; i < before->count + after->count && alike; i++) {
        const struct hf_part *other = i < before->count ? before->items[i].part : after->items[i - before->count].part;
        alike = other->kind == HF_PART_CONST && other->reference_count == 0 && other->size == one->size &&
                memcmp(other->bytes, one->bytes, one->size) == 0;
    }
    return alike;
}

static bool same_bytes(const struct hf_part *a, const struct hf_part *b)
{
    return a->kind == HF_PART_DATA && b->kind == HF_PART_DATA && a->reference_count == 0 && b->reference_count == 0 &&
           a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

/* Does each variable begin with a value of its own, which is the same on both sides? Then no two changed places. */
static bool values_tell(const struct group *before, const struct group *after)
{
    for (size_t i = 0; i < after->count; i++) {
        const struct hf_part *part = after->items[i].part;
        if (!part->twin || !same_bytes(part->twin, part))
            return false;
        for (size_t k = 0; k < before->count; k++)
            if (before->items[k].part != part->twin && same_bytes(before->items[k].part, part))
                return false;
    }
    return true;
}

static int refuse(const struct hf_object *after, const struct numbered *one, struct hotfix_error *err)
{
    if (one->part->kind == HF_PART_CODE)
        return hf_error(
            err, HOTFIX_UNPROVEN,
            "%s: cannot tell which of the old functions like '%s' is which of the new ones: compilers number "
            "lambdas and types without a name by their order, and callbacks of the old ones may be "
            "registered; put new ones behind the others, or give them names",
            after->name, one->name->text);
    return hf_error(err, HOTFIX_UNPROVEN,
                    "%s: cannot tell which of the old static variables like '%s' is which of the new ones: compilers "
                    "number those of one name by their order; give new ones another name",
                    after->name, one->name->text);
}

static int check_group(const struct hf_object *after, const struct group *old, const struct group *new,
                       struct hotfix_error *err)
{
    size_t changed, added, gone, unused;

    if (old->count == 0 || new->count == 0)
        return 0;
    count(new, &changed, &added);
    count(old, &unused, &gone);
    bool sound;
    if (new->items[0].part->kind == HF_PART_CODE)
        sound = changed == 0 ||
                (added == 0 && gone == 0 && ((changed == 1 && !moved(old, new)) || users_equal(after, new)));
    else
        sound = are_one_constant(old, new) ||
                (added == 0 && gone == 0 && (new->count == 1 || values_tell(old, new) || users_equal(after, new)));
    return sound ? 0 : refuse(after, &new->items[0], err);
}

/* The names from an index on that have one key. */
static struct group group_at(const struct list *list, size_t index)
{
    struct group group = {.items = list->items + index};

    while (index + group.count < list->count &&
           strcmp(list->items[index + group.count].key, list->items[index].key) == 0)
        group.count++;
    return group;
}

int hf_closures_check(const struct hf_object *before, const struct hf_object *after, struct hotfix_error *err)
{
    LIST struct list left = {.count = 0};
    LIST struct list right = {.count = 0};

    if (read_list(before, &left, err) != 0 || read_list(after, &right, err) != 0)
        return -1;
    for (size_t i = 0, k = 0; k < right.count;) {
        struct group new = group_at(&right, k), old = {.count = 0};
        while (i < left.count && strcmp(left.items[i].key, right.items[k].key) < 0)
            i++;
        if (i < left.count && strcmp(left.items[i].key, right.items[k].key) == 0)
            old = group_at(&left, i);
        if (check_group(after, &old, &new, err) != 0)
            return -1;
        i += old.count;
        k += new.count;
    }
    return 0;
}
