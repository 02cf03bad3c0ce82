/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pieces: strings and constants without a name, several of which lie in one part. What merges goes by content. Of what
 * does not, as without optimisation, a string that ends before the next place that something refers to is one; for CPUs
 * alone whose compilers address each string by itself, and do not reach several from one address (section anchors).
 */
#ifndef HF_PIECE_H
#define HF_PIECE_H

#include "object/object.h"

struct hf_piece {
    const struct hf_part *part;
    uint64_t begin; /* offset in the part */
    uint64_t end;   /* without padding */
};

/* The piece that a reference means the begin of; false when it means none, or the linker alone knows. */
bool hf_piece_of(const struct hf_reference *reference, struct hf_piece *piece);
/* Does the piece hold references? */
bool hf_piece_has_references(const struct hf_piece *piece);

#endif
