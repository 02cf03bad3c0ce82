/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One attempt to stop the threads: the data that both methods of stopping use, and the outcome. It has its own memory,
 * which is allocated before the stop, since nothing may be allocated during it.
 */
#ifndef HF_ATTEMPT_H
#define HF_ATTEMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "hotfix/error.h"
#include "stop/regs.h"
#include "stop/request.h"
#include "stop/zones.h"

enum hf_thread_state {
    HF_THREAD_GONE,    /* has exited */
    HF_THREAD_IGNORED, /* of the kernel: runs no user code */
    HF_THREAD_CALLER,
    HF_THREAD_LISTED,  /* is to be stopped */
    HF_THREAD_HELD,    /* will stop as soon as it can */
    HF_THREAD_STOPPED, /* its registers are known */
};

struct hf_thread {
    pid_t tid;
    uint32_t state; /* enum hf_thread_state */
    int signal;     /* that was about to be delivered when it stopped, or 0 */
    bool settled;   /* existed when the regions were read */
    bool running;   /* it ran when it was found, or was found after others had been stopped: a hint */
    bool scanned;   /* its stack and registers have been looked at since it stopped */
    struct hf_regs regs;
};

/* A stretch of readable and writable memory. */
struct hf_region {
    uintptr_t begin;
    uintptr_t end;
};

enum hf_outcome {
    HF_OUTCOME_DIED,    /* the helper ended before it could set another outcome */
    HF_OUTCOME_ACTED,   /* the action ran */
    HF_OUTCOME_REFUSED, /* not permitted: error and tid say what */
    HF_OUTCOME_BLOCKED, /* thread tid blocks the signals that could stop it */
    HF_OUTCOME_STUCK,   /* thread tid did not stop */
    HF_OUTCOME_INSIDE,  /* thread tid, or a parked stack, is in zone */
    HF_OUTCOME_SLOW,    /* the stacks could not be scanned in time */
    HF_OUTCOME_FULL,    /* a table was too small */
    HF_OUTCOME_FAILED   /* a system call failed: error, what */
};

struct hf_attempt {
    const struct hf_stop_request *request;
    const struct hf_zones *zones;
    uint64_t deadline; /* CLOCK_MONOTONIC */
    uint64_t allowed;  /* how long threads may be stopped, while none was stopped yet: the deadline is then moved
                          accordingly; or 0 */
    pid_t pid;
    pid_t caller;
    struct hf_regs caller_regs; /* where its stack is scanned */
    uintptr_t first_stack;      /* an address in the stack of the process's first thread */
    struct hotfix_error *err;   /* the action's */

    struct hf_thread *threads;
    size_t thread_capacity;
    size_t thread_count;
    size_t cursor;   /* where hf_attempt_thread() searches first, since listings keep their order */
    uint64_t *known; /* one bit for each possible thread id: is it in the table? */
    struct hf_region *regions;
    size_t region_capacity;
    size_t region_count;
    bool regions_current; /* read while all threads were stopped */
    bool regions_doubted; /* must be read again: an earlier attempt failed because they were out of date */
    bool scanning;        /* with regions that may be out of date */
    char *buffer;         /* for reading /proc */
    size_t buffer_size;

    enum hf_outcome outcome;
    pid_t tid;
    size_t zone;
    bool asleep;            /* thread tid is stuck in uninterruptible sleep */
    bool on_stack;          /* the zone was found on the thread's stack */
    uintptr_t parked;       /* or the zone was found on this registered stack, which no thread used; 0: not on one */
    long error;             /* -errno */
    const char *what;       /* the step that failed, as in "cannot <what>" */
    uint64_t began;         /* first thread stopped, 0 when none was */
    uint64_t ended;         /* last one resumed */
    uint64_t runners_began; /* the same for the running threads */
    uint64_t runners_ended;
    bool overdue;         /* the helper was not done long after the deadline, and was killed */
    uint64_t exiting;     /* when the helper's exit, which resumes them, began; 0 when it was killed */
    uint64_t exiting_cpu; /* the processor time that it had used by then */
    int action_result;

    void *memory;
    size_t memory_size;
    char *stack; /* for a helper */
    size_t stack_size;
};

/* Allocates the memory with room for that many threads; everything else is zero. HOTFIX_MEMORY. */
int hf_attempt_create(size_t thread_capacity, struct hf_attempt **attempt, struct hotfix_error *err);
void hf_attempt_destroy(struct hf_attempt *attempt);

/* All functions below may run while threads are stopped. */

/*
 * Records that the threads in the table are stopped from now on; they may be stopped for as long as `allowed` says. If
 * the caller is the only thread, nobody waits, and the deadline stays, so that it does not pass on a busy machine.
 */
void hf_attempt_begin(struct hf_attempt *attempt);

/* Ends an attempt whose deadline has passed, right before it would act: -1 then, else 0. */
int hf_attempt_late(struct hf_attempt *attempt);

/* The table's entry for a thread id, added as GONE when it is new; NULL when the table is full. */
struct hf_thread *hf_attempt_thread(struct hf_attempt *attempt, pid_t tid);

/* Records how the attempt ends. Always returns -1. */
int hf_attempt_end(struct hf_attempt *attempt, enum hf_outcome outcome, pid_t tid);
int hf_attempt_fail(struct hf_attempt *attempt, enum hf_outcome outcome, pid_t tid, const char *what, long error);

/* The zone that a stopped thread's program counter is in, or HF_NO_ZONE. */
size_t hf_attempt_zone(const struct hf_attempt *attempt, const struct hf_thread *thread);

#endif
