/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy file of a trust store, strict INI (inifile.h): which of its keys must agree, what each key is for, which
 * keys and bundles are revoked, and what is asked of sequence numbers. See hotfix-trust(5).
 */
#ifndef HF_TRUSTPOLICY_H
#define HF_TRUSTPOLICY_H

#include <stddef.h>

#include "hotfix/error.h"
#include "trust.h"

#define HF_TRUST_POLICY_MAX_SIZE (1u << 20)
#define HF_TRUST_ROLE_MAX        32 /* bytes of a role's name: a-z, 0-9 and - */

/*
 * Parses size bytes of text, which need not be NUL-terminated, into the policy of a trust store that has none yet; what
 * it says of keys goes to the keys that the store has, and keys that the text itself holds are added. where begins the
 * messages. HOTFIX_FORMAT, HOTFIX_TRUST, HOTFIX_MEMORY. On failure the store is good for hf_trust_deinit() only.
 */
int hf_trust_policy_parse(const char *where, const char *text, size_t size, struct hf_trust *trust,
                          struct hotfix_error *err);

/* HOTFIX_TRUST when no set of keys could ever meet the policy. */
int hf_trust_policy_check(const struct hf_trust *trust, struct hotfix_error *err);

/* The policy's revocation of this bundle, or NULL. */
const struct hf_revocation *hf_trust_policy_revoked(const struct hf_trust_policy *policy, const uint8_t id[HF_ID_SIZE]);

#endif
