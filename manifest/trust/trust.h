/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trust store: the public keys whose signatures count, and the policy of how many and which of them must agree. No
 * store means that everything is refused.
 */
#ifndef HF_TRUST_H
#define HF_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundleid.h"
#include "hotfix/error.h"
#include "key.h"

#define HF_TRUST_MAX_KEYS    256
#define HF_TRUST_POLICY_NAME "trust.ini" /* of the policy in a directory */

struct hf_authority;

struct hf_trust_key {
    char *name; /* file name without ".pub" or ".ca.pem", or the policy's name for it */
    /* Of an authority SHA-256 over its first certificate, and the beginning of that as id: no key, but as unique. */
    struct hf_public_key key;
    struct hf_authority *authority; /* whoever it vouches for signs as this key; NULL: it is an Ed25519 key */
    char *roles;                    /* separated by one blank; NULL: none */
    int64_t expires;                /* from then on it does not count; 0: never */
    bool revoked;                   /* it never counts */
};

/* A bundle that is refused whoever signed it. */
struct hf_revocation {
    uint8_t id[HF_ID_SIZE];
    char *reason;
};

/* What hf_trust_policy_parse() reads. All zero: one key of any, and nothing about freshness. */
struct hf_trust_policy {
    size_t keys; /* different keys that must agree; 0: as 1 */
    char *roles; /* that must be among theirs, separated by one blank; NULL: none */
    struct hf_revocation *revoked;
    size_t revoked_count;
    bool at_signing;          /* certificates must have been valid when they signed, not now */
    bool fresh;               /* sequence numbers are demanded, and held against what was applied before */
    uint64_t start;           /* from where numbers count: lower ones are old ones */
    uint64_t max_step;        /* how far a sequence number may jump ahead; 0: any */
    bool lost_state_accepted; /* what was applied before may be unknown */
};

struct hf_trust {
    struct hf_trust_key *keys; /* ordered by name; each public key once */
    size_t count;
    struct hf_trust_policy policy;
};

void hf_trust_deinit(struct hf_trust *trust);
/* Frees what the key owns. */
void hf_trust_key_deinit(struct hf_trust_key *key);

/* The key with this id, or NULL. */
const struct hf_trust_key *hf_trust_find(const struct hf_trust *trust, const uint8_t id[HF_KEY_ID_SIZE]);

/* The key with this name, or NULL. */
struct hf_trust_key *hf_trust_named(const struct hf_trust *trust, const char *name);

/* Adds a key; the name is copied. HOTFIX_TRUST when there are too many or the name is taken, HOTFIX_MEMORY. */
int hf_trust_add(struct hf_trust *trust, const char *name, const struct hf_public_key *key, struct hotfix_error *err);

/* True when a list of words that are separated by one blank (NULL: none) holds this one of that length. */
bool hf_trust_listed(const char *list, const char *word, size_t length);

#endif
