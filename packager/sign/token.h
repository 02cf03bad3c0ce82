/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private keys that stay in a PKCS#11 token, by RFC 7512 URI ("pkcs11:token=...;object=..."), through OpenSSL's engine
 * pkcs11 (Debian: libengine-pkcs11-openssl). For signatures by certificates: that engine knows RSA and ECDSA keys, and
 * no Ed25519 ones. PKCS11_MODULE_PATH names the token's module where p11-kit does not.
 */
#ifndef HF_TOKEN_H
#define HF_TOKEN_H

#include <stdbool.h>

#include "hotfix/error.h"
#include "key.h"

/* Is this such a URI, and not a file? */
bool hf_token_is(const char *path);

/* The file that a URI says has the PIN (pin-source), malloc'ed; NULL when it says none, or out of memory. */
char *hf_token_pin_file(const char *uri);

/*
 * The key of a URI; ask for its PIN, unless the URI tells it (pin-value). The PIN is in no message, this command's or
 * the engine's. The key can sign and be destroyed, nothing else. HOTFIX_TRUST with the engine's reason.
 */
int hf_token_key(const char *uri, hf_passphrase_fn ask, void *arg, struct hf_private_key **key,
                 struct hotfix_error *err);

#endif
