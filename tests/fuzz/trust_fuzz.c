/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a key file: public key, trust store and private key. An input whose first byte is no '-' is the DER of a
 * PEM file, since changes of base64 text seldom leave anything behind to parse; that byte says of which kind.
 */
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "point.h"
#include "trust.h"
#include "truststore.h"

#define INPUT_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *pem_of(const uint8_t *der, size_t size, unsigned kind, size_t *length)
{
    static const char *const labels[] = {"PUBLIC KEY", "PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "EC PRIVATE KEY"};
    const char *label = labels[kind % 4];
    unsigned char *text = malloc(size * 2 + 8);
    char *pem = NULL;

    if (!text)
        return NULL;
    EVP_EncodeBlock(text, der, (int)size);
    int written = asprintf(&pem, "-----BEGIN %s-----\n%s\n-----END %s-----\n", label, (char *)text, label);
    free(text);
    *length = written < 0 ? 0 : (size_t)written;
    return written < 0 ? NULL : pem;
}

/* Whatever key is read, these bytes are no signature by it. */
static void check_key(const struct hf_public_key *key)
{
    static const uint8_t signature[HF_SIGNATURE_SIZE] = {5};

    if (hf_point_fault(key->bytes) || hf_public_key_verify(key, "message", 7, signature, NULL) == 0)
        abort();
}

static void read_as_file(const void *bytes, size_t size)
{
    char path[] = "/dev/shm/hotfix-fuzz-XXXXXX";
    struct hf_trust trust;
    struct hf_private_key *private_key;
    int fd = mkostemp(path, O_CLOEXEC);

    if (fd < 0)
        return;
    if (write(fd, bytes, size) == (ssize_t)size) {
        if (hf_trust_read(path, &trust, NULL) == 0) {
            check_key(&trust.keys[0].key);
            hf_trust_deinit(&trust);
        }
        if (hf_private_key_read(path, NULL, NULL, &private_key, NULL) == 0)
            hf_private_key_destroy(private_key);
    }
    unlink(path);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hf_public_key key;
    const void *text = data;
    char *made = NULL;

    if (size > INPUT_MAX)
        return 0;
    if (size > 0 && data[0] != '-')
        text = made = pem_of(data + 1, size - 1, data[0], &size);
    if (text) {
        if (hf_public_key_parse(text, size, "key", &key, NULL) == 0)
            check_key(&key);
        read_as_file(text, size);
    }
    free(made);
    return 0;
}
