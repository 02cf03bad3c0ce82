/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the target made of the old objects that `hotfix build` compared? The proof is in the patch (patch/proven.h), and
 * says more of how a function was compiled than any record of flags: where it holds, the checks of compiler and flags
 * ask how the old object was compiled (unit.c).
 */
#include <string.h>

#include "check/check.h"
#include "patch/proven.h"

/* What no other check sees: flags.c passes over them. */
#define MACROS "macros (-D) are unproven, unless recorded (gcc does not)"

static int tell(const struct hf_check_subject *subject, const struct hf_proven *proven, struct hf_findings *findings)
{
    const struct hf_build_id *id = &subject->target->image.build_id;
    size_t count = 0;

    if (id->size != proven->target.size || memcmp(id->bytes, proven->target.bytes, id->size) != 0) {
        hf_findings_add(findings, HF_INCOMPATIBLE, NULL, "build the patch for this target",
                        "the proof in the patch is about another build of the target");
        return 0;
    }
    for (size_t i = 0; i < subject->pair_count; i++) {
        const struct hf_pair *pair = &subject->pairs[i];
        bool found = hf_proven_find(proven, pair->old_function->address, pair->old_function->size);
        count += found;
        hf_findings_add(findings, HF_COMPATIBLE, pair, NULL,
                        found ? "its old object code is the target's, byte for byte"
                              : "no old object code was found in the target: the other checks decide; " MACROS);
    }
    hf_findings_add(findings, HF_COMPATIBLE, NULL, NULL,
                    "the old object code of %zu of %zu functions is the target's, byte for byte", count,
                    subject->pair_count);
    hf_findings_mark(findings);
    return 0;
}

static int run(const struct hf_check_subject *subject, struct hf_findings *findings, struct hotfix_error *err)
{
    HF_PROVEN struct hf_proven proven = {.count = 0};

    int found = hf_proven_read(&subject->patch->image, &proven, err);
    if (found < 0)
        return -1;
    if (found > 0)
        return tell(subject, &proven, findings);
    hf_findings_add(findings, HF_COMPATIBLE, NULL, NULL, "no old objects: the other checks decide; " MACROS);
    return 0;
}

const struct hf_check hf_check_proof = {"proof", "old object code against the target's, where 'hotfix build' saw it",
                                        HF_ACCEPT_NEVER, run};
