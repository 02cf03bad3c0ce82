/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was applied before, kept in a file, so that neither an older bundle nor one that leaps ahead can be used: for
 * each key, or certificate by an authority's key, and each build of a target the highest sequence number of the bundles
 * that were signed so. A bundle is held against what is there under the name of its target and what is there of its
 * build.
 *
 * What a key said that is revoked or gone counts only where the policy limits steps, and as far as one step from what
 * other keys said: the leap of a stolen key ends with its revocation, and numbers that were rightly given stay.
 *
 * The file is written before anything of a bundle is loaded into the process. So whatever ran was written down before,
 * and a crash at any moment leaves a state that refuses all that is older than what may have run.
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
 * the file or the directory is in unsafe hands (owned.h), HOTFIX_IO, HOTFIX_MEMORY.
 */
int hf_ratchet_path(const char *path, char **resolved, struct hotfix_error *err);

/*
 * Refuses a bundle that is older than what was applied before or further ahead than the
 * policy allows, that has no sequence number, or of which that is not known (HOTFIX_REPLAYED). path is as
 * hf_ratchet_path() gives it. Also HOTFIX_TRUST, HOTFIX_IO, HOTFIX_MEMORY.
 */
int hf_ratchet_check(const char *path, const struct hf_trust *trust, const struct hf_manifest *manifest,
                     struct hotfix_error *err);

/*
 * Checks once more, and writes down that a bundle that these keys signed is applied, so that it is on the disk when the
 * call returns; nothing is written when nothing changes. Processes that share the file do so one at a time. HOTFIX_BUSY
 * when another one is still at it at the deadline (nanoseconds from now).
 */
int hf_ratchet_advance(const char *path, const struct hf_trust *trust, const struct hf_signers *signers,
                       const struct hf_manifest *manifest, uint64_t deadline_ns, struct hotfix_error *err);

#endif
