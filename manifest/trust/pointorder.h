/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether an Ed25519 key is a multiple of the curve's generator, as those of honest pairs are. Where A is one and T one
 * of the eight points of small order, whoever has the private key of A can sign by A + T, too: it would count as a
 * second key.
 */
#ifndef HF_POINTORDER_H
#define HF_POINTORDER_H

#include "hotfix/error.h"
#include "point.h"

/*
 * *fault becomes what is wrong with bytes in which hf_point_fault() finds nothing: that they are no point of the group
 * of prime order, or of the curve at all; NULL when nothing is. Takes about half a millisecond. HOTFIX_MEMORY, and
 * HOTFIX_TRUST as of hf_libcrypto().
 */
int hf_point_order_fault(const uint8_t bytes[HF_POINT_SIZE], const char **fault, struct hotfix_error *err);

#endif
