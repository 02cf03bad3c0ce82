/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a manifest that follows from target, patch and checks. */
#ifndef HF_COMPOSE_H
#define HF_COMPOSE_H

#include <stddef.h>
#include <stdint.h>

#include "check/check.h"
#include "hotfix/error.h"
#include "manifest.h"

/*
 * Sets target, host, compiler, flags, functions, checks, hooks and the place of the fix-up table (section
 * .hotfix.fixups). HOTFIX_USAGE when there are too many functions; HOTFIX_INCOMPATIBLE when two of them overlap.
 */
int hf_compose(const struct hf_check_subject *subject, const struct hf_check_result *results,
               struct hf_manifest *manifest, struct hotfix_error *err);

/*
 * The bytes of the patch that was checked, whatever has its path by now; *payload is malloc'ed. HOTFIX_IO when somebody
 * has written into a file of the subject since it was opened; HOTFIX_FORMAT when the patch is too large for a bundle.
 */
int hf_compose_payload(const struct hf_check_subject *subject, uint8_t **payload, size_t *size,
                       struct hotfix_error *err);

#endif
