/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store of enabled bundles, which processes apply to themselves when they start: for each build-id a directory, and
 * in it for each bundle a file SEQUENCE-CREATED-ID.hotfix, so that the order of the names is that of applying. A file
 * SEQUENCE-CREATED-ID.required beside it demands the bundle: a program must not start without it.
 *
 * Directory and files must be in safe hands (owned.h), as a trust store must: whoever can write there could bring back
 * an old bundle, whose signature is as good as that of a new one.
 */
#ifndef HF_STORE_H
#define HF_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundleid.h"
#include "hotfix/error.h"
#include "manifest.h"

#define HF_STORE_STEM_SIZE (20 + 1 + 20 + 1 + 2 * HF_ID_SIZE + 1)
#define HF_STORE_MAX       64 /* bundles for one build-id */

/* What the names in a directory say of one bundle. */
struct hf_stored {
    char stem[HF_STORE_STEM_SIZE];
    bool present;  /* the bundle is there */
    bool required; /* it is demanded, by somebody who may */
};

struct hf_store {
    char *path;              /* of the build-id's directory; NULL: nothing is enabled for it */
    struct hf_stored *items; /* in the order of applying */
    size_t count;
};

/*
 * Reads the names in the directory of a build-id (hexadecimal). Nobody has looked at whose the directory is, so only
 * the marks of `required` that belong to root or this user count. HOTFIX_IO when it cannot be read, HOTFIX_FORMAT for
 * more bundles than HF_STORE_MAX, HOTFIX_MEMORY. No such directory: an empty store.
 */
int hf_store_list(const char *path, const char *build, struct hf_store *store, struct hotfix_error *err);
/* A zeroed one is fine. */
void hf_store_deinit(struct hf_store *store);

/*
 * Reads a bundle of a listed store, malloc'ed, from safe hands. HOTFIX_TRUST when the directory, one above it or the
 * file belongs to neither this user nor root, may be written by others, or is a symbolic link; HOTFIX_IO;
 * HOTFIX_FORMAT; HOTFIX_MEMORY.
 */
int hf_store_read(const struct hf_store *store, const struct hf_stored *stored, uint8_t **bytes, size_t *size,
                  struct hotfix_error *err);

/* The bundle's id in a stem. */
const char *hf_stored_id(const struct hf_stored *stored);

/*
 * Puts a verified bundle there, atomically, and makes the directories that do not exist. It replaces itself; required
 * says whether it is demanded from now on. HOTFIX_TRUST when a directory is in unsafe hands, HOTFIX_IO,
 * HOTFIX_FORMAT, HOTFIX_MEMORY.
 */
int hf_store_add(const char *path, const struct hf_manifest *manifest, const void *bytes, size_t size, bool required,
                 struct hotfix_error *err);

/*
 * Takes a bundle away, for whatever build-id it is kept. *removed: how often it was there. HOTFIX_IO,
 * HOTFIX_MEMORY.
 */
int hf_store_remove(const char *path, const char *id, size_t *removed, struct hotfix_error *err);

/* Calls visit for each build-id of the store, ordered, until it returns another value than 0, which is returned.
 * HOTFIX_IO, HOTFIX_MEMORY. */
int hf_store_builds(const char *path, int (*visit)(const char *build, void *arg, struct hotfix_error *err), void *arg,
                    struct hotfix_error *err);

#endif
