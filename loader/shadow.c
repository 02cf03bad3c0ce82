/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shadow data. The blocks are spread over shards by a hash of object and id; a shard is a lock and a table of pointers
 * with open addressing.
 *
 * It survives fork without a pthread_atfork handler. The locks are in a page that is zeroed in a child, and zero means
 * unlocked. Each change that a reader could see is a single store, so a child forked during a change finds the table
 * before or after it. At worst the child leaks a block that a thread of its parent was about to publish or to free.
 */
#include <errno.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "hotfix.h"

enum { SHARD_BITS = 5, SHARDS = 1 << SHARD_BITS, FIRST_CAPACITY = 16 };

struct block {
    uint64_t id;
    const void *object;
    size_t size;
    struct block *next; /* in a list of those that were taken out */
    alignas(max_align_t) unsigned char data[];
};

/* A slot that was never used is NULL; one whose block was removed is VACANT, and a search continues behind it. */
struct table {
    size_t capacity; /* a power of two */
    size_t used;     /* slots that are not NULL; never fewer than that, and at least one always is */
    struct block *_Atomic slots[];
};

struct key {
    uint64_t id;
    const void *object;
    uint64_t hash;
};

static struct block vacant;
#define VACANT (&vacant)

static struct table *_Atomic tables[SHARDS];
static pthread_mutex_t *_Atomic locks; /* SHARDS of them; NULL until the first block is attached */

static struct key make_key(uint64_t id, const void *object)
{
    uint64_t hash = (uint64_t)(uintptr_t)object + id * 0x9e3779b97f4a7c15U;

    hash = (hash ^ (hash >> 32)) * 0xd6e8feb86659fd93U;
    hash = (hash ^ (hash >> 32)) * 0xd6e8feb86659fd93U;
    return (struct key){.id = id, .object = object, .hash = hash ^ (hash >> 32)};
}

static size_t shard_of(const struct key *key)
{
    return key->hash >> (64 - SHARD_BITS);
}

/*
 * PTHREAD_MUTEX_INITIALIZER is all zeros in glibc: so the locks are valid in the page as mapped and as zeroed in a
 * child.
 */
static int prepare_locks(void)
{
    if (atomic_load(&locks))
        return 0;
    size_t size = SHARDS * sizeof(pthread_mutex_t);
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_mutex_t *none = NULL;

    if (page == MAP_FAILED)
        return -1;
    if (madvise(page, size, MADV_WIPEONFORK) == 0 && atomic_compare_exchange_strong(&locks, &none, page))
        return 0;
    munmap(page, size);
    return atomic_load(&locks) ? 0 : -1;
}

static void lock(size_t shard)
{
    pthread_mutex_lock(&atomic_load(&locks)[shard]);
}

static void unlock(size_t shard)
{
    pthread_mutex_unlock(&atomic_load(&locks)[shard]);
}

/* The slot that holds the key's block; NULL when there is none. */
static struct block *_Atomic *find(struct table *table, const struct key *key)
{
    for (size_t i = key->hash; table; i++) {
        struct block *_Atomic *slot = &table->slots[i & (table->capacity - 1)];
        struct block *block = atomic_load(slot);
        if (!block)
            return NULL;
        if (block != VACANT && block->object == key->object && block->id == key->id)
            return slot;
    }
    return NULL;
}

/* Stores a block after those with the same hash. The table has a free slot. */
static void put(struct table *table, struct block *block)
{
    size_t i = make_key(block->id, block->object).hash;

    while (atomic_load(&table->slots[i & (table->capacity - 1)]))
        i++;
    table->used++;
    atomic_store(&table->slots[i & (table->capacity - 1)], block);
}

static bool holds(const struct table *table, size_t slot)
{
    struct block *block = atomic_load(&table->slots[slot]);

    return block && block != VACANT;
}

/* Makes sure that there is room for one more. */
static int reserve(size_t shard)
{
    struct table *old = atomic_load(&tables[shard]);
    size_t live = 0;

    if (old && old->used + 1 < old->capacity - old->capacity / 4)
        return 0;
    for (size_t i = 0; old && i < old->capacity; i++)
        live += holds(old, i);

    size_t capacity = FIRST_CAPACITY;
    while (capacity / 2 <= live)
        capacity *= 2;
    struct table *table = calloc(1, sizeof(*table) + capacity * sizeof(struct block *));
    if (!table)
        return -1;
    table->capacity = capacity;
    for (size_t i = 0; old && i < old->capacity; i++)
        if (holds(old, i))
            put(table, atomic_load(&old->slots[i]));
    atomic_store(&tables[shard], table);
    free(old);
    return 0;
}

static struct block *create(const struct key *key, size_t size, hotfix_shadow_init_fn init, void *arg)
{
    size_t total;
    struct block *block = NULL;

    if (!__builtin_add_overflow(sizeof(*block), size, &total))
        block = calloc(1, total);
    if (!block) {
        errno = ENOMEM;
        return NULL;
    }
    *block = (struct block){.id = key->id, .object = key->object, .size = size};
    if (!init || init(block->data, key->object, arg) == 0)
        return block;
    free(block);
    errno = ECANCELED;
    return NULL;
}

static struct block *search(const struct key *key)
{
    if (!atomic_load(&locks))
        return NULL;
    lock(shard_of(key));
    struct block *_Atomic *slot = find(atomic_load(&tables[shard_of(key)]), key);
    struct block *block = slot ? atomic_load(slot) : NULL;
    unlock(shard_of(key));
    return block;
}

/* Publishes a block. Returns it, or the one that is there already, or NULL without memory. */
static struct block *insert(const struct key *key, struct block *block)
{
    size_t shard = shard_of(key);

    lock(shard);
    struct block *_Atomic *slot = find(atomic_load(&tables[shard]), key);
    struct block *found = slot ? atomic_load(slot) : NULL;
    if (!found && reserve(shard) == 0) {
        put(atomic_load(&tables[shard]), block);
        found = block;
    }
    unlock(shard);
    return found;
}

static void *attach(const struct key *key, size_t size, hotfix_shadow_init_fn init, void *arg, bool shared)
{
    if (!key->object || size == 0) {
        errno = EINVAL;
        return NULL;
    }
    struct block *found = search(key);
    if (!found) {
        if (prepare_locks() != 0) {
            errno = ENOMEM;
            return NULL;
        }
        struct block *created = create(key, size, init, arg);
        if (!created)
            return NULL;
        found = insert(key, created);
        if (found == created)
            return created->data;
        free(created);
    }
    if (found && shared && found->size == size)
        return found->data;
    errno = !found ? ENOMEM : shared ? EINVAL : EEXIST;
    return NULL;
}

void *hotfix_shadow_attach(uint64_t id, const void *object, size_t size, hotfix_shadow_init_fn init, void *arg)
{
    struct key key = make_key(id, object);

    return attach(&key, size, init, arg, false);
}

void *hotfix_shadow_get_or_attach(uint64_t id, const void *object, size_t size, hotfix_shadow_init_fn init, void *arg)
{
    struct key key = make_key(id, object);

    return attach(&key, size, init, arg, true);
}

void *hotfix_shadow_get(uint64_t id, const void *object)
{
    struct key key = make_key(id, object);
    struct block *block = search(&key);

    return block ? block->data : NULL;
}

/* Frees a list of blocks that can no longer be found. */
static size_t release(struct block *list, hotfix_shadow_deinit_fn deinit, void *arg)
{
    size_t count = 0;

    for (struct block *next; list; list = next, count++) {
        next = list->next;
        if (deinit)
            deinit(list->data, list->object, arg);
        free(list);
    }
    return count;
}

int hotfix_shadow_detach(uint64_t id, const void *object, hotfix_shadow_deinit_fn deinit, void *arg)
{
    struct key key = make_key(id, object);
    struct block *block = NULL;

    if (atomic_load(&locks)) {
        lock(shard_of(&key));
        struct block *_Atomic *slot = find(atomic_load(&tables[shard_of(&key)]), &key);
        if (slot)
            block = atomic_exchange(slot, VACANT);
        unlock(shard_of(&key));
    }
    if (!block) {
        errno = ENOENT;
        return -1;
    }
    release(block, deinit, arg);
    return 0;
}

/* Moves the blocks of an id from one shard to a list. A table that is then empty is freed, too. */
static void take_all(size_t shard, uint64_t id, struct block **list)
{
    struct table *table = atomic_load(&tables[shard]);
    size_t live = 0;

    for (size_t i = 0; table && i < table->capacity; i++) {
        if (!holds(table, i))
            continue;
        struct block *block = atomic_load(&table->slots[i]);
        if (block->id != id) {
            live++;
            continue;
        }
        atomic_store(&table->slots[i], VACANT);
        block->next = *list;
        *list = block;
    }
    if (live > 0)
        return;
    atomic_store(&tables[shard], NULL);
    free(table);
}

size_t hotfix_shadow_detach_all(uint64_t id, hotfix_shadow_deinit_fn deinit, void *arg)
{
    struct block *list = NULL;

    if (!atomic_load(&locks))
        return 0;
    for (size_t i = 0; i < SHARDS; i++) {
        lock(i);
        take_all(i, id, &list);
        unlock(i);
    }
    return release(list, deinit, arg);
}
