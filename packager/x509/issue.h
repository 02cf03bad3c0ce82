/* SPDX-License-Identifier: Apache-2.0 */
/* A small certification authority for trying things out. */
#ifndef HF_ISSUE_H
#define HF_ISSUE_H

#include "hotfix/error.h"
#include "key.h"

#define HF_ISSUE_AUTHORITY_DAYS 365
#define HF_ISSUE_SIGNER_DAYS    90

/*
 * The certificate of a new authority called "NAME authority", by its own key, and that of a signer of code called NAME,
 * issued by it; both as PEM text, malloc'ed, valid from an hour ago on. HOTFIX_INTERNAL when libcrypto fails;
 * HOTFIX_MEMORY. On failure neither is touched.
 */
int hf_issue(const char *name, const struct hf_private_key *authority_key, const struct hf_private_key *signer_key,
             char **authority, char **signer, struct hotfix_error *err);

#endif
