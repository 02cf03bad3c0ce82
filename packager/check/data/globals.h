/* SPDX-License-Identifier: Apache-2.0 */
/* Do target and patch agree about the target's variables that the picked functions use? */
#ifndef HF_GLOBALS_H
#define HF_GLOBALS_H

#include <stddef.h>

#include "check/check.h"

struct hf_globals {
    size_t compared;
    size_t undeclared; /* of them only that they are thread-local or not, since clang records definitions alone */
};

/*
 * Notes a finding for each variable that they see differently (type, size, const, volatile, thread-local), one that is
 * unproven where something is not known. HOTFIX_FORMAT, HOTFIX_MEMORY.
 */
int hf_globals_check(const struct hf_check_subject *subject, struct hf_findings *findings, struct hf_globals *globals,
                     struct hotfix_error *err);

#endif
