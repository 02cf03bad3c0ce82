/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bundles that are applied in this process, oldest first. Call with the lock (lock.h) held.
 *
 * Several bundles may replace the same function. The newest of them is in effect. An older bundle can be removed
 * without changing code; when the newest is removed, calls arrive at the function of the next older one again.
 *
 * A child of fork has the bundles that its parent had applied: the list is changed by single stores while all other
 * threads are stopped, so in a child forked at any moment the list agrees with the code.
 */
#ifndef HF_REGISTRY_H
#define HF_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hotfix.h"
#include "manifest.h"
#include "process/module.h"
#include "stage/stage.h"

struct hf_applied {
    struct hf_applied *next;
    struct hf_manifest manifest; /* owns the names that functions refer to */
    struct hf_module target;
    struct hf_stage stage;
    const struct hotfix_patcher *patcher;
    struct hotfix_function *functions; /* those of the manifest, in its order */
    size_t function_count;
    uint8_t (*outdated)[HF_ID_SIZE]; /* ids of the bundles that it supersedes, and of those that they had superseded */
    size_t outdated_count;
};

/* Builds an entry, not applied yet, which takes over *manifest and *target: they are left empty. HOTFIX_MEMORY. */
int hf_applied_create(struct hf_manifest *manifest, struct hf_module *target, const struct hotfix_patcher *patcher,
                      struct hf_applied **applied, struct hotfix_error *err);
/* Frees an entry that is not in the list; its stage must have been closed or abandoned. NULL is fine. */
void hf_applied_destroy(struct hf_applied *applied);

/* The oldest applied bundle; the others follow by next. NULL when there is none. */
struct hf_applied *hf_registry_first(void);
/* The bundle with this id, or NULL. */
struct hf_applied *hf_registry_find(const uint8_t id[HF_ID_SIZE]);
/* The bundle applied last, or NULL. */
struct hf_applied *hf_registry_last(void);

/* Put at the end, taken out. These neither allocate nor call anything: they run while threads are stopped. */
void hf_registry_add(struct hf_applied *applied);
void hf_registry_remove(struct hf_applied *applied);

/* Fills in a bundle's item of the public list. */
void hf_registry_describe(const struct hf_applied *applied, struct hotfix_applied *description);

/* The bundle's function whose old address is this one; NULL when there is none. */
const struct hotfix_function *hf_registry_function(const struct hf_applied *applied, const void *address);

/* The manifest's entry for one of the bundle's functions, which the call above returned. */
const struct hf_manifest_function *hf_registry_sealed(const struct hf_applied *applied,
                                                      const struct hotfix_function *function);

/* True when no bundle newer than this one replaces the function at address. */
bool hf_registry_counts(const struct hf_applied *applied, const void *address);

/* Where calls of the function at address arrive without this bundle and those after it; applied may be NULL for all. */
void *hf_registry_previous(const struct hf_applied *applied, void *address);

/* True when the manifest (of a bundle that may or may not be applied) says that it supersedes this one. */
bool hf_registry_supersedes(const struct hf_manifest *manifest, const struct hf_applied *applied);

/* The applied bundle that has superseded, or would supersede, the one with this id; NULL when there is none. */
const struct hf_applied *hf_registry_successor(const uint8_t id[HF_ID_SIZE]);

/* Where calls of the function at address arrive without the bundles that this manifest supersedes. */
void *hf_registry_remaining(const struct hf_manifest *manifest, void *address);

/* Updates the previous addresses of all applied functions after a bundle was removed. */
void hf_registry_refresh(void);

/* The newest applied function that shares bytes with size bytes at address, with its bundle; NULL when there is none.
 */
const struct hotfix_function *hf_registry_overlap(const void *address, size_t size, const struct hf_applied **owner);

#endif
