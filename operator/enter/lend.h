/* SPDX-License-Identifier: Apache-2.0 */
/* Passing descriptors to a process during a visit, through a socket pair that the process creates. */
#ifndef HF_LEND_H
#define HF_LEND_H

#include <stdint.h>

#include "enter/tracee.h"
#include "hotfix/error.h"

#define HF_LEND_SPACE 256 /* bytes of the process's memory that are needed meanwhile */

/*
 * Gives the process a copy of the descriptor, with *number in the process, closed on exec. scratch is memory of the
 * process. HOTFIX_STAGE when it has no descriptors left, or the kernel cannot copy one out of a process (before Linux
 * 5.6); HOTFIX_NO_TARGET.
 */
int hf_lend(struct hf_tracee *tracee, uint64_t scratch, int descriptor, int *number, struct hotfix_error *err);

#endif
