/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that a shared object cannot hold as the release's options compile them: code for a program refers directly to
 * variables of other libraries, which only the program's own link can provide. Their changed functions are taken from
 * an object compiled with -fPIC.
 *
 * Such code was compiled in another way than the target's. Between functions that nothing outside the file can call,
 * the compiler agrees on arguments and on registers as it likes (.isra clones, -fipa-ra): so calls of them stay within
 * the patch, which brings its own copies. They still share the target's variables.
 */
#ifndef HF_INDEPENDENT_H
#define HF_INDEPENDENT_H

#include "reference/work.h"

/*
 * Puts -fPIC objects in the place of those that need it. Returns how many. A file that needs it and has none stays, and
 * is refused when it is written. HOTFIX_INCOMPATIBLE when a changed function is not in the -fPIC object.
 */
int hf_independent_switch(struct hf_work *work, struct hotfix_error *err);

#endif
