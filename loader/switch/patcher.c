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

struct state {
    struct hf_code_writer writer;
    size_t count;
    struct switching list[];
};

/* A list with one store per change, so that a child forked at any moment finds it whole. */
static struct site *sites;

static struct site *find_site(const uint8_t *address)
{
    for (struct site *site = sites; site; site = site->next)
        if (site->address == address)
            return site;
    return NULL;
}

static struct site *add_site(uint8_t *address, size_t size)
{
    struct site *site = calloc(1, sizeof(*site));
    if (!site)
        return NULL;
    site->address = address;
    site->size = size;
    site->next = sites;
    memcpy(site->original, address, size);
    sites = site;
    return site;
}

/* Forgets the sites whose code is what it was. */
static void sweep_sites(void)
{
    struct site **link = &sites;

    while (*link) {
        struct site *site = *link;
        if (memcmp(site->address, site->original, site->size) != 0) {
            link = &site->next;
            continue;
        }
        *link = site->next;
        free(site);
    }
}

void hf_patcher_original(const void *address, uint8_t *copy, size_t size)
{
    uintptr_t begin = (uintptr_t)address;

    for (const struct site *site = sites; site; site = site->next) {
        for (size_t i = 0; i < site->size; i++) {
            uintptr_t at = (uintptr_t)site->address + i;
            if (at >= begin && at - begin < size)
                copy[at - begin] = site->original[i];
        }
    }
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

static int prepare(const struct hotfix_request *request, void *arg, void **state_out, struct hotfix_error *err)
{
    (void)arg;
    HF_FREE struct state *state = calloc(1, sizeof(*state) + request->function_count * sizeof(state->list[0]));
    if (!state)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");

    for (size_t i = 0; i < request->function_count; i++) {
        if (prepare_one(&request->functions[i], &state->list[i], err) != 0) {
            sweep_sites();
            return -1;
        }
    }
    if (hf_veneer_seal(err) != 0) {
        sweep_sites();
        return -1;
    }
    state->count = request->function_count;
    hf_code_writer_init(&state->writer);
    *state_out = hf_move(state);
    return 0;
}

static int write_entry(const struct state *state, size_t i, bool forward, struct hotfix_error *err)
{
    const struct switching *switching = &state->list[i];

    return hf_code_write(&state->writer, switching->address, forward ? switching->forward : switching->back,
                         switching->size, PROT_READ | PROT_EXEC, err);
}

/* Runs while threads are stopped: hf_code_write() only. */
static int switch_all(const struct state *state, bool forward, struct hotfix_error *err)
{
    for (size_t i = 0; i < state->count; i++) {
        if (write_entry(state, i, forward, err) == 0)
            continue;
        while (i-- > 0)
            write_entry(state, i, !forward, NULL);
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
    struct state *state = state_in;

    (void)request;
    (void)arg;
    hf_code_writer_deinit(&state->writer);
    free(state);
    sweep_sites();
}

const struct hotfix_patcher hf_patcher_builtin = {
    .size = sizeof(hf_patcher_builtin),
    .name = "detour",
    .prepare = prepare,
    .apply = apply,
    .revert = revert,
    .finish = finish,
};
