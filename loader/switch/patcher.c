/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "arch.h"
#include "cleanup.h"
#include "error.h"
#include "process/code.h"
#include "stage/veneer.h"
#include "switch/patcher.h"

/* An entry that is or was diverted. */
struct site {
    struct site *next;
    uint8_t *address;
    size_t size; /* of the detour */
    uint8_t original[HF_DETOUR_MAX];
};

/* One function of a request: the bytes that lead to either address. */
struct switching {
    uint8_t *address;
    size_t size;                    /* of either */
    uint8_t forward[HF_DETOUR_MAX]; /* to new_address */
    uint8_t back[HF_DETOUR_MAX];    /* to previous_address */
};

/* Functions near each other, which are switched by one write of all bytes between the first and the last. */
struct stretch {
    size_t first; /* in the state's list */
    size_t count;
    size_t size;
    bool probed; /* else its functions are written one by one */
};

enum {
    STRETCH_MAX = 65536, /* bytes */
    GAP_MAX = 2048,      /* bytes between two functions: less than a page, so that each page has bytes to write */
    FEW = 32             /* functions that are written one by one: no byte between them is touched, for 1 us each */
};

struct state {
    struct hf_code_writer writer;
    struct stretch *stretches;
    size_t stretch_count;
    uint8_t *image; /* room for the longest stretch */
    size_t count;
    struct switching list[]; /* by address */
};

enum { CHAINS = 1024, SPAN = 4096 };

/*
 * Sites by the span of memory that they are in, so that the cost of a function does not depend on how many others are
 * diverted. Each chain is changed by one store, so that it is consistent in a child forked at any moment.
 */
static struct site *sites[CHAINS];

static struct site **chain_of(uintptr_t address)
{
    return &sites[address / SPAN % CHAINS];
}

static struct site *find_site(const uint8_t *address)
{
    for (struct site *site = *chain_of((uintptr_t)address); site; site = site->next)
        if (site->address == address)
            return site;
    return NULL;
}

static struct site *add_site(uint8_t *address, size_t size)
{
    struct site **chain = chain_of((uintptr_t)address);
    struct site *site = calloc(1, sizeof(*site));
    if (!site)
        return NULL;
    site->address = address;
    site->size = size;
    site->next = *chain;
    memcpy(site->original, address, size);
    *chain = site;
    return site;
}

/* Removes the sites of a request whose code is as it was originally. */
static void sweep_sites(const struct state *state)
{
    for (size_t i = 0; i < state->count; i++) {
        struct site **link = chain_of((uintptr_t)state->list[i].address);
        while (*link && (*link)->address != state->list[i].address)
            link = &(*link)->next;
        struct site *site = *link;
        if (!site || memcmp(site->address, site->original, site->size) != 0)
            continue;
        *link = site->next;
        free(site);
    }
}

static void restore(const struct site *site, uintptr_t begin, uint8_t *copy, size_t size)
{
    for (size_t i = 0; i < site->size; i++) {
        uintptr_t at = (uintptr_t)site->address + i;
        if (at >= begin && at - begin < size)
            copy[at - begin] = site->original[i];
    }
}

void hf_patcher_original(const void *address, uint8_t *copy, size_t size)
{
    uintptr_t begin = (uintptr_t)address;

    /* A site that reaches into these bytes may begin in the span before. */
    for (uintptr_t span = (begin - HF_DETOUR_MAX) / SPAN; span <= (begin + size) / SPAN; span++)
        for (const struct site *site = *chain_of(span * SPAN); site; site = site->next)
            restore(site, begin, copy, size);
}

static int detour(const struct switching *switching, const void *to, const char *name, uint8_t *bytes,
                  struct hotfix_error *err)
{
    uintptr_t from = (uintptr_t)switching->address, veneer;

    if (hf_arch_host.detour(from, (uintptr_t)to, switching->size, bytes) == HF_ARCH_OK)
        return 0;
    if (hf_veneer(from, (uintptr_t)to, &veneer, err) != 0)
        return hf_error_prefix(err, "function %s", name);
    if (hf_arch_host.detour(from, veneer, switching->size, bytes) != HF_ARCH_OK)
        return hf_error(err, HOTFIX_STAGE, "function %s: its replacement at %p is out of reach of a jump at %p", name,
                        to, (const void *)switching->address);
    return 0;
}

static int prepare_one(const struct hotfix_function *function, struct switching *switching, struct hotfix_error *err)
{
    size_t room = function->entry_skip < function->old_size ? function->old_size - function->entry_skip : 0;

    switching->address = (uint8_t *)function->old_address + function->entry_skip;
    switching->size = hf_arch_host.detour_size(switching->address, room);
    if (switching->size > room)
        return hf_error(err, HOTFIX_FORMAT, "function %s: %zu bytes are too few for a detour", function->name,
                        function->old_size);
    if (detour(switching, function->new_address, function->name, switching->forward, err) != 0)
        return -1;

    struct site *site = find_site(switching->address);
    if (!site)
        site = add_site(switching->address, switching->size);
    if (!site)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");

    if (function->previous_address != function->old_address)
        return detour(switching, function->previous_address, function->name, switching->back, err);
    memcpy(switching->back, site->original, switching->size);
    return 0;
}

static int compare_address(const void *left, const void *right)
{
    uintptr_t a = (uintptr_t)((const struct switching *)left)->address;
    uintptr_t b = (uintptr_t)((const struct switching *)right)->address;

    return (a > b) - (a < b);
}

/* Is the function near enough to those of the stretch, and are there enough of them? */
static bool joins(const struct state *state, const struct stretch *stretch, const struct switching *next)
{
    const uint8_t *begin = state->list[stretch->first].address;

    return state->count > FEW && next->address <= begin + stretch->size + GAP_MAX &&
           next->address + next->size <= begin + STRETCH_MAX;
}

/* Cuts the sorted list into stretches; returns the size of the longest one. */
static size_t stretch_list(struct state *state)
{
    struct stretch *stretch = NULL;
    size_t longest = 0;

    for (size_t i = 0; i < state->count; i++) {
        const struct switching *switching = &state->list[i];
        if (!stretch || !joins(state, stretch, switching)) {
            stretch = &state->stretches[state->stretch_count++];
            *stretch = (struct stretch){.first = i};
        }
        size_t size = (size_t)(switching->address - state->list[stretch->first].address) + switching->size;
        stretch->count++;
        stretch->size = size > stretch->size ? size : stretch->size;
        longest = stretch->size > longest ? stretch->size : longest;
    }
    return longest;
}

/* Does everything that is possible before the stop, so that a stretch takes only two system calls during it. */
static int prepare_stretches(struct state *state, struct hotfix_error *err)
{
    qsort(state->list, state->count, sizeof(state->list[0]), compare_address);
    state->stretches = calloc(state->count + 1, sizeof(*state->stretches));
    if (!state->stretches)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");

    size_t longest = stretch_list(state);
    state->image = malloc(longest + 1);
    if (!state->image)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    memset(state->image, 0, longest + 1); /* touches all pages, since page faults would lengthen the stop */
    for (size_t i = 0; i < state->stretch_count; i++) {
        struct stretch *stretch = &state->stretches[i];
        const void *address = state->list[stretch->first].address;
        stretch->probed = hf_code_probe(&state->writer, address, stretch->size);
        if (!stretch->probed && hf_code_check_mprotect(&state->writer, address, PROT_READ | PROT_EXEC, err) != 0)
            return -1;
    }
    return 0;
}

static void state_destroy(struct state *state)
{
    if (!state)
        return;
    hf_code_writer_deinit(&state->writer);
    free(state->stretches);
    free(state->image);
    free(state);
}

static int prepare_all(const struct hotfix_request *request, struct state *state, struct hotfix_error *err)
{
    for (size_t i = 0; i < request->function_count; i++) {
        if (prepare_one(&request->functions[i], &state->list[i], err) != 0)
            return -1;
    }
    if (hf_veneer_seal(err) != 0)
        return -1;
    return prepare_stretches(state, err);
}

static int prepare(const struct hotfix_request *request, void *arg, void **state_out, struct hotfix_error *err)
{
    (void)arg;
    struct state *state = calloc(1, sizeof(*state) + request->function_count * sizeof(state->list[0]));
    if (!state)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");

    state->count = request->function_count;
    hf_code_writer_init(&state->writer);
    if (prepare_all(request, state, err) != 0) {
        sweep_sites(state);
        state_destroy(state);
        return -1;
    }
    *state_out = state;
    return 0;
}

static int write_entry(const struct state *state, size_t i, bool forward, struct hotfix_error *err)
{
    const struct switching *switching = &state->list[i];

    return hf_code_write(&state->writer, switching->address, forward ? switching->forward : switching->back,
                         switching->size, PROT_READ | PROT_EXEC, err);
}

/* Plain stores, of which none becomes a call of memcpy. */
static void put(uint8_t *to, const uint8_t *from, size_t size)
{
    volatile uint8_t *out = to;

    for (size_t i = 0; i < size; i++)
        out[i] = from[i];
}

/* The bytes between functions are read now, while no thread can change them. */
static bool write_at_once(const struct state *state, const struct stretch *stretch, bool forward)
{
    const struct switching *first = &state->list[stretch->first];

    if (!stretch->probed)
        return false;
    if (stretch->count > 1 && !hf_code_read(&state->writer, first->address, state->image, stretch->size))
        return false;
    for (const struct switching *at = first; at < first + stretch->count; at++)
        put(state->image + (at->address - first->address), forward ? at->forward : at->back, at->size);
    return hf_code_write_probed(&state->writer, first->address, state->image, stretch->size);
}

static int write_stretch(const struct state *state, const struct stretch *stretch, bool forward,
                         struct hotfix_error *err)
{
    if (write_at_once(state, stretch, forward))
        return 0;
    for (size_t i = stretch->first; i < stretch->first + stretch->count; i++) {
        if (write_entry(state, i, forward, err) != 0)
            return -1;
    }
    return 0;
}

/*
 * Runs while threads are stopped: what code.h allows then. After a failure each function is restored separately,
 * including all functions of the stretch that failed, since its write may have stopped anywhere.
 */
static int switch_all(const struct state *state, bool forward, struct hotfix_error *err)
{
    for (size_t i = 0; i < state->stretch_count; i++) {
        const struct stretch *stretch = &state->stretches[i];
        if (write_stretch(state, stretch, forward, err) == 0)
            continue;
        for (size_t k = stretch->first + stretch->count; k-- > 0;)
            write_entry(state, k, !forward, NULL);
        return -1;
    }
    return 0;
}

static int apply(const struct hotfix_request *request, void *arg, void *state, struct hotfix_error *err)
{
    (void)request;
    (void)arg;
    return switch_all(state, true, err);
}

static int revert(const struct hotfix_request *request, void *arg, void *state, struct hotfix_error *err)
{
    (void)request;
    (void)arg;
    return switch_all(state, false, err);
}

static void finish(const struct hotfix_request *request, void *arg, void *state_in)
{
    (void)request;
    (void)arg;
    sweep_sites(state_in);
    state_destroy(state_in);
}

const struct hotfix_patcher hf_patcher_builtin = {
    .size = sizeof(hf_patcher_builtin),
    .name = "detour",
    .prepare = prepare,
    .apply = apply,
    .revert = revert,
    .finish = finish,
};
