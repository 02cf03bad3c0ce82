/* SPDX-License-Identifier: Apache-2.0 */
/* hf_parked_next() runs while threads are stopped. It may call nothing of libc. */
#include "stop/parked.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "hotfix.h"

#define BUCKETS 1024

/* Values of `low` for entries without a stack: a free entry, and one that is being filled in. */
#define FREE    ((uintptr_t)0)
#define CLAIMED ((uintptr_t)1)

struct hf_parked {
    atomic_uintptr_t low;
    atomic_uintptr_t end;
    struct hf_parked *in_bucket;
    struct hf_parked *in_all;
};

/* Only grown: an entry stays in the bucket that it was made for. */
static _Atomic(struct hf_parked *) buckets[BUCKETS];
static _Atomic(struct hf_parked *) all;

static _Atomic(struct hf_parked *) *bucket_of(uintptr_t low)
{
    uint64_t mixed = (uint64_t)low * UINT64_C(0x9E3779B97F4A7C15);

    return &buckets[mixed >> 54]; /* the upper ten bits */
}

static struct hf_parked *find(uintptr_t low)
{
    struct hf_parked *entry = atomic_load(bucket_of(low));

    while (entry && atomic_load(&entry->low) != low)
        entry = entry->in_bucket;
    return entry;
}

static struct hf_parked *add(_Atomic(struct hf_parked *) *bucket)
{
    struct hf_parked *entry = calloc(1, sizeof(*entry));

    if (!entry)
        return NULL;
    atomic_init(&entry->low, CLAIMED);
    entry->in_bucket = atomic_load(bucket);
    while (!atomic_compare_exchange_weak(bucket, &entry->in_bucket, entry))
        continue;
    entry->in_all = atomic_load(&all);
    while (!atomic_compare_exchange_weak(&all, &entry->in_all, entry))
        continue;
    return entry;
}

/* An entry of the bucket that only the caller fills in, NULL without memory. */
static struct hf_parked *claim(_Atomic(struct hf_parked *) *bucket)
{
    for (struct hf_parked *entry = atomic_load(bucket); entry; entry = entry->in_bucket) {
        uintptr_t expected = FREE;
        if (atomic_compare_exchange_strong(&entry->low, &expected, CLAIMED))
            return entry;
    }
    return add(bucket);
}

int hotfix_stack_register(const void *low, size_t size)
{
    uintptr_t begin = (uintptr_t)low;

    if (begin <= CLAIMED || size == 0 || size > UINTPTR_MAX - begin) {
        errno = EINVAL;
        return -1;
    }
    if (find(begin)) {
        errno = EEXIST;
        return -1;
    }
    struct hf_parked *entry = claim(bucket_of(begin));
    if (!entry)
        return -1;
    /* A reader of `low` finds the matching end. */
    atomic_store(&entry->end, begin + size);
    atomic_store(&entry->low, begin);
    return 0;
}

int hotfix_stack_unregister(const void *low)
{
    uintptr_t begin = (uintptr_t)low;
    struct hf_parked *entry = begin > CLAIMED ? find(begin) : NULL;

    if (entry && atomic_compare_exchange_strong(&entry->low, &begin, FREE))
        return 0;
    errno = ENOENT;
    return -1;
}

const struct hf_parked *hf_parked_next(const struct hf_parked *from, uintptr_t *low, uintptr_t *end)
{
    for (const struct hf_parked *entry = from ? from->in_all : atomic_load(&all); entry; entry = entry->in_all) {
        *low = atomic_load(&entry->low);
        *end = atomic_load(&entry->end);
        if (*low > CLAIMED)
            return entry;
    }
    return NULL;
}
