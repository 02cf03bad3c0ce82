/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/roster.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"

enum hf_sort hf_part_sort(const struct hf_part *part)
{
    switch (part->kind) {
    case HF_PART_CODE:
        return HF_SORT_CODE;
    case HF_PART_DATA:
    case HF_PART_ZERO:
    case HF_PART_CONST:
        return part->anonymous ? HF_SORT_NONE : HF_SORT_VARIABLE;
    case HF_PART_TLS:
        return HF_SORT_THREAD;
    default:
        return HF_SORT_NONE;
    }
}

bool hf_name_is_made(const struct hf_name *name)
{
    if (name->binding != STB_LOCAL || name->text[0] == '\0') /* the name of a section symbol */
        return false;
    return name->text[hf_name_stem(name->text)] != '\0' ||
           (hf_part_sort(name->part) != HF_SORT_CODE && strchr(name->text + 1, '.'));
}

bool hf_name_same_stem(const char *a, const char *b)
{
    size_t size = hf_name_stem(a);

    return size == hf_name_stem(b) && strncmp(a, b, size) == 0;
}

static int by_text(const void *a, const void *b)
{
    const struct hf_name *left = *(struct hf_name *const *)a;
    const struct hf_name *right = *(struct hf_name *const *)b;
    int order = strcmp(left->text, right->text);

    if (order != 0)
        return order;
    return (left->index > right->index) - (left->index < right->index);
}

/* Is it a label of the compiler (".LANCHOR0")? These are numbered anew in each build. */
static bool is_label(const struct hf_name *name)
{
    return strncmp(name->text, ".L", 2) == 0;
}

static bool has_labels_alone(const struct hf_part *part)
{
    for (size_t i = 0; i < part->name_count; i++)
        if (!is_label(part->names[i]))
            return false;
    return true;
}

int hf_roster_list(const struct hf_object *object, struct hf_roster *names, struct hotfix_error *err)
{
    names->count = 0;
    names->items = calloc(object->name_count + 1, sizeof(struct hf_name *));
    if (!names->items)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", object->path);
    for (size_t i = 1; i < object->part_count; i++) {
        const struct hf_part *part = &object->parts[i];
        bool labels = has_labels_alone(part);
        for (size_t k = 0; k < part->name_count && hf_part_sort(part) != HF_SORT_NONE; k++)
            if (labels || !is_label(part->names[k]))
                names->items[names->count++] = part->names[k];
    }
    if (names->count > 0)
        qsort(names->items, names->count, sizeof(struct hf_name *), by_text);
    return 0;
}

void hf_roster_deinit(struct hf_roster *names)
{
    free(names->items);
    *names = (struct hf_roster){.count = 0};
}

struct hf_name *hf_roster_find(const struct hf_roster *names, const char *text)
{
    size_t low = 0;

    for (size_t high = names->count; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(names->items[middle]->text, text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < names->count && strcmp(names->items[low]->text, text) == 0 ? names->items[low] : NULL;
}

void hf_parts_pair(struct hf_part *a, struct hf_part *b)
{
    a->twin = b;
    b->twin = a;
}

bool hf_code_alike(const struct hf_part *a, const struct hf_part *b)
{
    if (a->size != b->size || a->reference_count != b->reference_count)
        return false;
    for (size_t i = 0; i < a->reference_count; i++)
        if (a->references[i].offset != b->references[i].offset || a->references[i].type != b->references[i].type)
            return false;
    return a->size == 0 || memcmp(a->bytes, b->bytes, a->size) == 0;
}
