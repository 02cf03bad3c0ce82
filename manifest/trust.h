/* SPDX-License-Identifier: Apache-2.0 */
/* The trust store: the public keys whose signatures count. No store means that everything is refused. */
#ifndef HF_TRUST_H
#define HF_TRUST_H

#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"
#include "key.h"

#define HF_TRUST_MAX_KEYS 256

struct hf_trust_key {
    char *name; /* file name without ".pub" */
    struct hf_public_key key;
};

struct hf_trust {
    struct hf_trust_key *keys; /* ordered by name */
    size_t count;
};

/*
 * Reads one public key file, or every *.pub of a directory (names that begin with a dot are passed over). HOTFIX_TRUST
 * when there is none, when one is unusable, or when a key file or the directory may be written by others than its owner
 * and root; HOTFIX_IO when it cannot be read. On failure trust is untouched.
 */
int hf_trust_read(const char *path, struct hf_trust *trust, struct hotfix_error *err);
void hf_trust_deinit(struct hf_trust *trust);
/* The key with this id, or NULL. */
const struct hf_trust_key *hf_trust_find(const struct hf_trust *trust, const uint8_t id[HF_KEY_ID_SIZE]);

#endif
