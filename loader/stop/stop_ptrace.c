/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The helper is a process of its own (a thread may not trace its own process), with the caller's memory and
 * thread pointer, no descriptors, and every signal blocked. It runs on memory that was allocated before.
 *
 * While threads are stopped, the helper and the caller may call: what raw.h has, the functions of tasks.h, stacks.h and
 * attempt.h that say so, and the action. Nothing of libc: the helper does not even have its own errno.
 *
 * When the helper is killed, the kernel resumes the threads with the signals that they were stopped at, clears
 * hand.word and wakes the caller. Threads are never single-stepped, since a thread in mid-step whose tracer dies takes
 * SIGTRAP.
 */
#include "stop/stop_ptrace.h"

#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "process/raw.h"
#include "stop/stacks.h"
#include "stop/tasks.h"

/* Who is to do something next. */
enum turn {
    TURN_GONE, /* the kernel writes this when the helper has exited */
    TURN_PERMIT,
    TURN_HELPER,
    TURN_CALLER, /* all threads are stopped: act */
    TURN_ACTION,
    TURN_RESUME,
};

enum {
    NUDGE_ROUNDS = 12,
    RELEASE_MAX = 1024, /* threads left for the kernel to resume at most, since it disables interrupts meanwhile */
    BATCH = 64,         /* sleeping threads that are interrupted before the first of them is waited for */
    SLEEPERS_SHARE = 2, /* stopping the sleeping threads separately may take the available time divided by this */
    FEW_RUNNERS = 16,   /* up to this many are resumed one by one, before all threads that slept */
    PROCESSORS_MAX = 8192,
    SIGNAL_SET_SIZE = 8, /* the kernel's sigset_t */
    EVENT_SHIFT = 16
};

#define NUDGE_NS      UINT64_C(20000)
#define LOOK_NS       UINT64_C(40000)      /* how long it looks for a stopped thread before sleeping between looks */
#define SLEEP_NS      UINT64_C(20000)      /* between two looks whether a thread has stopped, at first */
#define PATIENCE_NS   (1 * HF_NS_PER_MS)   /* the longest of these sleeps */
#define SLEEPY_NS     (5 * HF_NS_PER_MS)   /* how long a thread may sleep uninterruptibly with all others stopped */
#define SHORT_TURN_NS UINT64_C(100000)     /* of a processor; the shortest that Linux grants */
#define EARN_NS       (500 * HF_NS_PER_MS) /* the longest sleep before the first thread is stopped */
#define GRACE_NS      (100 * HF_NS_PER_MS) /* how long the helper may overrun the deadline */

struct helper {
    struct hf_attempt *attempt;
    uint32_t word; /* enum turn; a futex */
    struct hf_tasks tasks;
    bool urgent; /* the helper has a real-time priority */
};

static uint32_t turn_get(const struct helper *helper)
{
    return __atomic_load_n(&helper->word, __ATOMIC_SEQ_CST);
}

/* false when the turn was not `from`. */
static bool turn_pass(struct helper *helper, uint32_t from, uint32_t to)
{
    if (!__atomic_compare_exchange_n(&helper->word, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        return false;
    hf_raw_wake(&helper->word, 1);
    return true;
}

static long trace(long request, pid_t tid, long data)
{
    return hf_raw4(SYS_ptrace, request, tid, 0, data);
}

/* Returns 1 when the thread is held now, 0 when it need not be, -1 with the outcome. */
static int seize(struct hf_attempt *attempt, struct hf_thread *thread)
{
    long status = trace(PTRACE_SEIZE, thread->tid, 0);

    if (status == 0) {
        thread->state = HF_THREAD_HELD;
        thread->settled = false;
        /* Once others are stopped there is no time to ask. */
        thread->running = attempt->began || hf_task_running(attempt->pid, thread->tid);
        return 1;
    }
    if (status == -ESRCH)
        return 0;
    switch (hf_task_state(attempt->pid, thread->tid)) {
    case HF_TASK_GONE:
        return 0;
    case HF_TASK_KERNEL:
        thread->state = HF_THREAD_IGNORED;
        return 0;
    default:
        return hf_attempt_fail(attempt, HF_OUTCOME_REFUSED, thread->tid, "trace it with ptrace", status);
    }
}

/* Seizes every thread listed that is not yet. Returns how many these were, or -1 with the outcome. */
static long gather_once(struct helper *helper)
{
    struct hf_attempt *attempt = helper->attempt;
    long fresh = 0;
    long tid;

    hf_tasks_rewind(&helper->tasks);
    while ((tid = hf_tasks_next(&helper->tasks)) > 0) {
        struct hf_thread *thread = hf_attempt_thread(attempt, (pid_t)tid);
        if (!thread)
            return hf_attempt_end(attempt, HF_OUTCOME_FULL, 0);
        if (tid == attempt->caller) {
            thread->state = HF_THREAD_CALLER;
            thread->regs = attempt->caller_regs;
        }
        if (thread->state != HF_THREAD_GONE)
            continue;
        int held = seize(attempt, thread);
        if (held < 0)
            return -1;
        fresh += held;
    }
    if (tid < 0)
        return hf_attempt_fail(attempt, HF_OUTCOME_FAILED, 0, "list the threads in /proc", tid);
    return fresh;
}

static long gather(struct helper *helper)
{
    long fresh = 0;

    do {
        if (hf_raw_now() > helper->attempt->deadline)
            return hf_attempt_end(helper->attempt, HF_OUTCOME_STUCK, 0);
        long more = gather_once(helper);
        if (more < 0)
            return -1;
        fresh += more;
    } while (!hf_tasks_complete(&helper->tasks));
    return fresh;
}

static void note_stop(struct hf_thread *thread, int status)
{
    thread->state = HF_THREAD_GONE;
    if (!WIFSTOPPED(status))
        return;
    /* A thread stopped at the delivery of a signal gets that signal when it is resumed. */
    thread->signal = status >> EVENT_SHIFT == 0 ? WSTOPSIG(status) : 0;
    if (hf_regs_fetch(thread->tid, &thread->regs) == 0)
        thread->state = HF_THREAD_STOPPED;
}

/* Examines why a thread has not stopped since `began`. 0 to continue waiting, -1 with the outcome. */
static int look_at(struct hf_attempt *attempt, struct hf_thread *thread, uint64_t began)
{
    uint64_t now = hf_raw_now();

    switch (hf_task_state(attempt->pid, thread->tid)) {
    case HF_TASK_GONE: /* a first thread that has exited is not reported as long as there are others */
        thread->state = HF_THREAD_GONE;
        return 0;
    case HF_TASK_UNINTERRUPTIBLE:
        attempt->asleep = now - began > SLEEPY_NS || now > attempt->deadline;
        return attempt->asleep ? hf_attempt_end(attempt, HF_OUTCOME_STUCK, thread->tid) : 0;
    default:
        return now > attempt->deadline ? hf_attempt_end(attempt, HF_OUTCOME_STUCK, thread->tid) : 0;
    }
}

/*
 * Waits until a thread stops or `limit` is reached; in that case it is still held. It polls, since a blocking wait has
 * no time limit, and the thread that is to stop needs the processor more than a signal for each stop. It sleeps and
 * does not yield: who yields loses its turn, and among many busy threads the next one comes after all of theirs.
 */
static int wait_for(struct hf_attempt *attempt, struct hf_thread *thread, uint64_t limit)
{
    uint64_t began = hf_raw_now();
    uint64_t sleep = SLEEP_NS;

    while (thread->state == HF_THREAD_HELD) {
        int status;
        long got = hf_raw4(SYS_wait4, thread->tid, &status, __WALL | WNOHANG, NULL);
        if (got == thread->tid) {
            note_stop(thread, status);
        } else if (got < 0 && got != -EINTR) {
            /*
             * The thread has ended, or is no longer traced by us: a running thread must not be mistaken for an ended
             * one.
             */
            if (hf_task_state(attempt->pid, thread->tid) != HF_TASK_GONE)
                return hf_attempt_end(attempt, HF_OUTCOME_STUCK, thread->tid);
            thread->state = HF_THREAD_GONE;
        } else if (hf_raw_now() - began > LOOK_NS) {
            if (hf_raw_now() >= limit)
                return 0;
            hf_raw_sleep(sleep);
            bool late = sleep >= PATIENCE_NS || hf_raw_now() > attempt->deadline;
            if (late && look_at(attempt, thread, began) != 0)
                return -1;
            if (sleep < PATIENCE_NS)
                sleep *= 2;
        }
    }
    return 0;
}

/* Stops every thread that is held. The last one interrupted is waited for first: most others have stopped by then. */
static int stop_held(struct hf_attempt *attempt)
{
    for (size_t i = 0; i < attempt->thread_count; i++) {
        if (attempt->threads[i].state == HF_THREAD_HELD)
            trace(PTRACE_INTERRUPT, attempt->threads[i].tid, 0);
    }
    for (size_t i = attempt->thread_count; i-- > 0;) {
        if (wait_for(attempt, &attempt->threads[i], UINT64_MAX) != 0)
            return -1;
    }
    return 0;
}

static bool sleeps(const struct hf_thread *thread)
{
    return thread->state == HF_THREAD_HELD && !thread->running;
}

/* Interrupts the next sleeping threads from there on; returns where the ones after them are. */
static size_t interrupt_batch(const struct hf_attempt *attempt, size_t from)
{
    size_t end = from;

    for (size_t interrupted = 0; end < attempt->thread_count && interrupted < BATCH; end++) {
        if (!sleeps(&attempt->threads[end]))
            continue;
        trace(PTRACE_INTERRUPT, attempt->threads[end].tid, 0);
        interrupted++;
    }
    return end;
}

/* How many processors the helper may use, as the program may; 1 when that is not known. */
static size_t count_processors(void)
{
    unsigned long processors[PROCESSORS_MAX / (8 * sizeof(unsigned long))] = {0};
    long size = hf_raw3(SYS_sched_getaffinity, 0, sizeof(processors), processors);
    size_t count = 0;

    for (size_t i = 0; size > 0 && i < (size_t)size / sizeof(processors[0]); i++)
        count += (size_t)__builtin_popcountl(processors[i]);
    return count > 0 ? count : 1;
}

static size_t count_running(const struct hf_attempt *attempt)
{
    size_t count = 0;

    for (size_t i = 0; i < attempt->thread_count; i++)
        count += attempt->threads[i].state == HF_THREAD_HELD && attempt->threads[i].running;
    return count;
}

/*
 * Are there so many running threads that one which is woken may wait long for a processor? The helper would lose its
 * own turn if it slept meanwhile.
 */
static bool crowded(const struct hf_attempt *attempt)
{
    size_t running = count_running(attempt);

    return running > FEW_RUNNERS && running > count_processors();
}

/*
 * Among many running threads the helper has used more than its share of the processors when it has seized them all, and
 * could lose its turn in the middle of stopping them. So it sleeps, while no thread waits, until the others have had as
 * much.
 */
static void earn_turn(const struct helper *helper)
{
    if (helper->urgent || !crowded(helper->attempt))
        return;
    uint64_t due = hf_raw_clock(CLOCK_PROCESS_CPUTIME_ID) * count_running(helper->attempt) / count_processors();
    hf_raw_sleep(due < EARN_NS ? due : EARN_NS);
}

/*
 * Stops the threads that slept when they were found, and scans their stacks, while the others continue. A failure here
 * has not disturbed a running thread. If the running threads leave too little processor time for this, the remaining
 * sleeping threads are stopped together with them, so that the rest of the time is enough.
 */
static int stop_sleepers(struct hf_attempt *attempt)
{
    uint64_t limit = attempt->began;
    size_t end;

    if (attempt->deadline > attempt->began && !crowded(attempt))
        limit += (attempt->deadline - attempt->began) / SLEEPERS_SHARE;
    for (size_t from = 0; from < attempt->thread_count; from = end) {
        if (from > 0 && hf_raw_now() > limit)
            return 0;
        end = interrupt_batch(attempt, from);
        for (size_t i = end; i-- > from;) {
            struct hf_thread *thread = &attempt->threads[i];
            if (sleeps(thread) && (wait_for(attempt, thread, limit) != 0 || hf_stacks_scan_early(attempt, thread) != 0))
                return -1;
        }
    }
    return 0;
}

/* Is every thread of the process in the table? A worker of the kernel may end at any time: then unknown. */
static bool all_found(const struct helper *helper)
{
    const struct hf_attempt *attempt = helper->attempt;
    size_t found = 0;

    for (size_t i = 0; i < attempt->thread_count; i++) {
        uint32_t state = attempt->threads[i].state;
        if (state == HF_THREAD_IGNORED)
            return false;
        if (state == HF_THREAD_HELD || state == HF_THREAD_STOPPED || state == HF_THREAD_CALLER)
            found++;
    }
    return found == hf_tasks_count(&helper->tasks);
}

static int stop_all(struct helper *helper)
{
    if (gather(helper) < 0 || hf_stacks_prepare(helper->attempt) != 0)
        return -1;
    earn_turn(helper);
    hf_attempt_begin(helper->attempt);
    if (stop_sleepers(helper->attempt) != 0)
        return -1;
    /* Listing all threads takes long where there are many: while the running ones still run, where that helps. */
    if (!all_found(helper) && gather(helper) < 0)
        return -1;
    helper->attempt->runners_began = hf_raw_now();

    long fresh;
    do {
        if (stop_held(helper->attempt) != 0)
            return -1;
        if (all_found(helper))
            return 0;
        fresh = gather(helper); /* those that were created meanwhile */
    } while (fresh > 0);
    return (int)fresh;
}

/* Lets a stopped thread run, but keeps tracing it. */
static void nudge(struct hf_thread *thread)
{
    if (trace(PTRACE_CONT, thread->tid, thread->signal) == 0)
        thread->signal = 0;
    thread->state = HF_THREAD_HELD;
    thread->scanned = false;
}

/*
 * Lets threads run for a moment, while the others are stopped, until no program counter is in a zone. Not if the zone
 * is a whole function, since leaving that may take long.
 */
static int leave_zones(struct hf_attempt *attempt)
{
    for (unsigned int round = 0;; round++) {
        struct hf_thread *inside = NULL;
        for (size_t i = 0; i < attempt->thread_count; i++) {
            struct hf_thread *thread = &attempt->threads[i];
            size_t zone = thread->state == HF_THREAD_STOPPED ? hf_attempt_zone(attempt, thread) : HF_NO_ZONE;
            if (zone == HF_NO_ZONE)
                continue;
            inside = thread;
            attempt->zone = zone;
            attempt->on_stack = false;
            if (zone >= attempt->request->range_count || round == NUDGE_ROUNDS || hf_raw_now() > attempt->deadline)
                return hf_attempt_end(attempt, HF_OUTCOME_INSIDE, thread->tid);
            nudge(thread);
        }
        if (!inside)
            return 0;
        hf_raw_sleep(NUDGE_NS << round / 2);
        if (stop_held(attempt) != 0)
            return -1;
    }
}

/* Notes which threads have stopped while the helper waited for another one, so that the error counts the others. */
static void count_stopped(struct hf_attempt *attempt)
{
    for (size_t i = 0; i < attempt->thread_count; i++) {
        struct hf_thread *thread = &attempt->threads[i];
        int status;
        if (thread->state == HF_THREAD_HELD &&
            hf_raw4(SYS_wait4, thread->tid, &status, __WALL | WNOHANG, NULL) == thread->tid)
            note_stop(thread, status);
    }
}

/* Lets the caller run the action. */
static void hand_over(struct helper *helper)
{
    struct hf_attempt *attempt = helper->attempt;

    turn_pass(helper, TURN_HELPER, TURN_CALLER);
    while (turn_get(helper) == TURN_CALLER) {
        hf_raw_wait(&helper->word, TURN_CALLER, attempt->deadline);
        if (hf_raw_now() > attempt->deadline && turn_pass(helper, TURN_CALLER, TURN_HELPER)) {
            hf_attempt_end(attempt, HF_OUTCOME_STUCK, attempt->caller);
            return;
        }
    }
    /* Threads must not run again before the action has ended, however long the caller is delayed. */
    while (turn_get(helper) == TURN_ACTION)
        hf_raw_wait(&helper->word, TURN_ACTION, hf_raw_now() + HF_NS_PER_S);
}

static bool runs_when_resumed(const struct hf_thread *thread)
{
    return thread->state == HF_THREAD_STOPPED && thread->running;
}

/*
 * Resumes the threads that were running, when they are few: many would take the processor from the helper that has yet
 * to resume the others. true when it did.
 */
static bool resume_runners(struct hf_attempt *attempt)
{
    size_t count = 0;

    for (size_t i = 0; i < attempt->thread_count; i++)
        count += runs_when_resumed(&attempt->threads[i]);
    if (count > FEW_RUNNERS)
        return false;
    for (size_t i = 0; i < attempt->thread_count; i++) {
        if (runs_when_resumed(&attempt->threads[i]))
            trace(PTRACE_DETACH, attempt->threads[i].tid, attempt->threads[i].signal);
    }
    attempt->runners_ended = count > 0 ? hf_raw_now() : attempt->runners_began;
    return true;
}

/*
 * Resumes what must be resumed here. Most threads are left to the kernel, which resumes all of them at once when the
 * helper exits: resumed one by one, busy threads would take the processor from the helper that has yet to resume the
 * others.
 */
static void resume(struct hf_attempt *attempt)
{
    bool resumed = resume_runners(attempt);
    size_t left = RELEASE_MAX;

    for (size_t i = 0; i < attempt->thread_count; i++) {
        struct hf_thread *thread = &attempt->threads[i];
        if (thread->state != HF_THREAD_STOPPED || (resumed && thread->running))
            continue;
        if (thread->signal == 0 && left > 0)
            left--;
        else
            trace(PTRACE_DETACH, thread->tid, thread->signal);
    }
}

/*
 * Stopped threads wait as long as the helper waits for a processor. So the helper asks for a real-time priority, and if
 * the program has no right to that, for short turns, which the kernel grants sooner (Linux 6.12; earlier ones ignore
 * it). This affects only the helper, and a refusal costs only time. true when it got the priority.
 *
 * It does not ask where a seccomp filter is: that may end who makes a call which the program itself never makes, and
 * before Linux 5.16 the core dump of a helper ends the program, too.
 */
static bool hasten(void)
{
    struct {
        uint32_t size;
        uint32_t policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime;
        uint64_t deadline;
        uint64_t period;
    } wanted = {.size = sizeof(wanted)}; /* the kernel's struct sched_attr, which not every C library has */

    if (hf_raw2(SYS_prctl, PR_GET_SECCOMP, 0) > 0)
        return false;
    if (hf_raw4(SYS_sched_getattr, 0, &wanted, sizeof(wanted), 0) < 0 || wanted.policy != SCHED_OTHER)
        return wanted.policy == SCHED_FIFO || wanted.policy == SCHED_RR;
    int32_t nice = wanted.nice;
    wanted.policy = SCHED_FIFO;
    wanted.nice = 0;
    wanted.priority = 1;
    wanted.runtime = 0;
    if (hf_raw3(SYS_sched_setattr, 0, &wanted, 0) >= 0)
        return true;
    wanted.policy = SCHED_OTHER;
    wanted.nice = nice;
    wanted.priority = 0;
    wanted.runtime = SHORT_TURN_NS;
    hf_raw3(SYS_sched_setattr, 0, &wanted, 0);
    return false;
}

/* Makes the helper a process that shares nothing with the program but its memory. */
static int set_up(struct helper *helper)
{
    struct hf_attempt *attempt = helper->attempt;
    struct {
        void *handler;
        unsigned long flags;
        void *restorer;
        uint64_t mask;
    } ignore = {(void *)SIG_IGN, 0, NULL, 0};

    hf_raw2(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
    hf_raw2(SYS_prctl, PR_SET_TIMERSLACK, 1);
    helper->urgent = hasten();
    if (hf_raw0(SYS_getppid) != attempt->pid)
        return hf_attempt_fail(attempt, HF_OUTCOME_REFUSED, 0, "trace threads from another PID namespace", -EPERM);

    /* Closing all descriptors at once copies none of them, even if the program has 100,000 connections. */
    if (hf_raw3(SYS_close_range, 0, ~0U, CLOSE_RANGE_UNSHARE) < 0) {
        long status = hf_raw1(SYS_unshare, CLONE_FILES);
        if (status < 0)
            return hf_attempt_fail(attempt, HF_OUTCOME_REFUSED, 0, "give the helper its own descriptors", status);
    }
    /*
     * The helper has its own copy of the handlers. It needs no signal for stops, and exited threads need not be reaped.
     */
    hf_raw4(SYS_rt_sigaction, SIGCHLD, &ignore, NULL, SIGNAL_SET_SIZE);
    return 0;
}

static int helper_main(void *arg)
{
    struct helper *helper = arg;
    struct hf_attempt *attempt = helper->attempt;

    while (turn_get(helper) == TURN_PERMIT)
        hf_raw_wait(&helper->word, TURN_PERMIT, attempt->deadline);
    if (set_up(helper) != 0)
        return 0;

    long status = hf_tasks_open(&helper->tasks, attempt->pid, attempt->buffer, attempt->buffer_size);
    if (status < 0) {
        hf_attempt_fail(attempt, HF_OUTCOME_FAILED, 0, "open /proc to list the threads", status);
        return 0;
    }
    if (stop_all(helper) == 0 && leave_zones(attempt) == 0 && hf_stacks_scan(attempt) == 0 &&
        hf_attempt_late(attempt) == 0)
        hand_over(helper);
    if (attempt->outcome == HF_OUTCOME_STUCK)
        count_stopped(attempt);
    resume(attempt);
    attempt->exiting_cpu = hf_raw_clock(CLOCK_PROCESS_CPUTIME_ID);
    attempt->exiting = hf_raw_now();
    return 0;
}

static void act(struct helper *helper)
{
    struct hf_attempt *attempt = helper->attempt;

    if (!turn_pass(helper, TURN_CALLER, TURN_ACTION))
        return;
    attempt->action_result = attempt->request->action(attempt->request->arg, attempt->err);
    attempt->outcome = HF_OUTCOME_ACTED;
    turn_pass(helper, TURN_ACTION, TURN_RESUME);
}

static uint64_t timeval_ns(const struct timeval *time)
{
    return (uint64_t)time->tv_sec * HF_NS_PER_S + (uint64_t)time->tv_usec * HF_NS_PER_US;
}

/*
 * Also finds out when the threads were resumed: the kernel does it during the helper's exit, long before this thread
 * gets a processor among many busy ones. What the exit took is the processor time used since it began.
 *
 * A thread of the program that waits for any child with __WALL may have reaped it. Its id is looked for among those
 * children alone that, like the helper, send no signal: the program's next child may have got it.
 */
static void reap(struct hf_attempt *attempt, pid_t pid)
{
    struct rusage usage;
    long got;

    do {
        got = hf_raw4(SYS_wait4, pid, NULL, __WCLONE, &usage);
    } while (got == -EINTR);
    bool reaped = got == pid;
    uint64_t now = hf_raw_now();

    attempt->ended = now;
    if (!reaped || !attempt->exiting)
        return;
    uint64_t cpu = timeval_ns(&usage.ru_utime) + timeval_ns(&usage.ru_stime);
    uint64_t ended = attempt->exiting + (cpu > attempt->exiting_cpu ? cpu - attempt->exiting_cpu : 0);
    if (ended < now)
        attempt->ended = ended;
}

/* Waits for the helper's end, and acts when it is time. The helper moves the deadline up when it stops a thread. */
static void attend(struct helper *helper, pid_t pid)
{
    const struct hf_attempt *attempt = helper->attempt;
    uint64_t killed = 0;
    uint32_t turn;

    while ((turn = turn_get(helper)) != TURN_GONE) {
        if (turn == TURN_CALLER) {
            act(helper);
            continue;
        }
        uint64_t now = hf_raw_now();
        if (now > __atomic_load_n(&attempt->deadline, __ATOMIC_SEQ_CST) + GRACE_NS && now > killed) {
            helper->attempt->overdue = true;
            hf_raw2(SYS_kill, pid, SIGKILL);
            killed = now + HF_NS_PER_S;
        }
        hf_raw_wait(&helper->word, turn, now + GRACE_NS);
    }
    reap(helper->attempt, pid);
}

void hf_stop_ptrace(struct hf_attempt *attempt, bool permit)
{
    struct helper helper = {.attempt = attempt, .word = permit ? TURN_PERMIT : TURN_HELPER};
    uint64_t all = ~UINT64_C(0);
    uint64_t mask;
    int saved_errno = errno;

    attempt->outcome = HF_OUTCOME_DIED;
    hf_raw4(SYS_rt_sigprocmask, SIG_SETMASK, &all, &mask, SIGNAL_SET_SIZE);
    /* No exit signal, so that the program's own waits do not see the helper; untraced, so that its tracer does not. */
    int pid = clone(helper_main, attempt->stack + attempt->stack_size,
                    CLONE_VM | CLONE_FILES | CLONE_UNTRACED | CLONE_CHILD_CLEARTID, &helper, NULL, NULL, &helper.word);
    if (pid < 0) {
        hf_attempt_fail(attempt, HF_OUTCOME_REFUSED, 0, "start a helper process", -errno);
    } else {
        if (permit) {
            hf_raw2(SYS_prctl, PR_SET_PTRACER, pid);
            turn_pass(&helper, TURN_PERMIT, TURN_HELPER);
        }
        attend(&helper, pid);
    }
    hf_raw4(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, SIGNAL_SET_SIZE);
    errno = saved_errno;
}
