/* SPDX-License-Identifier: Apache-2.0 */
/* Encoded points of the Ed25519 curve (RFC 8032, section 5.1.2), as public keys and signatures hold them. */
#ifndef HF_POINT_H
#define HF_POINT_H

#include <stdint.h>

#define HF_POINT_SIZE 32

/*
 * What is wrong with these bytes as a public key or as the first half of a signature, or NULL when nothing is: another
 * spelling of a point that has a shorter one, or a point of small order, with which signatures can be made that verify
 * over any message without a private key. That the bytes name a point of the curve at all is not looked at: libcrypto
 * does that when it verifies.
 */
const char *hf_point_fault(const uint8_t bytes[HF_POINT_SIZE]);

#endif
