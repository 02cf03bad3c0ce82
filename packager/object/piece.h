/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pieces: strings and constants without a name, several of which lie in one part. In mergeable sections they are
 * identified by content. In others, as without optimisation, a piece is a string that ends before the next place to
 * which something refers. This is only done for CPUs whose compilers address each string separately, and do not reach
 * several strings from one address (section anchors).
 */
#ifndef HF_PIECE_H
#define HF_PIECE_H

#include "object/object.h"

struct hf_piece {
    const struct hf_part *part;
    uint64_t begin; /* offset in the part */
    uint64_t end;   /* without padding */
};

/* The piece to whose begin a reference leads; false when it leads to none, or only the linker knows. */
bool hf_piece_of(const struct hf_reference *reference, struct hf_piece *piece);
/* Does the piece contain references? */
bool hf_piece_has_references(const struct hf_piece *piece);

#endif
