/* SPDX-License-Identifier: Apache-2.0 */
/* Turns that a single attempt takes only under circumstances that hf_stop_run() is seldom in. */
#include "stop_support.h"

#include <dirent.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "emulated.h"
#include "sanitized.h"
#include "stop/attempt.h"
#include "stop/stop_ptrace.h"
#include "stop/stop_signal.h"

static atomic_int started;

static void *count_up(void *arg)
{
    volatile unsigned long *counter = arg;

    atomic_fetch_add(&started, 1);
    for (;;)
        ++*counter;
    return NULL;
}

static volatile unsigned long counter;

static void require_running(void)
{
    unsigned long before = counter;

    while (counter == before)
        sched_yield();
}

static struct hf_attempt *attempt_for(const struct hf_stop_request *request, const struct hf_zones *zones,
                                      size_t capacity)
{
    struct hf_attempt *attempt;

    require(hf_attempt_create(capacity, &attempt, NULL) == 0);
    attempt->request = request;
    attempt->zones = zones;
    attempt->deadline = hf_raw_now() + PATIENT_NS;
    attempt->pid = getpid();
    attempt->caller = (pid_t)syscall(SYS_gettid);
    attempt->caller_regs.sp = (uintptr_t)__builtin_frame_address(0);
    attempt->caller_regs.tp = hf_raw_thread_pointer();
    attempt->first_stack = (uintptr_t)getauxval(AT_RANDOM);
    return attempt;
}

static void table_is_too_small(void)
{
    struct hf_stop_request request = {.action = count_run};
    struct hf_zones zones = {NULL, 0};

    for (int i = 0; i < 4; i++)
        start_thread(count_up, (void *)&counter, SMALL_STACK);
    await(&started, 4);
    for (int way = 0; way < 2; way++) {
        struct hf_attempt *attempt = attempt_for(&request, &zones, 3);
        if (way == 0)
            hf_stop_ptrace(attempt, false);
        else
            hf_stop_signal(attempt);
        require(attempt->outcome == HF_OUTCOME_FULL);
        hf_attempt_destroy(attempt);
        require_running();
    }
}

/* What Yama's ptrace_scope 1 needs; elsewhere the kernel refuses the permission, which is not needed. */
static void helper_waits_for_its_permission(void)
{
    int runs = 0;
    struct hf_stop_request request = {.action = count_run, .arg = &runs};
    struct hf_zones zones = {NULL, 0};

    start_thread(count_up, (void *)&counter, SMALL_STACK);
    await(&started, 1);
    struct hf_attempt *attempt = attempt_for(&request, &zones, 16);
    hf_stop_ptrace(attempt, true);
    require(attempt->outcome == HF_OUTCOME_ACTED && runs == 1);
    hf_attempt_destroy(attempt);
    require_running();
}

/* A word on its stack points into a range. */
static void *hold_word(void *arg)
{
    volatile uintptr_t word = *(uintptr_t *)arg;

    count_up((void *)&counter);
    return (void *)word;
}

static void mappings_are_read_during_the_stop(void)
{
    struct hf_range range = {0x5a5a0000, 0x5a5a0005};
    uintptr_t word = range.begin + 1;
    struct hf_stop_request request = {.ranges = &range, .range_count = 1, .action = count_run};
    struct hf_zones zones;

    require(hf_zones_init(&request, &zones, NULL) == 0);
    start_thread(hold_word, &word, SMALL_STACK);
    await(&started, 1);
    for (int doubted = 0; doubted < 2; doubted++) {
        struct hf_attempt *attempt = attempt_for(&request, &zones, 16);
        attempt->caller_regs.sp = 0; /* the caller's own stack holds the word too */
        attempt->regions_doubted = doubted;
        hf_stop_ptrace(attempt, false);
        require(attempt->outcome == HF_OUTCOME_INSIDE && attempt->on_stack);
        require(attempt->tid != attempt->caller && attempt->zone == 0);
        hf_attempt_destroy(attempt);
    }
    hf_zones_deinit(&zones);
    require_running();
}

/* Has io_uring start a worker: a thread of this process that never runs user code and cannot be traced. */
static bool start_worker(void)
{
    static char byte;
    struct io_uring_params params;
    int ends[2];

    memset(&params, 0, sizeof(params));
    int ring = (int)syscall(SYS_io_uring_setup, 4, &params);
    if (ring < 0)
        return false;
    require(pipe(ends) == 0);
    char *queue = mmap(NULL, params.sq_off.array + params.sq_entries * sizeof(unsigned int), PROT_READ | PROT_WRITE,
                       MAP_SHARED, ring, IORING_OFF_SQ_RING);
    struct io_uring_sqe *entries = mmap(NULL, params.sq_entries * sizeof(*entries), PROT_READ | PROT_WRITE, MAP_SHARED,
                                        ring, (off_t)IORING_OFF_SQES);
    require(queue != MAP_FAILED && entries != MAP_FAILED);
    entries[0] = (struct io_uring_sqe){
        .opcode = IORING_OP_READ, .flags = IOSQE_ASYNC, .fd = ends[0], .addr = (uintptr_t)&byte, .len = 1};
    ((unsigned int *)(queue + params.sq_off.array))[0] = 0;
    __atomic_store_n((unsigned int *)(queue + params.sq_off.tail), 1, __ATOMIC_RELEASE);
    require(syscall(SYS_io_uring_enter, ring, 1, 0, 0, NULL, 0) == 1);
    pause_ms(20);
    return true;
}

static void workers_of_the_kernel_are_let_be(void)
{
    if (!start_worker()) {
        fprintf(stderr, "# io_uring is not available here\n");
        return;
    }
    start_thread(count_up, (void *)&counter, SMALL_STACK);
    await(&started, 1);
    for (int i = 0; i < 20; i++) {
        stop(HF_STOP_PTRACE);
        stop(HF_STOP_SIGNAL);
    }
    require_running();
}

static void *stop_here(void *arg)
{
    (void)arg;
    for (int i = 0; i < 20; i++) {
        stop(HF_STOP_PTRACE);
        stop(HF_STOP_SIGNAL);
    }
    atomic_fetch_add(&started, 1);
    return NULL;
}

static void caller_has_a_small_stack(void)
{
    start_thread(count_up, (void *)&counter, SMALL_STACK);
    await(&started, 1);
    start_thread(stop_here, NULL, (size_t)2 * SMALL_STACK);
    await(&started, 2);
    require_running();
}

/* A child forked while handlers are on their way in has counters that are not its own. */
static void *fork_and_stop(void *arg)
{
    (void)arg;
    for (int i = 0; i < 100; i++) {
        int status;
        pid_t pid = fork();
        if (pid == 0) {
            alarm(CHILD_SECONDS);
            stop(HF_STOP_SIGNAL);
            stop(HF_STOP_PTRACE);
            _exit(0);
        }
        require(waitpid(pid, &status, 0) == pid && status == 0);
    }
    atomic_fetch_add(&started, 1);
    return NULL;
}

static void children_forked_meanwhile_can_stop_too(void)
{
    start_thread(count_up, (void *)&counter, SMALL_STACK);
    start_thread(fork_and_stop, NULL, 0);
    await(&started, 1);
    while (atomic_load(&started) < 2)
        stop(HF_STOP_SIGNAL);
    require_running();
}

/* Many more running threads than processors: the helper asks for a priority, which nobody else may get. */
static void crowd(void)
{
    int caller = sched_getscheduler(0);

    for (int i = 0; i < 128; i++)
        start_thread(count_up, (void *)&counter, SMALL_STACK);
    await(&started, 128);
    for (int i = 0; i < 4; i++)
        stop(HF_STOP_PTRACE);
    DIR *tasks = opendir("/proc/self/task");
    require(tasks != NULL);
    for (struct dirent *task; (task = readdir(tasks));)
        require(task->d_name[0] == '.' || sched_getscheduler(atoi(task->d_name)) == caller);
    closedir(tasks);
}

#define SCENARIO(name)                                                                                                 \
    static void test_##name(void **state)                                                                              \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        child_run(name);                                                                                               \
    }

SCENARIO(table_is_too_small)
SCENARIO(helper_waits_for_its_permission)
SCENARIO(mappings_are_read_during_the_stop)
SCENARIO(workers_of_the_kernel_are_let_be)
SCENARIO(caller_has_a_small_stack)
SCENARIO(crowd)

/* A sanitizer's allocator stays locked in a child when another thread was in it. */
static void test_children_forked_meanwhile_can_stop_too(void **state)
{
    (void)state;
    if (SANITIZED)
        skip();
    child_run(children_forked_meanwhile_can_stop_too);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_is_too_small),
        cmocka_unit_test(test_helper_waits_for_its_permission),
        cmocka_unit_test(test_mappings_are_read_during_the_stop),
        cmocka_unit_test(test_workers_of_the_kernel_are_let_be),
        cmocka_unit_test(test_caller_has_a_small_stack),
        cmocka_unit_test(test_crowd),
        cmocka_unit_test(test_children_forked_meanwhile_can_stop_too),
    };

    if (emulator_skips("there is no ptrace"))
        return 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
