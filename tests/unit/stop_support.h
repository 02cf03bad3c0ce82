/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of stopping share: threads to stop, and a stop whose action counts its runs. */
#ifndef TESTS_STOP_SUPPORT_H
#define TESTS_STOP_SUPPORT_H

#include "child.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "stop/stop.h"

enum { SMALL_STACK = 16384 };

#define NS_PER_MS UINT64_C(1000000)
/* For stops that have to succeed however slow and loaded the machine is. */
#define PATIENT_NS (30000 * NS_PER_MS)

/* hf_stop_run() with an action that only counts. */
static inline int count_run(void *arg, struct hotfix_error *err)
{
    (void)err;
    ++*(int *)arg;
    return 0;
}

/* A stop without ranges: true when the action ran exactly once. */
static inline bool stop_once(enum hf_stop_method method, struct hotfix_error *err)
{
    int runs = 0;
    struct hf_stop_request request = {.action = count_run, .arg = &runs, .deadline_ns = PATIENT_NS, .method = method};
    int status = hf_stop_run(&request, NULL, err);

    require((status == 0) == (runs == 1) && runs <= 1);
    return runs == 1;
}

/*
 * A stop that must fail with this in its message. Under load the deadline may pass before any attempt has come so far
 * as to see what is in the way: then it is given twice as long.
 */
static inline void stop_hindered(struct hf_stop_request *request, const char *text, struct hotfix_error *error)
{
    for (; request->deadline_ns <= PATIENT_NS; request->deadline_ns *= 2) {
        require(hf_stop_run(request, NULL, error) == -1);
        if (strstr(error->message, text))
            return;
    }
    fprintf(stderr, "%d: %s\n", error->code, error->message);
    require(strstr(error->message, text) != NULL);
}

/* Must succeed. */
static inline void stop(enum hf_stop_method method)
{
    struct hotfix_error error = {HOTFIX_OK, 0, ""};

    if (!stop_once(method, &error)) {
        fprintf(stderr, "%s\n", error.message);
        _exit(1);
    }
}

static inline void pause_ms(unsigned int ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

static inline pthread_t start_thread(void *(*body)(void *), void *arg, size_t stack_size)
{
    pthread_attr_t attributes;
    pthread_t thread;

    pthread_attr_init(&attributes);
    if (stack_size != 0)
        pthread_attr_setstacksize(&attributes, stack_size);
    require(pthread_create(&thread, &attributes, body, arg) == 0);
    pthread_attr_destroy(&attributes);
    return thread;
}

/* Waits until the flag, or counter, is at least that. */
static inline void await(atomic_int *counter, int value)
{
    while (atomic_load(counter) < value)
        sched_yield();
}

#endif
