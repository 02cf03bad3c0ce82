/* SPDX-License-Identifier: Apache-2.0 */
#include "build/warn.h"

#include <string.h>

#include "build/binding.h"
#include "build/choose.h"

struct warning {
    struct hf_work *work;
    struct hotfix_error *err;
};

static bool main_calls(const struct hf_target *target, uint64_t address)
{
    size_t count;
    struct hf_symbol *const *symbols = hf_target_named(target, "main", &count);

    for (size_t i = 0; i < count; i++) {
        const uint8_t *code =
            symbols[i]->type == STT_FUNC ? hf_image_bytes(&target->image, symbols[i]->address, symbols[i]->size) : NULL;
        if (code &&
            target->arch->mention(code, symbols[i]->size, symbols[i]->address, address, false, 0) < symbols[i]->size)
            return true;
    }
    return false;
}

static const char *reason(const struct hf_target *target, const char *name, uint64_t address, uint64_t size)
{
    const uint8_t *code = hf_image_bytes(&target->image, address, size);
    struct hf_flow flow;

    if (strcmp(name, "main") == 0)
        return "the program is inside it all the time: the change takes effect when it is called again, which is never";
    if (!code || target->arch->flow(code, size, &flow) != HF_ARCH_OK)
        return NULL;
    if (!flow.leaves && flow.loops)
        return "it seems to loop without ever returning: a thread that is inside stays in the old code, and while one "
               "is "
               "the patch is not applied";
    if (flow.loops_over_calls && main_calls(target, address))
        return "main calls it and it loops over calls: if that is the program's main loop, the patch is not applied "
               "while "
               "it runs";
    return NULL;
}

static int warn_one(const struct hf_replacement *replacement, void *arg)
{
    const struct warning *warning = arg;
    struct hf_work *work = warning->work;
    const struct hf_name *function = hf_part_function(replacement->before);
    struct hf_anchor anchor;

    if (!function || hf_locate(work, replacement->pairing, replacement->before, &anchor, warning->err) != 0)
        return 0;
    const char *why = reason(work->target, function->text, anchor.address + function->value, function->size);
    return why ? hf_work_note(work, HF_BUILD_WARNING, function->text, replacement->pairing->after->name, warning->err,
                              "%s", why)
               : 0;
}

int hf_warn(struct hf_work *work, struct hotfix_error *err)
{
    struct warning warning = {work, err};

    return hf_each_replacement(work, warn_one, &warning);
}
