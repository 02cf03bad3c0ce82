/* SPDX-License-Identifier: Apache-2.0 */
/* Applies fix-ups (fixup.h) to a patch that is mapped and whose code does not run yet. */
#ifndef HF_REBIND_H
#define HF_REBIND_H

#include "fixup.h"
#include "hotfix/error.h"
#include "process/module.h"

/*
 * modules are the modules of fixups, in the same order. Every place must lie in a segment of the patch, every value in
 * a segment of its module (or one past its end). HOTFIX_FORMAT for records that break these rules, HOTFIX_STAGE when a
 * value does not fit or cannot be written, HOTFIX_MEMORY. On failure only a part of the patch may be written: the
 * caller unloads it.
 */
int hf_rebind(const struct hf_fixups *fixups, const struct hf_module *modules, const struct hf_module *patch,
              struct hotfix_error *err);

#endif
