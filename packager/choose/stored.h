/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a compiler concludes from all that one file stores in a static variable, and what the program holds there by
 * now. clang keeps a variable that only ever holds two values as a byte that says which of them (GlobalOpt); and it
 * takes a pointer that is NULL or one constant for that constant where it is read through. New code with another
 * constant would read another value than the one that the old code stored.
 */
#ifndef HF_STORED_H
#define HF_STORED_H

#include "reference/work.h"

/*
 * Looks at the static variables of a file of which something goes into the patch. HOTFIX_UNPROVEN naming one that was
 * set to something else by the old code than by the new code; HOTFIX_FORMAT when debug information is damaged;
 * HOTFIX_MEMORY.
 */
int hf_stored_check(const struct hf_pairing *pairing, struct hotfix_error *err);

#endif
