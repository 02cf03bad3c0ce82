/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Callers of a picked function that stay, in its own translation unit. A compiler fits them to the function: they may
 * keep values in registers that the old one leaves alone, or know what it does to memory, to its arguments and returns.
 * `hotfix build` compares how they are compiled with the new one; of a patch that was made by hand nothing tells.
 */
#include "check/code/callers.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "elf/dynamic.h"
#include "error.h"
#include "patch/world.h"
#include "program/facts.h"

#define MAX_REFERENCES 65536

#define ADVICE                                                                                                         \
    "use 'hotfix build', which compares the callers too; or pick them as well, or compile the release with "           \
    "-flive-patching=inline-only-static (gcc)"
#define ADVICE_WHOLE "only a release that is built without -flto and -fwhole-program can be patched"

static bool is_library(const struct hf_image *image)
{
    size_t count = 0;
    GElf_Phdr segment;

    elf_getphdrnum(image->elf, &count);
    for (size_t i = 0; i < count && gelf_getphdr(image->elf, (int)i, &segment); i++)
        if (segment.p_type == PT_INTERP)
            return false;
    return image->header.e_type == ET_DYN;
}

/* Does a library show it to others, and did its compiler leave such functions alone? */
static int is_spared(const struct hf_check_subject *subject, const struct hf_function *function, bool *spared,
                     struct hotfix_error *err)
{
    struct hf_dynamic dynamic;

    *spared = false;
    if (function->local || !function->unit || !hf_facts_spare_interposable(function->unit->producer) ||
        !is_library(&subject->target->image))
        return 0;
    if (hf_dynamic_read(&subject->target->image, &dynamic, err) != 0)
        return -1;
    *spared = hf_dynamic_find(&dynamic, function->name, NULL) != NULL;
    hf_dynamic_deinit(&dynamic);
    return 0;
}

/* Functions of unknown units may be of one. */
static bool is_same_unit(const struct hf_function *a, const struct hf_function *b)
{
    if (a->unit && b->unit)
        return a->unit == b->unit;
    return !a->unit && !b->unit && (!a->local || !b->local || strcmp(a->source, b->source) == 0);
}

static int calls(const struct hf_check_subject *subject, const struct hf_function *caller, uint64_t address,
                 bool *found, struct hotfix_error *err)
{
    const struct hf_arch_tools *tools = subject->tools;
    const uint8_t *code = hf_image_bytes(&subject->target->image, caller->address, caller->size);
    size_t count = 0;

    *found = false;
    /* Decoding takes long: most functions do not even seem to mention it. */
    if (!code || tools->mention(code, caller->size, caller->address, address, false, 0) >= caller->size)
        return 0;
    HF_FREE struct hf_arch_reference *references = calloc(MAX_REFERENCES, sizeof(*references));
    if (!references)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    *found = tools->references(code, caller->size, caller->address, references, MAX_REFERENCES, &count) != HF_ARCH_OK ||
             count > MAX_REFERENCES;
    for (size_t i = 0; i < count && !*found; i++)
        *found = references[i].branch && references[i].value == address;
    return 0;
}

int hf_callers_fitted(const struct hf_check_subject *subject, const struct hf_function *caller,
                      const struct hf_function *callee, bool *fitted, struct hotfix_error *err)
{
    const char *producer = callee->unit ? callee->unit->producer : NULL;
    enum hf_facts facts = hf_facts_used(producer);
    bool spared;

    *fitted = false;
    if (facts == HF_FACTS_NONE || (facts == HF_FACTS_CLONES && !hf_facts_clone(callee->name)) || !subject->tools ||
        caller->size == 0 || !is_same_unit(caller, callee))
        return 0;
    if (is_spared(subject, callee, &spared, err) != 0)
        return -1;
    return spared ? 0 : calls(subject, caller, callee->address, fitted, err);
}

/* Is this the cold part of that function? */
static bool is_cold_part(const struct hf_function *part, const struct hf_function *function)
{
    size_t size = strlen(function->name);

    return strncmp(part->name, function->name, size) == 0 && strncmp(part->name + size, ".cold", 5) == 0;
}

static bool is_picked(const struct hf_check_subject *subject, const struct hf_function *function)
{
    for (size_t i = 0; i < subject->pair_count; i++) {
        const struct hf_function *picked = subject->pairs[i].old_function;
        if ((function->address >= picked->address && function->address - picked->address < picked->size) ||
            is_cold_part(function, picked))
            return true;
    }
    return false;
}

static int look(const struct hf_check_subject *subject, const struct hf_pair *pair, struct hf_findings *findings,
                struct hotfix_error *err)
{
    const struct hf_program *target = subject->target;

    for (size_t i = 0; i < target->function_count; i++) {
        const struct hf_function *caller = &target->functions[i];
        bool fitted;
        if (is_picked(subject, caller))
            continue;
        if (hf_callers_fitted(subject, caller, pair->old_function, &fitted, err) != 0)
            return -1;
        if (!fitted)
            continue;
        hf_findings_add(findings, HF_UNPROVEN, pair, ADVICE,
                        "%s calls it, stays, and may have been compiled for what the old one does to registers, "
                        "memory and arguments",
                        caller->name);
        return 0;
    }
    return 0;
}

static bool is_whole(const struct hf_program *target)
{
    for (size_t i = 0; i < target->unit_count; i++)
        if (hf_facts_whole_program(target->units[i]->producer))
            return true;
    return false;
}

static int run(const struct hf_check_subject *subject, struct hf_findings *findings, struct hotfix_error *err)
{
    HF_WORLD struct hf_world_table table = {.count = 0};
    int built = hf_world_read(&subject->patch->image, &table, err);

    if (built < 0)
        return -1;
    if (is_whole(subject->target)) {
        hf_findings_add(findings, HF_INCOMPATIBLE, NULL, ADVICE_WHOLE,
                        "the target's files were compiled together (-flto, -fwhole-program): callers in any file may "
                        "count on what a function did");
        return 0;
    }
    if (built > 0) {
        hf_findings_add(findings, HF_COMPATIBLE, NULL, NULL,
                        "'hotfix build' found callers that stay unchanged, with what they are compiled for");
        return 0;
    }
    for (size_t i = 0; i < subject->pair_count; i++)
        if (look(subject, &subject->pairs[i], findings, err) != 0)
            return -1;
    if (hf_findings_clean(findings))
        hf_findings_add(findings, HF_COMPATIBLE, NULL, NULL, "no caller that stays was compiled for an old function");
    return 0;
}

const struct hf_check hf_check_callers = {"callers", "callers that stay, and count on the old function",
                                          HF_ACCEPT_UNPROVEN, run};
