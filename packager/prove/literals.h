/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the target has the literals of an object: strings and constants without a name, which are identified by their
 * content. A program may compare the address of a literal with one that it stored, so new code must use the same
 * literal.
 *
 * The proven functions of the old object show it: the linked reference to a literal gives the literal's place, whatever
 * it was merged with.
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
 * Where the target has the literal to which a reference in a new object leads, and how much of the reference's addend
 * leads from its symbol to that literal. false when the reference leads to no literal, or to one that no proven code of
 * the old object refers to or that lies at several places: then the program cannot have relied on its address. literals
 * may be NULL.
 */
bool hf_literals_find(const struct hf_literals *literals, const struct hf_reference *reference, uint64_t *address,
                      uint64_t *ahead);

#endif
