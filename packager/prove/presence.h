/* SPDX-License-Identifier: Apache-2.0 */
/* Whether anything of an object may be in a target, where the proof did not find the object there. */
#ifndef HF_PRESENCE_H
#define HF_PRESENCE_H

#include "object/census.h"
#include "prove/target.h"

/*
 * False when nothing of the object is in the target: no file symbol of its source, no global name that it alone of all
 * objects defines (census), and nowhere the code of one of its functions. A target that keeps no symbols of files or
 * static functions may have the object nevertheless, so the code is looked for everywhere. Where the target is
 * stripped, the answer is always true.
 */
bool hf_presence(const struct hf_object *object, const struct hf_target *target, struct hf_census *census);

#endif
