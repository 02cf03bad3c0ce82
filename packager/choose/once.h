/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changed functions that only initialisers call: of variables at file scope, before main(), and of static variables of
 * functions (compare/guarded.h). The program has run the former and may have run the latter, so that the fix would be
 * without effect.
 */
#ifndef HF_ONCE_H
#define HF_ONCE_H

#include "reference/work.h"

/* HOTFIX_UNPROVEN naming such a function; HOTFIX_MEMORY. */
int hf_once_check(struct hf_work *work, struct hotfix_error *err);

#endif
