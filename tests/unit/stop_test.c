/* SPDX-License-Identifier: Apache-2.0 */
/* Every thread stops, or none does; and all go on as if nothing had been. */
#include "stop_support.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "emulated.h"
#include "process/raw.h"

enum { THREADS_MAX = 1200 };

static atomic_int started;
static atomic_int quit;
static volatile unsigned long counters[THREADS_MAX];

static void *count_up(void *arg)
{
    volatile unsigned long *counter = arg;

    atomic_fetch_add(&started, 1);
    while (!atomic_load_explicit(&quit, memory_order_relaxed))
        ++*counter;
    return NULL;
}

static void *sleep_long(void *arg)
{
    (void)arg;
    atomic_fetch_add(&started, 1);
    while (!atomic_load(&quit))
        pause();
    return NULL;
}

static void *count_up_blocked(void *arg)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    return count_up(arg);
}

/* An action that sees whether any counter moves. It may call nothing of libc. */
static int watch(void *arg, struct hotfix_error *err)
{
    static unsigned long before[THREADS_MAX];
    int *moved = arg;

    (void)err;
    for (size_t i = 0; i < THREADS_MAX; i++)
        before[i] = counters[i];
    for (volatile int i = 0; i < 3000000; i++)
        continue;
    *moved = 0;
    for (size_t i = 0; i < THREADS_MAX; i++)
        *moved += before[i] != counters[i];
    return 0;
}

static void start_counting(int count, void *(*body)(void *))
{
    for (int i = 0; i < count; i++)
        start_thread(body, (void *)&counters[i], SMALL_STACK);
    await(&started, count);
}

static void require_frozen(enum hf_stop_method method, int rounds)
{
    struct hotfix_error error = {HOTFIX_OK, 0, ""};
    struct hf_pause pause = {0, 0};
    int moved = -1;
    struct hf_stop_request request = {.action = watch, .arg = &moved, .deadline_ns = PATIENT_NS, .method = method};

    for (int i = 0; i < rounds; i++) {
        if (hf_stop_run(&request, &pause, &error) != 0)
            fprintf(stderr, "%s\n", error.message);
        require(error.code == HOTFIX_OK);
        require(moved == 0);
        require(pause.any > 0 && pause.running <= pause.any);
    }
}

static void require_running(void)
{
    unsigned long before = counters[0];

    while (counters[0] == before)
        sched_yield();
}

static enum hf_stop_method methods[] = {HF_STOP_PTRACE, HF_STOP_SIGNAL};

static void alone(void)
{
    for (size_t i = 0; i < 2; i++)
        require_frozen(methods[i], 3);
}

static void busy_threads(void)
{
    start_counting(64, count_up);
    for (size_t i = 0; i < 2; i++)
        require_frozen(methods[i], 5);
    require_running();
}

static void deaf_threads(void)
{
    struct hotfix_error error = {HOTFIX_OK, 0, ""};
    int runs = 0;
    struct hf_stop_request request = {
        .action = count_run, .arg = &runs, .deadline_ns = 20 * NS_PER_MS, .method = HF_STOP_SIGNAL};

    start_counting(8, count_up_blocked);
    require_frozen(methods[0], 5);
    stop_hindered(&request, "blocks every unused real-time signal; allow the process to be traced", &error);
    require(error.code == HOTFIX_STOP && runs == 0);
    require(strncmp(error.message, "thread ", strlen("thread ")) == 0);
    require_running();
}

static void stop_sleepers(int count)
{
    for (int i = 0; i < count; i++)
        start_thread(sleep_long, NULL, SMALL_STACK);
    start_thread(count_up, (void *)&counters[0], SMALL_STACK);
    await(&started, count + 1);
    for (size_t i = 0; i < 2; i++)
        require_frozen(methods[i], 3);
    require_running();
}

static void threads_64(void)
{
    stop_sleepers(64);
}

static void threads_512(void)
{
    stop_sleepers(512);
}

static void threads_1200(void)
{
    stop_sleepers(THREADS_MAX);
}

static void *live_shortly(void *arg)
{
    ++*(volatile unsigned long *)arg;
    return NULL;
}

static void *keep_creating(void *arg)
{
    while (!atomic_load(&quit)) {
        pthread_t threads[4];
        for (int i = 0; i < 4; i++)
            threads[i] = start_thread(live_shortly, arg, SMALL_STACK);
        atomic_fetch_add(&started, 1);
        for (int i = 0; i < 4; i++)
            pthread_join(threads[i], NULL);
    }
    return NULL;
}

static void threads_come_and_go(void)
{
    for (int i = 0; i < 3; i++)
        start_thread(keep_creating, (void *)&counters[i], 0);
    await(&started, 10);
    for (size_t i = 0; i < 2; i++)
        require_frozen(methods[i], 40);
    int before = atomic_load(&started);
    await(&started, before + 10);
}

static void *stop_from_another_thread(void *arg)
{
    (void)arg;
    pause_ms(20); /* for the first thread to be gone */
    require_frozen(methods[0], 20);
    require_frozen(HF_STOP_SIGNAL, 20);
    _exit(0);
}

static void first_thread_has_exited(void)
{
    start_thread(count_up, (void *)&counters[1], 0);
    start_thread(stop_from_another_thread, NULL, 0);
    pthread_exit(NULL);
}

/* Blocking calls that must not be seen to end. Each returns true when it came back by itself. */
static int quiet_pipe[2];

static bool block_read(void)
{
    char byte;
    return read(quiet_pipe[0], &byte, 1) >= 0 || errno == EINTR;
}

static bool block_nanosleep(void)
{
    struct timespec length = {.tv_sec = 1000};
    nanosleep(&length, NULL);
    return true;
}

static bool block_poll(void)
{
    struct pollfd poll_fd = {.fd = quiet_pipe[0], .events = POLLIN};
    poll(&poll_fd, 1, 1000000);
    return true;
}

static bool block_select(void)
{
    struct timeval length = {.tv_sec = 1000};
    select(0, NULL, NULL, NULL, &length);
    return true;
}

static bool block_epoll(void)
{
    struct epoll_event event;
    epoll_wait(epoll_create1(0), &event, 1, -1);
    return true;
}

static bool block_semaphore(void)
{
    static sem_t semaphore;
    sem_wait(&semaphore);
    return true;
}

static bool block_timed_semaphore(void)
{
    static sem_t semaphore;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1000;
    sem_timedwait(&semaphore, &until);
    return true;
}

static bool block_sigwait(void)
{
    sigset_t set;
    struct timespec length = {.tv_sec = 1000};
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    sigtimedwait(&set, NULL, &length);
    return true;
}

static bool block_timed_receive(void)
{
    int sockets[2];
    struct timeval length = {.tv_sec = 1000};
    char byte;
    socketpair(AF_UNIX, SOCK_STREAM, 0, sockets);
    setsockopt(sockets[0], SOL_SOCKET, SO_RCVTIMEO, &length, sizeof(length));
    recv(sockets[0], &byte, 1, 0);
    return true;
}

typedef bool blocking_fn(void);
static blocking_fn *const blocking[] = {
    block_read,      block_nanosleep,       block_poll,    block_select,        block_epoll,
    block_semaphore, block_timed_semaphore, block_sigwait, block_timed_receive,
};
enum { BLOCKING = sizeof(blocking) / sizeof(blocking[0]) };
static atomic_int came_back[BLOCKING];

/* The kernel ends it with EINTR, which cannot be undone on arm64: a tracer does not see what its first argument was. */
static bool ends_when_traced(blocking_fn *call)
{
#ifdef __aarch64__
    return call == block_epoll || call == block_sigwait || call == block_timed_receive;
#else
    (void)call;
    return false;
#endif
}

static void *block(void *arg)
{
    size_t index = (size_t)(uintptr_t)arg;

    atomic_fetch_add(&started, 1);
    atomic_store(&came_back[index], blocking[index]());
    return NULL;
}

static void system_calls_go_on(void)
{
    require(pipe(quiet_pipe) == 0);
    for (size_t i = 0; i < BLOCKING; i++)
        start_thread(block, (void *)i, 0);
    await(&started, BLOCKING);
    pause_ms(50);
    for (int i = 0; i < 100; i++)
        stop(methods[0]);
    pause_ms(50);
    for (size_t i = 0; i < BLOCKING; i++) {
        if (came_back[i])
            fprintf(stderr, "blocking call %zu came back\n", i);
        require(!came_back[i] || ends_when_traced(blocking[i]));
    }
}

/* The signal's way: what SA_RESTART restarts. */
static void restartable_calls_go_on(void)
{
    require(pipe(quiet_pipe) == 0);
    start_thread(block, (void *)0, 0);
    await(&started, 1);
    pause_ms(50);
    for (int i = 0; i < 100; i++)
        stop(HF_STOP_SIGNAL);
    pause_ms(50);
    require(!came_back[0]);
}

static atomic_int received;
static atomic_int child_signals;

static void on_signal(int signal)
{
    (void)signal;
    atomic_fetch_add(&received, 1);
}

static void on_child_signal(int signal)
{
    (void)signal;
    atomic_fetch_add(&child_signals, 1);
}

/* Sends each thread one queued signal while all are stopped. */
static pid_t targets[8];

static void *be_signalled(void *arg)
{
    *(pid_t *)arg = (pid_t)syscall(SYS_gettid);
    atomic_fetch_add(&started, 1);
    while (!atomic_load(&quit))
        pause();
    return NULL;
}

static int signal_targets(void *arg, struct hotfix_error *err)
{
    (void)arg;
    (void)err;
    for (size_t i = 0; i < 8; i++)
        syscall(SYS_tgkill, getpid(), targets[i], SIGRTMIN + 3);
    return 0;
}

static void signals_arrive_once(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    int sent = 0;

    require(sigaction(SIGRTMIN + 3, &action, NULL) == 0);
    for (size_t i = 0; i < 8; i++)
        start_thread(be_signalled, &targets[i], 0);
    await(&started, 8);
    for (int i = 0; i < 100; i++) {
        struct hf_stop_request request = {
            .action = signal_targets, .deadline_ns = PATIENT_NS, .method = methods[i % 2]};
        require(hf_stop_run(&request, NULL, NULL) == 0);
        sent += 8;
    }
    await(&received, sent);
    pause_ms(20);
    require(atomic_load(&received) == sent);
}

/* Another process sends signals all the time: threads are caught in their delivery. */
static void signals_during_the_stop_arrive_once(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    enum { SIGNALS = 3000 };
    pid_t self = getpid();
    int status;

    require(sigaction(SIGRTMIN + 3, &action, NULL) == 0);
    for (size_t i = 0; i < 8; i++)
        start_thread(be_signalled, &targets[i], 0);
    await(&started, 8);
    pid_t sender = fork();
    if (sender == 0) {
        for (int i = 0; i < SIGNALS; i++) {
            union sigval value = {.sival_int = i};
            while (sigqueue(self, SIGRTMIN + 3, value) != 0)
                usleep(100);
            if (i % 10 == 0)
                usleep(100);
        }
        _exit(0);
    }
    while (waitpid(sender, &status, WNOHANG) == 0) {
        stop(methods[0]);
        stop(HF_STOP_SIGNAL);
    }
    await(&received, SIGNALS);
    pause_ms(20);
    require(atomic_load(&received) == SIGNALS);
}

static atomic_int registers_lost;

/* Fills registers of all kinds, spins in registers alone, and tells whether they are as they were. */
#if defined(__x86_64__)
static bool registers_stay(unsigned long pattern)
{
    unsigned long low = 0;
    unsigned long high = 0;
    double stacked = 0;
    double constant = (double)pattern;

    __asm__ volatile("movq %3, %%xmm0\n\t"
                     "movq %3, %%xmm15\n\t"
                     "fldl %4\n\t"
                     "mov $2000000, %%ecx\n"
                     "1: dec %%ecx\n\t"
                     "jnz 1b\n\t"
                     "fstpl %2\n\t"
                     "movq %%xmm0, %0\n\t"
                     "movq %%xmm15, %1\n\t"
                     : "=r"(low), "=r"(high), "=m"(stacked)
                     : "r"(pattern), "m"(constant)
                     : "rcx", "xmm0", "xmm15", "cc", "st");
    return low == pattern && high == pattern && stacked == constant;
}
#elif defined(__aarch64__)
static bool registers_stay(unsigned long pattern)
{
    unsigned long low = 0;
    unsigned long high = 0;
    unsigned long status = 0;
    unsigned long general = 0;

    __asm__ volatile("fmov d0, %4\n\t"
                     "fmov v31.d[1], %4\n\t"
                     "msr fpsr, %5\n\t"
                     "mov x18, %4\n\t"
                     "mov w9, #2000000 >> 16 << 16\n"
                     "1: subs w9, w9, #1\n\t"
                     "b.ne 1b\n\t"
                     "fmov %0, d0\n\t"
                     "fmov %1, v31.d[1]\n\t"
                     "mrs %2, fpsr\n\t"
                     "mov %3, x18\n\t"
                     : "=&r"(low), "=&r"(high), "=&r"(status), "=&r"(general)
                     : "r"(pattern), "r"(pattern & 0x1f)
                     : "x9", "x18", "v0", "v31", "cc");
    return low == pattern && high == pattern && status == (pattern & 0x1f) && general == pattern;
}
#endif

static void *keep_registers(void *arg)
{
    unsigned long pattern = (unsigned long)(uintptr_t)arg;

    atomic_fetch_add(&started, 1);
    while (!atomic_load(&quit)) {
        if (!registers_stay(pattern))
            atomic_fetch_add(&registers_lost, 1);
    }
    return NULL;
}

static void registers_survive(void)
{
    for (uintptr_t i = 1; i <= 6; i++)
        start_thread(keep_registers, (void *)(i * 1000), 0);
    await(&started, 6);
    for (int i = 0; i < 200; i++)
        stop(methods[i % 2]);
    require(atomic_load(&registers_lost) == 0);
}

static void *wait_for_children(void *arg)
{
    atomic_int *seen = arg;

    atomic_fetch_add(&started, 1);
    while (!atomic_load(&quit)) {
        if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD)
            atomic_fetch_add(seen, 1);
    }
    atomic_fetch_add(seen, 0);
    atomic_fetch_sub(&started, 1);
    return NULL;
}

static void no_child_is_seen(void)
{
    struct sigaction action = {.sa_handler = on_child_signal};
    atomic_int seen = 0;

    require(sigaction(SIGCHLD, &action, NULL) == 0);
    start_thread(wait_for_children, &seen, 0);
    await(&started, 1);
    for (int i = 0; i < 300; i++)
        stop(methods[i % 2]);
    require(waitpid(-1, NULL, WNOHANG | __WALL) == -1 && errno == ECHILD);
    require(atomic_load(&seen) == 0);
    require(atomic_load(&child_signals) == 0);
    atomic_store(&quit, 1);
    while (atomic_load(&started) != 0)
        sched_yield();
}

static void the_parent_sees_no_stop(void)
{
    struct sigaction action = {.sa_handler = on_child_signal};
    siginfo_t info = {.si_pid = 0};

    require(sigaction(SIGCHLD, &action, NULL) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        start_counting(4, count_up);
        for (int i = 0; i < 100; i++)
            stop(methods[i % 2]);
        _exit(0);
    }
    while (info.si_pid == 0) {
        require(atomic_load(&child_signals) == 0 || waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | WNOHANG) == 0);
        require(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WCONTINUED | WEXITED | WNOWAIT | WNOHANG) == 0);
        require(info.si_pid == 0 || info.si_code == CLD_EXITED);
    }
    require(info.si_status == 0);
    require(atomic_load(&child_signals) == 1);
}

/* The address sanitizer's own heap grows as it likes. */
#ifdef HF_ASAN
#define MAPS "VmSize"
#else
#define MAPS "."
#endif

/* What a process has, as text that can be compared. */
static char *inventory(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    int descriptors = 0;

    for (int fd = 0; fd < 256; fd++)
        descriptors += fcntl(fd, F_GETFD) >= 0;
    FILE *in = popen("cd /proc/$PPID; ls task | wc -l; cat task/*/children | wc -w; "
                     "grep -E '^(SigPnd|ShdPnd|SigBlk|SigIgn|SigCgt|VmSize|TracerPid)' status; grep " MAPS " maps",
                     "r");
    int c;

    require(out && in);
    fprintf(out, "%d\n", descriptors);
    while ((c = fgetc(in)) != EOF)
        fputc(c, out);
    pclose(in);
    fclose(out);
    return text;
}

static void nothing_is_left(void)
{
    for (int i = 0; i < 4; i++)
        start_thread(sleep_long, NULL, SMALL_STACK);
    await(&started, 4);
    for (int i = 0; i < 20; i++)
        stop(methods[i % 2]);
    free(inventory());
    char *before = inventory();
    for (int i = 0; i < 1000; i++)
        stop(methods[i % 2]);
    char *after = inventory();
    if (strcmp(before, after) != 0)
        fprintf(stderr, "before:\n%s\nafter:\n%s\n", before, after);
    require(strcmp(before, after) == 0);
    free(before);
    free(after);
}

static int fail_action(void *arg, struct hotfix_error *err)
{
    (void)arg;
    err->code = HOTFIX_SWITCH;
    strcpy(err->message, "no");
    return -1;
}

static void action_fails(void)
{
    for (size_t i = 0; i < 2; i++) {
        struct hotfix_error error = {HOTFIX_OK, 0, ""};
        struct hf_stop_request request = {.action = fail_action, .deadline_ns = PATIENT_NS, .method = methods[i]};
        require(hf_stop_run(&request, NULL, &error) == -1);
        require(error.code == HOTFIX_SWITCH && strcmp(error.message, "no") == 0);
    }
}

static void deadline_has_passed(void)
{
    start_counting(2, count_up);
    for (size_t i = 0; i < 2; i++) {
        struct hotfix_error error = {HOTFIX_OK, 0, ""};
        int runs = 0;
        struct hf_stop_request request = {.action = count_run, .arg = &runs, .deadline_ns = 1, .method = methods[i]};
        require(hf_stop_run(&request, NULL, &error) == -1);
        require(error.code == HOTFIX_BUSY && runs == 0);
        require(strstr(error.message, "try a longer deadline") || strstr(error.message, "try a deadline of"));
    }
    require_running();
}

static atomic_int vfork_end;

/* The child of vfork has this process's memory. */
static void *vfork_slowly(void *arg)
{
    (void)arg;
    atomic_fetch_add(&started, 1);
    if (vfork() == 0) {
        struct timespec length = {.tv_nsec = 1000000};
        while (!atomic_load(&vfork_end))
            syscall(SYS_nanosleep, &length, NULL);
        _exit(0);
    }
    while (!atomic_load(&quit))
        pause();
    return NULL;
}

static void thread_in_vfork(void)
{
    start_counting(2, count_up);
    start_thread(vfork_slowly, NULL, 0);
    await(&started, 3);
    pause_ms(50);
    for (size_t i = 0; i < 2; i++) {
        struct hotfix_error error = {HOTFIX_OK, 0, ""};
        int runs = 0;
        struct hf_stop_request request = {
            .action = count_run, .arg = &runs, .deadline_ns = 300 * NS_PER_MS, .method = methods[i]};
        stop_hindered(&request, "vfork", &error);
        require(runs == 0 && error.code == HOTFIX_BUSY);
        require_running();
    }
    atomic_store(&vfork_end, 1);
    stop(methods[0]);
    stop(HF_STOP_SIGNAL);
    require_running();
}

static void *keep_forking(void *arg)
{
    (void)arg;
    while (!atomic_load(&quit)) {
        int status = -1;
        pid_t pid = fork();
        if (pid == 0)
            _exit(7);
        require(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7);
        atomic_fetch_add(&started, 1);
    }
    return NULL;
}

static void threads_that_fork(void)
{
    start_thread(keep_forking, NULL, 0);
    start_thread(keep_forking, NULL, 0);
    await(&started, 2);
    for (int i = 0; i < 200; i++)
        stop(methods[i % 2]);
    int before = atomic_load(&started);
    await(&started, before + 4);
}

static void process_is_suspended_meanwhile(void)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        start_counting(4, count_up);
        for (int i = 0; i < 300; i++)
            stop(methods[i % 2]);
        _exit(0);
    }
    while (waitpid(pid, &status, WNOHANG) == 0) {
        kill(pid, SIGSTOP);
        usleep(500);
        kill(pid, SIGCONT);
        usleep(500);
    }
    require(status == 0);
}

#define SCENARIO(name)                                                                                                 \
    static void test_##name(void **state)                                                                              \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        child_run(name);                                                                                               \
    }

/* One that says what of an emulator it does not work with. */
#define SCENARIO_WITH(name, lack)                                                                                      \
    static void test_##name(void **state)                                                                              \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        if (emulator_lacks(lack))                                                                                      \
            skip();                                                                                                    \
        child_run(name);                                                                                               \
    }

SCENARIO(deadline_has_passed)
SCENARIO(action_fails)
SCENARIO_WITH(thread_in_vfork, "vfork is fork")
SCENARIO_WITH(deaf_threads, "there is no ptrace, which stops threads that block signals")
SCENARIO(alone)
SCENARIO(busy_threads)
SCENARIO(threads_64)
SCENARIO(threads_512)
SCENARIO(threads_1200)
SCENARIO(threads_come_and_go)
SCENARIO(first_thread_has_exited)
SCENARIO(system_calls_go_on)
SCENARIO(restartable_calls_go_on)
SCENARIO(signals_arrive_once)
SCENARIO(signals_during_the_stop_arrive_once)
SCENARIO(registers_survive)
SCENARIO(no_child_is_seen)
SCENARIO(the_parent_sees_no_stop)
SCENARIO(nothing_is_left)
SCENARIO(threads_that_fork)
SCENARIO(process_is_suspended_meanwhile)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deadline_has_passed),
        cmocka_unit_test(test_action_fails),
        cmocka_unit_test(test_thread_in_vfork),
        cmocka_unit_test(test_deaf_threads),
        cmocka_unit_test(test_alone),
        cmocka_unit_test(test_busy_threads),
        cmocka_unit_test(test_threads_64),
        cmocka_unit_test(test_threads_512),
        cmocka_unit_test(test_threads_1200),
        cmocka_unit_test(test_threads_come_and_go),
        cmocka_unit_test(test_first_thread_has_exited),
        cmocka_unit_test(test_system_calls_go_on),
        cmocka_unit_test(test_restartable_calls_go_on),
        cmocka_unit_test(test_signals_arrive_once),
        cmocka_unit_test(test_signals_during_the_stop_arrive_once),
        cmocka_unit_test(test_registers_survive),
        cmocka_unit_test(test_no_child_is_seen),
        cmocka_unit_test(test_the_parent_sees_no_stop),
        cmocka_unit_test(test_nothing_is_left),
        cmocka_unit_test(test_threads_that_fork),
        cmocka_unit_test(test_process_is_suspended_meanwhile),
    };

    if (emulator_lacks("there is no ptrace: signals alone stop threads"))
        methods[0] = HF_STOP_SIGNAL;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
