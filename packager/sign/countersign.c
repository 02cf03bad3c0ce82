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

/* Puts a signature over the statement about the archive into the parts, which reads the archive only once. */
static int import(struct hf_signed *parts, const struct hf_public_key *key, const char *statement, size_t size,
                  const uint8_t bytes[HF_SIGNATURE_SIZE], struct hotfix_error *err)
{
    const struct hf_signature *there = find(parts, key->id, false);

    if (hf_public_key_verify(key, statement, size, bytes, err) != 0)
        return -1;
    if (there && hf_public_key_verify(key, statement, size, there->bytes, NULL) == 0)
        return 1;

    struct hf_signature *signature = place(parts, key->id, false, err);
    if (!signature)
        return -1;
    memcpy(signature->bytes, bytes, HF_SIGNATURE_SIZE);
    return 0;
}

int hf_countersign_import(struct hf_signed *parts, const struct hf_public_key *key,
                          const uint8_t bytes[HF_SIGNATURE_SIZE], struct hotfix_error *err)
{
    char statement[HF_STATEMENT_MAX];
    size_t size;

    if (hf_statement(parts->archive, parts->archive_size, statement, &size, err) != 0)
        return -1;
    return import(parts, key, statement, size, bytes, err);
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
    return import(parts, &public_key, statement, size, bytes, err);
}

/* Whether the CMS signature is good, and goes by this id. */
static int check_certified(const uint8_t *cms, size_t cms_size, const char *statement, size_t size,
                           const uint8_t id[HF_KEY_ID_SIZE], struct hotfix_error *err)
{
    uint8_t signer[HF_KEY_ID_SIZE];
    struct hf_cms *opened;

    if (hf_cms_open(cms, cms_size, statement, size, &opened, err) != 0)
        return -1;
    hf_cms_id(opened, signer);
    hf_cms_close(opened);
    if (memcmp(signer, id, sizeof(signer)) != 0)
        return hf_error(err, HOTFIX_SIGNATURE, "it is by another certificate");
    return 0;
}

static int put_certified(struct hf_signed *parts, const uint8_t *cms, size_t cms_size, const char *statement,
                         size_t size, const uint8_t id[HF_KEY_ID_SIZE], struct hotfix_error *err)
{
    struct hf_signature *signature = find(parts, id, true);

    if (signature && check_certified(signature->cms, signature->cms_size, statement, size, id, NULL) == 0)
        return 1;
    signature = place(parts, id, true, err);
    if (!signature)
        return -1;
    signature->cms = cms;
    signature->cms_size = cms_size;
    return 0;
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
    int result = put_certified(parts, made, made_size, statement, size, id, err);
    if (result == 0)
        *cms = hf_move(made);
    return result;
}

int hf_countersign_import_certified(struct hf_signed *parts, const char *certificate, const uint8_t *cms, size_t size,
                                    uint8_t id[HF_KEY_ID_SIZE], struct hotfix_error *err)
{
    char statement[HF_STATEMENT_MAX];
    size_t statement_size;

    if (hf_statement(parts->archive, parts->archive_size, statement, &statement_size, err) != 0 ||
        hf_certified_id(certificate, id, err) != 0 ||
        check_certified(cms, size, statement, statement_size, id, err) != 0)
        return -1;
    return put_certified(parts, cms, size, statement, statement_size, id, err);
}
