/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the steps of steps.h and prints a trace of results and state, in the target as in the oracle. In the target it
 * is linked to the program, applies N.hotfix for bundle N where that file exists, and says "refused" where it cannot.
 * In the oracle (-DORACLE) it is one file with all versions, and apply and revert change the world.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef ORACLE
#define MAX_EDGES 64
static int world, applied, edge_count;
static unsigned long choices;
static int edges[MAX_EDGES];
static __thread int inner; /* the world of the innermost activation */

/* What a stale activation does where it may do the one or the other; one answer for each edge between two worlds. */
static int choose(int edge)
{
    int i = 0;

    while (i < edge_count && edges[i] != edge)
        i++;
    if (i == MAX_EDGES)
        return 0;
    if (i == edge_count)
        edges[edge_count++] = edge;
    return choices >> i & 1;
}

/* Did the old compilation replace a variable, which nothing of the release writes, by its value? */
static int fold(int var)
{
    return choose(-var);
}

/* The world whose version of a function is called from an activation of world W. */
static int pick(int caller, int callee, int W, const int *canon, const int *shape, int wanted)
{
    if (canon[world] < 0 || shape[world] != wanted)
        return W;
    if (W == world || canon[W] == canon[world])
        return W;
    return choose((caller * 10000 + callee) * 16 + W * 4 + world) ? W : world;
}
#include "oracle.c"
#else
#include "p.h"
#include <hotfix.h>
#endif

u (*reg[4])(u);

enum { CALL, NEST, START, FINISH, APPLY, REVERT };
struct step {
    int what;
    int number; /* of the entry or the bundle */
    u a;
    u b;
    int count; /* of NEST: as many steps are done inside the call */
};
#include "steps.h"

static const struct step *next = steps;
static int to_nest, arrived;
static __thread int is_worker;
static pthread_t worker;
static sem_t inside, go;
static struct step work;
static u work_result;

static void do_step(void);

void sink(u line)
{
    static volatile u last;

    last = line;
}

/* Called by the program inside its loops: here a thread waits, or a bundle is applied. */
void hook(u n)
{
    (void)n;
    if (is_worker && !arrived) {
        arrived = 1;
        sem_post(&inside);
        sem_wait(&go);
    }
    while (!is_worker && to_nest > 0) {
        to_nest--;
        do_step();
    }
}

static void *run_worker(void *arg)
{
    (void)arg;
    is_worker = 1;
    work_result = CALL_ENTRY(work.number, work.a, work.b);
    if (!arrived) {
        arrived = 1;
        sem_post(&inside);
    }
    return NULL;
}

#ifdef ORACLE
static void apply(int bundle)
{
    check_folded();
    applied = SUPERSEDES && bundle == 2 ? 2 : applied | 1 << (bundle - 1);
    if (bundle == 1)
        reset1();
    else if (SUPERSEDES && choose(-1))
        take_over();
    else
        reset2();
    world = world_of[applied];
}

static void revert(int bundle)
{
    applied &= ~(1 << (bundle - 1));
    world = world_of[applied];
}
#else
static struct hotfix *handle;
static char ids[3][HOTFIX_ID_TEXT_SIZE];

static void refused(const char *what, int bundle, const struct hotfix_error *error)
{
    printf("refused to %s %d: code %d: %s\n", what, bundle, (int)error->code, error->message);
    fflush(stdout);
    _exit(0);
}

/* A busy machine takes its time to stop the threads. */
static const struct hotfix_apply_options patient = {.size = sizeof patient, .deadline_ns = 2000000000};

static void apply(int bundle)
{
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    struct hotfix_error error;
    char path[32];

    options.trust = getenv("TRUST");
    snprintf(path, sizeof path, "%d.hotfix", bundle);
    if (access(path, F_OK) != 0)
        return;
    if (!handle && hotfix_open(&options, &handle, &error) != 0)
        exit(2);
    if (hotfix_apply_opt(handle, path, &patient, &result) != 0)
        refused("apply", bundle, &result.error);
    memcpy(ids[bundle], result.id, sizeof result.id);
    hotfix_result_deinit(&result);
}

static void revert(int bundle)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    if (!handle || !ids[bundle][0])
        return;
    if (hotfix_revert_opt(handle, ids[bundle], &patient, &result) != 0)
        refused("revert", bundle, &result.error);
    hotfix_result_deinit(&result);
}
#endif

static void tell(const char *what, const struct step *s, u result)
{
    printf("%s %d(%lu,%lu) = %lx, state %lx\n", what, s->number, s->a, s->b, result, state());
}

/* What calls left behind must not look like return addresses in the frames that follow. */
static __attribute__((noinline)) void wipe_stack(void)
{
    volatile char below[16384];

    for (size_t i = 0; i < sizeof below; i++)
        below[i] = 0;
}

static void do_step(void)
{
    const struct step *s = next++;

    wipe_stack();
    switch (s->what) {
    case CALL:
        tell("call", s, CALL_ENTRY(s->number, s->a, s->b));
        break;
    case NEST:
        to_nest = s->count;
        tell("nest", s, CALL_ENTRY(s->number, s->a, s->b));
        while (to_nest > 0) { /* the call did not come by a hook */
            to_nest--;
            do_step();
        }
        break;
    case START:
        work = *s;
        arrived = 0;
        pthread_create(&worker, NULL, run_worker, NULL);
        sem_wait(&inside);
        tell("start", s, 0);
        break;
    case FINISH:
        sem_post(&go);
        pthread_join(worker, NULL);
        while (sem_trywait(&go) == 0)
            ;
        tell("finish", s, work_result);
        break;
    case APPLY:
        apply(s->number);
        tell("apply", s, 0);
        break;
    default:
        revert(s->number);
        tell("revert", s, 0);
    }
}

int main(int argc, char **argv)
{
#ifdef ORACLE
    choices = argc > 1 ? strtoul(argv[1], NULL, 0) : 0;
#endif
    (void)argc;
    (void)argv;
    setvbuf(stdout, NULL, _IOLBF, 0);
    sem_init(&inside, 0, 0);
    sem_init(&go, 0, 0);
    while (next < steps + sizeof steps / sizeof *steps)
        do_step();
#ifdef ORACLE
    fprintf(stderr, "%d\n", edge_count);
#endif
    return 0;
}
