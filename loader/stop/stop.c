/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes attempts to stop the threads, one after the other, and reports about them. No thread is stopped in this file.
 */
#include "stop/stop.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "error.h"
#include "process/proc.h"
#include "process/raw.h"
#include "stop/attempt.h"
#include "stop/stop_ptrace.h"
#include "stop/stop_signal.h"
#include "stop/tasks.h"

#define DEADLINE_NS     (100 * HF_NS_PER_MS)
#define START_NS        (5 * HF_NS_PER_S) /* until the first thread is stopped: no thread waits during this time */
#define BACK_OFF_NS     (HF_NS_PER_MS / 4)
#define BACK_OFF_MAX_NS (8 * HF_NS_PER_MS)

enum { THREADS_MIN = 4096, THREADS_MAX = 4194304, GROWTH = 4, TEXT_SIZE = 64, WHERE_SIZE = 160 };

struct run {
    const struct hf_stop_request *request;
    struct hf_zones zones;
    pid_t pid;
    pid_t tid;
    const void *frame;
    uint64_t begin; /* of the call; later the time when the first thread was stopped */
    bool stopped;   /* a thread has been */
    uint64_t deadline_ns;
    size_t capacity; /* threads that the next attempt has room for */
    uint64_t back_off;
    bool permit;                       /* PR_SET_PTRACER is needed */
    bool doubted;                      /* mappings read before the stop cannot be relied on */
    bool signal;                       /* the method */
    char refusal[HOTFIX_MESSAGE_SIZE]; /* why ptrace cannot be used */
    const char *advice;                /* and what would allow it; NULL as long as it was not refused */
    struct hotfix_error hindrance;     /* why the latest attempt that found an obstacle failed */
    struct hf_pause pause;
    int result;
};

/* Does Yama restrict tracing to descendants and permitted tracers? */
static bool yama_restricts(void)
{
    char level = '0';
    int fd = open("/proc/sys/kernel/yama/ptrace_scope", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    if (read(fd, &level, 1) != 1)
        level = '0';
    close(fd);
    return level == '1';
}

static int attempt_open(const struct run *run, struct hf_attempt **attempt, struct hotfix_error *err)
{
    struct hf_attempt *new;

    if (hf_attempt_create(run->capacity, &new, err) != 0)
        return -1;
    new->request = run->request;
    new->zones = &run->zones;
    new->deadline = run->begin + run->deadline_ns + (run->stopped ? 0 : START_NS);
    new->allowed = run->stopped ? 0 : run->deadline_ns;
    new->pid = run->pid;
    new->caller = run->tid;
    new->caller_regs.sp = (uintptr_t)run->frame;
    new->caller_regs.tp = hf_raw_thread_pointer();
    /* The kernel puts these random bytes at the top of the first thread's stack. */
    new->first_stack = (uintptr_t)getauxval(AT_RANDOM);
    new->err = err;
    new->regions_doubted = run->doubted;
    *attempt = new;
    return 0;
}

/* "thread 4711 (worker)" */
static void name_thread(const struct hf_attempt *attempt, char text[TEXT_SIZE])
{
    char name[HF_TASK_NAME_SIZE];

    hf_task_name(attempt->pid, attempt->tid, name);
    snprintf(text, TEXT_SIZE, "thread %d (%s)", (int)attempt->tid, name);
}

static int tell_inside(const struct run *run, const struct hf_attempt *attempt, struct hotfix_error *err)
{
    const struct hf_stop_request *request = run->request;
    char thread[TEXT_SIZE];
    char where[WHERE_SIZE];
    size_t zone = attempt->zone;

    if (attempt->parked)
        snprintf(thread, sizeof(thread), "the registered stack at %#" PRIxPTR, attempt->parked);
    else
        name_thread(attempt, thread);
    if (zone < request->range_count) {
        snprintf(where, sizeof(where), "the bytes being replaced at %#" PRIxPTR, request->ranges[zone].begin);
    } else {
        zone -= request->range_count;
        const struct hf_busy *busy = &request->busy[zone];
        snprintf(where, sizeof(where), "%s%s at %#" PRIxPTR, busy->name ? busy->name : "the function",
                 busy->part ? ", a cold part" : "", busy->begin);
    }
    bool caller = attempt->zone >= request->range_count && request->busy[zone].caller;
    const char *relation = "was in";
    if (attempt->parked)
        relation = "held a return address into";
    else if (attempt->on_stack)
        relation = "had a return address on its stack into";
    return hf_error(err, HOTFIX_BUSY, "%s %s %s for all of %" PRIu64 " ms%s; try again, or with a longer deadline",
                    thread, relation, where, run->deadline_ns / HF_NS_PER_MS,
                    caller ? ", which counts on what its calls lead to now" : "");
}

/*
 * A thread that got no processor has not stopped. From the number of threads that stopped in the available time, this
 * estimates the time that all would have needed; the message recommends twice that time.
 */
static int tell_starved(const struct run *run, const struct hf_attempt *attempt, const char *thread,
                        struct hotfix_error *err)
{
    uint64_t ms = run->deadline_ns / HF_NS_PER_MS;
    uint64_t held = 0;
    uint64_t stopped = 1;

    for (size_t i = 0; i < attempt->thread_count; i++) {
        held += attempt->threads[i].state == HF_THREAD_HELD;
        stopped += attempt->threads[i].state == HF_THREAD_STOPPED;
    }
    uint64_t others = held > 0 ? held - 1 : 0;
    return hf_error(err, HOTFIX_BUSY,
                    "%s did not stop within %" PRIu64 " ms, nor did %" PRIu64
                    " others of %zu threads: they had no processor in that time; try a deadline of %" PRIu64 " ms",
                    thread, ms, others, attempt->thread_count, 2 * (ms + 1) * (held + stopped) / stopped);
}

static int tell_stuck(const struct run *run, const struct hf_attempt *attempt, struct hotfix_error *err)
{
    uint64_t ms = run->deadline_ns / HF_NS_PER_MS;
    char thread[TEXT_SIZE];

    if (!attempt->began)
        return hf_error(err, HOTFIX_BUSY,
                        "no thread was stopped, since listing them took longer than %" PRIu64
                        " ms on a machine this busy; try again later",
                        (run->deadline_ns + START_NS) / HF_NS_PER_MS);
    if (attempt->tid == 0)
        return hf_error(err, HOTFIX_BUSY,
                        "not all threads could be stopped within %" PRIu64 " ms; try a longer deadline", ms);
    name_thread(attempt, thread);
    if (attempt->asleep)
        return hf_error(err, HOTFIX_BUSY,
                        "%s could not be stopped within %" PRIu64
                        " ms: it is in vfork or in uninterruptible sleep; try again later",
                        thread, ms);
    return tell_starved(run, attempt, thread, err);
}

static int tell_failed(const struct hf_attempt *attempt, struct hotfix_error *err)
{
    char thread[TEXT_SIZE] = "the process";

    if (attempt->tid != 0)
        name_thread(attempt, thread);
    if (attempt->error == 0)
        return hf_error(err, HOTFIX_STOP, "cannot stop %s: cannot %s", thread, attempt->what);
    errno = (int)-attempt->error;
    return hf_error_sys(err, HOTFIX_STOP, "cannot stop %s: cannot %s", thread, attempt->what);
}

/*
 * The /proc files of a process that may not be traced belong to root. prctl is not used, since a seccomp filter may
 * forbid it.
 */
static bool is_undumpable(void)
{
    struct stat status;

    return stat("/proc/self/mem", &status) == 0 && status.st_uid != geteuid();
}

/* The advice that would make ptrace possible. */
static const char *advice(const struct hf_attempt *attempt)
{
    if (attempt->error == -EAGAIN)
        return "allow it one process more (RLIMIT_NPROC, or pids.max of its control group)";
    if (attempt->error == -EPERM && is_undumpable())
        return "have it set PR_SET_DUMPABLE to 1, which it lost with a change of its user or gave up, so that its own "
               "child may trace it";
    return "allow the process to be traced by its own child (no debugger, seccomp filter, PR_SET_DUMPABLE 0 or Yama "
           "ptrace_scope above 1 against it)";
}

/* Both methods are refused. */
static int tell_refused(const struct run *run, const struct hf_attempt *attempt, struct hotfix_error *err)
{
    struct hotfix_error reason;

    if (attempt->outcome == HF_OUTCOME_BLOCKED) {
        char thread[TEXT_SIZE];
        name_thread(attempt, thread);
        hf_error(&reason, HOTFIX_STOP, "%s blocks every unused real-time signal", thread);
    } else {
        tell_failed(attempt, &reason);
    }
    return hf_error(err, HOTFIX_STOP, "%s%s%s; %s, or keep a real-time signal unused and unblocked", run->refusal,
                    run->refusal[0] ? "; nor with a signal: " : "", reason.message,
                    run->advice ? run->advice : advice(attempt));
}

static int tell(const struct run *run, const struct hf_attempt *attempt, struct hotfix_error *err)
{
    switch (attempt->outcome) {
    case HF_OUTCOME_INSIDE:
        return tell_inside(run, attempt, err);
    case HF_OUTCOME_STUCK:
        return tell_stuck(run, attempt, err);
    case HF_OUTCOME_SLOW:
        return hf_error(err, HOTFIX_BUSY,
                        "the stacks of the threads could not be scanned within %" PRIu64 " ms; try a longer deadline",
                        run->deadline_ns / HF_NS_PER_MS);
    case HF_OUTCOME_FULL:
        return hf_error(err, HOTFIX_STOP, "the process has more threads or mappings than can be stopped");
    case HF_OUTCOME_BLOCKED:
    case HF_OUTCOME_REFUSED:
        return tell_refused(run, attempt, err);
    case HF_OUTCOME_DIED:
        if (attempt->overdue && !attempt->began)
            return tell_stuck(run, attempt, err);
        if (attempt->overdue)
            return hf_error(err, HOTFIX_BUSY,
                            "the helper process that stops the threads was not done within %" PRIu64
                            " ms; try again, or with a longer deadline",
                            run->deadline_ns / HF_NS_PER_MS);
        return hf_error(err, HOTFIX_STOP, "the helper process that stops the threads was killed; try again");
    default:
        return tell_failed(attempt, err);
    }
}

static bool wait_for_better(struct run *run)
{
    if (hf_raw_now() + run->back_off >= run->begin + run->deadline_ns)
        return false;
    hf_raw_sleep(run->back_off);
    if (run->back_off < BACK_OFF_MAX_NS)
        run->back_off *= 2;
    return true;
}

/* ptrace is refused: can anything be done about it? */
static bool make_up(struct run *run, const struct hf_attempt *attempt)
{
    struct hotfix_error reason;

    if (run->signal)
        return false;
    if (!run->permit && attempt->error == -EPERM && yama_restricts()) {
        run->permit = true;
        return true;
    }
    if (run->request->method != HF_STOP_AUTO)
        return false;
    tell_failed(attempt, &reason);
    run->advice = advice(attempt);
    memcpy(run->refusal, reason.message, sizeof(run->refusal));
    run->signal = true;
    return true;
}

/* Is another attempt worth while? Waits first where it needs time. */
static bool again(struct run *run, struct hf_attempt *attempt)
{
    switch (attempt->outcome) {
    case HF_OUTCOME_INSIDE:
    case HF_OUTCOME_STUCK:
    case HF_OUTCOME_BLOCKED:
        if (attempt->outcome != HF_OUTCOME_STUCK || attempt->asleep)
            tell(run, attempt, &run->hindrance);
        return wait_for_better(run);
    case HF_OUTCOME_FULL:
        run->capacity *= GROWTH;
        return run->capacity <= THREADS_MAX;
    case HF_OUTCOME_REFUSED:
        return make_up(run, attempt);
    case HF_OUTCOME_DIED:
        if (attempt->overdue)
            return false;
        if (attempt->scanning && !run->doubted) { /* of a mapping that is no longer there */
            run->doubted = true;
            return true;
        }
        if (attempt->began)
            return false;
        /* Killed at its first steps, as a seccomp filter does. */
        hf_attempt_fail(attempt, HF_OUTCOME_REFUSED, 0, "use ptrace: the helper process was killed", -EPERM);
        return make_up(run, attempt);
    default:
        return false;
    }
}

/*
 * Reports why the threads could not be stopped. An attempt that the deadline ended early knows less about the reason
 * than an earlier attempt that ended on its own.
 */
static int tell_last(const struct run *run, const struct hf_attempt *attempt, struct hotfix_error *err)
{
    bool cut_short = attempt->outcome == HF_OUTCOME_SLOW || (attempt->outcome == HF_OUTCOME_STUCK && !attempt->asleep);

    if (!cut_short || run->hindrance.code == HOTFIX_OK)
        return tell(run, attempt, err);
    if (err)
        *err = run->hindrance;
    return -1;
}

static void tell_stopped(const struct hf_attempt *attempt)
{
    const struct hf_stop_request *request = attempt->request;

    for (size_t i = 0; request->stopped && i < attempt->thread_count; i++) {
        const struct hf_regs *regs = &attempt->threads[i].regs;
        if (attempt->threads[i].state == HF_THREAD_STOPPED)
            request->stopped(request->arg, &(struct hf_stopped){.sp = regs->sp, .tp = regs->tp});
    }
}

static uint64_t greater(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Records how long the attempt stopped threads, and when its deadline began. */
static void account(struct run *run, const struct hf_attempt *attempt)
{
    if (!attempt->began)
        return;
    if (!run->stopped)
        run->begin = attempt->began;
    run->stopped = true;
    run->pause.any = greater(run->pause.any, attempt->ended - attempt->began);
    if (attempt->runners_began) {
        uint64_t ended = attempt->runners_ended ? attempt->runners_ended : attempt->ended;
        run->pause.running = greater(run->pause.running, ended - attempt->runners_began);
    }
}

/* 0 when the action ran, 1 when another attempt should be made, -1 with the error. */
static int try_once(struct run *run, struct hotfix_error *err)
{
    struct hf_attempt *attempt;
    int status;

    if (attempt_open(run, &attempt, err) != 0)
        return -1;
    if (run->signal)
        hf_stop_signal(attempt);
    else
        hf_stop_ptrace(attempt, run->permit);
    account(run, attempt);
    if (attempt->outcome == HF_OUTCOME_ACTED) {
        run->result = attempt->action_result;
        tell_stopped(attempt);
        status = 0;
    } else if (again(run, attempt)) {
        status = 1;
    } else {
        status = tell_last(run, attempt, err);
    }
    hf_attempt_destroy(attempt);
    return status;
}

int hf_stop_run(const struct hf_stop_request *request, struct hf_pause *pause, struct hotfix_error *err)
{
    struct run run = {
        .request = request,
        .pid = getpid(),
        .tid = (pid_t)hf_raw0(SYS_gettid),
        .frame = request->caller_frame ? request->caller_frame : __builtin_frame_address(0),
        .begin = hf_raw_now(),
        .deadline_ns = request->deadline_ns ? request->deadline_ns : DEADLINE_NS,
        .capacity = THREADS_MIN,
        .back_off = BACK_OFF_NS,
        .signal = request->method == HF_STOP_SIGNAL,
    };
    int status;

    if (pause)
        *pause = run.pause;
    if (hf_proc_check(run.pid, run.tid, err) != 0 || hf_zones_init(request, &run.zones, err) != 0)
        return -1;
    do {
        status = try_once(&run, err);
    } while (status > 0);
    hf_zones_deinit(&run.zones);
    if (pause)
        *pause = run.pause;
    return status < 0 ? -1 : run.result;
}
