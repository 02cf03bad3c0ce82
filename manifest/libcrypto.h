/* SPDX-License-Identifier: Apache-2.0 */
/* Scope-bound cleanup of libcrypto's objects, and of its error queue. */
#ifndef HF_LIBCRYPTO_H
#define HF_LIBCRYPTO_H

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>

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

/* libcrypto's error queue belongs to the host program's thread: what we cause there is taken back at the end of the
 * scope. */
#define HF_KEEP_ERRORS __attribute__((cleanup(hf_cleanup_errors), unused)) int marked = ERR_set_mark()

#endif
