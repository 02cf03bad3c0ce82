/* SPDX-License-Identifier: Apache-2.0 */
/* Can each picked function be diverted where it begins? */
#include "check/check.h"

static void check_one(const struct hf_check_subject *subject, const struct hf_pair *pair, struct hf_findings *findings)
{
    const struct hf_function *function = pair->old_function;
    const uint8_t *code = hf_image_bytes(&subject->target->image, function->address, function->size);
    size_t skip = 0, at = 0;

    if (!code) {
        hf_findings_add(findings, HF_INCOMPATIBLE, pair, NULL, "its code is not in the target's file");
        return;
    }
    switch (subject->tools->entry(code, function->size, &skip, &at)) {
    case HF_ARCH_OK:
        return;
    case HF_ARCH_SHORT:
        hf_findings_add(findings, HF_INCOMPATIBLE, pair, "pick its callers instead",
                        "its %llu bytes of code are too short for a detour of %zu bytes",
                        (unsigned long long)function->size,
                        subject->tools->arch->landing_pad(code, function->size) + subject->tools->arch->detour_size);
        return;
    case HF_ARCH_BRANCH:
        hf_findings_add(findings, HF_INCOMPATIBLE, pair, "pick its callers instead",
                        "its code at offset 0x%zx comes back into the bytes that a detour overwrites", at);
        return;
    default:
        hf_findings_add(findings, HF_UNPROVEN, pair, NULL,
                        "its code does not all disassemble, so nothing proves that none comes back to the entry");
    }
}

static int run(const struct hf_check_subject *subject, struct hf_findings *findings, struct hotfix_error *err)
{
    (void)err;
    for (size_t i = 0; subject->tools && i < subject->pair_count; i++)
        check_one(subject, &subject->pairs[i], findings);
    if (!subject->tools)
        hf_findings_add(findings, HF_INCOMPATIBLE, NULL, NULL, "code of this machine cannot be analysed");
    else if (hf_findings_clean(findings))
        hf_findings_add(findings, HF_COMPATIBLE, NULL, NULL, "%zu of %zu functions can be diverted",
                        subject->pair_count, subject->pair_count);
    return 0;
}

const struct hf_check hf_check_entry = {"entry", "room for a detour at each function's entry", HF_ACCEPT_UNPROVEN, run};
