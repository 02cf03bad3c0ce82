/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets whose files were compiled together: link-time optimisation, -fwhole-program. There the compiler used facts
 * about a function in the code of any other file, and objects that were compiled separately do not show that: if a
 * function's code is the same in both, that proves nothing about its callers.
 */
#ifndef HF_WHOLE_H
#define HF_WHOLE_H

#include "object/object.h"
#include "prove/target.h"

/*
 * 0 when nothing in the target shows this; HOTFIX_INCOMPATIBLE with the evidence. Checked are the compiler flags in
 * each unit of the debug information; without debug information the flags in .GCC.command.line; and names that only
 * such builds give to symbols. *documented: there is debug information. HOTFIX_FORMAT, HOTFIX_MEMORY.
 */
int hf_whole_check(const struct hf_target *target, const char *debug_path, bool *documented, struct hotfix_error *err);

/*
 * The same for a target without debug information, checked with an object of the release: global symbols of the object
 * are local symbols in a program that was compiled as a whole. HOTFIX_INCOMPATIBLE.
 */
int hf_whole_check_object(const struct hf_target *target, const struct hf_object *object, struct hotfix_error *err);

#endif
