/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Static variables of functions, whose initial values code computes when it first reaches them (Itanium C++ ABI, 3.3.2:
 * guard variables, _ZGV). The program may have run that code already, and then does not run it for a patch: another
 * initialiser would be without effect.
 *
 * The code between a guard's test and its release is found by following branches, and compared instruction by
 * instruction: operands, references, and the order of branches. Places on the stack may move together; a register that
 * is set before must hold the address of the same thing on both sides. What is initialised with a value that the
 * function computed before, for instance from a parameter, is never proven to be the same.
 */
#ifndef HF_GUARDED_H
#define HF_GUARDED_H

#include "object/object.h"

/*
 * For correlated objects; changed() says which functions of `after` replace those of the target. 0; HOTFIX_UNPROVEN
 * naming the variable whose initialiser changed, or is not proven to be the same; HOTFIX_MEMORY.
 */
int hf_guarded_check(const struct hf_object *before, const struct hf_object *after,
                     bool (*changed)(const struct hf_part *part), struct hotfix_error *err);

#endif
