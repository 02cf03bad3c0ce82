/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A third object besides the old and the new one: the old source compiled with the line numbers of the new source. A
 * part that is equal in this and in the new object differs between old and new only in line numbers (__LINE__),
 * wherever inlining and folding moved them.
 */
#ifndef HF_RENUMBERED_H
#define HF_RENUMBERED_H

#include "object/object.h"

struct hf_renumbered;

/*
 * *renumbered becomes NULL when there is no such file, or it cannot be matched with the new object. HOTFIX_MEMORY,
 * HOTFIX_FORMAT.
 */
int hf_renumbered_open(const char *path, const struct hf_object *before, const struct hf_object *after,
                       struct hf_renumbered **renumbered, struct hotfix_error *err);
/* NULL is fine. */
void hf_renumbered_close(struct hf_renumbered *renumbered);

/*
 * Pairs items of the old and new object whose names contain numbers from the compiler or from lines, as the third
 * object shows. Before hf_correlate(); NULL is fine.
 */
void hf_renumbered_guide(const struct hf_renumbered *renumbered, struct hf_object *before, struct hf_object *after);

/* Do two parts differ only in line numbers? NULL is fine. */
bool hf_renumbered_equal(const struct hf_renumbered *renumbered, const struct hf_part *before,
                         const struct hf_part *after);

#endif
