/* SPDX-License-Identifier: Apache-2.0 */
/* The mappings of this process, as /proc/self/maps lists them. */
#ifndef HF_MAPS_H
#define HF_MAPS_H

#include <stdbool.h>
#include <stdint.h>

struct hf_mapping {
    uintptr_t begin;
    uintptr_t end;
    bool readable;
    bool executable;
    bool stack;         /* of the first thread */
    uint64_t offset;    /* in the file */
    uint64_t device[2]; /* of the file: major, minor */
    uint64_t inode;     /* 0: there is no file */
};

/*
 * Calls visit() for each mapping, in the order of addresses, until it returns another value than 0, which is returned.
 * -1 with errno when the list cannot be read.
 */
int hf_maps_each(int (*visit)(const struct hf_mapping *mapping, void *arg), void *arg);

#endif
