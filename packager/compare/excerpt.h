/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of functions: are two of them the same code? */
#ifndef HF_EXCERPT_H
#define HF_EXCERPT_H

#include "object/scope.h"

/* The index of the first reference of a part from an offset on. */
size_t hf_excerpt_reference(const struct hf_part *part, uint64_t offset);

/*
 * Does a reference of a part lead to the variable, which may share its section with others? True also if this cannot be
 * decided because the instruction is not known.
 */
bool hf_excerpt_names(const struct hf_part *part, size_t reference, const struct hf_name *variable);

/* Is it code with known bytes? */
bool hf_excerpt_readable(const struct hf_scope_code *code);

/*
 * Compares byte for byte and reference for reference; before_own in the old piece corresponds to after_own in the new
 * one. Bytes of a field that a relocation fills in are ignored.
 */
bool hf_excerpt_same(const struct hf_scope_code *before, const struct hf_name *before_own,
                     const struct hf_scope_code *after, const struct hf_name *after_own);

#endif
