/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files whose code, compiled with the release's options, cannot be in a shared object: code for a program refers
 * directly to variables of other libraries, which only the program's own link can provide. Their changed functions are
 * taken from an object compiled with -fPIC.
 *
 * Such code was compiled in another way than the target's. For functions that nothing outside the file can call, the
 * compiler may choose arguments and registers freely (.isra clones, -fipa-ra): so calls of them stay within the patch,
 * which has its own copies. They still share the target's variables.
 */
#ifndef HF_INDEPENDENT_H
#define HF_INDEPENDENT_H

#include "reference/work.h"

/*
 * Replaces objects that need it by their -fPIC objects. Returns how many. An object that needs it and has no -fPIC
 * object stays, and is refused when it is written. HOTFIX_INCOMPATIBLE when a changed function is not in the -fPIC
 * object.
 */
int hf_independent_switch(struct hf_work *work, struct hotfix_error *err);

#endif
