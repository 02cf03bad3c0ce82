/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a stopped thread can be made to load a library without harm: it must hold no lock that malloc, stdio or the
 * dynamic linker take, and be in the middle of nothing of theirs. docs/design.md has the rule and why it holds.
 */
#ifndef HF_SAFE_H
#define HF_SAFE_H

#include <stdbool.h>
#include <stddef.h>

#include "enter/tracee.h"
#include "process/image.h"
#include "process/target.h"

#define HF_SAFE_WHY 160

/* False: why becomes the reason, as what the thread is or does: "is in malloc". */
bool hf_safe_point(const struct hf_target *target, const struct hf_images *images, const struct hf_tracee *tracee,
                   char why[HF_SAFE_WHY]);

#endif
