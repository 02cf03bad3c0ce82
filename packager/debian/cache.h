/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The packages that are kept between builds: $XDG_CACHE_HOME/hotfix, or ~/.cache/hotfix. It has one directory for each
 * package and version, below packages/; a lock in each says that it is in use. The entries unused for the longest time
 * are removed first.
 */
#ifndef HF_CACHE_H
#define HF_CACHE_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "hotfix/error.h"

#define HF_CACHE_LIMIT (UINT64_C(10) << 30) /* bytes, unless somebody set another */

struct hf_cache_entry {
    char *name; /* of the directory: package, version, digest */
    uint64_t size;
    time_t used;
};

struct hf_cache_listing {
    struct hf_cache_entry *entries; /* last used first */
    size_t count;
    uint64_t size; /* of all */
};

/*
 * The cache's own directory, malloc'ed, made where it does not exist. HOTFIX_IO; HOTFIX_TRUST when it or a directory
 * above it belongs to or may be written by another user: what is in it is run.
 */
int hf_cache_root(char **root, struct hotfix_error *err);

/*
 * Opens the entry of this name, which is made where it does not exist, and waits until nobody else works there. *path
 * is malloc'ed, *lock a descriptor that holds the entry until it is closed. HOTFIX_IO, HOTFIX_TRUST.
 */
int hf_cache_open(const char *name, char **path, int *lock, struct hotfix_error *err);

/* What is in the cache. HOTFIX_IO, HOTFIX_MEMORY. */
int hf_cache_list(struct hf_cache_listing *listing, struct hotfix_error *err);
void hf_cache_listing_deinit(struct hf_cache_listing *listing);

/* Removes the entries whose names match a pattern (fnmatch(3)) and that nobody works with. *removed counts them. */
int hf_cache_clear(const char *pattern, size_t *removed, struct hotfix_error *err);

/* Reads the current limit, and sets a new one. HOTFIX_IO, HOTFIX_FORMAT. */
int hf_cache_limit(uint64_t *limit, struct hotfix_error *err);
int hf_cache_set_limit(uint64_t limit, struct hotfix_error *err);

/* Removes what was used longest ago until the rest is within the limit. HOTFIX_IO. */
int hf_cache_shrink(size_t *removed, struct hotfix_error *err);

#endif
