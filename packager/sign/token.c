/* SPDX-License-Identifier: Apache-2.0 */
/* Engines are deprecated in OpenSSL 3.0, in favour of providers; Debian 12 has none for PKCS#11. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "sign/token.h"

#include <ctype.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/engine.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"

#define SCHEME     "pkcs11:"
#define PIN_VALUE  "pin-value="
#define PIN_SOURCE "pin-source="
#define PIN_SIZE   256

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

static int hex_value(char digit)
{
    const char *digits = "0123456789abcdef";
    const char *at = digit ? strchr(digits, tolower((unsigned char)digit)) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* A value of a URI without its percent encoding (RFC 7512, section 2.3). False when it does not fit. */
static bool decode(const char *value, size_t length, char *text, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < length; i++) {
        int high = value[i] == '%' && i + 2 < length ? hex_value(value[i + 1]) : -1;
        int low = high >= 0 ? hex_value(value[i + 2]) : -1;
        if (used + 1 >= size)
            return false;
        text[used++] = low >= 0 ? (char)(high << 4 | low) : value[i];
        i += low >= 0 ? 2 : 0;
    }
    text[used] = '\0';
    return true;
}

/* Where an attribute of this name ("pin-value=") stands in a URI, or NULL. */
static char *find_attribute(char *uri, const char *name)
{
    char *at = uri;

    while ((at = strstr(at, name)) && !strchr(":;&?", at == uri ? ':' : at[-1]))
        at++;
    return at;
}

/*
 * Takes an attribute out of a URI: false when it has none, or its value does not fit. The PIN must not be in what is
 * shown, and the engine prints URIs, too.
 */
static bool take_attribute(char *uri, const char *name, char *value, size_t size)
{
    char *attribute = find_attribute(uri, name);

    if (!attribute)
        return false;
    char *begin = attribute + strlen(name);
    char *end = begin + strcspn(begin, ";&?");
    bool fits = decode(begin, (size_t)(end - begin), value, size);
    OPENSSL_cleanse(begin, (size_t)(end - begin));
    /* The separator behind the attribute goes with it, or the one in front where nothing follows. */
    if (*end)
        end += *end != '?';
    else if (attribute > uri && strchr(";&?", attribute[-1]))
        attribute--;
    memmove(attribute, end, strlen(end) + 1);
    return fits;
}

char *hf_token_pin_file(const char *uri)
{
    static const char scheme[] = "file:";
    HF_FREE char *copy = strdup(uri);
    char path[PATH_MAX];

    if (!copy || !take_attribute(copy, PIN_SOURCE, path, sizeof(path)))
        return NULL;
    const char *name = strncmp(path, scheme, strlen(scheme)) == 0 ? path + strlen(scheme) : path;
    return strdup(strncmp(name, "//", 2) == 0 ? name + 2 : name);
}

/* The PIN goes to the engine, which keeps it until it is finished. */
static int set_pin(ENGINE *engine, char *uri, hf_passphrase_fn ask, void *arg, struct hotfix_error *err)
{
    char pin[PIN_SIZE], source[PATH_MAX];

    take_attribute(uri, PIN_SOURCE, source, sizeof(source));
    if (!take_attribute(uri, PIN_VALUE, pin, sizeof(pin))) {
        int size = ask(pin, sizeof(pin) - 1, arg);
        if (size < 0)
            return hf_error(err, HOTFIX_TRUST, "%s: its PIN is needed: give --passphrase-file, or a terminal to ask on",
                            uri);
        pin[size] = '\0';
    }
    int set = ENGINE_ctrl_cmd_string(engine, "PIN", pin, 0);
    OPENSSL_cleanse(pin, sizeof(pin));
    return set == 1 ? 0 : refuse(uri, "the engine takes no PIN", err);
}

static int load_key(ENGINE *engine, char *uri, hf_passphrase_fn ask, void *arg, struct hf_private_key **key,
                    struct hotfix_error *err)
{
    if (set_pin(engine, uri, ask, arg, err) != 0)
        return -1;
    EVP_PKEY *pkey = ENGINE_load_private_key(engine, uri, NULL, NULL);
    return pkey ? hf_private_key_take(pkey, key, err) : refuse(uri, "no such private key can be used in a token", err);
}

int hf_token_key(const char *uri, hf_passphrase_fn ask, void *arg, struct hf_private_key **key,
                 struct hotfix_error *err)
{
    HF_FREE char *copy = strdup(uri);

    if (!copy)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    OPENSSL_init_crypto(OPENSSL_INIT_ENGINE_DYNAMIC, NULL);
    ENGINE *engine = ENGINE_by_id("pkcs11");
    if (!engine)
        return refuse(SCHEME, "OpenSSL has no engine for PKCS#11 (Debian: libengine-pkcs11-openssl)", err);
    if (ENGINE_init(engine) != 1) {
        ENGINE_free(engine);
        return refuse(SCHEME, "the engine for PKCS#11 cannot be started", err);
    }
    int result = load_key(engine, copy, ask, arg, key, err);
    ENGINE_finish(engine);
    ENGINE_free(engine);
    return result;
}
