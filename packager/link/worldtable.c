/* SPDX-License-Identifier: Apache-2.0 */
#include "link/worldtable.h"

#include <stdio.h>
#include <string.h>

#include "choose/worlds.h"
#include "error.h"
#include "link/emission.h"
#include "reference/binding.h"

static int add_old(struct hf_work *work, const struct hf_world_code *code, struct hf_world_table *table,
                   struct hotfix_error *err)
{
    const struct hf_part *whole = code->part->family ? code->part->family : code->part;
    struct hf_anchor anchor;
    int found = hf_locate(work, code->pairing, code->part, &anchor, err);

    if (found != 0)
        return found < 0 ? -1 : 0;
    const struct hf_name *name = hf_part_function(code->part);
    const struct hf_name *proven = name ? hf_object_find(code->pairing->proof_object, name->text) : NULL;
    uint64_t size = proven && proven->size > 0 ? proven->size : code->part->size;
    return hf_world_add(table, code->kind, anchor.address + (name ? name->value : 0), size, hf_part_title(whole), err);
}

static int add_new(const struct hf_image *linked, size_t index, const struct hf_world_code *code,
                   struct hf_world_table *table, struct hotfix_error *err)
{
    const struct hf_part *whole = code->part->family ? code->part->family : code->part;
    char text[sizeof(HF_CODE_PREFIX) + 24];

    snprintf(text, sizeof(text), HF_CODE_PREFIX "%zu", index);
    for (size_t i = 0; i < linked->symbol_count; i++)
        if (strcmp(linked->symbols[i].name, text) == 0)
            return hf_world_add(table, code->kind, linked->symbols[i].address, code->part->size, hf_part_title(whole),
                                err);
    return hf_error(err, HOTFIX_INTERNAL, "the linker lost the code of %s", hf_part_title(code->part));
}

int hf_worldtable_fill(struct hf_work *work, const struct hf_image *linked, struct hf_world_table *table,
                       struct hotfix_error *err)
{
    table->target = work->target->image.build_id;
    for (size_t i = 0; i < work->worlds.count; i++) {
        const struct hf_world_code *code = &work->worlds.items[i];
        int failed = code->kind == HF_WORLD_LEFT_TO_REVERT ? add_new(linked, i, code, table, err)
                                                           : add_old(work, code, table, err);
        if (failed)
            return -1;
    }
    return 0;
}
