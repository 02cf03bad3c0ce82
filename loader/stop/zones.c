/* SPDX-License-Identifier: Apache-2.0 */
#include "stop/zones.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"

static int compare(const void *left, const void *right)
{
    uintptr_t a = ((const struct hf_zone *)left)->begin;
    uintptr_t b = ((const struct hf_zone *)right)->begin;

    return (a > b) - (a < b);
}

static void fill(struct hf_zone *zone, const struct hf_stop_request *request)
{
    for (size_t i = 0; i < request->range_count; i++)
        zone[i] = (struct hf_zone){.begin = request->ranges[i].begin, .end = request->ranges[i].end, .index = i};
    zone += request->range_count;
    /* Zones begin behind their first byte: one that is to count begins one byte early. */
    for (size_t i = 0; i < request->busy_count; i++)
        zone[i] = (struct hf_zone){.begin = request->busy[i].begin - request->busy[i].part,
                                   .end = request->busy[i].end,
                                   .index = request->range_count + i};
}

int hf_zones_init(const struct hf_stop_request *request, struct hf_zones *zones, struct hotfix_error *err)
{
    size_t count = request->range_count + request->busy_count;
    struct hf_zone *list = calloc(count + 1, sizeof(*list));

    if (!list)
        return hf_error(err, HOTFIX_MEMORY, "out of memory for %zu address ranges", count);
    fill(list, request);
    qsort(list, count, sizeof(*list), compare);

    uintptr_t reach = 0;
    for (size_t i = 0; i < count; i++) {
        if (list[i].end > reach)
            reach = list[i].end;
        list[i].reach = reach;
    }
    *zones = (struct hf_zones){list, count};
    return 0;
}

void hf_zones_deinit(struct hf_zones *zones)
{
    /* Nothing is to look like a pointer into a patch that may be unloaded. */
    if (zones->list)
        explicit_bzero(zones->list, zones->count * sizeof(*zones->list));
    free(zones->list);
    *zones = (struct hf_zones){NULL, 0};
}

size_t hf_zones_find(const struct hf_zones *zones, uintptr_t address)
{
    if (zones->count == 0 || address <= zones->list[0].begin || address >= zones->list[zones->count - 1].reach)
        return HF_NO_ZONE;

    size_t low = 0; /* zones below `low` begin before the address */
    size_t high = zones->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (zones->list[middle].begin < address)
            low = middle + 1;
        else
            high = middle;
    }
    while (low-- > 0 && zones->list[low].reach > address) {
        if (zones->list[low].end > address)
            return zones->list[low].index;
    }
    return HF_NO_ZONE;
}
