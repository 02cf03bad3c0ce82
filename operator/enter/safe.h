/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Can a stopped thread be made to load a library without harm? It must hold no lock that malloc, stdio or the dynamic
 * linker take, and must not be inside any of their functions. docs/design.md has the rule and its reason.
 */
#ifndef HF_SAFE_H
#define HF_SAFE_H

#include <stdbool.h>
#include <stddef.h>

#include "enter/tracee.h"
#include "process/image.h"
#include "process/target.h"

#define HF_SAFE_WHY 160

/* False: `why` becomes the reason, which says what the thread does: "is in malloc". */
bool hf_safe_point(const struct hf_target *target, const struct hf_images *images, const struct hf_tracee *tracee,
                   char why[HF_SAFE_WHY]);

#endif
