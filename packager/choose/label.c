/* SPDX-License-Identifier: Apache-2.0 */
#include "choose/label.h"

#include <stdlib.h>

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

/* 1 when label addresses to which this part refers may be stored somewhere; *where says what stores them. */
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

/* For one object: the code into whose middle references lead; found once and not for each function. */
struct entered {
    const struct hf_object *object;
    bool *parts; /* by section number */
};

static int enter(const struct hf_arch_tools *arch, const struct hf_object *object, struct entered *entered,
                 struct hotfix_error *err)
{
    if (entered->object == object)
        return 0;
    free(entered->parts);
    entered->object = NULL;
    entered->parts = calloc(object->part_count + 1, sizeof(*entered->parts));
    if (!entered->parts)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    entered->object = object;
    for (size_t i = 1; i < object->part_count; i++) {
        const struct hf_part *from = &object->parts[i];
        for (size_t k = 0; k < from->reference_count; k++) {
            const struct hf_part *code = from->references[k].name->part;
            if (code && code->kind == HF_PART_CODE && !entered->parts[code->index])
                entered->parts[code->index] = hf_usage_enters(arch, from, &from->references[k], code);
        }
    }
    return 0;
}

static int check_code(const struct hf_arch_tools *arch, const struct hf_part *code, const struct entered *entered,
                      const char **where, struct hotfix_error *err)
{
    const struct hf_object *object = code->object;

    *where = hf_part_title(code->family ? code->family : code);
    int result = hf_usage_takes_own(arch, code);
    for (size_t i = 1; result == 0 && entered->parts[code->index] && i < object->part_count; i++)
        result = may_keep(arch, &object->parts[i], code, where, err);
    return result;
}

static int refuse(const struct hf_part *function, const char *where, struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_UNPROVEN,
                    "%s: function '%s' changed, and '%s' may leave addresses of its labels (&&label) where the program "
                    "finds them later: they would lead from one version into the other; put the change into a function "
                    "that '%s' calls already",
                    function->object->name, hf_part_title(function), where, hf_part_title(function));
}

/* The functions of an object that changed, with their cold halves; or those that they are the new versions of. */
static int check_object(const struct hf_arch_tools *arch, const struct hf_object *object, bool old,
                        struct entered *entered, struct hotfix_error *err)
{
    for (size_t i = 1; i < object->part_count; i++) {
        const struct hf_part *part = &object->parts[i];
        const struct hf_part *whole = part->family ? part->family : part;
        const struct hf_part *after = old ? whole->twin : whole;
        const char *where = NULL;
        if (part->kind != HF_PART_CODE || !part->bytes || !after || !(after->marks & HF_MARK_CHANGED) || !after->twin)
            continue;
        if (enter(arch, object, entered, err) != 0)
            return -1;
        int result = check_code(arch, part, entered, &where, err);
        if (result != 0)
            return result < 0 ? -1 : refuse(whole, where, err);
    }
    return 0;
}

int hf_labels_check(struct hf_work *work, struct hotfix_error *err)
{
    struct entered entered = {.object = NULL};
    int failed = 0;

    for (size_t i = 0; !failed && i < work->pairing_count; i++) {
        const struct hf_pairing *pairing = &work->pairings[i];
        failed = (pairing->before && check_object(work->target->arch, pairing->before, true, &entered, err) != 0) ||
                 check_object(work->target->arch, pairing->after, false, &entered, err) != 0;
    }
    free(entered.parts);
    return failed ? -1 : 0;
}
