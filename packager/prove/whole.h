/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets whose files were compiled together: link-time optimisation, -fwhole-program. There the compiler used what it
 * found out of a function in the code of any other file, and objects that were compiled one by one show nothing of it:
 * that a function's code is the same in both proves nothing of its callers.
 */
#ifndef HF_WHOLE_H
#define HF_WHOLE_H

#include "object/object.h"
#include "prove/target.h"

/*
 * 0 when nothing in the target says so; HOTFIX_INCOMPATIBLE with what does. Looked at are what each unit of the debug
 * information says of its compiler; without debug information the flags of .GCC.command.line; and the names that
 * symbols get that way. *documented: there is debug information. HOTFIX_FORMAT, HOTFIX_MEMORY.
 */
int hf_whole_check(const struct hf_target *target, const char *debug_path, bool *documented, struct hotfix_error *err);

/*
 * The same for a target without debug information, by an object of the release: what the object shows to other files is
 * a local symbol in a program that was compiled as a whole. HOTFIX_INCOMPATIBLE.
 */
int hf_whole_check_object(const struct hf_target *target, const struct hf_object *object, struct hotfix_error *err);

#endif
