/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The libraries that a file would load into its process, found on this machine the way the dynamic linker finds them
 * (ld.so(8)): run path, directories of /etc/ld.so.conf, default directories. Only read, never loaded.
 */
#ifndef HF_LIBRARIES_H
#define HF_LIBRARIES_H

#include <stdbool.h>
#include <stddef.h>

#include "elf/dynamic.h"
#include "elf/image.h"
#include "hotfix/error.h"

#define HF_LIBRARIES_MAX 256

struct hf_library {
    char *name; /* as in DT_NEEDED */
    bool found;
    struct hf_image image; /* open when found */
    struct hf_dynamic dynamic;
};

struct hf_libraries {
    struct hf_library *items;
    size_t count;
};

/*
 * Adds the libraries that `dynamic`, read from `image`, needs, and those that they need in turn; each name once. A
 * library that does not exist here is listed as not found. HOTFIX_MEMORY; HOTFIX_FORMAT beyond HF_LIBRARIES_MAX.
 */
int hf_libraries_add(struct hf_libraries *libraries, const struct hf_image *image, const struct hf_dynamic *dynamic,
                     struct hotfix_error *err);
void hf_libraries_deinit(struct hf_libraries *libraries);

/* The library with this name, or NULL. */
const struct hf_library *hf_libraries_find(const struct hf_libraries *libraries, const char *name);
/* The first one that was not found; NULL when all were. */
const struct hf_library *hf_libraries_missing(const struct hf_libraries *libraries);
/*
 * The index of the first one from `from` on that defines this name, in a version as for hf_dynamic_find(); count when
 * none does. *symbol gets the definition.
 */
size_t hf_libraries_define(const struct hf_libraries *libraries, const char *name, const char *version, size_t from,
                           const struct hf_dynamic_symbol **symbol);

#endif
