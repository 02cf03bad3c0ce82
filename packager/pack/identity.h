/* SPDX-License-Identifier: Apache-2.0 */
/* The data that a person gives for a bundle: name, version, dates, advisories. */
#ifndef HF_IDENTITY_H
#define HF_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"
#include "manifest.h"

/* As given on the command line; NULL where it was not. */
struct hf_identity {
    const char *name;
    const char *version;
    const char *description;
    const char *expires;     /* "YYYY-MM-DD", through the end of that day in UTC, or "YYYY-MM-DDTHH:MM:SSZ" */
    const char **advisories; /* owned array */
    size_t advisory_count;
    const char **supersedes; /* owned array; ids of 32 hexadecimal digits */
    size_t supersedes_count;
    const char *sequence; /* decimal, from 1 */
    bool quiescent;
};

/* Adds to the arrays. HOTFIX_MEMORY. */
int hf_identity_add(const char ***items, size_t *count, const char *item, struct hotfix_error *err);
void hf_identity_deinit(struct hf_identity *identity);

/*
 * Sets name (by default the patch file's base name without .so), version (left empty when not given), created, expires,
 * sequence, advisory, description, supersedes and quiescent. HOTFIX_USAGE.
 */
int hf_identity_fill(const struct hf_identity *identity, const char *patch_path, struct hf_manifest *manifest,
                     struct hotfix_error *err);

/*
 * The default version: creation time and the first digits of a digest over the patch and what it replaces, so that two
 * bundles have different ones even if they are made in the same second. Needs created and functions.
 */
int hf_identity_version(const void *payload, size_t payload_size, struct hf_manifest *manifest,
                        struct hotfix_error *err);

#endif
