/* SPDX-License-Identifier: Apache-2.0 */
#include "choose/constant.h"

#include <string.h>

#include "compare/compare.h"
#include "compare/layout.h"
#include "error.h"
#include "reference/usage.h"

static bool is_local(const struct hf_part *part)
{
    for (size_t i = 0; i < part->name_count; i++)
        if (part->names[i]->binding != STB_LOCAL)
            return false;
    return part->name_count > 0;
}

static bool is_constant(const struct hf_part *part)
{
    return part->kind == HF_PART_CONST && !part->anonymous && part->size > 0 && is_local(part);
}

/*
 * A table that clang makes from a table of pointers ("reltable.FUNCTION"): it contains the distances from the table to
 * the targets of the pointers. Code adds them to the table's address to reach the targets; the source has no name for
 * the table.
 */
static bool is_relative_table(const struct hf_arch_tools *arch, const struct hf_part *part)
{
    bool relative = strncmp(hf_part_title(part), "reltable.", strlen("reltable.")) == 0 && part->reference_count > 0 &&
                    part->reference_count * 4 == part->size;

    for (size_t i = 0; i < part->reference_count && relative; i++)
        relative = arch->relation(part->references[i].type) == HF_RELATION_NEAR;
    return relative;
}

/* Data that contains the address, and that does not go into the patch with a function. */
static const struct hf_part *holder(const struct hf_part *constant)
{
    const struct hf_object *object = constant->object;

    for (size_t i = 1; i < object->part_count; i++) {
        const struct hf_part *part = &object->parts[i];
        bool data = part->kind == HF_PART_DATA || part->kind == HF_PART_CONST || part->kind == HF_PART_TLS;
        for (size_t k = 0; data && k < part->reference_count; k++) {
            int64_t offset;
            if (hf_reference_part(&part->references[k], &offset) == constant)
                return part;
        }
    }
    return NULL;
}

int hf_constants_part(const struct hf_arch_tools *arch, struct hf_object *before, struct hf_object *after,
                      const struct hf_renumbered *renumbered, struct hotfix_error *err)
{
    for (size_t i = 1; i < after->part_count; i++) {
        struct hf_part *part = &after->parts[i];
        struct hf_part *twin = part->twin;
        const char *where = NULL;
        if (!twin || twin->object != before || twin->twin != part || !is_constant(part) || !is_constant(twin) ||
            hf_compare_parts(twin, part) || hf_renumbered_equal(renumbered, twin, part))
            continue;
        if (holder(twin))
            return hf_error(err, HOTFIX_INCOMPATIBLE,
                            "%s: the constant '%s' changed, and '%s' of the target holds its address: give the new "
                            "constant another name, and use it in the functions that are to know it",
                            after->name, hf_part_title(part), hf_part_title(holder(twin)));
        int kept = is_relative_table(arch, twin) ? 1 : hf_usage_kept(arch, twin, false, &where, err);
        if (kept < 0)
            return -1;
        if (kept == 0 && twin->name_count > 1)
            continue;
        /* That a member of its type changed says more. */
        if (kept == 0 && hf_layouts_check(before, after, err) != 0)
            return -1;
        if (kept == 0)
            return hf_error(err, HOTFIX_UNPROVEN,
                            "%s: the constant '%s' changed, and '%s' may leave its address where the program finds it "
                            "later, and would go on to read the old value; give the new constant another name, and use "
                            "it in the functions that are to know it",
                            after->name, hf_part_title(part), where);
        part->twin = NULL;
        twin->twin = NULL;
    }
    return 0;
}
