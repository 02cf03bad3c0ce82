/* SPDX-License-Identifier: Apache-2.0 */
#include "sign/countersign.h"

#include <stdbool.h>
#include <string.h>

#include "cleanup.h"
#include "cms.h"
#include "error.h"
#include "x509/certified.h"

static struct hf_signature *find(struct hf_signed *parts, const uint8_t id[HF_KEY_ID_SIZE], bool certified)
{
    for (size_t i = 0; i < parts->signature_count; i++)
        if (memcmp(parts->signatures[i].key_id, id, HF_KEY_ID_SIZE) == 0 && !!parts->signatures[i].cms == certified)
            return &parts->signatures[i];
    return NULL;
}

/* A place for a signature under this id: that of the one that is there, or a new one. */
static struct hf_signature *place(struct hf_signed *parts, const uint8_t id[HF_KEY_ID_SIZE], bool certified,
                                  struct hotfix_error *err)
{
    struct hf_signature *signature = find(parts, id, certified);

    if (!signature && parts->signature_count == HF_SIGNATURE_MAX) {
        hf_error(err, HOTFIX_FORMAT, "it has %d signatures, and there is no room for another", HF_SIGNATURE_MAX);
        return NULL;
    }
    if (!signature)
        signature = &parts->signatures[parts->signature_count++];
    *signature = (struct hf_signature){.cms = NULL};
    memcpy(signature->key_id, id, HF_KEY_ID_SIZE);
    return signature;
}

int hf_countersigned(const struct hf_signed *parts, const struct hf_public_key *key, struct hotfix_error *err)
{
    struct hf_signed copy = *parts;
    const struct hf_signature *signature = find(&copy, key->id, false);
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

    struct hf_signature *signature = place(parts, key->id, false, err);
    if (!signature)
        return -1;
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

static bool holds_certified(struct hf_signed *parts, const uint8_t id[HF_KEY_ID_SIZE], const char *statement,
                            size_t size)
{
    const struct hf_signature *signature = find(parts, id, true);
    struct hf_cms *cms;

    if (!signature || hf_cms_open(signature->cms, signature->cms_size, statement, size, &cms, NULL) != 0)
        return false;
    hf_cms_close(cms);
    return true;
}

int hf_countersign_certified(struct hf_signed *parts, const char *certificate, const struct hf_private_key *key,
                             uint8_t id[HF_KEY_ID_SIZE], uint8_t **cms, struct hotfix_error *err)
{
    char statement[HF_STATEMENT_MAX];
    HF_FREE uint8_t *made = NULL;
    size_t size, made_size;

    if (hf_statement(parts->archive, parts->archive_size, statement, &size, err) != 0 ||
        hf_certified_sign(certificate, key, statement, size, &made, &made_size, id, err) != 0)
        return -1;
    if (holds_certified(parts, id, statement, size))
        return 1;
    struct hf_signature *signature = place(parts, id, true, err);
    if (!signature)
        return -1;
    signature->cms = *cms = hf_move(made);
    signature->cms_size = made_size;
    return 0;
}
