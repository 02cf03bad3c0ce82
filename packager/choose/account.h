/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accounts for each allocated byte of the new objects: it is unchanged in the target, taken into the patch, or unused.
 * Everything else is refused.
 *
 * Sections that the sources name may be sets of entries through which code iterates, from __start_NAME to __stop_NAME
 * or between symbols of a linker script. They are compared as such sets.
 */
#ifndef HF_ACCOUNT_H
#define HF_ACCOUNT_H

#include "reference/work.h"

/* Does anything differ in parts without a name, in notes, or in sections that the sources name? */
bool hf_account_differs(const struct hf_object *before, const struct hf_object *after);

/* Has the old object a section of the same name and content? Parts without a name are recognised only by these. */
bool hf_account_has_like(const struct hf_object *before, const struct hf_part *part);

/*
 * Refuses differences in a set through which the target iterates. Call before functions are compared, so that the
 * message gives the real reason. HOTFIX_INCOMPATIBLE, HOTFIX_UNPROVEN.
 */
int hf_account_sets(struct hf_work *work, const struct hf_pairing *pairing, struct hotfix_error *err);

/* Lists an object that did not change. HOTFIX_MEMORY. */
int hf_account_unchanged(struct hf_work *work, const struct hf_object *after, struct hotfix_error *err);

/*
 * Lists every allocated section of all pairings in the result, after it was decided what is taken. HOTFIX_INCOMPATIBLE
 * or HOTFIX_UNPROVEN naming a section that fits no heading; HOTFIX_MEMORY.
 */
int hf_account(struct hf_work *work, struct hotfix_error *err);

#endif
