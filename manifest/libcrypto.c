/* SPDX-License-Identifier: Apache-2.0 */
#include "libcrypto.h"

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

OSSL_LIB_CTX *hf_libcrypto(struct hotfix_error *err)
{
    const struct context *context = get(err);

    return context ? context->library : NULL;
}

const EVP_MD *hf_libcrypto_sha256(struct hotfix_error *err)
{
    const struct context *context = get(err);

    return context ? context->sha256 : NULL;
}
