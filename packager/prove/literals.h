/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the target has the literals of an object: strings and constants without a name, which are known by their
 * content. A program may compare the address of one with what it stored, so that new code must mean the same one.
 *
 * The proven functions of the old object tell: what the linker wrote into their references to a literal is where it
 * lies, whatever it was merged with.
 */
#ifndef HF_LITERALS_H
#define HF_LITERALS_H

#include "prove/proof.h"

struct hf_literals;

/* Those of the object that a proof is about. NULL when memory is out. */
struct hf_literals *hf_literals_create(const struct hf_proof *proof);
/* NULL is fine. */
void hf_literals_destroy(struct hf_literals *literals);

/*
 * Where the target has the literal that a reference in a new object means, and how much of the reference's addend leads
 * from its symbol to that literal. false when it refers to no literal, or to one that no proven code of the old object
 * has, or has at several places: then no address of it can have been compared with another. literals may be NULL.
 */
bool hf_literals_find(const struct hf_literals *literals, const struct hf_reference *reference, uint64_t *address,
                      uint64_t *ahead);

#endif
