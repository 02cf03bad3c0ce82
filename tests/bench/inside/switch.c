/* SPDX-License-Identifier: Apache-2.0 */
/*
 *     switch COUNT...
 *
 * For each count of functions: how long the built-in patcher's apply and revert take, which run while threads are
 * stopped, and what a revert takes in all. The functions are bytes in memory of this program's own, 96 apart; none is
 * run. One JSON object a line, medians in nanoseconds.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "switch/patcher.h"

enum { ROUNDS = 9, APART = 96, SIZE = 64, COUNT_MAX = 1000000 };

/* What one round took. */
enum figure { APPLY, REVERT, WHOLE, FIGURES };

static uint64_t read_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "switch: %s: %s\n", what, why);
    exit(1);
}

static uint64_t change(const struct hotfix_request *request, void *state,
                       int (*step)(const struct hotfix_request *, void *, void *, struct hotfix_error *))
{
    struct hotfix_error error;
    uint64_t begin = read_clock();

    if (step(request, NULL, state, &error) != 0)
        fail("switching", error.message);
    return read_clock() - begin;
}

static void *prepare(const struct hotfix_request *request)
{
    struct hotfix_error error;
    void *state;

    if (hf_patcher_builtin.prepare(request, NULL, &state, &error) != 0)
        fail("preparing", error.message);
    return state;
}

static void run_round(const struct hotfix_request *request, uint64_t figures[FIGURES])
{
    void *state = prepare(request);
    figures[APPLY] = change(request, state, hf_patcher_builtin.apply);
    hf_patcher_builtin.finish(request, NULL, state);

    uint64_t begin = read_clock();
    state = prepare(request);
    figures[REVERT] = change(request, state, hf_patcher_builtin.revert);
    hf_patcher_builtin.finish(request, NULL, state);
    figures[WHOLE] = read_clock() - begin;
}

static int compare(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a;
    uint64_t second = *(const uint64_t *)b;

    return (first > second) - (first < second);
}

static void measure(size_t count)
{
    size_t size = (count + 1) * APART;
    struct hotfix_function *functions = calloc(count, sizeof(*functions));
    uint8_t *code = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t taken[FIGURES][ROUNDS];

    if (!functions || code == MAP_FAILED)
        fail("functions", "out of memory");
    memset(code, 0x90, size);
    if (mprotect(code, size, PROT_READ | PROT_EXEC) != 0)
        fail("functions", "cannot be protected");
    for (size_t i = 0; i < count; i++)
        functions[i] = (struct hotfix_function){.name = "f",
                                                .source = "",
                                                .old_address = code + i * APART,
                                                .old_size = SIZE,
                                                .new_address = code + count * APART,
                                                .new_size = SIZE,
                                                .previous_address = code + i * APART};
    struct hotfix_request request = {.size = sizeof(request), .functions = functions, .function_count = count};
    for (size_t round = 0; round < ROUNDS; round++) {
        uint64_t figures[FIGURES];
        run_round(&request, figures);
        for (size_t i = 0; i < FIGURES; i++)
            taken[i][round] = figures[i];
    }
    for (size_t i = 0; i < FIGURES; i++)
        qsort(taken[i], ROUNDS, sizeof(taken[i][0]), compare);
    printf("{\"functions\": %zu, \"apply\": %" PRIu64 ", \"revert\": %" PRIu64 ", \"whole_revert\": %" PRIu64 "}\n",
           count, taken[APPLY][ROUNDS / 2], taken[REVERT][ROUNDS / 2], taken[WHOLE][ROUNDS / 2]);
    munmap(code, size);
    free(functions);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        unsigned long count = strtoul(argv[i], NULL, 10);
        if (count == 0 || count > COUNT_MAX)
            fail(argv[i], "is no number of functions");
        measure(count);
    }
    return argc < 2;
}
