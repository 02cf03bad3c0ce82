/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which functions of the target call or jump to picked ones directly, found in one pass over its code, and which of
 * them may have been compiled with facts about the called function (program/facts.h).
 */
#ifndef HF_CHECK_CALLSITES_H
#define HF_CHECK_CALLSITES_H

#include "check/check.h"
#include "elf/dynamic.h"

struct hf_callsite {
    uint64_t to;
    const struct hf_function *caller;
};

struct hf_callsites {
    const struct hf_check_subject *subject;
    struct hf_callsite *items; /* ordered by `to`, then by the caller's place among the target's functions */
    size_t count;
    bool library;              /* the target is a library, not a program */
    struct hf_dynamic dynamic; /* of the target */
};

/* HOTFIX_FORMAT, HOTFIX_MEMORY. A function that calls itself counts; of a CPU that is not supported, none is known. */
int hf_callsites_read(const struct hf_check_subject *subject, struct hf_callsites *callsites, struct hotfix_error *err);
void hf_callsites_deinit(struct hf_callsites *callsites);
#define HF_CALLSITES __attribute__((cleanup(hf_callsites_deinit)))

typedef bool (*hf_fitted_fn)(const struct hf_function *caller, void *arg);

/*
 * Calls fn for each known function that calls a picked one from the same translation unit, if the compiler may have
 * used facts about the picked one; until fn returns false.
 */
void hf_callsites_fitted(const struct hf_callsites *callsites, const struct hf_function *callee, hf_fitted_fn fn,
                         void *arg);

#endif
