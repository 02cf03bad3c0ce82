/* SPDX-License-Identifier: Apache-2.0 */
/* What a manifest says of code that was not compiled together with all that it meets, from what the build found out. */
#ifndef HF_ENCOUNTERS_H
#define HF_ENCOUNTERS_H

#include "check/check.h"
#include "hotfix/error.h"
#include "manifest.h"

/*
 * Fills callers, assumptions and what it is built on of a manifest that has its target and functions from the patch's
 * table of worlds. Of a patch that was made by hand and has none: picked functions that call another picked one of
 * their file. There are no assumptions then, since its compiler saw no other function of the target.
 * HOTFIX_INCOMPATIBLE when the table is about another build; HOTFIX_FORMAT, HOTFIX_MEMORY.
 */
int hf_compose_encounters(const struct hf_check_subject *subject, struct hf_manifest *manifest,
                          struct hotfix_error *err);

#endif
