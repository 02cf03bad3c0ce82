/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparing correlated parts: their bytes and the meaning of their references. Two references are equal when they are
 * of one type and point to the same offset of twins, to anonymous constants of equal content, or to symbols of one
 * name.
 */
#ifndef HF_COMPARE_H
#define HF_COMPARE_H

#include "object/object.h"

/* Are two parts the same thing in both objects? Since aliases may be split or joined, a part may have several twins. */
bool hf_parts_twins(const struct hf_part *before, const struct hf_part *after);

/* Are two references equal, at the same offset? */
bool hf_compare_reference(const struct hf_reference *before, const struct hf_reference *after);

/* Do the references alone mean the same? */
bool hf_compare_references(const struct hf_part *before, const struct hf_part *after);

/* Is every name that both parts have, except numbered ones, at the same offset in both? */
bool hf_compare_places(const struct hf_part *before, const struct hf_part *after);

/* Are size, bytes and references equal? */
bool hf_compare_parts(const struct hf_part *before, const struct hf_part *after);

/* Do the exception tables of a function mean the same in both objects? The rest of .eh_frame follows from the code. */
bool hf_compare_unwind(const struct hf_part *before, const struct hf_part *after);

/* As hf_compare_parts() and hf_compare_unwind() together, for functions. */
bool hf_compare_functions(const struct hf_part *before, const struct hf_part *after);

#endif
