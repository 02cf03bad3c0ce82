/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `hotfix build` proved by comparing whole objects, from the proof in the patch (patch/proven.h). Each function of
 * an object is either the same in both compilations or in the patch. So the other code of a changed function's unit is
 * as in a rebuilt program: functions with inlined copies of it, and its clones, either are replaced, too, or did not
 * change.
 */
#ifndef HF_COMPARED_H
#define HF_COMPARED_H

#include "check/check.h"
#include "patch/proven.h"

struct hf_compared {
    const struct hf_check_subject *subject;
    struct hf_proven proven; /* nothing in it without a proof about this target */
};

/* HOTFIX_FORMAT, HOTFIX_MEMORY. */
int hf_compared_init(const struct hf_check_subject *subject, struct hf_compared *compared, struct hotfix_error *err);
void hf_compared_deinit(struct hf_compared *compared);

/* Was the function's object compared with its new version? */
bool hf_compared_pair(const struct hf_compared *compared, const struct hf_pair *pair);

/* Likewise, and is the code at an address of the target of the same unit? */
bool hf_compared_code(const struct hf_compared *compared, const struct hf_pair *pair, uint64_t address);

#define HF_COMPARED __attribute__((cleanup(hf_compared_deinit)))

#endif
