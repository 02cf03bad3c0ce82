/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles signed by certificates, and trust stores with authorities, as the tests of who counts need them. */
#ifndef SIGNED_FIXTURE_H
#define SIGNED_FIXTURE_H

#include "authority.h"
#include "certificate_fixture.h"
#include "cms.h"
#include "quorum.h"
#include "truststore.h"

static const char archive[] = "any bytes: signing does not look inside";
static char statement[HF_STATEMENT_MAX];
static size_t statement_size;
static int64_t now;

/* The parts of a bundle, and what its CMS signatures point to. */
static struct hf_signed parts;
static uint8_t *made[HF_SIGNATURE_MAX];
static size_t made_count;

static inline int fresh(void **state)
{
    (void)state;
    parts = (struct hf_signed){.archive = (const uint8_t *)archive, .archive_size = sizeof(archive)};
    return 0;
}

static inline int forget(void **state)
{
    (void)state;
    while (made_count > 0)
        free(made[--made_count]);
    return 0;
}

/* Adds a signature by a certificate over this message, under the certificate's id. */
static inline void sign_message(const struct fixture_identity *by, X509 *more, const void *message, size_t size)
{
    struct hf_signature *signature = &parts.signatures[parts.signature_count++];
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t cms_size;

    made[made_count] = fixture_cms(by, more, message, size, CMS_DETACHED, &cms_size);
    *signature = (struct hf_signature){.cms = made[made_count++], .cms_size = cms_size};
    X509_digest(by->certificate, EVP_sha256(), digest, NULL);
    memcpy(signature->key_id, digest, HF_KEY_ID_SIZE);
}

static inline void sign(const struct fixture_identity *by)
{
    sign_message(by, NULL, statement, statement_size);
}

static inline void write_text(const char *directory, const char *name, const char *text)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    fixture_write(fixture_path(path), text, strlen(text), 0644);
}

/* A trust store of this name with nothing in it. */
static inline const char *empty_store(const char *name)
{
    assert_int_equal(mkdir(fixture_path(name), 0755), 0);
    return name;
}

static inline void add_authority(const char *directory, const char *name, X509 *certificate)
{
    char *pem = fixture_certificate_pem(certificate);

    write_text(directory, name, pem);
    free(pem);
}

static inline int verify_at(const char *directory, int64_t when, struct hf_signers *signers, struct hotfix_error *err)
{
    struct hf_trust trust;

    if (hf_trust_read(fixture_path(directory), &trust, err) != 0)
        fail_msg("%s", err->message);
    int result = hf_signed_verify(&parts, &trust, when, signers, err);
    hf_trust_deinit(&trust);
    return result;
}

/* Now. */
static inline int verify(const char *directory, struct hotfix_error *err)
{
    return verify_at(directory, now, NULL, err);
}

#endif
