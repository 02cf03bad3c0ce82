/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcrypto as this project uses it: a library context of its own, and scope-bound cleanup of its objects.
 *
 * libcrypto's default context belongs to the host program and is configured by OPENSSL_CONF: a provider that is loaded
 * into it may compute SHA-256 or verify a signature. So nothing here uses the default context: everything is fetched,
 * read and verified in this one. (libcrypto may still load the host's configuration when anybody first calls it.)
 *
 * Engines have no context: libcrypto uses an engine that is the process's default for an algorithm in our context, too.
 * If there is one for a needed algorithm, nothing is computed.
 */
#ifndef HF_LIBCRYPTO_H
#define HF_LIBCRYPTO_H

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "hotfix/error.h"

/*
 * The context: libcrypto's built-in default provider, no configuration. Made by the first call, and kept. NULL with
 * HOTFIX_MEMORY when libcrypto cannot make it, with HOTFIX_TRUST when an engine would be used for SHA-2 or Ed25519;
 * NULL must not be passed to libcrypto, where it means the host's context.
 */
OSSL_LIB_CTX *hf_libcrypto(struct hotfix_error *err);

/*
 * Fails with HOTFIX_TRUST when an engine would be used for an algorithm that verifies certificates and their
 * signatures.
 */
int hf_libcrypto_certificates(struct hotfix_error *err);

/* SHA-256 of that context, as long as the process is. NULL as above. */
const EVP_MD *hf_libcrypto_sha256(struct hotfix_error *err);

static inline void hf_cleanup_pkey(EVP_PKEY **pkey)
{
    EVP_PKEY_free(*pkey);
}

static inline void hf_cleanup_bio(BIO **bio)
{
    BIO_free(*bio);
}

static inline void hf_cleanup_errors(const int *marked)
{
    (void)marked;
    ERR_pop_to_mark();
}

#define HF_PKEY __attribute__((cleanup(hf_cleanup_pkey)))
#define HF_BIO  __attribute__((cleanup(hf_cleanup_bio)))

/*
 * libcrypto's error queue belongs to the host program's thread: errors that we cause are removed at the end of the
 * scope.
 */
#define HF_KEEP_ERRORS __attribute__((cleanup(hf_cleanup_errors), unused)) int marked = ERR_set_mark()

#endif
