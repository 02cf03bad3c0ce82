/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/coroutines.h"

#include <string.h>

#include "compare/compare.h"

/* The end of the part of the name that all functions of a coroutine share; 0 when it is not a coroutine's. */
static size_t stem_of(const struct hf_name *name)
{
    static const char *const ends[] = {".Frame.actor", ".Frame.destroy", ".resume", ".destroy", ".cleanup"};
    size_t size = strlen(name->text);

    if (name->binding != STB_LOCAL || strncmp(name->text, "_Z", 2) != 0)
        return 0;
    if (size > strlen(".cold") && strcmp(name->text + size - strlen(".cold"), ".cold") == 0)
        size -= strlen(".cold");
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        size_t length = strlen(ends[i]);
        if (size > length && strncmp(name->text + size - length, ends[i], length) == 0)
            return size - length;
    }
    return 0;
}

static const struct hf_name *body_name(const struct hf_part *part)
{
    for (size_t i = 0; part->kind == HF_PART_CODE && i < part->name_count; i++)
        if (stem_of(part->names[i]) > 0)
            return part->names[i];
    return NULL;
}

bool hf_coroutine_body(const struct hf_part *part)
{
    return body_name(part) != NULL;
}

static bool same_coroutine(const struct hf_name *a, const struct hf_name *b)
{
    size_t size = stem_of(a);

    return size == stem_of(b) && strncmp(a->text, b->text, size) == 0;
}

/* Neither side has a twin among the functions of this coroutine any more. */
static void part_all(struct hf_object *object, const struct hf_name *of)
{
    for (size_t i = 1; i < object->part_count; i++) {
        const struct hf_name *name = body_name(&object->parts[i]);
        if (name && same_coroutine(name, of))
            object->parts[i].twin = NULL;
    }
}

/* The functions refer to each other, so separating some may make others differ: repeat until nothing changes. */
void hf_coroutines_part(struct hf_object *before, struct hf_object *after)
{
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 1; i < after->part_count; i++) {
            const struct hf_part *part = &after->parts[i];
            const struct hf_name *name = body_name(part);
            if (!name || !part->twin || hf_compare_functions(part->twin, part))
                continue;
            part_all(before, name);
            part_all(after, name);
            again = true;
        }
    }
}
