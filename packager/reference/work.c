/* SPDX-License-Identifier: Apache-2.0 */
#include "reference/work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

int hf_work_note(struct hf_work *work, enum hf_build_event event, const char *name, const char *object,
                 struct hotfix_error *err, const char *format, ...)
{
    struct hf_build_result *result = work->result;
    struct hf_build_item *grown = reallocarray(result->items, result->count + 1, sizeof(*grown));
    if (!grown)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    result->items = grown;
    struct hf_build_item *item = &grown[result->count++];
    *item = (struct hf_build_item){.event = event, .name = strdup(name), .object = strdup(object)};

    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&item->why, format, arguments) < 0)
        item->why = NULL;
    va_end(arguments);
    return item->name && item->object && item->why ? 0 : hf_error(err, HOTFIX_MEMORY, "out of memory");
}

const struct hf_anchor *hf_work_adopted(const struct hf_work *work, const struct hf_part *after)
{
    for (size_t i = 0; i < work->adopted_count; i++)
        if (work->adopted[i].part == after)
            return &work->adopted[i].anchor;
    return NULL;
}
