/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which objects of the release define a global name and which refer to it. It covers all objects that a build was
 * given, also those that did not change and were closed again.
 */
#ifndef HF_CENSUS_H
#define HF_CENSUS_H

#include <stdbool.h>
#include <stddef.h>

#include "object/object.h"

struct hf_mention {
    char *text;
    char *object; /* path in its tree */
    bool defined; /* a common symbol counts as defined */
    bool weak;
};

struct hf_census {
    struct hf_mention *items;
    size_t count;
    bool ordered;
};

/* Adds the global names of an object. HOTFIX_MEMORY. */
int hf_census_add(struct hf_census *census, const struct hf_object *object, struct hotfix_error *err);
void hf_census_deinit(struct hf_census *census);

/* All mentions of a name: *count of them from the one returned. */
const struct hf_mention *hf_census_find(struct hf_census *census, const char *text, size_t *count);

/* The object's global definition of a name, common symbols included; NULL without. */
const struct hf_name *hf_global_definition(const struct hf_object *object, const char *text);

#endif
