/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a bundle may take the place of a file. */
#ifndef HF_REPLACE_H
#define HF_REPLACE_H

#include "hotfix/error.h"
#include "signature.h"

/*
 * Refuses to write over a bundle with a signature by a key or certificate that has not signed the new one: whoever made
 * that signature would lose it in silence. Anything else at path may be replaced. HOTFIX_IO, HOTFIX_MEMORY.
 */
int hf_replace_check(const char *path, const struct hf_signed *parts, struct hotfix_error *err);

#endif
