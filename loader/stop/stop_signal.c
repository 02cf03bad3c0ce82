/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each thread is sent a real-time signal that the program has no handler for; ours notes the thread's registers and
 * waits on a futex until the action has run.
 *
 * The handler, and the caller from the first signal to the last thread's release, may call: what raw.h has, the
 * functions of tasks.h, stacks.h and attempt.h that say so, and the action. Nothing of libc.
 *
 * No signal of ours may be pending once the disposition is the default again, since that ends the process: ignoring the
 * signal for a moment makes the kernel drop what is pending in any thread.
 */
#include "stop/stop_signal.h"

#include <signal.h>
#include <string.h>

#include "process/raw.h"
#include "stop/stacks.h"
#include "stop/tasks.h"

enum { SIGNAL_SET_SIZE = 8 /* the kernel's sigset_t */ };

#define LOOK_NS   (1 * HF_NS_PER_MS) /* how often threads that do not park are checked */
#define SLEEPY_NS (5 * HF_NS_PER_MS) /* how long one may sleep uninterruptibly with others stopped */

/*
 * Data that handlers share with the caller. Static, since a handler may still be entering or returning when the call
 * has ended.
 */
static struct {
    pid_t pid;                  /* whose counters these are: a child of fork has a copy */
    struct hf_attempt *attempt; /* NULL when no thread is to park */
    uint32_t gate;              /* changes when threads may go on; also the number of the attempt; a futex */
    uint32_t arriving;          /* handlers that may be using the attempt */
    uint32_t parked;            /* a futex */
    uint32_t awaited;           /* how many threads are to park */
} parking;

static uint32_t get(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static void set(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

/* The entry of the thread for which a signal was sent; NULL when the signal is not from this attempt. */
static struct hf_thread *addressee(struct hf_attempt *attempt, const siginfo_t *info, uint32_t gate)
{
    uintptr_t value = (uintptr_t)info->si_value.sival_ptr;
    uint32_t index = (uint32_t)value;

    if (parking.pid != (pid_t)hf_raw0(SYS_getpid) || info->si_code != SI_QUEUE || (uint32_t)(value >> 32) != gate ||
        index >= attempt->thread_count)
        return NULL;
    struct hf_thread *thread = &attempt->threads[index];
    return thread->tid == (pid_t)hf_raw0(SYS_gettid) && get(&thread->state) == HF_THREAD_HELD ? thread : NULL;
}

static void park(int signal, siginfo_t *info, void *context)
{
    bool parked = false;

    (void)signal;
    __atomic_add_fetch(&parking.arriving, 1, __ATOMIC_SEQ_CST);
    uint32_t gate = get(&parking.gate);
    struct hf_attempt *attempt = __atomic_load_n(&parking.attempt, __ATOMIC_SEQ_CST);
    struct hf_thread *thread = attempt ? addressee(attempt, info, gate) : NULL;
    if (thread) {
        hf_regs_from_context(context, &thread->regs);
        set(&thread->state, HF_THREAD_STOPPED);
        parked = true;
        if (__atomic_add_fetch(&parking.parked, 1, __ATOMIC_SEQ_CST) == get(&parking.awaited))
            hf_raw_wake(&parking.parked, 1);
    }
    __atomic_sub_fetch(&parking.arriving, 1, __ATOMIC_SEQ_CST);
    while (parked && get(&parking.gate) == gate)
        hf_raw_wait(&parking.gate, gate, hf_raw_now() + HF_NS_PER_S);
}

/* Notes a thread of the listing. Returns 1 when it is to be stopped and has not been yet, 0 if not, -1 when the table
 * is full. */
static int note(struct hf_attempt *attempt, pid_t tid)
{
    size_t before = attempt->thread_count;
    struct hf_thread *thread = hf_attempt_thread(attempt, tid);

    if (!thread)
        return hf_attempt_end(attempt, HF_OUTCOME_FULL, 0);
    if (tid == attempt->caller) {
        thread->state = HF_THREAD_CALLER;
        thread->regs = attempt->caller_regs;
    }
    if (thread->state != HF_THREAD_GONE)
        return 0;
    /* A thread that was found to be gone is either a zombie that is still listed, or its id has a new owner. */
    if (attempt->thread_count == before && hf_task_state(attempt->pid, tid) == HF_TASK_GONE)
        return 0;
    thread->state = HF_THREAD_LISTED;
    thread->settled = false;
    return 1;
}

/* Lists the threads. Returns how many are yet to be stopped, or -1 with the outcome. */
static long list(struct hf_attempt *attempt, struct hf_tasks *tasks)
{
    long fresh = 0;
    long tid;

    do {
        hf_tasks_rewind(tasks);
        while ((tid = hf_tasks_next(tasks)) > 0) {
            int more = note(attempt, (pid_t)tid);
            if (more < 0)
                return -1;
            fresh += more;
        }
        if (tid < 0)
            return hf_attempt_fail(attempt, HF_OUTCOME_FAILED, 0, "list the threads in /proc", tid);
        if (hf_raw_now() > attempt->deadline)
            return hf_attempt_end(attempt, HF_OUTCOME_STUCK, 0);
    } while (!hf_tasks_complete(tasks));
    return fresh;
}

/* Bit n - 1 is set for each real-time signal n whose disposition is the default. */
static uint64_t free_signals(void)
{
    uint64_t found = 0;

    for (int signal = SIGRTMIN; signal <= SIGRTMAX; signal++) {
        struct sigaction present;
        if (sigaction(signal, NULL, &present) == 0 && present.sa_handler == SIG_DFL)
            found |= UINT64_C(1) << (signal - 1);
    }
    return found;
}

/* A free signal that no thread blocks; or -1 with the outcome, naming a thread that blocks the last one left. */
static int choose_signal(struct hf_attempt *attempt)
{
    uint64_t usable = free_signals();

    if (usable == 0)
        return hf_attempt_fail(attempt, HF_OUTCOME_REFUSED, 0, "signal threads: no real-time signal is unused", 0);
    for (size_t i = 0; i < attempt->thread_count; i++) {
        struct hf_thread *thread = &attempt->threads[i];
        uint64_t blocked;
        if (thread->state == HF_THREAD_CALLER || !hf_task_blocked(attempt->pid, thread->tid, &blocked))
            continue;
        if (usable & ~blocked) {
            usable &= ~blocked;
            continue;
        }
        enum hf_task_state state = hf_task_state(attempt->pid, thread->tid);
        if (state == HF_TASK_KERNEL)
            thread->state = HF_THREAD_IGNORED;
        else if (state != HF_TASK_GONE)
            return hf_attempt_end(attempt, HF_OUTCOME_BLOCKED, thread->tid);
    }

    /* The program is least likely to need high signals; the last two do not exist under qemu-user. */
    int signal = usable & ~(UINT64_C(3) << (SIGRTMAX - 2)) ? SIGRTMAX - 2 : SIGRTMAX;
    while (!(usable >> (signal - 1) & 1))
        signal--;
    return signal;
}

/* Sends the signal to a thread that is not stopped. 0, or -1 with the outcome. */
static int send_to(struct hf_attempt *attempt, size_t index, int signal)
{
    struct hf_thread *thread = &attempt->threads[index];
    siginfo_t info;

    /* Volatile: a loop that the compiler leaves a loop. */
    for (size_t i = 0; i < sizeof(info); i++)
        ((volatile char *)&info)[i] = 0;
    info.si_signo = signal;
    info.si_code = SI_QUEUE;
    info.si_pid = attempt->pid;
    info.si_value.sival_ptr = (void *)((uintptr_t)get(&parking.gate) << 32 | index);

    set(&thread->state, HF_THREAD_HELD);
    __atomic_add_fetch(&parking.awaited, 1, __ATOMIC_SEQ_CST);
    long status = hf_raw4(SYS_rt_tgsigqueueinfo, attempt->pid, thread->tid, signal, &info);
    if (status == 0)
        return 0;
    set(&thread->state, HF_THREAD_GONE);
    __atomic_sub_fetch(&parking.awaited, 1, __ATOMIC_SEQ_CST);
    if (status == -ESRCH)
        return 0;
    const char *what = status == -EAGAIN ? "queue one signal more (RLIMIT_SIGPENDING)" : "send it a signal";
    return hf_attempt_fail(attempt, HF_OUTCOME_REFUSED, thread->tid, what, status);
}

/* Examines the threads that have not parked since `began`. 0 to continue waiting, -1 with the outcome. */
static int look_at(struct hf_attempt *attempt, uint64_t began)
{
    uint64_t now = hf_raw_now();

    for (size_t i = 0; i < attempt->thread_count; i++) {
        struct hf_thread *thread = &attempt->threads[i];
        if (get(&thread->state) != HF_THREAD_HELD)
            continue;
        enum hf_task_state state = hf_task_state(attempt->pid, thread->tid);
        if (state == HF_TASK_GONE || state == HF_TASK_KERNEL) {
            set(&thread->state, state == HF_TASK_GONE ? HF_THREAD_GONE : HF_THREAD_IGNORED);
            __atomic_sub_fetch(&parking.awaited, 1, __ATOMIC_SEQ_CST);
        } else if (now > attempt->deadline || (state == HF_TASK_UNINTERRUPTIBLE && now - began > SLEEPY_NS)) {
            attempt->asleep = state == HF_TASK_UNINTERRUPTIBLE;
            return hf_attempt_end(attempt, HF_OUTCOME_STUCK, thread->tid);
        }
    }
    return 0;
}

static int wait_parked(struct hf_attempt *attempt)
{
    uint64_t began = hf_raw_now();
    uint64_t look = began + LOOK_NS;
    uint32_t parked;

    while ((parked = get(&parking.parked)) != get(&parking.awaited)) {
        hf_raw_wait(&parking.parked, parked, look);
        if (hf_raw_now() < look)
            continue;
        if (look_at(attempt, began) != 0)
            return -1;
        look = hf_raw_now() + LOOK_NS;
    }
    return 0;
}

static int park_all(struct hf_attempt *attempt, struct hf_tasks *tasks, int signal)
{
    long fresh;

    do {
        for (size_t i = 0; i < attempt->thread_count; i++) {
            if (attempt->threads[i].state == HF_THREAD_LISTED && send_to(attempt, i, signal) != 0)
                return -1;
        }
        if (wait_parked(attempt) != 0)
            return -1;
        fresh = list(attempt, tasks); /* those that were created meanwhile */
    } while (fresh > 0);
    return (int)fresh;
}

static int check_counters(struct hf_attempt *attempt)
{
    for (size_t i = 0; i < attempt->thread_count; i++) {
        struct hf_thread *thread = &attempt->threads[i];
        size_t zone = thread->state == HF_THREAD_STOPPED ? hf_attempt_zone(attempt, thread) : HF_NO_ZONE;
        if (zone == HF_NO_ZONE)
            continue;
        attempt->zone = zone;
        attempt->on_stack = false;
        return hf_attempt_end(attempt, HF_OUTCOME_INSIDE, thread->tid);
    }
    return 0;
}

/* Lets the threads go on. Returns when they did: the processor time is what counts, since busy threads then take it. */
static uint64_t open_gate(void)
{
    uint64_t cpu = hf_raw_clock(CLOCK_THREAD_CPUTIME_ID);
    uint64_t now = hf_raw_now();

    __atomic_store_n(&parking.attempt, NULL, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&parking.gate, 1, __ATOMIC_SEQ_CST);
    hf_raw_wake(&parking.gate, INT32_MAX);
    return now + hf_raw_clock(CLOCK_THREAD_CPUTIME_ID) - cpu;
}

static void stop_and_act(struct hf_attempt *attempt, struct hf_tasks *tasks, int signal)
{
    hf_attempt_begin(attempt);
    if (parking.pid != attempt->pid)
        set(&parking.arriving, 0);
    parking.pid = attempt->pid;
    set(&parking.parked, 0);
    set(&parking.awaited, 0);
    __atomic_store_n(&parking.attempt, attempt, __ATOMIC_SEQ_CST);
    if (park_all(attempt, tasks, signal) == 0 && check_counters(attempt) == 0 && hf_stacks_scan(attempt) == 0 &&
        hf_attempt_late(attempt) == 0) {
        attempt->action_result = attempt->request->action(attempt->request->arg, attempt->err);
        attempt->outcome = HF_OUTCOME_ACTED;
    }
    attempt->ended = open_gate();
    attempt->runners_began = attempt->began;
    while (get(&parking.arriving) != 0)
        hf_raw0(SYS_sched_yield);
}

static void with_handler(struct hf_attempt *attempt, struct hf_tasks *tasks, int signal)
{
    struct sigaction action = {.sa_sigaction = park, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction before;

    /* Not sigfillset(), which leaves out the C library's own signals: a thread must not be cancelled while parked. */
    memset(&action.sa_mask, 0xff, sizeof(action.sa_mask));
    if (sigaction(signal, &action, &before) != 0) {
        hf_attempt_fail(attempt, HF_OUTCOME_REFUSED, 0, "install a signal handler", -errno);
        return;
    }
    stop_and_act(attempt, tasks, signal);
    sigaction(signal, &ignore, NULL);
    sigaction(signal, &before, NULL);
}

void hf_stop_signal(struct hf_attempt *attempt)
{
    struct hf_tasks tasks;
    uint64_t all = ~UINT64_C(0);
    uint64_t mask;
    int saved_errno = errno;

    long status = hf_tasks_open(&tasks, attempt->pid, attempt->buffer, attempt->buffer_size);
    if (status < 0) {
        hf_attempt_fail(attempt, HF_OUTCOME_FAILED, 0, "open /proc to list the threads", status);
        return;
    }
    hf_raw4(SYS_rt_sigprocmask, SIG_SETMASK, &all, &mask, SIGNAL_SET_SIZE);
    if (list(attempt, &tasks) >= 0 && hf_stacks_prepare(attempt) == 0) {
        int signal = choose_signal(attempt);
        if (signal > 0)
            with_handler(attempt, &tasks, signal);
    }
    hf_raw4(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, SIGNAL_SET_SIZE);
    hf_tasks_close(&tasks);
    errno = saved_errno;
}
