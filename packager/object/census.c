/* SPDX-License-Identifier: Apache-2.0 */
#include "object/census.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

static bool is_defined(const struct hf_name *name)
{
    return name->part || name->section == SHN_COMMON;
}

static bool is_global(const struct hf_name *name)
{
    return name->binding != STB_LOCAL && name->text[0] != '\0' && (is_defined(name) || name->section == SHN_UNDEF);
}

int hf_census_add(struct hf_census *census, const struct hf_object *object, struct hotfix_error *err)
{
    size_t added = 0;

    for (size_t i = 1; i < object->name_count; i++)
        added += is_global(&object->names[i]);
    struct hf_mention *grown = reallocarray(census->items, census->count + added + 1, sizeof(*grown));
    if (!grown)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    census->items = grown;
    census->ordered = false;
    for (size_t i = 1; i < object->name_count; i++) {
        const struct hf_name *name = &object->names[i];
        if (!is_global(name))
            continue;
        struct hf_mention *mention = &grown[census->count++];
        *mention = (struct hf_mention){.text = strdup(name->text),
                                       .object = strdup(object->name),
                                       .defined = is_defined(name),
                                       .weak = hf_name_yields(name)};
        if (!mention->text || !mention->object)
            return hf_error(err, HOTFIX_MEMORY, "out of memory");
    }
    return 0;
}

void hf_census_deinit(struct hf_census *census)
{
    for (size_t i = 0; i < census->count; i++) {
        free(census->items[i].text);
        free(census->items[i].object);
    }
    free(census->items);
    *census = (struct hf_census){.count = 0};
}

static int by_text(const void *a, const void *b)
{
    const struct hf_mention *left = a;
    const struct hf_mention *right = b;

    return strcmp(left->text, right->text);
}

const struct hf_mention *hf_census_find(struct hf_census *census, const char *text, size_t *count)
{
    if (!census->ordered && census->count > 0)
        qsort(census->items, census->count, sizeof(*census->items), by_text);
    census->ordered = true;

    size_t low = 0;
    for (size_t high = census->count; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(census->items[middle].text, text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *count = 0;
    while (low + *count < census->count && strcmp(census->items[low + *count].text, text) == 0)
        ++*count;
    return census->items + low;
}

const struct hf_name *hf_global_definition(const struct hf_object *object, const char *text)
{
    for (size_t i = 1; object && i < object->name_count; i++) {
        const struct hf_name *name = &object->names[i];
        if (name->binding != STB_LOCAL && is_defined(name) && strcmp(name->text, text) == 0)
            return name;
    }
    return NULL;
}
