/* SPDX-License-Identifier: Apache-2.0 */
#include "provenance/envelope.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "cms.h"
#include "digest.h"
#include "error.h"
#include "x509/certified.h"

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

/* Makes *item a signature over a payload, as the envelope has them: by the key, or by its certificate. */
static int sign(const char *type, const char *payload, const struct hf_private_key *key, const char *certificate,
                json_t **item, struct hotfix_error *err)
{
    struct hf_public_key public_key;
    uint8_t bytes[HF_SIGNATURE_SIZE];
    HF_FREE uint8_t *cms = NULL;
    size_t size, signature_size = sizeof(bytes);
    HF_FREE char *text = signed_text(type, payload, &size);
    HF_FREE char *signature = NULL;
    char id[2 * HF_KEY_ID_SIZE + 1];

    if (!text)
        return out_of_memory(err);
    if (certificate ? hf_certified_sign(certificate, key, text, size, &cms, &signature_size, public_key.id, err) != 0
                    : hf_private_key_public(key, &public_key, err) != 0 ||
                          hf_private_key_sign(key, text, size, bytes, err) != 0)
        return -1;
    hf_hex_encode(public_key.id, HF_KEY_ID_SIZE, id);
    signature = encode(cms ? cms : bytes, signature_size);
    *item = signature ? json_pack("{s:s, s:s}", "keyid", id, "sig", signature) : NULL;
    return *item ? 0 : out_of_memory(err);
}

/* Takes the envelope over. */
static int write_text(json_t *envelope, char **text, struct hotfix_error *err)
{
    HF_FREE char *compact = envelope ? json_dumps(envelope, JSON_INDENT(2)) : NULL;

    json_decref(envelope);
    if (!compact || asprintf(text, "%s\n", compact) < 0)
        return out_of_memory(err);
    return 0;
}

int hf_envelope_format(const char *type, const char *payload, const struct hf_private_key *key, char **text,
                       struct hotfix_error *err)
{
    HF_FREE char *encoded = encode(payload, strlen(payload));
    json_t *signature;

    if (!encoded)
        return out_of_memory(err);
    if (sign(type, payload, key, NULL, &signature, err) != 0)
        return -1;
    return write_text(json_pack("{s:s, s:s, s:[o]}", "payload", encoded, "payloadType", type, "signatures", signature),
                      text, err);
}

/* A key id is a hint, and may be missing: every key is tried, the one that it names first. */
static void name_key(struct hf_signature *signature, const char *text, size_t size, const struct hf_trust *trust)
{
    const struct hf_trust_key *named = hf_trust_find(trust, signature->key_id);

    if (named && !named->authority && hf_public_key_verify(&named->key, text, size, signature->bytes, NULL) == 0)
        return;
    for (size_t i = 0; i < trust->count; i++)
        if (!trust->keys[i].authority &&
            hf_public_key_verify(&trust->keys[i].key, text, size, signature->bytes, NULL) == 0) {
            memcpy(signature->key_id, trust->keys[i].key.id, HF_KEY_ID_SIZE);
            return;
        }
}

/* By its size: what is not an Ed25519 signature is one by a certificate, which goes by the certificate's id. */
static void read_signature(const json_t *item, uint8_t **bytes, struct hf_signature *signature)
{
    const char *encoded = json_string_value(json_object_get(item, "sig"));
    const char *id = json_string_value(json_object_get(item, "keyid"));
    struct hf_cms *cms;
    size_t size = 0;

    *bytes = encoded ? decode(encoded, &size) : NULL;
    if (id)
        (void)hf_hex_decode(id, signature->key_id, HF_KEY_ID_SIZE);
    if (*bytes && size == HF_SIGNATURE_SIZE) {
        memcpy(signature->bytes, *bytes, size);
    } else if (*bytes && size > 0 && size <= HF_CMS_MAX && hf_cms_parse(*bytes, size, &cms, NULL) == 0) {
        signature->cms = *bytes;
        signature->cms_size = size;
        hf_cms_id(cms, signature->key_id);
        hf_cms_close(cms);
    }
}

/* As a bundle's: by the same policy. */
static int judge(const char *type, const char *payload, const json_t *items, const struct hf_trust *trust, int64_t now,
                 struct hf_signers *signers, struct hotfix_error *err)
{
    struct hf_signature signatures[HF_SIGNATURE_MAX] = {0};
    uint8_t *bytes[HF_SIGNATURE_MAX] = {0};
    size_t size, count = json_array_size(items);
    HF_FREE char *text = signed_text(type, payload, &size);

    if (!text)
        return out_of_memory(err);
    if (count > HF_SIGNATURE_MAX)
        return hf_error(err, HOTFIX_FORMAT, "more than %d signatures", HF_SIGNATURE_MAX);
    for (size_t i = 0; i < count; i++) {
        read_signature(json_array_get(items, i), &bytes[i], &signatures[i]);
        if (!signatures[i].cms)
            name_key(&signatures[i], text, size, trust);
    }
    int result = hf_signatures_judge(signatures, count, text, size, trust, now, signers, NULL, err);
    for (size_t i = 0; i < count; i++)
        free(bytes[i]);
    return result;
}

/* The payload of an envelope of this type, malloc'ed; nobody is asked whether it is signed. */
static int read_payload(const json_t *envelope, const char *type, char **payload, struct hotfix_error *err)
{
    const char *encoded = json_string_value(json_object_get(envelope, "payload"));
    const char *has = json_string_value(json_object_get(envelope, "payloadType"));
    size_t size = 0;

    if (!encoded || !has || !json_is_array(json_object_get(envelope, "signatures")))
        return hf_error(err, HOTFIX_FORMAT, "is no signed envelope: payload, payloadType or signatures are missing");
    if (strcmp(has, type) != 0)
        return hf_error(err, HOTFIX_FORMAT, "its payload is not of type %s", type);
    HF_FREE uint8_t *bytes = decode(encoded, &size);
    if (!bytes || strlen((const char *)bytes) != size)
        return hf_error(err, HOTFIX_FORMAT, "its payload is no text in base64");
    *payload = (char *)hf_move(bytes);
    return 0;
}

static json_t *read_envelope(const void *text, size_t size, struct hotfix_error *err)
{
    json_error_t where;
    json_t *envelope = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);

    if (!envelope)
        hf_error(err, HOTFIX_FORMAT, "line %d: is not JSON: %s", where.line, where.text);
    return envelope;
}

int hf_envelope_open(const void *text, size_t size, const char *type, const struct hf_trust *trust, int64_t now,
                     char **payload, struct hf_signers *signers, struct hotfix_error *err)
{
    json_t *envelope = read_envelope(text, size, err);
    HF_FREE char *read = NULL;

    if (!envelope)
        return -1;
    int result = read_payload(envelope, type, &read, err);
    if (result == 0)
        result = judge(type, read, json_object_get(envelope, "signatures"), trust, now, signers, err);
    json_decref(envelope);
    if (result == 0)
        *payload = hf_move(read);
    return result;
}

/* In the place of one that goes by the same id, or behind the others. Takes the item over. */
static int put_signature(json_t *items, json_t *item)
{
    const char *id = json_string_value(json_object_get(item, "keyid")), *other;

    for (size_t i = 0; i < json_array_size(items); i++) {
        other = json_string_value(json_object_get(json_array_get(items, i), "keyid"));
        if (other && strcmp(other, id) == 0)
            return json_array_set_new(items, i, item);
    }
    return json_array_append_new(items, item);
}

int hf_envelope_sign(const void *text, size_t size, const char *type, const struct hf_private_key *key,
                     const char *certificate, char **payload, char **more, struct hotfix_error *err)
{
    json_t *envelope = read_envelope(text, size, err), *item;
    HF_FREE char *read = NULL;

    if (!envelope)
        return -1;
    int result = read_payload(envelope, type, &read, err);
    if (result == 0)
        result = sign(type, read, key, certificate, &item, err);
    if (result == 0 && put_signature(json_object_get(envelope, "signatures"), item) != 0)
        result = out_of_memory(err);
    if (result != 0) {
        json_decref(envelope);
        return -1;
    }
    if (write_text(envelope, more, err) != 0)
        return -1;
    *payload = hf_move(read);
    return 0;
}
