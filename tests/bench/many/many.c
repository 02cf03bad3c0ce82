/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linked with a file of many functions, bench_f0() and so on, and run by ../growth:
 *
 *     many change TRUST BUNDLE ROUNDS   medians of an apply and a revert of a bundle
 *     many stack TRUST BUNDLE...        what each apply took, one on top of the other, and the reverts
 *     many cycle TRUST BUNDLE ROUNDS    mappings that applies and reverts leave behind, kept and unloaded
 *     many busy TRUST BUNDLE THREADS    one apply while so many threads calculate
 *
 * Results are JSON objects, one a line; times in nanoseconds.
 */
#define _GNU_SOURCE
#include <hotfix.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS_MAX = 1000, STACKED_MAX = 1000, TRIES = 100, EDGE = 10 };

/* What a change cost. */
struct figures {
    uint64_t pause;
    uint64_t total;
    uint64_t used; /* processor time of this process, without the helper */
};

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "many: %s: %s\n", what, why);
    exit(1);
}

static uint64_t read_clock(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;

    return (first > second) - (first < second);
}

static uint64_t median(uint64_t *values, size_t count)
{
    qsort(values, count, sizeof(*values), compare);
    return values[count / 2];
}

/* Applies (bundle) or reverts (NULL); again where the machine was too busy. */
static struct figures change(struct hotfix *hotfix, const char *bundle, const struct hotfix_apply_options *options)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    struct figures figures = {0};
    int status = -1;

    for (int i = 0; status != 0 && i < TRIES; i++) {
        uint64_t began = read_clock(CLOCK_PROCESS_CPUTIME_ID);
        hotfix_result_deinit(&result);
        status = bundle ? hotfix_apply_opt(hotfix, bundle, options, &result)
                        : hotfix_revert_opt(hotfix, NULL, options, &result);
        figures.used = read_clock(CLOCK_PROCESS_CPUTIME_ID) - began;
        if (status != 0 && result.error.code != HOTFIX_BUSY)
            break;
    }
    if (status != 0)
        fail(bundle ? bundle : "revert", result.error.message);
    figures.pause = result.cost.pause;
    figures.total = result.cost.total;
    hotfix_result_deinit(&result);
    return figures;
}

static void *sleep_forever(void *arg)
{
    (void)arg;
    for (;;)
        nanosleep(&(struct timespec){.tv_sec = 1000}, NULL);
}

static void measure_change(struct hotfix *hotfix, const char *bundle, size_t rounds)
{
    static uint64_t pauses[2][ROUNDS_MAX], totals[2][ROUNDS_MAX], used[2][ROUNDS_MAX];

    for (size_t i = 0; i < rounds; i++) {
        for (size_t back = 0; back < 2; back++) {
            struct figures figures = change(hotfix, back ? NULL : bundle, NULL);
            pauses[back][i] = figures.pause;
            totals[back][i] = figures.total;
            used[back][i] = figures.used;
        }
    }
    for (size_t back = 0; back < 2; back++)
        printf("{\"what\": \"%s\", \"pause\": %" PRIu64 ", \"total\": %" PRIu64 ", \"used\": %" PRIu64 "}\n",
               back ? "revert" : "apply", median(pauses[back], rounds), median(totals[back], rounds),
               median(used[back], rounds));
}

/* The first and the last of them tell whether one more costs more than the one before. */
static void print_edges(const char *what, uint64_t *used, uint64_t *pauses, size_t count)
{
    size_t edge = count < EDGE ? count : EDGE;

    printf("{\"what\": \"%s\", \"first\": %" PRIu64 ", \"last\": %" PRIu64 ", \"first_pause\": %" PRIu64
           ", \"last_pause\": %" PRIu64 "}\n",
           what, median(used, edge), median(used + count - edge, edge), median(pauses, edge),
           median(pauses + count - edge, edge));
}

static void measure_stack(struct hotfix *hotfix, char **bundles, size_t count)
{
    static uint64_t used[STACKED_MAX], pauses[STACKED_MAX];

    for (size_t i = 0; i < count; i++) {
        struct figures figures = change(hotfix, bundles[i], NULL);
        used[i] = figures.used;
        pauses[i] = figures.pause;
    }
    print_edges("apply", used, pauses, count);
    for (size_t i = count; i-- > 0;) {
        struct figures figures = change(hotfix, NULL, NULL);
        used[i] = figures.used;
        pauses[i] = figures.pause;
    }
    print_edges("revert", used, pauses, count);
}

static size_t count_mappings(size_t *patches)
{
    char line[1024];
    size_t count = 0;
    FILE *maps = fopen("/proc/self/maps", "re");

    if (!maps)
        fail("/proc/self/maps", "cannot be read");
    *patches = 0;
    while (fgets(line, sizeof(line), maps)) {
        count++;
        *patches += strstr(line, "hotfix-patch") != NULL;
    }
    fclose(maps);
    return count;
}

static void measure_cycles(struct hotfix *hotfix, const char *bundle, size_t rounds)
{
    for (enum hotfix_unload unload = HOTFIX_KEEP; unload <= HOTFIX_UNLOAD; unload++) {
        struct hotfix_apply_options options = HOTFIX_APPLY_OPTIONS_INIT;
        size_t patches;
        options.unload = unload;
        change(hotfix, bundle, &options);
        change(hotfix, NULL, &options);
        size_t before = count_mappings(&patches);
        for (size_t i = 0; i < rounds; i++) {
            change(hotfix, bundle, &options);
            change(hotfix, NULL, &options);
        }
        printf("{\"what\": \"%s\", \"mappings\": %.2f}\n", unload == HOTFIX_KEEP ? "kept" : "unloaded",
               ((double)count_mappings(&patches) - (double)before) / (double)rounds);
    }
}

static void *calculate(void *arg)
{
    volatile unsigned *number = arg;

    for (;;)
        *number = *number * 3 + 1;
}

static void measure_busy(struct hotfix *hotfix, const char *bundle, size_t threads)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    unsigned *numbers = calloc(threads, 64);
    pthread_t thread;

    for (size_t i = 0; i < threads; i++)
        if (!numbers || pthread_create(&thread, NULL, calculate, &numbers[i * 16]) != 0)
            fail("threads", "cannot be started");
    nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
    int status = hotfix_apply(hotfix, bundle, &result);
    printf("{\"what\": \"busy\", \"applied\": %s, \"pause\": %" PRIu64 ", \"error\": \"%s\"}\n",
           status == 0 ? "true" : "false", result.cost.pause, result.error.message);
    fflush(stdout);
    _Exit(0);
}

int main(int argc, char **argv)
{
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    struct hotfix_error error;
    struct hotfix *hotfix;
    pthread_t sleeper;

    if (argc < 4)
        fail("usage", "change|cycle|busy TRUST BUNDLE NUMBER | stack TRUST BUNDLE...");
    options.trust = argv[2];
    if (hotfix_open(&options, &hotfix, &error) != 0)
        fail("hotfix_open", error.message);
    /* Without another thread nobody would be stopped. */
    if (pthread_create(&sleeper, NULL, sleep_forever, NULL) != 0)
        fail("threads", "cannot be started");

    size_t number = argc > 4 ? strtoul(argv[4], NULL, 10) : 0;
    bool rounded = number > 0 && number <= ROUNDS_MAX;
    if (strcmp(argv[1], "stack") == 0 && argc - 3 <= STACKED_MAX)
        measure_stack(hotfix, argv + 3, (size_t)argc - 3);
    else if (strcmp(argv[1], "change") == 0 && rounded)
        measure_change(hotfix, argv[3], number);
    else if (strcmp(argv[1], "cycle") == 0 && rounded)
        measure_cycles(hotfix, argv[3], number);
    else if (strcmp(argv[1], "busy") == 0 && rounded)
        measure_busy(hotfix, argv[3], number);
    else
        fail(argv[1], "is no measurement");
    return 0;
}
