/* SPDX-License-Identifier: Apache-2.0 */
/* Is a variable used as another one was? */
#ifndef HF_USES_H
#define HF_USES_H

#include "object/object.h"

/*
 * Is each straight run of instructions that refers to the new variable the same as one that referred to the old one, in
 * the same order and in a function that is the old one's twin, or the only one that uses it where the old one was?
 * Straight: no jump, call or return among them. False also for code that cannot be decoded, and where data refers to
 * one of them.
 */
bool hf_uses_same(const struct hf_name *before, const struct hf_name *after);

/* Do both begin with the same value, and is it not 0? */
bool hf_uses_begin_alike(const struct hf_name *before, const struct hf_name *after);

#endif
