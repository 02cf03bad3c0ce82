/* SPDX-License-Identifier: Apache-2.0 */
/* Can a process be entered at all, and if not, why? */
#ifndef HF_JUDGE_H
#define HF_JUDGE_H

#include "hotfix/error.h"
#include "process/image.h"
#include "process/target.h"

/*
 * HOTFIX_STAGE for processes that this command cannot enter: programs of another CPU, 32-bit ones, statically linked
 * ones, those of another C library than glibc 2.34 or later, those with a shadow stack, without /proc in their root
 * directory, and those that link libhotfix themselves. HOTFIX_STOP for a process that job control or a tracer has
 * stopped.
 */
int hf_judge(const struct hf_target *target, const struct hf_images *images, struct hotfix_error *err);

#endif
