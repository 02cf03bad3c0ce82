/* SPDX-License-Identifier: Apache-2.0 */
#include "reference/replacement.h"

static int each_of(const struct hf_pairing *pairing, int (*fn)(const struct hf_replacement *replacement, void *arg),
                   void *arg)
{
    for (size_t i = 1; pairing->before && i < pairing->before->part_count; i++) {
        const struct hf_part *before = &pairing->before->parts[i];
        if (before->kind != HF_PART_CODE || !before->twin || before->family || !(before->twin->marks & HF_MARK_CHANGED))
            continue;
        const struct hf_replacement replacement = {pairing, before, before->twin};
        int result = fn(&replacement, arg);
        if (result != 0)
            return result;
    }
    return 0;
}

int hf_each_replacement(const struct hf_work *work, int (*fn)(const struct hf_replacement *replacement, void *arg),
                        void *arg)
{
    for (size_t i = 0; i < work->pairing_count; i++) {
        int result = each_of(&work->pairings[i], fn, arg);
        if (result != 0)
            return result;
    }
    return 0;
}

struct hf_part *hf_part_leader(struct hf_part *part)
{
    while (part->leader)
        part = part->leader;
    return part;
}
