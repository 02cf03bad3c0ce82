/* SPDX-License-Identifier: Apache-2.0 */
/* Engines are deprecated in OpenSSL 3.0, whose contexts they belong to none the less. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "libcrypto.h"

#include <openssl/engine.h>
#include <openssl/provider.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "error.h"

struct context {
    OSSL_LIB_CTX *library;
    OSSL_PROVIDER *provider;
    EVP_MD *sha256;
};

/* Published whole, and never freed: libcrypto may be gone before this library's destructors would run. */
static struct context *_Atomic shared;

static void discard(struct context *context)
{
    if (!context)
        return;
    EVP_MD_free(context->sha256);
    if (context->provider)
        OSSL_PROVIDER_unload(context->provider);
    OSSL_LIB_CTX_free(context->library);
    free(context);
}

/* The provider is loaded and used once here: left to the first use, a failure there could leave a context for good that
 * has none. */
static struct context *make(void)
{
    struct context *made = calloc(1, sizeof(*made));

    if (made)
        made->library = OSSL_LIB_CTX_new();
    if (made && made->library)
        made->provider = OSSL_PROVIDER_load(made->library, "default");
    if (made && made->provider)
        made->sha256 = EVP_MD_fetch(made->library, "SHA2-256", NULL);
    if (made && made->sha256)
        return made;
    discard(made);
    return NULL;
}

static const struct context *get(struct hotfix_error *err)
{
    struct context *known = atomic_load(&shared);
    if (known)
        return known;

    HF_KEEP_ERRORS;
    struct context *made = make();
    if (!made) {
        hf_error(err, HOTFIX_MEMORY, "libcrypto cannot make a library context");
        return NULL;
    }
    /* Another thread may have been faster. */
    if (!atomic_compare_exchange_strong(&shared, &known, made)) {
        discard(made);
        return known;
    }
    return made;
}

#ifndef OPENSSL_NO_ENGINE
/* Takes over the engine that one of the look-ups below gave. */
static int refuse_engine(ENGINE *engine, const char *what, struct hotfix_error *err)
{
    if (!engine)
        return 0;
    hf_error(
        err, HOTFIX_TRUST,
        "OpenSSL's engine '%s' is the default for %s in this process, so that no signature can be believed; take it "
        "out of default_algorithms in what OPENSSL_CONF names, or out of the program's ENGINE_set_default()",
        ENGINE_get_id(engine), what);
    ENGINE_finish(engine);
    return -1;
}

static int check_digest(int nid, struct hotfix_error *err)
{
    return refuse_engine(ENGINE_get_digest_engine(nid), OBJ_nid2sn(nid), err);
}

static int check_keys(int nid, struct hotfix_error *err)
{
    return refuse_engine(ENGINE_get_pkey_meth_engine(nid), OBJ_nid2sn(nid), err) == 0 &&
                   refuse_engine(ENGINE_get_pkey_asn1_meth_engine(nid), OBJ_nid2sn(nid), err) == 0
               ? 0
               : -1;
}

/* Ed25519 is computed with SHA-512. */
static int check_engines(struct hotfix_error *err)
{
    return check_digest(NID_sha256, err) == 0 && check_digest(NID_sha512, err) == 0 ? check_keys(NID_ED25519, err) : -1;
}

int hf_libcrypto_certificates(struct hotfix_error *err)
{
    HF_KEEP_ERRORS;
    static const int digests[] = {NID_sha224,     NID_sha256,   NID_sha384,   NID_sha512,   NID_sha512_224,
                                  NID_sha512_256, NID_sha3_224, NID_sha3_256, NID_sha3_384, NID_sha3_512};
    static const int keys[] = {NID_rsaEncryption, NID_rsassaPss, NID_X9_62_id_ecPublicKey, NID_ED25519, NID_ED448};

    for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++)
        if (check_digest(digests[i], err) != 0)
            return -1;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (check_keys(keys[i], err) != 0)
            return -1;
    return refuse_engine(ENGINE_get_default_RSA(), "RSA", err) == 0 ? refuse_engine(ENGINE_get_default_EC(), "EC", err)
                                                                    : -1;
}
#else
static int check_engines(struct hotfix_error *err)
{
    (void)err;
    return 0;
}

int hf_libcrypto_certificates(struct hotfix_error *err)
{
    (void)err;
    return 0;
}
#endif

static const struct context *get_alone(struct hotfix_error *err)
{
    HF_KEEP_ERRORS;
    const struct context *context = get(err);

    return context && check_engines(err) == 0 ? context : NULL;
}

OSSL_LIB_CTX *hf_libcrypto(struct hotfix_error *err)
{
    const struct context *context = get_alone(err);

    return context ? context->library : NULL;
}

const EVP_MD *hf_libcrypto_sha256(struct hotfix_error *err)
{
    const struct context *context = get_alone(err);

    return context ? context->sha256 : NULL;
}
