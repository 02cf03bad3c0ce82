/* SPDX-License-Identifier: Apache-2.0 */
/* Where no thread may be: the ranges of a stop request, sorted for look-ups in the stopped region. */
#ifndef HF_ZONES_H
#define HF_ZONES_H

#include <stddef.h>
#include <stdint.h>

#include "stop/request.h"

#define HF_NO_ZONE SIZE_MAX

struct hf_zone {
    uintptr_t begin;
    uintptr_t end;
    uintptr_t reach; /* the greatest end of this zone and all before it: zones may overlap */
    size_t index;
};

struct hf_zones {
    struct hf_zone *list;
    size_t count;
};

/* ranges get the indexes from 0, busy ones those from range_count. HOTFIX_MEMORY. */
int hf_zones_init(const struct hf_stop_request *request, struct hf_zones *zones, struct hotfix_error *err);
void hf_zones_deinit(struct hf_zones *zones);

/* The index of a zone that the address lies in, behind its first byte; HF_NO_ZONE when there is none. */
size_t hf_zones_find(const struct hf_zones *zones, uintptr_t address);

#endif
