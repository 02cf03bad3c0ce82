/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Labels as values (&&label of GNU C). The program may have stored them, on the heap or in a static variable; if the
 * function changed, the new version would jump through them into the middle of the old one, and after a revert the old
 * version into the new one. Tables of labels that only the function's own jumps read are harmless: each version has its
 * own table.
 */
#ifndef HF_LABEL_H
#define HF_LABEL_H

#include "reference/work.h"

/* HOTFIX_UNPROVEN for a changed function, before or after, whose labels may outlive a call of it. */
int hf_labels_check(struct hf_work *work, struct hotfix_error *err);

#endif
