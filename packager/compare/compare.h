/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparing correlated parts: their bytes, and what their references mean. Two references are equal when they are of
 * one type and point to the same offset of twins, to anonymous constants of equal content, or to symbols of one name.
 */
#ifndef HF_COMPARE_H
#define HF_COMPARE_H

#include "object/object.h"

/* The same thing in both objects? Aliases that were split or joined make this a relation, not a map. */
bool hf_parts_twins(const struct hf_part *before, const struct hf_part *after);

/* Are two references equal, at the same offset? */
bool hf_compare_reference(const struct hf_reference *before, const struct hf_reference *after);

/* Do the references alone mean the same? */
bool hf_compare_references(const struct hf_part *before, const struct hf_part *after);

/* Does every name that both parts have, numbered ones aside, stand at the same place in both? */
bool hf_compare_places(const struct hf_part *before, const struct hf_part *after);

/* Are size, bytes and references equal? */
bool hf_compare_parts(const struct hf_part *before, const struct hf_part *after);

/* Do the exception tables of a function mean the same in both objects? What else .eh_frame says follows from the code.
 */
bool hf_compare_unwind(const struct hf_part *before, const struct hf_part *after);

/* As hf_compare_parts() and hf_compare_unwind() together, for functions. */
bool hf_compare_functions(const struct hf_part *before, const struct hf_part *after);

#endif
