/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where each allocated byte of the new objects ends up: unchanged in the target, taken into the patch, or part of what
 * nothing uses. What is none of these is refused.
 *
 * Sections that the sources name themselves are compared as what they may be: sets of entries that somebody walks
 * through, from __start_NAME to __stop_NAME or from where a linker script says.
 */
#ifndef HF_ACCOUNT_H
#define HF_ACCOUNT_H

#include "reference/work.h"

/* Does anything differ of what has no name, of notes, or of sections that the sources name? */
bool hf_account_differs(const struct hf_object *before, const struct hf_object *after);

/* Has the old object a section of the same name and content? What has no name is known by these alone. */
bool hf_account_has_like(const struct hf_object *before, const struct hf_part *part);

/*
 * Refuses what differs in a set that the target walks through. Before functions are compared, so that the reason is
 * the true one. HOTFIX_INCOMPATIBLE, HOTFIX_UNPROVEN.
 */
int hf_account_sets(struct hf_work *work, const struct hf_pairing *pairing, struct hotfix_error *err);

/* Lists an object that did not change. HOTFIX_MEMORY. */
int hf_account_unchanged(struct hf_work *work, const struct hf_object *after, struct hotfix_error *err);

/*
 * Lists every allocated section of all pairings in the result, once it is known what is taken. HOTFIX_INCOMPATIBLE or
 * HOTFIX_UNPROVEN naming a section under no heading; HOTFIX_MEMORY.
 */
int hf_account(struct hf_work *work, struct hotfix_error *err);

#endif
