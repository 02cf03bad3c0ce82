/* SPDX-License-Identifier: Apache-2.0 */
#include "sign/countersign.h"

#include <string.h>

#include "error.h"

static struct hf_signature *find(struct hf_signed *parts, const struct hf_public_key *key)
{
    for (size_t i = 0; i < parts->signature_count; i++)
        if (memcmp(parts->signatures[i].key_id, key->id, HF_KEY_ID_SIZE) == 0)
            return &parts->signatures[i];
    return NULL;
}

int hf_countersigned(const struct hf_signed *parts, const struct hf_public_key *key, struct hotfix_error *err)
{
    struct hf_signed copy = *parts;
    const struct hf_signature *signature = find(&copy, key);
    char statement[HF_STATEMENT_MAX];
    size_t size;

    if (!signature)
        return hf_error(err, HOTFIX_SIGNATURE, "not signed by this key");
    if (hf_statement(parts->archive, parts->archive_size, statement, &size, err) != 0)
        return -1;
    return hf_public_key_verify(key, statement, size, signature->bytes, err);
}

int hf_countersign_import(struct hf_signed *parts, const struct hf_public_key *key,
                          const uint8_t bytes[HF_SIGNATURE_SIZE], struct hotfix_error *err)
{
    char statement[HF_STATEMENT_MAX];
    size_t size;

    if (hf_statement(parts->archive, parts->archive_size, statement, &size, err) != 0 ||
        hf_public_key_verify(key, statement, size, bytes, err) != 0)
        return -1;
    if (hf_countersigned(parts, key, NULL) == 0)
        return 1;

    struct hf_signature *signature = find(parts, key);
    if (!signature && parts->signature_count == HF_SIGNATURE_MAX)
        return hf_error(err, HOTFIX_FORMAT, "it has %d signatures, and there is no room for another", HF_SIGNATURE_MAX);
    if (!signature)
        signature = &parts->signatures[parts->signature_count++];
    memcpy(signature->key_id, key->id, HF_KEY_ID_SIZE);
    memcpy(signature->bytes, bytes, HF_SIGNATURE_SIZE);
    return 0;
}

int hf_countersign(struct hf_signed *parts, const struct hf_private_key *key, struct hotfix_error *err)
{
    struct hf_public_key public_key;
    char statement[HF_STATEMENT_MAX];
    uint8_t bytes[HF_SIGNATURE_SIZE];
    size_t size;

    if (hf_private_key_public(key, &public_key, err) != 0 ||
        hf_statement(parts->archive, parts->archive_size, statement, &size, err) != 0 ||
        hf_private_key_sign(key, statement, size, bytes, err) != 0)
        return -1;
    return hf_countersign_import(parts, &public_key, bytes, err);
}
