/* SPDX-License-Identifier: Apache-2.0 */
/* ptrace refused, the helper killed: another way is taken, or one sentence says what to allow; nobody is left stopped.
 */
#include "stop_support.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>

#include "emulated.h"

enum { COUNTERS = 4 };

static atomic_int started;
static volatile unsigned long counters[COUNTERS];

static void *count_up(void *arg)
{
    volatile unsigned long *counter = arg;

    atomic_fetch_add(&started, 1);
    for (;;)
        ++*counter;
    return NULL;
}

static void *count_up_blocked(void *arg)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    return count_up(arg);
}

static void start_counting(void *(*body)(void *))
{
    for (int i = 0; i < COUNTERS; i++)
        start_thread(body, (void *)&counters[i], SMALL_STACK);
    await(&started, COUNTERS);
}

static void require_running(void)
{
    for (int i = 0; i < COUNTERS; i++) {
        unsigned long before = counters[i];
        while (counters[i] == before)
            sched_yield();
    }
}

/* Answers one system call as given, in this process and those it starts. */
static void filter_call(unsigned int number, unsigned int answer)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, answer),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

    require(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    require(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

static void require_refused(enum hf_stop_method method, const char *text)
{
    struct hotfix_error error = {HOTFIX_OK, 0, ""};
    int runs = 0;
    struct hf_stop_request request = {
        .action = count_run, .arg = &runs, .deadline_ns = 200 * NS_PER_MS, .method = method};

    stop_hindered(&request, text, &error);
    require(runs == 0 && error.code == HOTFIX_STOP);
}

static void both_ways_refused(void)
{
    filter_call(SYS_ptrace, SECCOMP_RET_ERRNO | EPERM);
    start_counting(count_up_blocked);
    require_refused(HF_STOP_PTRACE, "cannot trace it with ptrace: Operation not permitted; allow");
    require_refused(HF_STOP_SIGNAL, "blocks every unused real-time signal; allow");
    require_refused(HF_STOP_AUTO, "cannot trace it with ptrace: Operation not permitted; nor with a signal: thread ");
    require_refused(HF_STOP_AUTO, "allow the process to be traced by its own child");
    require_running();
}

static void all_signals_used(void)
{
    filter_call(SYS_ptrace, SECCOMP_RET_ERRNO | EPERM);
    for (int signal = SIGRTMIN; signal <= SIGRTMAX; signal++) {
        struct sigaction action = {.sa_handler = SIG_IGN};
        require(sigaction(signal, &action, NULL) == 0);
    }
    start_counting(count_up);
    require_refused(HF_STOP_AUTO, "no real-time signal is unused; allow");
    require_running();
}

static void proc_is_missing(void)
{
    if (geteuid() != 0)
        return;
    char directory[] = "/tmp/hotfix-test-XXXXXX";
    require(mkdtemp(directory) != NULL);
    start_counting(count_up);
    int root = open("/", O_RDONLY | O_DIRECTORY);
    require(chroot(directory) == 0);
    require_refused(HF_STOP_AUTO, "mount /proc");
    require(fchdir(root) == 0 && chroot(".") == 0 && rmdir(directory) == 0);
    require_running();
    stop(HF_STOP_AUTO);
}

static void ptrace_is_forbidden(void)
{
    filter_call(SYS_ptrace, SECCOMP_RET_ERRNO | EPERM);
    start_counting(count_up);
    for (int i = 0; i < 10; i++)
        stop(HF_STOP_AUTO);
    require_running();
}

static void ptrace_is_deadly(void)
{
    filter_call(SYS_ptrace, SECCOMP_RET_KILL_PROCESS);
    start_counting(count_up);
    for (int i = 0; i < 10; i++)
        stop(HF_STOP_AUTO);
    require(waitpid(-1, NULL, WNOHANG | __WALL) == -1 && errno == ECHILD);
    require_running();
}

/* Calls that only make things faster are not worth the helper's end. */
static void priorities_are_deadly(void)
{
    filter_call(SYS_sched_getattr, SECCOMP_RET_KILL_PROCESS);
    filter_call(SYS_sched_setattr, SECCOMP_RET_KILL_PROCESS);
    start_counting(count_up);
    for (int i = 0; i < 10; i++)
        stop(HF_STOP_PTRACE);
    require_running();
}

static void descriptors_cannot_be_unshared(void)
{
    filter_call(SYS_close_range, SECCOMP_RET_ERRNO | ENOSYS);
    start_counting(count_up);
    for (int i = 0; i < 10; i++)
        stop(HF_STOP_PTRACE);
    require_running();
}

static void no_more_processes(void)
{
    filter_call(SYS_clone, SECCOMP_RET_ERRNO | EAGAIN);
    require_refused(HF_STOP_PTRACE, "cannot start a helper process: Resource temporarily unavailable");
    stop(HF_STOP_AUTO);
}

static void be_nobody(void)
{
    if (geteuid() == 0)
        require(setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0);
}

/* As servers that never start a process set it for themselves. */
static void limit_of_processes(void)
{
    struct rlimit none = {0, 0};

    be_nobody();
    start_counting(count_up);
    require(setrlimit(RLIMIT_NPROC, &none) == 0);
    require_refused(HF_STOP_PTRACE, "cannot start a helper process: Resource temporarily unavailable; allow it one "
                                    "process more (RLIMIT_NPROC, or pids.max");
    for (int i = 0; i < 10; i++)
        stop(HF_STOP_AUTO);
    require_running();
}

static void limit_of_processes_and_blocked(void)
{
    struct rlimit none = {0, 0};

    be_nobody();
    start_counting(count_up_blocked);
    require(setrlimit(RLIMIT_NPROC, &none) == 0);
    require_refused(HF_STOP_AUTO, "blocks every unused real-time signal; allow it one process more (RLIMIT_NPROC");
    require_running();
}

static void not_dumpable_and_blocked(void)
{
    be_nobody();
    require(prctl(PR_SET_DUMPABLE, 0) == 0);
    start_counting(count_up_blocked);
    require_refused(HF_STOP_AUTO, "blocks every unused real-time signal; have it set PR_SET_DUMPABLE to 1");
    require_running();
}

/* The signals that are queued for a user are limited as well. */
static void limit_of_signals(void)
{
    struct rlimit none = {0, 0};

    be_nobody();
    start_counting(count_up);
    require(setrlimit(RLIMIT_SIGPENDING, &none) == 0);
    require_refused(HF_STOP_SIGNAL, "cannot queue one signal more (RLIMIT_SIGPENDING): Resource temporarily");
    require_running();
}

/* Nobody waits for the only thread, so no deadline may pass, however late the helper gets a processor. */
static void only_thread_has_time(void)
{
    for (int method = HF_STOP_AUTO; method <= HF_STOP_SIGNAL; method++) {
        struct hotfix_error error = {HOTFIX_OK, 0, ""};
        int runs = 0;
        struct hf_stop_request request = {.action = count_run, .arg = &runs, .deadline_ns = 1, .method = method};
        require(hf_stop_run(&request, NULL, &error) == 0 && runs == 1);
    }
}

/* An unprivileged process that may not be traced. */
static void not_dumpable(void)
{
    be_nobody();
    require(prctl(PR_SET_DUMPABLE, 0) == 0);
    start_counting(count_up);
    require_refused(HF_STOP_PTRACE, "cannot trace it with ptrace");
    stop(HF_STOP_AUTO);
    require(prctl(PR_GET_DUMPABLE) == 0);
    require_running();
}

/* Traces the given thread as a debugger does, passing on its signals, until that is gone. */
static void debug(pid_t tid, int ready)
{
    int status;

    require(ptrace(PTRACE_SEIZE, tid, 0, 0) == 0);
    require(write(ready, "x", 1) == 1);
    while (waitpid(tid, &status, __WALL) == tid && WIFSTOPPED(status)) {
        int signal = status >> 16 == 0 ? WSTOPSIG(status) : 0;
        ptrace(PTRACE_CONT, tid, 0, signal);
    }
    _exit(0);
}

static void debugger_is_attached(void)
{
    int ready[2];
    char byte;

    start_counting(count_up);
    require(pipe(ready) == 0);
    pid_t self = (pid_t)syscall(SYS_gettid);
    pid_t target = 0;
    for (pid_t tid = self + 1; target == 0; tid++) {
        if (syscall(SYS_tgkill, getpid(), tid, 0) == 0)
            target = tid;
    }
    pid_t debugger = fork();
    if (debugger == 0)
        debug(target, ready[1]);
    require(read(ready[0], &byte, 1) == 1);
    require_refused(HF_STOP_PTRACE, "cannot trace it with ptrace: Operation not permitted");
    for (int i = 0; i < 20; i++)
        stop(HF_STOP_AUTO);
    require_running();
    require(kill(debugger, SIGKILL) == 0 && waitpid(debugger, NULL, 0) == debugger);
    stop(HF_STOP_PTRACE);
}

/* Kills every child of the thread, again and again. */
static void kill_children(pid_t pid, unsigned int seed)
{
    char path[64];
    int spared = getpid();

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
    for (;;) {
        FILE *in = fopen(path, "re");
        int child;
        if (!in)
            _exit(0);
        while (fscanf(in, "%d", &child) == 1) {
            for (volatile unsigned int i = rand_r(&seed) % 200000; i > 0; i--)
                continue;
            if (child != spared)
                kill(child, SIGKILL);
        }
        fclose(in);
    }
}

static void helper_is_killed(void)
{
    int killed = 0;
    int succeeded = 0;
    pid_t pid = getpid();

    start_counting(count_up);
    pid_t killer = fork();
    if (killer == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        kill_children(pid, 1);
    }
    while (killed < 50 || succeeded + killed < 400) {
        struct hotfix_error error = {HOTFIX_OK, 0, ""};
        if (stop_once(HF_STOP_PTRACE, &error)) {
            succeeded++;
        } else {
            require(error.code == HOTFIX_STOP && strstr(error.message, "helper process") != NULL);
            require(strstr(error.message, "was killed") != NULL);
            killed++;
        }
    }
    require(kill(killer, SIGKILL) == 0 && waitpid(killer, NULL, 0) == killer);
    require(waitpid(-1, NULL, WNOHANG | __WALL) == -1 && errno == ECHILD);
    require_running();
    stop(HF_STOP_PTRACE);
}

/* The helper cannot be scheduled: the caller goes on nevertheless. */
static void helper_is_suspended(void)
{
    pid_t pid = getpid();

    start_counting(count_up);
    pid_t stopper = fork();
    if (stopper == 0) {
        char path[64];
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* else it would outlive a test that fails, and stop what waits for it */
        snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
        for (;;) {
            FILE *in = fopen(path, "re");
            int child;
            while (in && fscanf(in, "%d", &child) == 1) {
                if (child != getpid())
                    kill(child, SIGSTOP);
            }
            if (in)
                fclose(in);
        }
    }
    int overdue = 0;
    while (overdue < 3) {
        struct hotfix_error error = {HOTFIX_OK, 0, ""};
        int runs = 0;
        struct hf_stop_request request = {
            .action = count_run, .arg = &runs, .deadline_ns = 10 * NS_PER_MS, .method = HF_STOP_PTRACE};
        int status = hf_stop_run(&request, NULL, &error);
        require(status == 0 || error.code == HOTFIX_BUSY);
        require(status == (runs == 1 ? 0 : -1));
        overdue += status != 0 && strstr(error.message, "was not done within 10 ms") != NULL;
    }
    require(kill(stopper, SIGKILL) == 0 && waitpid(stopper, NULL, 0) == stopper);
    require_running();
    stop(HF_STOP_PTRACE);
}

/* Reaps whatever child there is. */
static void *reap_all(void *arg)
{
    for (;;) {
        if (waitpid(-1, NULL, __WALL) > 0)
            atomic_fetch_add((atomic_int *)arg, 1);
    }
    return NULL;
}

/* A host that waits for all kinds of children may reap the helper before its parent does. */
static void helper_is_reaped(void)
{
    atomic_int reaped = 0;

    start_counting(count_up);
    start_thread(reap_all, &reaped, SMALL_STACK);
    for (int i = 0; i < 100 || atomic_load(&reaped) == 0; i++)
        stop(HF_STOP_PTRACE);
    require_running();
}

#define SCENARIO(name)                                                                                                 \
    static void test_##name(void **state)                                                                              \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        child_run(name);                                                                                               \
    }

SCENARIO(both_ways_refused)
SCENARIO(all_signals_used)
SCENARIO(proc_is_missing)
SCENARIO(ptrace_is_forbidden)
SCENARIO(ptrace_is_deadly)
SCENARIO(priorities_are_deadly)
SCENARIO(descriptors_cannot_be_unshared)
SCENARIO(no_more_processes)
SCENARIO(not_dumpable)
SCENARIO(debugger_is_attached)
SCENARIO(helper_is_killed)
SCENARIO(helper_is_suspended)
SCENARIO(helper_is_reaped)
SCENARIO(limit_of_processes)
SCENARIO(limit_of_processes_and_blocked)
SCENARIO(not_dumpable_and_blocked)
SCENARIO(only_thread_has_time)
SCENARIO(limit_of_signals)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways_refused),
        cmocka_unit_test(test_all_signals_used),
        cmocka_unit_test(test_proc_is_missing),
        cmocka_unit_test(test_ptrace_is_forbidden),
        cmocka_unit_test(test_ptrace_is_deadly),
        cmocka_unit_test(test_priorities_are_deadly),
        cmocka_unit_test(test_descriptors_cannot_be_unshared),
        cmocka_unit_test(test_no_more_processes),
        cmocka_unit_test(test_not_dumpable),
        cmocka_unit_test(test_debugger_is_attached),
        cmocka_unit_test(test_helper_is_killed),
        cmocka_unit_test(test_helper_is_suspended),
        cmocka_unit_test(test_helper_is_reaped),
        cmocka_unit_test(test_limit_of_processes),
        cmocka_unit_test(test_limit_of_processes_and_blocked),
        cmocka_unit_test(test_not_dumpable_and_blocked),
        cmocka_unit_test(test_only_thread_has_time),
        cmocka_unit_test(test_limit_of_signals),
    };

    if (emulator_skips("there is no ptrace, and no seccomp filter runs"))
        return 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
