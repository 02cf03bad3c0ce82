/* SPDX-License-Identifier: Apache-2.0 */
#include "provenance/envelope.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "digest.h"
#include "error.h"

static int out_of_memory(struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_MEMORY, "out of memory");
}

/* What is signed ("PAE" in the specification); NULL: out of memory. */
static char *signed_text(const char *type, const char *payload, size_t *size)
{
    char *text;
    int length = asprintf(&text, "DSSEv1 %zu %s %zu %s", strlen(type), type, strlen(payload), payload);

    *size = length > 0 ? (size_t)length : 0;
    return length > 0 ? text : NULL;
}

static char *encode(const void *bytes, size_t size)
{
    char *text = malloc(size / 3 * 4 + 5);

    if (text)
        EVP_EncodeBlock((unsigned char *)text, bytes, (int)size);
    return text;
}

/* Base64 of either alphabet with nothing else in it; NULL when it is not, or memory is out. A NUL follows the bytes. */
static uint8_t *decode(const char *encoded, size_t *size)
{
    size_t length = strlen(encoded), padding = 0;
    HF_FREE char *text = strdup(encoded);

    if (!text || length % 4 != 0 || length > HF_ENVELOPE_MAX ||
        strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=") != length)
        return NULL;
    for (char *at = text; (at = strpbrk(at, "-_"));)
        *at = *at == '-' ? '+' : '/';
    while (padding < 2 && padding < length && text[length - 1 - padding] == '=')
        padding++;
    uint8_t *bytes = malloc(length / 4 * 3 + 1);
    int got = bytes ? EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)length) : -1;
    if (got < 0 || (size_t)got < padding) {
        free(bytes);
        return NULL;
    }
    *size = (size_t)got - padding;
    bytes[*size] = '\0';
    return bytes;
}

static int sign(const char *type, const char *payload, const struct hf_private_key *key, char **signature,
                char id[2 * HF_KEY_ID_SIZE + 1], struct hotfix_error *err)
{
    struct hf_public_key public_key;
    uint8_t bytes[HF_SIGNATURE_SIZE];
    size_t size;
    HF_FREE char *text = signed_text(type, payload, &size);

    if (!text)
        return out_of_memory(err);
    if (hf_private_key_public(key, &public_key, err) != 0 || hf_private_key_sign(key, text, size, bytes, err) != 0)
        return -1;
    hf_hex_encode(public_key.id, HF_KEY_ID_SIZE, id);
    *signature = encode(bytes, sizeof(bytes));
    return *signature ? 0 : out_of_memory(err);
}

int hf_envelope_format(const char *type, const char *payload, const struct hf_private_key *key, char **text,
                       struct hotfix_error *err)
{
    HF_FREE char *signature = NULL;
    HF_FREE char *encoded = encode(payload, strlen(payload));
    HF_FREE char *compact = NULL;
    char id[2 * HF_KEY_ID_SIZE + 1];

    if (!encoded)
        return out_of_memory(err);
    if (sign(type, payload, key, &signature, id, err) != 0)
        return -1;
    json_t *envelope = json_pack("{s:s, s:s, s:[{s:s, s:s}]}", "payload", encoded, "payloadType", type, "signatures",
                                 "keyid", id, "sig", signature);
    compact = envelope ? json_dumps(envelope, JSON_INDENT(2)) : NULL;
    json_decref(envelope);
    if (!compact || asprintf(text, "%s\n", compact) < 0)
        return out_of_memory(err);
    return 0;
}

/* A key id is a hint: every key that counts is tried. */
static const struct hf_trust_key *find_signer(const char *type, const char *payload, const json_t *signatures,
                                              const struct hf_trust *trust, int64_t now)
{
    size_t text_size, index;
    HF_FREE char *text = signed_text(type, payload, &text_size);
    const json_t *item;

    json_array_foreach(signatures, index, item)
    {
        const char *encoded = json_string_value(json_object_get(item, "sig"));
        size_t size = 0;
        HF_FREE uint8_t *bytes = encoded ? decode(encoded, &size) : NULL;
        for (size_t i = 0; text && bytes && size == HF_SIGNATURE_SIZE && i < trust->count; i++) {
            const struct hf_trust_key *key = &trust->keys[i];
            if (!key->authority && !key->revoked && (key->expires == 0 || now <= key->expires) &&
                hf_public_key_verify(&key->key, text, text_size, bytes, NULL) == 0)
                return key;
        }
    }
    return NULL;
}

static int open_object(const json_t *envelope, const char *type, const struct hf_trust *trust, int64_t now,
                       char **payload, const struct hf_trust_key **signer, struct hotfix_error *err)
{
    const char *encoded = json_string_value(json_object_get(envelope, "payload"));
    const char *has = json_string_value(json_object_get(envelope, "payloadType"));
    const json_t *signatures = json_object_get(envelope, "signatures");
    size_t size = 0;

    if (!encoded || !has || !json_is_array(signatures))
        return hf_error(err, HOTFIX_FORMAT, "is no signed envelope: payload, payloadType or signatures are missing");
    if (strcmp(has, type) != 0)
        return hf_error(err, HOTFIX_FORMAT, "its payload is not of type %s", type);
    HF_FREE uint8_t *bytes = decode(encoded, &size);
    if (!bytes || strlen((const char *)bytes) != size)
        return hf_error(err, HOTFIX_FORMAT, "its payload is no text in base64");
    *signer = find_signer(type, (const char *)bytes, signatures, trust, now);
    if (!*signer)
        return hf_error(err, HOTFIX_SIGNATURE, "no key of the trust store that counts signed it");
    *payload = (char *)hf_move(bytes);
    return 0;
}

int hf_envelope_open(const void *text, size_t size, const char *type, const struct hf_trust *trust, int64_t now,
                     char **payload, const struct hf_trust_key **signer, struct hotfix_error *err)
{
    json_error_t where;
    json_t *envelope = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);

    if (!envelope)
        return hf_error(err, HOTFIX_FORMAT, "line %d: is not JSON: %s", where.line, where.text);
    int result = open_object(envelope, type, trust, now, payload, signer, err);
    json_decref(envelope);
    return result;
}
