/* SPDX-License-Identifier: Apache-2.0 */
/* Callers in the target pass and expect what the old function took and gave. */
#include "types/prototype.h"
#include "check/check.h"
#include "check/compared.h"

/*
 * Compilers leave out arguments of a function that only its own file calls, or make copies of it that take what some
 * callers have left to hand over. Where its object was compared as a whole, callers that stay are the same in both
 * compilations, and so is what they hand over.
 */
static bool is_settled(const struct hf_compared *compared, const struct hf_pair *pair)
{
    return pair->old_function->local && hf_compared_pair(compared, pair);
}

static int run(const struct hf_check_subject *subject, struct hf_findings *findings, struct hotfix_error *err)
{
    HF_COMPARED struct hf_compared compared;

    if (hf_compared_init(subject, &compared, err) != 0)
        return -1;
    for (size_t i = 0; i < subject->pair_count; i++) {
        const struct hf_pair *pair = &subject->pairs[i];
        const char *old_text = pair->old_function->prototype, *new_text = pair->new_function->prototype;
        if (!old_text || !new_text)
            hf_findings_add(findings, HF_UNPROVEN, pair, "compile with -g, or name the debug file",
                            "no debug information tells the prototype in the %s",
                            old_text   ? "patch"
                            : new_text ? "target"
                                       : "target nor in the patch");
        else if (!hf_prototypes_agree(old_text, new_text) && !is_settled(&compared, pair))
            hf_findings_add(findings, HF_INCOMPATIBLE, pair, "a function with another prototype needs a new name",
                            "its prototype is '%s' in the target, '%s' in the patch", old_text, new_text);
    }
    if (hf_findings_clean(findings))
        hf_findings_add(findings, HF_COMPATIBLE, NULL, NULL, "%zu of %zu prototypes are equal", subject->pair_count,
                        subject->pair_count);
    return 0;
}

const struct hf_check hf_check_prototype = {"prototype", "prototype of each picked function", HF_ACCEPT_UNPROVEN, run};
