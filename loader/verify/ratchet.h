/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state file, which keeps the highest sequence numbers of applied bundles, so that neither an older bundle nor one
 * with a far too high number can be applied. It has a number for each key (or certificate of an authority's key) and
 * each build of a target. A bundle is compared with the numbers for the name of its target and those for its build.
 *
 * Numbers of a key that is revoked or no longer in the store count only if the policy limits steps, and only up to one
 * step above the numbers of other keys: so a false high number of a stolen key loses its effect when the key is
 * revoked, and correct numbers stay.
 *
 * The file is written before any part of a bundle is loaded into the process. So after a crash at any moment, the state
 * refuses every bundle that is older than one that may have run.
 */
#ifndef HF_RATCHET_H
#define HF_RATCHET_H

#include <stdint.h>

#include "hotfix/error.h"
#include "manifest.h"
#include "quorum.h"
#include "trust.h"

#define HF_RATCHET_MAX_SIZE (4u << 20) /* bytes of the file */

/*
 * Resolves the path of the file, which need not exist; its directory must. *resolved is malloc'ed. HOTFIX_TRUST when
 * other users can change the file or the directory (owned.h), HOTFIX_IO, HOTFIX_MEMORY.
 */
int hf_ratchet_path(const char *path, char **resolved, struct hotfix_error *err);

/*
 * Refuses a bundle that is older than one applied before, whose number is higher than the policy allows or missing, or
 * if the state is missing or damaged (HOTFIX_REPLAYED). path is as hf_ratchet_path() gives it. Also HOTFIX_TRUST,
 * HOTFIX_IO, HOTFIX_MEMORY.
 */
int hf_ratchet_check(const char *path, const struct hf_trust *trust, const struct hf_manifest *manifest,
                     struct hotfix_error *err);

/*
 * Checks again, and records that a bundle that these keys signed is applied. The record is on the disk when the call
 * returns; nothing is written if nothing changes. Processes that share the file take turns. HOTFIX_BUSY when another
 * one still holds its lock at the deadline (nanoseconds from now).
 */
int hf_ratchet_advance(const char *path, const struct hf_trust *trust, const struct hf_signers *signers,
                       const struct hf_manifest *manifest, uint64_t deadline_ns, struct hotfix_error *err);

#endif
