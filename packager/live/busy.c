/* SPDX-License-Identifier: Apache-2.0 */
/* Which functions is a thread of the process in now? */
#include <stdio.h>
#include <stdlib.h>

#include "bundle.h"
#include "check/code/cold.h"
#include "error.h"
#include "live/checks.h"
#include "live/code.h"
#include "live/live.h"
#include "live/stacks.h"

static void note_unseen(const struct hf_live_unseen *unseen, struct hf_findings *findings)
{
    char more[48] = "", who[32] = "";

    if (unseen->threads == 0)
        return;
    if (unseen->threads > 1)
        snprintf(more, sizeof(more), " and of %zu more", unseen->threads - 1);
    if (unseen->tracer)
        snprintf(who, sizeof(who), " (process %d)", unseen->tracer);
    hf_findings_add(findings, HF_UNPROVEN, NULL,
                    "end what traces it, and be its user or root, where Yama's ptrace_scope is not 0 with "
                    "CAP_SYS_PTRACE",
                    "the stack of thread %d%s cannot be looked at: %s%s", unseen->tid, more, unseen->why, who);
}

static void note_busy(const struct hf_pair *pair, const struct hf_live_code *code, struct hf_findings *findings)
{
    char more[48] = "";

    if (code->threads > 1)
        snprintf(more, sizeof(more), " and of %zu more", code->threads - 1);
    hf_findings_add(findings, HF_UNPROVEN, pair,
                    "check again when it has returned; where it never does, pick what it calls",
                    "it is on the stack of thread %d (%s)%s, where the old code goes on until it returns", code->tid,
                    code->name, more);
}

/* The code to look for: of each pair, and of its cold parts, as far as symbols or the bundle tell of them. */
struct codes {
    struct hf_live_code *items;
    size_t *pairs; /* whose code it is */
    size_t count;
};

static void codes_deinit(struct codes *codes)
{
    free(codes->items);
    free(codes->pairs);
}

static int codes_add(struct codes *codes, uint64_t begin, uint64_t size, size_t pair, struct hotfix_error *err)
{
    struct hf_live_code *items = reallocarray(codes->items, codes->count + 1, sizeof(*items));
    if (items)
        codes->items = items;
    size_t *pairs = reallocarray(codes->pairs, codes->count + 1, sizeof(*pairs));
    if (pairs)
        codes->pairs = pairs;
    if (!items || !pairs)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    items[codes->count] = (struct hf_live_code){.begin = begin, .end = begin + size};
    pairs[codes->count++] = pair;
    return 0;
}

static int codes_fill(struct codes *codes, const struct hf_check_subject *subject, uint64_t base,
                      struct hotfix_error *err)
{
    const struct hf_program *target = subject->target;

    for (size_t i = 0; i < subject->pair_count; i++) {
        const struct hf_function *old = subject->pairs[i].old_function;
        if (codes_add(codes, base + old->address, old->size, i, err) != 0)
            return -1;
        for (const struct hf_function *part = NULL; target && (part = hf_cold_part(target, old, part));)
            if (codes_add(codes, base + part->address, part->size, i, err) != 0)
                return -1;
        const struct hf_code_ranges *sealed = target ? NULL : &subject->bundle->manifest.functions[i].cold;
        for (size_t k = 0; sealed && k < sealed->count; k++)
            if (codes_add(codes, base + sealed->items[k].offset, sealed->items[k].size, i, err) != 0)
                return -1;
    }
    return 0;
}

static int search(const struct hf_check_subject *subject, struct codes *codes, struct hf_findings *findings,
                  struct hotfix_error *err)
{
    struct hf_live_unseen unseen;
    size_t threads, told = SIZE_MAX;

    if (hf_live_stacks_search(subject->live, codes->items, codes->count, &threads, &unseen, err) != 0)
        return -1;
    for (size_t i = 0; i < codes->count; i++) {
        if (codes->items[i].threads == 0 || codes->pairs[i] == told)
            continue;
        told = codes->pairs[i];
        note_busy(&subject->pairs[told], &codes->items[i], findings);
    }
    note_unseen(&unseen, findings);
    if (findings->count == 0)
        hf_findings_add(findings, HF_COMPATIBLE, NULL, NULL,
                        "none of %zu functions is on the stack of one of %zu threads", subject->pair_count, threads);
    return 0;
}

static int run_busy(const struct hf_check_subject *subject, struct hf_findings *findings, struct hotfix_error *err)
{
    const struct hf_live_module *module = hf_live_target(subject, findings);
    struct codes codes = {.count = 0};

    if (!module)
        return 0;
    int result = codes_fill(&codes, subject, module->base, err);
    if (result == 0)
        result = search(subject, &codes, findings, err);
    codes_deinit(&codes);
    return result;
}

const struct hf_check hf_check_busy = {"busy", "functions that are on a stack of the process now", HF_ACCEPT_UNPROVEN,
                                       run_busy};
