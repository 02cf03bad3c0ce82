/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of functions: are two of them the same code? */
#ifndef HF_EXCERPT_H
#define HF_EXCERPT_H

#include "object/scope.h"

/* The index of the first reference of a part from an offset on. */
size_t hf_excerpt_reference(const struct hf_part *part, uint64_t offset);

/*
 * Does a reference of a part name the variable, which may share its section with others? True also where that cannot be
 * told since the instruction is not known.
 */
bool hf_excerpt_names(const struct hf_part *part, size_t reference, const struct hf_name *variable);

/* Is it code of which the bytes are known? */
bool hf_excerpt_readable(const struct hf_scope_code *code);

/*
 * Byte for byte and reference for reference, where before_own of the old piece stands for after_own of the new one. The
 * bytes of a field that a relocation fills in say nothing.
 */
bool hf_excerpt_same(const struct hf_scope_code *before, const struct hf_name *before_own,
                     const struct hf_scope_code *after, const struct hf_name *after_own);

#endif
