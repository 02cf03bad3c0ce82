/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conclusions of the compiler from all stores of a file to a static variable, which may not fit the value that the
 * program holds now. clang stores a variable that only ever holds two values as a byte that says which one (GlobalOpt);
 * and where a pointer that is either NULL or one constant is dereferenced, clang uses that constant. New code with
 * another constant would read another value than the one that the old code stored.
 */
#ifndef HF_STORED_H
#define HF_STORED_H

#include "reference/work.h"

/*
 * Checks the static variables of a file from which something goes into the patch. HOTFIX_UNPROVEN naming a variable
 * that the old code set to another value than the new code; HOTFIX_FORMAT when debug information is damaged;
 * HOTFIX_MEMORY.
 */
int hf_stored_check(const struct hf_pairing *pairing, struct hotfix_error *err);

#endif
