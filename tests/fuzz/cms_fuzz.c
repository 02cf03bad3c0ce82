/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a signature by a certificate, and as the certificates and revocation lists of an authority: whoever an
 * authority vouches for is the signer whose certificate it issued. The first byte says what the others are.
 */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authority.h"
#include "cms.h"

#define NOW INT64_C(1800000000) /* in 2027, when all below are valid */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

static const char message[] = "hotfix bundle 1\n";

/* Made by openssl for a hundred years; nobody has the keys. */
static const char authority_text[] = "-----BEGIN CERTIFICATE-----\n"
                                     "MIIBgTCCASegAwIBAgIUJn2cWlgprjBq7ppvD+mLt0k9dL8wCgYIKoZIzj0EAwIw\n"
                                     "DTELMAkGA1UEAwwCY2EwIBcNMjYxMTIzMTM0MjI4WhgPMjEyNjEwMzAxMzQyMjha\n"
                                     "MA0xCzAJBgNVBAMMAmNhMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAExHcyX0XH\n"
                                     "JrB8sc+Hn7UOasK/4iMrpPCLr2z0600pMAs7KByeS1glyozAMdtNv9EGR2J8mO0B\n"
                                     "EWRSrD9yq9BuXaNjMGEwHQYDVR0OBBYEFO6mPGo5isDmbd8c/gpREr03EMl0MB8G\n"
                                     "A1UdIwQYMBaAFO6mPGo5isDmbd8c/gpREr03EMl0MA8GA1UdEwEB/wQFMAMBAf8w\n"
                                     "DgYDVR0PAQH/BAQDAgEGMAoGCCqGSM49BAMCA0gAMEUCIQD80pVbjEr1z8pMcBPQ\n"
                                     "9AOAdYK/2h882lh8iF9MHvPEtgIgDj21HXkCv325qCXFJvHbZu2oKo9yDHllX1nk\n"
                                     "Otw9BEQ=\n"
                                     "-----END CERTIFICATE-----\n";
static const char list_text[] = "-----BEGIN X509 CRL-----\n"
                                "MIHHMG8CAQEwCgYIKoZIzj0EAwIwDTELMAkGA1UEAwwCY2EXDTI2MTEyMzEzNDIy\n"
                                "OFoYDzIxMjYxMDMwMTM0MjI4WqAvMC0wHwYDVR0jBBgwFoAU7qY8ajmKwOZt3xz+\n"
                                "ClESvTcQyXQwCgYDVR0UBAMCAQEwCgYIKoZIzj0EAwIDSAAwRQIhANtdjDNu+mG6\n"
                                "i8UImncsuVdZjFN/aoMXom5JHT6FiFGVAiBGHSTDbIWG2MD4JwMPe+e8WvIuo1N9\n"
                                "OHeDww1BslRrRw==\n"
                                "-----END X509 CRL-----\n";
static const char signature_text[] = "-----BEGIN CMS-----\n"
                                     "MIICzAYJKoZIhvcNAQcCoIICvTCCArkCAQExDTALBglghkgBZQMEAgEwCwYJKoZI\n"
                                     "hvcNAQcBoIIBmTCCAZUwggE7oAMCAQICFFRz089LeCuC3zC2srneRTsu3fJOMAoG\n"
                                     "CCqGSM49BAMCMA0xCzAJBgNVBAMMAmNhMCAXDTI2MTEyMzEzNDIyOFoYDzIxMjYx\n"
                                     "MDMwMTM0MjI4WjAMMQowCAYDVQQDDAFzMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcD\n"
                                     "QgAEXFfZ9hkbyFqO/mS7OB53Ea/bZkjvbQCVPwFSfGHUcnqqzNH9yzzf+x8YpXvB\n"
                                     "x49vWbrXUOdExf+tGgZTwsRQdKN4MHYwDAYDVR0TAQH/BAIwADAOBgNVHQ8BAf8E\n"
                                     "BAMCB4AwFgYDVR0lAQH/BAwwCgYIKwYBBQUHAwMwHQYDVR0OBBYEFDhqVh9QxJDv\n"
                                     "+3xkS4ksaVF+21WvMB8GA1UdIwQYMBaAFO6mPGo5isDmbd8c/gpREr03EMl0MAoG\n"
                                     "CCqGSM49BAMCA0gAMEUCIB4vJnsrxUdShM6tN9ZMw8oSlWt0g7/qHQuqnI+JGgqH\n"
                                     "AiEA7JoVyFFWIyMSdzsrKeGz/lxfTiCoFB2s2nGQ/MnJTUQxgfowgfcCAQEwJTAN\n"
                                     "MQswCQYDVQQDDAJjYQIUVHPTz0t4K4LfMLayud5FOy7d8k4wCwYJYIZIAWUDBAIB\n"
                                     "oGkwGAYJKoZIhvcNAQkDMQsGCSqGSIb3DQEHATAcBgkqhkiG9w0BCQUxDxcNMjYx\n"
                                     "MTIzMTM0MjI4WjAvBgkqhkiG9w0BCQQxIgQgeAm1eF1RAoGMpxlQBaG0mAUYO9Dr\n"
                                     "sC3H4onOs9XrxWUwCgYIKoZIzj0EAwIERzBFAiEAl+vJskFgSNXDM7Z4tez2RhVd\n"
                                     "JAbacWLqH7XWITjkw9gCIHMTWAFQXcewW2fPKKF4aOzBOZ5uFhvvXj6Eg8Ez+/T1\n"
                                     "-----END CMS-----\n";

/* What the first byte asks for. */
enum { CMS, CERTIFICATES, LISTS, KINDS };
static const char *const seeds[KINDS] = {signature_text, authority_text, list_text};

static struct hf_authority *authority;
static uint8_t signer[HF_KEY_ID_SIZE];

/* The DER of a PEM text. */
static uint8_t *der_of(const char *text, size_t *size)
{
    BIO *bio = BIO_new_mem_buf(text, -1);
    char *name, *header;
    unsigned char *der;
    long length;

    if (!bio || PEM_read_bio(bio, &name, &header, &der, &length) != 1)
        abort();
    OPENSSL_free(name);
    OPENSSL_free(header);
    BIO_free(bio);
    *size = (size_t)length;
    return der;
}

static void prepare(void)
{
    struct hf_cms *cms;
    size_t size;

    if (authority)
        return;
    uint8_t *der = der_of(signature_text, &size);
    if (hf_authority_parse(authority_text, strlen(authority_text), "ca", &authority, NULL) != 0 ||
        hf_authority_revoke(authority, list_text, strlen(list_text), "crl", NULL) != 0 ||
        hf_cms_open(der, size, message, sizeof(message) - 1, &cms, NULL) != 0 ||
        hf_cms_vouched(cms, authority, false, NOW, NULL, NULL) != 0)
        abort();
    hf_cms_id(cms, signer);
    hf_cms_close(cms);
    OPENSSL_free(der);
}

static void check_cms(const uint8_t *data, size_t size)
{
    uint8_t id[HF_KEY_ID_SIZE];
    struct hf_cms *cms;

    if (hf_cms_open(data, size, message, sizeof(message) - 1, &cms, NULL) != 0)
        return;
    hf_cms_id(cms, id);
    for (int at_signing = 0; at_signing < 2; at_signing++)
        if (hf_cms_vouched(cms, authority, at_signing, NOW, NULL, NULL) == 0 && memcmp(id, signer, sizeof(id)) != 0)
            abort();
    hf_cms_close(cms);
}

/* As a PEM file would hold it. */
static void check_pem(const uint8_t *data, size_t size, const char *label, bool list)
{
    unsigned char *text = malloc(size * 2 + 8);
    struct hf_authority *parsed = NULL;
    char *pem = NULL;

    if (!text)
        return;
    EVP_EncodeBlock(text, data, (int)size);
    if (asprintf(&pem, "-----BEGIN %s-----\n%s\n-----END %s-----\n", label, (char *)text, label) < 0)
        abort();
    if (hf_authority_parse(list ? authority_text : pem, strlen(list ? authority_text : pem), "ca", &parsed, NULL) ==
            0 &&
        list)
        hf_authority_revoke(parsed, pem, strlen(pem), "crl", NULL);
    hf_authority_destroy(parsed);
    free(pem);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    prepare();
    if (size == 0 || size > HF_CMS_MAX)
        return 0;
    int kind = data[0] % KINDS;
    if (kind == CMS)
        check_cms(data + 1, size - 1);
    else
        check_pem(data + 1, size - 1, kind == LISTS ? "X509 CRL" : "CERTIFICATE", kind == LISTS);
    return 0;
}

/* Inputs too short to be anything become one of the good ones. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    size_t length;

    if (size >= 16)
        return LLVMFuzzerMutate(data, size, max_size);
    uint8_t *der = der_of(seeds[seed % KINDS], &length);
    size = length + 1 <= max_size ? length + 1 : max_size;
    data[0] = (uint8_t)(seed % KINDS);
    memcpy(data + 1, der, size - 1);
    OPENSSL_free(der);
    return size;
}
