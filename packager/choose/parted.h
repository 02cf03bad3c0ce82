/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions whose prototype changed. The old function cannot be diverted to the new one, since old callers pass other
 * arguments. The callers changed, too. So the new function is a separate function that goes into the patch with them,
 * and the old one stays for threads that are still in an old caller.
 */
#ifndef HF_PARTED_H
#define HF_PARTED_H

#include "reference/work.h"

/*
 * Separates changed functions with another prototype from their twins; for specialised copies (NAME.constprop.0) the
 * prototype of the original function counts. HOTFIX_INCOMPATIBLE for a function whose address code or data of the
 * target has, since its callers through a pointer are not known, and for a function that unchanged code calls. Without
 * debug information nothing is separated: the check of prototypes reports that later.
 */
int hf_parted_mark(struct hf_work *work, struct hotfix_error *err);

#endif
