/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manifest's data about code that may call functions with which it was not compiled together, from the build's
 * results.
 */
#ifndef HF_ENCOUNTERS_H
#define HF_ENCOUNTERS_H

#include "check/check.h"
#include "hotfix/error.h"
#include "manifest.h"

/*
 * Fills callers, assumptions and what it is built on of a manifest that has its target and functions from the patch's
 * table of worlds. For a patch that was made by hand and has no table, the callers are picked functions that call
 * another picked one of their file; there are no assumptions, since its compiler saw no other function of the target.
 * HOTFIX_INCOMPATIBLE when the table is about another build; HOTFIX_FORMAT, HOTFIX_MEMORY.
 */
int hf_compose_encounters(const struct hf_check_subject *subject, struct hf_manifest *manifest,
                          struct hotfix_error *err);

#endif
