/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which function and scope of the source declare the static locals of an object, from its debug information.
 */
#ifndef HF_SCOPE_H
#define HF_SCOPE_H

#include "object/object.h"

struct hf_scopes;

/* *scopes becomes NULL when the object has no debug information. HOTFIX_FORMAT when it is damaged, HOTFIX_MEMORY. */
int hf_scopes_read(const struct hf_object *object, struct hf_scopes **scopes, struct hotfix_error *err);
void hf_scopes_destroy(struct hf_scopes *scopes);

/* A text that is the same for the same variable in another build ("parse/1/count"); NULL when it is not known. */
const char *hf_scope_of(const struct hf_scopes *scopes, const struct hf_name *name);

#endif
