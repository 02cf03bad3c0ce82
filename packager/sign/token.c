/* SPDX-License-Identifier: Apache-2.0 */
/* Engines are deprecated in OpenSSL 3.0, in favour of providers; Debian 12 has none for PKCS#11. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "sign/token.h"

#include <openssl/crypto.h>
#include <openssl/engine.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#include "error.h"

#define SCHEME   "pkcs11:"
#define PIN_SIZE 256

bool hf_token_is(const char *path)
{
    return strncmp(path, SCHEME, strlen(SCHEME)) == 0;
}

/* What libcrypto or the engine said last, which is nearest to the cause. */
static int refuse(const char *uri, const char *what, struct hotfix_error *err)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    hf_error(err, HOTFIX_TRUST, "%s: %s%s%s", uri, what, reason ? ": " : "", reason ? reason : "");
    ERR_clear_error();
    return -1;
}

/* The PIN goes to the engine, which keeps it until it is finished. */
static int set_pin(ENGINE *engine, const char *uri, hf_passphrase_fn ask, void *arg, struct hotfix_error *err)
{
    char pin[PIN_SIZE];

    if (strstr(uri, "pin-value=") || strstr(uri, "pin-source="))
        return 0;
    int size = ask(pin, sizeof(pin) - 1, arg);
    if (size < 0)
        return hf_error(err, HOTFIX_TRUST, "%s: its PIN is needed: give --passphrase-file, or a terminal to ask on",
                        uri);
    pin[size] = '\0';
    int set = ENGINE_ctrl_cmd_string(engine, "PIN", pin, 0);
    OPENSSL_cleanse(pin, sizeof(pin));
    return set == 1 ? 0 : refuse(uri, "the engine takes no PIN", err);
}

int hf_token_key(const char *uri, hf_passphrase_fn ask, void *arg, struct hf_private_key **key,
                 struct hotfix_error *err)
{
    OPENSSL_init_crypto(OPENSSL_INIT_ENGINE_DYNAMIC, NULL);
    ENGINE *engine = ENGINE_by_id("pkcs11");

    if (!engine)
        return refuse(uri, "OpenSSL has no engine for PKCS#11 (Debian: libengine-pkcs11-openssl)", err);
    if (ENGINE_init(engine) != 1) {
        ENGINE_free(engine);
        return refuse(uri, "the engine for PKCS#11 cannot be started", err);
    }
    int result = set_pin(engine, uri, ask, arg, err);
    EVP_PKEY *pkey = result == 0 ? ENGINE_load_private_key(engine, uri, NULL, NULL) : NULL;
    if (result == 0 && !pkey)
        result = refuse(uri, "no such private key can be used in a token", err);
    if (result == 0)
        result = hf_private_key_take(pkey, key, err);
    ENGINE_finish(engine);
    ENGINE_free(engine);
    return result;
}
