/* SPDX-License-Identifier: Apache-2.0 */
#include "choose/label.h"

#include "error.h"
#include "reference/usage.h"

/* The references of a part that lead into the middle of a piece of code, other than as distances between places. */
struct look {
    bool any;
    bool distances; /* all of them are distances, as in a switch's table */
};

static struct look look(const struct hf_arch_tools *arch, const struct hf_part *from, const struct hf_part *code)
{
    struct look look = {.distances = true};

    for (size_t i = 0; i < from->reference_count; i++) {
        if (!hf_usage_enters(arch, from, &from->references[i], code))
            continue;
        look.any = true;
        look.distances = look.distances && arch->relation(from->references[i].type) == HF_RELATION_NEAR;
    }
    return look;
}

/* 1 when labels that this part refers to may be kept somewhere; *where says by what. */
static int may_keep(const struct hf_arch_tools *arch, const struct hf_part *from, const struct hf_part *code,
                    const char **where, struct hotfix_error *err)
{
    struct look found = look(arch, from, code);

    if (!found.any || (from->kind != HF_PART_CODE && found.distances))
        return 0;
    *where = hf_part_title(from->family ? from->family : from);
    if (from->kind == HF_PART_CODE || (from->kind == HF_PART_DATA && from->name_count > 0))
        return 1;
    int kept = hf_usage_kept(arch, from, true, where, err);
    return kept < 0 ? -1 : !kept;
}

static int check_code(const struct hf_arch_tools *arch, const struct hf_part *code, const char **where,
                      struct hotfix_error *err)
{
    const struct hf_object *object = code->object;

    *where = hf_part_title(code->family ? code->family : code);
    int result = hf_usage_takes_own(arch, code);
    for (size_t i = 1; result == 0 && i < object->part_count; i++)
        result = may_keep(arch, &object->parts[i], code, where, err);
    return result;
}

static int check_function(const struct hf_arch_tools *arch, const struct hf_part *function, struct hotfix_error *err)
{
    const struct hf_object *object = function->object;
    const char *where = NULL;
    int result = 0;

    for (size_t i = 1; result == 0 && i < object->part_count; i++) {
        const struct hf_part *part = &object->parts[i];
        if (part->kind == HF_PART_CODE && part->bytes && (part == function || part->family == function))
            result = check_code(arch, part, &where, err);
    }
    if (result <= 0)
        return result;
    return hf_error(err, HOTFIX_UNPROVEN,
                    "%s: function '%s' changed, and '%s' may leave addresses of its labels (&&label) where the program "
                    "finds them later: they would lead from one version into the other; put the change into a function "
                    "that '%s' calls already",
                    object->name, hf_part_title(function), where, hf_part_title(function));
}

int hf_labels_check(struct hf_work *work, struct hotfix_error *err)
{
    for (size_t i = 0; i < work->pairing_count; i++) {
        const struct hf_object *object = work->pairings[i].after;
        for (size_t k = 1; k < object->part_count; k++) {
            const struct hf_part *part = &object->parts[k];
            if (!(part->marks & HF_MARK_CHANGED) || part->family || !part->twin)
                continue;
            if (check_function(work->target->arch, part->twin, err) != 0 ||
                check_function(work->target->arch, part, err) != 0)
                return -1;
        }
    }
    return 0;
}
