/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures in one process; run makes the bundle, runs this and prints the table.
 *
 *     bench apply THREADS TRUST BUNDLE ROUNDS   medians of the phases, and the longest gap that a caller sees
 *     bench busy THREADS TRUST BUNDLE ROUNDS    the same where all threads call all the time: gaps, calls a second
 *     bench gdb THREADS PATCH                   the same change by gdb, attached in batch mode; leaves gdb.script and
 *                                               gdb.log in the working directory
 *     bench call TRUST BUNDLE                   a call before the patch and through the detour
 *     bench memory TRUST BUNDLE                 KiB that opening the library and applying a bundle take
 *
 * THREADS is how many there are besides the one that applies: one keeps calling the patched function, the others wait
 * in read(2), as idle workers do. Results are JSON objects, times in nanoseconds.
 */
#define _GNU_SOURCE
#include "work.h"

#include <hotfix.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BENCH_ROUNDS_MAX 1000
#define BENCH_CALLS      5000000u
#define BENCH_TRIES      20
#define BENCH_STACK      65536
#define BENCH_WINDOW_MS  400

struct bench {
    atomic_bool stop;
    atomic_ullong longest; /* gap between two calls since it was last set to 0 */
    atomic_uint answer;    /* what the function returned last, for argument 0 */
    int pipe[2];
};

static unsigned bench_refused; /* applies and reverts that did nothing since threads did not stop in time */

static void bench_fail(const char *what, const char *why)
{
    fprintf(stderr, "bench: %s: %s\n", what, why);
    exit(1);
}

static uint64_t bench_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void bench_sleep_ms(long ms)
{
    struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    nanosleep(&span, NULL);
}

static void *bench_caller(void *arg)
{
    struct bench *bench = arg;
    uint64_t last = bench_clock();

    while (!bench->stop) {
        bench->answer = bench_work(0);
        uint64_t now = bench_clock();
        if (now - last > bench->longest)
            bench->longest = now - last;
        last = now;
    }
    return NULL;
}

static void *bench_idler(void *arg)
{
    struct bench *bench = arg;
    char byte;

    while (read(bench->pipe[0], &byte, 1) > 0)
        ;
    return NULL;
}

static void bench_start(struct bench *bench, unsigned threads)
{
    pthread_attr_t attributes;
    pthread_t thread;

    memset(bench, 0, sizeof(*bench));
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, BENCH_STACK);
    if (pipe(bench->pipe) != 0)
        bench_fail("pipe", "cannot be made");
    for (unsigned i = 0; i < threads; i++)
        if (pthread_create(&thread, &attributes, i == 0 ? bench_caller : bench_idler, bench) != 0)
            bench_fail("threads", "cannot be started");
    pthread_attr_destroy(&attributes);
    do {
        bench_sleep_ms(100);
    } while (bench->answer == 0); /* on a busy machine the caller may not have had a processor yet */
}

static struct hotfix *bench_open(const char *trust)
{
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    struct hotfix *hotfix;
    struct hotfix_error error;

    options.trust = trust;
    if (hotfix_open(&options, &hotfix, &error) != 0)
        bench_fail("hotfix_open", error.message);
    return hotfix;
}

static uint64_t bench_running_pause; /* of the last change */

/* Applies (bundle) or reverts (NULL). On a machine that is busy with other things threads may not stop in time: the
 * next try counts then. */
static struct hotfix_cost bench_change(struct hotfix *hotfix, const char *bundle)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    int status = -1;

    for (int i = 0; status != 0 && i < BENCH_TRIES; i++) {
        hotfix_result_deinit(&result);
        status = bundle ? hotfix_apply(hotfix, bundle, &result) : hotfix_revert(hotfix, NULL, &result);
        if (status != 0 && result.error.code != HOTFIX_BUSY)
            break;
        bench_refused += status != 0;
    }
    if (status != 0)
        bench_fail(bundle ? "apply" : "revert", result.error.message);
    struct hotfix_cost cost = result.cost;
    bench_running_pause = result.running_pause;
    hotfix_result_deinit(&result);
    return cost;
}

/* Waits until the caller gets another answer than before (applied), or the same again. */
static void bench_await(struct bench *bench, unsigned before, bool applied)
{
    for (int i = 0; (bench->answer != before) != applied; i++) {
        if (i == 2000)
            bench_fail(applied ? "apply" : "revert", "the function does not answer as it should");
        bench_sleep_ms(5);
    }
}

static int bench_compare(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a;
    uint64_t second = *(const uint64_t *)b;

    return (first > second) - (first < second);
}

static uint64_t bench_median(uint64_t *values, unsigned count)
{
    qsort(values, count, sizeof(*values), bench_compare);
    return values[count / 2];
}

static int bench_apply(unsigned threads, const char *trust, const char *bundle, unsigned rounds)
{
    static uint64_t verify[BENCH_ROUNDS_MAX], stage[BENCH_ROUNDS_MAX], pause[BENCH_ROUNDS_MAX], total[BENCH_ROUNDS_MAX],
        gap[BENCH_ROUNDS_MAX], idle[BENCH_ROUNDS_MAX], running[BENCH_ROUNDS_MAX];
    static struct bench bench;
    struct hotfix *hotfix = bench_open(trust);

    bench_start(&bench, threads);
    unsigned before = bench.answer;
    for (unsigned i = 0; i < rounds; i++) {
        /* What the scheduler alone does to the caller, for as long as the apply takes. */
        bench.longest = 0;
        bench_sleep_ms(5);
        idle[i] = bench.longest;

        bench.longest = 0;
        struct hotfix_cost cost = bench_change(hotfix, bundle);
        uint64_t applied_running = bench_running_pause;
        bench_sleep_ms(5);
        bench_await(&bench, before, true);
        gap[i] = bench.longest;
        verify[i] = cost.verify;
        stage[i] = cost.stage;
        pause[i] = cost.pause;
        running[i] = applied_running;
        total[i] = cost.total;
        bench_change(hotfix, NULL);
        bench_await(&bench, before, false);
    }
    printf("{\"threads\": %u, \"verify\": %ju, \"stage\": %ju, \"pause\": %ju, \"running_pause\": %ju, "
           "\"total\": %ju, \"gap\": %ju, \"gap_without\": %ju, \"refused\": %u, ",
           threads, bench_median(verify, rounds), bench_median(stage, rounds), bench_median(pause, rounds),
           bench_median(running, rounds), bench_median(total, rounds), bench_median(gap, rounds),
           bench_median(idle, rounds), bench_refused);
    /* The medians have sorted them. */
    printf("\"pause_worst\": %ju, \"gap_worst\": %ju, \"gap_without_worst\": %ju}\n", (uintmax_t)pause[rounds - 1],
           (uintmax_t)gap[rounds - 1], (uintmax_t)idle[rounds - 1]);
    return 0;
}

/* One of many threads that call without a pause; apart, so that they do not slow each other. */
struct bench_busy {
    _Alignas(64) atomic_ullong longest;
    atomic_ullong calls;
};

static atomic_bool bench_busy_stop;

static void *bench_busy_caller(void *arg)
{
    struct bench_busy *busy = arg;
    uint64_t last = bench_clock();
    unsigned x = 0;

    while (!bench_busy_stop) {
        x = bench_work(x);
        uint64_t now = bench_clock();
        if (now - last > busy->longest)
            busy->longest = now - last;
        last = now;
        busy->calls++;
    }
    return NULL;
}

/* What the threads saw since the last time: the longest gap of any, and the calls of all. */
static void bench_busy_read(struct bench_busy *busy, unsigned threads, uint64_t *gap, uint64_t *calls)
{
    *gap = *calls = 0;
    for (unsigned i = 0; i < threads; i++) {
        uint64_t longest = atomic_exchange(&busy[i].longest, 0);
        *calls += atomic_exchange(&busy[i].calls, 0);
        *gap = longest > *gap ? longest : *gap;
    }
}

/* Each round is a window in which nothing is applied, one with an apply in its middle, and one with the patch in. */
static int bench_busy(unsigned threads, const char *trust, const char *bundle, unsigned rounds)
{
    static uint64_t pause[BENCH_ROUNDS_MAX], gap[BENCH_ROUNDS_MAX], idle[BENCH_ROUNDS_MAX], calls[3][BENCH_ROUNDS_MAX];
    struct bench_busy *busy = aligned_alloc(64, threads * sizeof(*busy));
    struct hotfix *hotfix = bench_open(trust);
    pthread_t thread;
    uint64_t after;

    if (!busy)
        bench_fail("threads", "out of memory");
    memset(busy, 0, threads * sizeof(*busy));
    for (unsigned i = 0; i < threads; i++)
        if (pthread_create(&thread, NULL, bench_busy_caller, &busy[i]) != 0)
            bench_fail("threads", "cannot be started");
    bench_sleep_ms(BENCH_WINDOW_MS);
    for (unsigned i = 0; i < rounds; i++) {
        bench_busy_read(busy, threads, &after, &after);
        bench_sleep_ms(BENCH_WINDOW_MS);
        bench_busy_read(busy, threads, &idle[i], &calls[0][i]);
        bench_sleep_ms(BENCH_WINDOW_MS / 2);
        pause[i] = bench_change(hotfix, bundle).pause;
        bench_sleep_ms(BENCH_WINDOW_MS / 2);
        bench_busy_read(busy, threads, &gap[i], &calls[1][i]);
        bench_sleep_ms(BENCH_WINDOW_MS);
        bench_busy_read(busy, threads, &after, &calls[2][i]);
        bench_change(hotfix, NULL);
    }
    printf("{\"threads\": %u, \"pause\": %ju, \"gap\": %ju, \"gap_without\": %ju, \"before\": %ju, \"during\": %ju, "
           "\"after\": %ju, \"refused\": %u, ",
           threads, bench_median(pause, rounds), bench_median(gap, rounds), bench_median(idle, rounds),
           bench_median(calls[0], rounds), bench_median(calls[1], rounds), bench_median(calls[2], rounds),
           bench_refused);
    /* The medians have sorted them. */
    printf("\"pause_worst\": %ju, \"gap_worst\": %ju, \"gap_without_worst\": %ju}\n", (uintmax_t)pause[rounds - 1],
           (uintmax_t)gap[rounds - 1], (uintmax_t)idle[rounds - 1]);
    bench_busy_stop = true;
    return 0;
}

/* What people do without a loader: load the patch, write a jump over the function. */
static void bench_write_script(FILE *script, const char *patch)
{
    fprintf(script,
            "set $patch = ((void *(*)(const char *, int))dlopen)(\"%s\", 2)\n"
            "set $new = ((void *(*)(void *, const char *))dlsym)($patch, \"bench_work\")\n"
            "set {unsigned short}bench_work = 0x25ff\n"
            "set {int}((char *)bench_work + 2) = 0\n"
            "set {void *}((char *)bench_work + 6) = $new\n"
            "detach\n",
            patch);
}

static int bench_gdb(unsigned threads, const char *patch)
{
    static struct bench bench;
    const char *name = "gdb.script";
    char pid[16];
    FILE *script = fopen(name, "we");

    if (!script)
        bench_fail(name, "cannot be written");
    bench_write_script(script, patch);
    fclose(script);
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);

    bench_start(&bench, threads);
    unsigned before = bench.answer;
    bench.longest = 0;
    uint64_t begin = bench_clock();
    pid_t child = fork();
    if (child == 0) {
        if (!freopen("gdb.log", "w", stdout) || dup2(STDOUT_FILENO, STDERR_FILENO) < 0)
            _exit(126);
        execlp("gdb", "gdb", "-nx", "-batch", "-p", pid, "-x", name, (char *)NULL);
        _exit(127);
    }
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        bench_fail("gdb", "cannot run, or failed: see gdb.log");
    uint64_t total = bench_clock() - begin;
    bench_await(&bench, before, true);
    printf("{\"threads\": %u, \"total\": %ju, \"gap\": %ju}\n", threads, total, (uintmax_t)bench.longest);
    return 0;
}

static double bench_call_ns(void)
{
    unsigned x = 0;
    uint64_t begin = bench_clock();

    for (unsigned i = 0; i < BENCH_CALLS; i++)
        x = bench_work(x);

    uint64_t took = bench_clock() - begin;
    /* The result is used, so that the loop stays. */
    return (double)took / BENCH_CALLS + (x == 0 ? 1e-9 : 0);
}

static int bench_call(const char *trust, const char *bundle)
{
    struct hotfix *hotfix = bench_open(trust);
    double plain = 1e9;
    double detour = 1e9;

    /* The least of some rounds, one after the other: the rest is noise of the machine. */
    for (unsigned i = 0; i < 30; i++) {
        double now = bench_call_ns();
        plain = now < plain ? now : plain;
        bench_change(hotfix, bundle);
        now = bench_call_ns();
        detour = now < detour ? now : detour;
        bench_change(hotfix, NULL);
    }
    printf("{\"plain\": %.3f, \"detour\": %.3f}\n", plain, detour);
    return 0;
}

/* Resident memory of this process in KiB, and how much of it is its own. */
static void bench_resident(long *rss, long *own)
{
    char line[256];
    long value;
    FILE *file = fopen("/proc/self/smaps_rollup", "re");

    if (!file)
        bench_fail("/proc/self/smaps_rollup", "cannot be read");
    *rss = *own = 0;
    while (fgets(line, sizeof(line), file)) {
        if (sscanf(line, "Rss: %ld kB", &value) == 1)
            *rss = value;
        if (sscanf(line, "Private_Clean: %ld kB", &value) == 1 || sscanf(line, "Private_Dirty: %ld kB", &value) == 1)
            *own += value;
    }
    fclose(file);
}

static int bench_memory(const char *trust, const char *bundle)
{
    long rss, own, rss_after, own_after;

    bench_resident(&rss, &own);
    struct hotfix *hotfix = bench_open(trust);
    bench_change(hotfix, bundle);
    bench_resident(&rss_after, &own_after);
    printf("{\"rss\": %ld, \"private\": %ld}\n", rss_after - rss, own_after - own);
    hotfix_close(hotfix);
    return 0;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    unsigned threads = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;

    unsigned rounds = argc == 6 ? (unsigned)strtoul(argv[5], NULL, 10) : 0;
    bool rounded = threads > 0 && rounds > 0 && rounds <= BENCH_ROUNDS_MAX;
    if (strcmp(mode, "apply") == 0 && rounded)
        return bench_apply(threads, argv[3], argv[4], rounds);
    if (strcmp(mode, "busy") == 0 && rounded)
        return bench_busy(threads, argv[3], argv[4], rounds);
    if (strcmp(mode, "gdb") == 0 && argc == 4 && threads > 0)
        return bench_gdb(threads, argv[3]);
    if (strcmp(mode, "call") == 0 && argc == 4)
        return bench_call(argv[2], argv[3]);
    if (strcmp(mode, "memory") == 0 && argc == 4)
        return bench_memory(argv[2], argv[3]);
    fprintf(stderr, "usage: bench apply|busy THREADS TRUST BUNDLE ROUNDS | gdb THREADS PATCH | call TRUST BUNDLE | "
                    "memory TRUST BUNDLE\n");
    return 2;
}
