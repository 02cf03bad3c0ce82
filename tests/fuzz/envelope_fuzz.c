/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a provenance file, and as what the key of the trust store has signed in one, since no change of a whole
 * file leaves its signature good: what opens says what was signed, and opens again when that is signed again.
 */
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "provenance/envelope.h"
#include "provenance/provenance.h"

#define INPUT_MAX 65536
#define TYPE      "application/vnd.in-toto+json"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char archive[] = "abc"; /* the seeds are about these three bytes */

/* The key pair of RFC 8032, section 7.1, test 1, so that each run is the same. */
static const uint8_t secret[] = {0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a,
                                 0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32,
                                 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60};

static struct hf_private_key *private_key;
static char key_name[] = "builder";
static struct hf_trust_key key = {.name = key_name};
static const struct hf_trust trust = {.keys = &key, .count = 1};

static void prepare(void)
{
    if (private_key)
        return;
    EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, sizeof(secret));
    if (!pkey || hf_private_key_take(pkey, &private_key, NULL) != 0 ||
        hf_private_key_public(private_key, &key.key, NULL) != 0)
        abort();
}

static bool opens(const char *text, size_t size, char **payload)
{
    struct hf_signers signers = {.count = 0};

    if (hf_envelope_open(text, size, TYPE, &trust, 0, payload, &signers, NULL) != 0)
        return false;
    if (signers.count != 1 || signers.keys[0] != &key)
        abort();
    return true;
}

static void check_file(const char *text)
{
    struct hf_provenance provenance;
    char path[64];
    int fd = memfd_create("provenance", MFD_CLOEXEC);

    if (fd < 0)
        return;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (write(fd, text, strlen(text)) == (ssize_t)strlen(text) &&
        hf_provenance_check(path, archive, strlen(archive), NULL, &trust, 0, &provenance, NULL) == 0) {
        if (provenance.signers.keys[0] != &key || !json_is_array(provenance.materials))
            abort();
        hf_provenance_deinit(&provenance);
    }
    close(fd);
}

static void check_payload(const char *payload)
{
    char *text = NULL, *again = NULL;

    if (hf_envelope_format(TYPE, payload, private_key, &text, NULL) != 0)
        return;
    if (!opens(text, strlen(text), &again) || strcmp(again, payload) != 0)
        abort();
    check_file(text);
    free(again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *payload = NULL;

    prepare();
    if (size > INPUT_MAX)
        return 0;
    if (opens((const char *)data, size, &payload))
        check_payload(payload);
    free(payload);
    payload = strndup((const char *)data, size);
    if (payload)
        check_payload(payload);
    free(payload);
    return 0;
}
