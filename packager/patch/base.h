/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bundles that a patch was built on (hotfix build --on), for `hotfix pack`: their ids, in the section
 * .hotfix.bases. The patch contains the fixes of these bundles, too, and replaces all functions that they replace.
 * Magic "HFBASES1", then 16 bytes for each, none of them twice.
 */
#ifndef HF_BASE_H
#define HF_BASE_H

#include "elf/image.h"
#include "hotfix/error.h"
#include "manifest.h"

#define HF_BASES_SECTION ".hotfix.bases"
#define HF_BASES_MAX     64u

/* Adds an id that is not there yet. HOTFIX_USAGE for too many, HOTFIX_MEMORY. */
int hf_bases_add(struct hf_id_list *bases, const uint8_t id[HF_ID_SIZE], struct hotfix_error *err);
/* *table is malloc'ed. HOTFIX_MEMORY. */
int hf_bases_format(const struct hf_id_list *bases, uint8_t **table, size_t *size, struct hotfix_error *err);
/* Parses a table; on failure bases is untouched. HOTFIX_FORMAT, HOTFIX_MEMORY. */
int hf_bases_parse(const void *table, size_t size, struct hf_id_list *bases, struct hotfix_error *err);
void hf_bases_deinit(struct hf_id_list *bases);

/* Reads those of a patch: 1, or 0 where it has none, and -1. */
int hf_bases_read(const struct hf_image *patch, struct hf_id_list *bases, struct hotfix_error *err);

#define HF_BASES __attribute__((cleanup(hf_bases_deinit)))

#endif
