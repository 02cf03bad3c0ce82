/* SPDX-License-Identifier: Apache-2.0 */
/* What is mapped where: the lines of /proc/PID/maps (proc(5)). */
#ifndef HF_MAPPING_H
#define HF_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "hotfix/error.h"

struct hf_mapping {
    uint64_t begin;
    uint64_t end;
    uint64_t offset; /* in the file */
    bool readable;
    bool writable;
    bool executable;
    bool deleted; /* the file has been removed or replaced */
    char *path;   /* "" for memory without a name */
};

struct hf_mappings {
    struct hf_mapping *items; /* ordered by address */
    size_t count;
};

/* Reads them all. HOTFIX_IO naming a line that is not understood, HOTFIX_MEMORY; on failure mappings is untouched. */
int hf_mappings_read(FILE *file, struct hf_mappings *mappings, struct hotfix_error *err);
void hf_mappings_deinit(struct hf_mappings *mappings);

/* The one that an address lies in, or NULL. */
const struct hf_mapping *hf_mappings_find(const struct hf_mappings *mappings, uint64_t address);

#endif
