/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Labels as values (&&label of GNU C). The program may have stored them, on the heap or in a static variable; when the
 * function changed, the new one would jump by them into the middle of the old one, and after a revert the other way
 * round. Tables of labels that nothing but the function's own jumps reads are harmless: each version has its own.
 */
#ifndef HF_LABEL_H
#define HF_LABEL_H

#include "reference/work.h"

/* HOTFIX_UNPROVEN for a changed function, before or after, whose labels may outlive a call of it. */
int hf_labels_check(struct hf_work *work, struct hotfix_error *err);

#endif
