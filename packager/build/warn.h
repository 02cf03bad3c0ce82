/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Warnings of changed functions that a running program may never leave, so that a patch of them is never applied, or
 * never takes effect:
 * - main;
 * - a function that loops and has neither a return nor a jump that may lead out of it;
 * - a function that main calls itself and that loops over calls, as an event loop does.
 * Seen in the target's machine code alone, these are no proof: some are not warned of, some that are do return.
 */
#ifndef HF_WARN_H
#define HF_WARN_H

#include "build/work.h"

/* Notes them (HF_BUILD_WARNING). HOTFIX_MEMORY. */
int hf_warn(struct hf_work *work, struct hotfix_error *err);

#endif
