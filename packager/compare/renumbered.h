/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A third object beside an old and a new one: the old source compiled so that its lines have the numbers which they
 * have in the new one. What is equal in this and in the new object differs between old and new by nothing but
 * line numbers (__LINE__), wherever inlining and folding carried them.
 */
#ifndef HF_RENUMBERED_H
#define HF_RENUMBERED_H

#include "object/object.h"

struct hf_renumbered;

/* *renumbered becomes NULL where there is no such file, or where it cannot be matched with the new object.
 * HOTFIX_MEMORY, HOTFIX_FORMAT. */
int hf_renumbered_open(const char *path, const struct hf_object *before, const struct hf_object *after,
                       struct hf_renumbered **renumbered, struct hotfix_error *err);
/* NULL is fine. */
void hf_renumbered_close(struct hf_renumbered *renumbered);

/* Pairs what compilers and lines gave a number, in old and new object, as the third one shows it. Before
 * hf_correlate(); NULL is fine. */
void hf_renumbered_guide(const struct hf_renumbered *renumbered, struct hf_object *before, struct hf_object *after);

/* Do two parts differ by line numbers alone? NULL is fine. */
bool hf_renumbered_equal(const struct hf_renumbered *renumbered, const struct hf_part *before,
                         const struct hf_part *after);

#endif
