/* SPDX-License-Identifier: Apache-2.0 */
/* No thread is inside the bytes that are replaced, by its program counter or by any stack, when the action runs. */
#include "stop_support.h"

#include <semaphore.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "process/code.h"
#include "stop/zones.h"

static void zones_are_found_behind_their_first_byte(void **state)
{
    const struct hf_range ranges[] = {{100, 105}, {50, 60}, {200, 201}};
    const struct hf_busy busy[] = {
        {.begin = 90, .end = 300}, {.begin = 400, .end = 410}, {.begin = 500, .end = 510, .part = true}};
    struct hf_stop_request request = {.ranges = ranges, .range_count = 3, .busy = busy, .busy_count = 3};
    struct hf_zones zones;

    (void)state;
    assert_int_equal(hf_zones_init(&request, &zones, NULL), 0);
    const struct {
        uintptr_t address;
        size_t zone;
    } cases[] = {
        {0, HF_NO_ZONE},
        {50, HF_NO_ZONE},
        {51, 1},
        {59, 1},
        {60, HF_NO_ZONE},
        {90, HF_NO_ZONE},
        {91, 3},
        {100, 3},
        {101, 0},
        {104, 0},
        {105, 3},
        {200, 3},
        {299, 3},
        {300, HF_NO_ZONE},
        {400, HF_NO_ZONE},
        {401, 4},
        {409, 4},
        {410, HF_NO_ZONE},
        {499, HF_NO_ZONE},
        {500, 5},
        {509, 5},
        {510, HF_NO_ZONE},
        {UINTPTR_MAX, HF_NO_ZONE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(hf_zones_find(&zones, cases[i].address), cases[i].zone);
    hf_zones_deinit(&zones);
}

static void no_zones_hold_nothing(void **state)
{
    struct hf_stop_request request = {.range_count = 0};
    struct hf_zones zones;

    (void)state;
    assert_int_equal(hf_zones_init(&request, &zones, NULL), 0);
    assert_int_equal(hf_zones_find(&zones, 1), HF_NO_ZONE);
    hf_zones_deinit(&zones);
}

#if defined(__x86_64__)

enum { OVERWRITTEN = 5 };

/* spin_inside() never comes out of its bytes again. */
extern char spin_inside[];
/* Calls its argument; the return address is 3 bytes in. */
extern char call_inside[];
/* pause() whose system call instruction is the last of the 5 bytes: restarting it executes bytes that are replaced. */
extern char pause_inside[];
/* read(), likewise. */
extern char read_inside[];
/* Returns 1; nearly all of its instructions are in the first 5 bytes. */
extern char hot[];
/* Returns 2. */
extern char other[];

__asm__(".text\n"
        "spin_inside: nop\n"
        "1: jmp 1b\n"
        "call_inside: push %rbp\n"
        "call *%rdi\n"
        "pop %rbp\n"
        "ret\n"
        "pause_inside: push $34\n"
        "pop %rax\n"
        "syscall\n"
        "ret\n"
        "read_inside: push $0\n"
        "pop %rax\n"
        "syscall\n"
        "ret\n"
        ".balign 64\n"
        "hot: nop\n"
        "nop\n"
        "nop\n"
        "nop\n"
        "nop\n"
        "mov $1, %eax\n"
        "ret\n"
        ".balign 64\n"
        "other: mov $2, %eax\n"
        "ret\n");

static const enum hf_stop_method methods[] = {HF_STOP_PTRACE, HF_STOP_SIGNAL};
static atomic_int started;
static atomic_int quit;

static struct hf_range entry_of(const char *function)
{
    return (struct hf_range){(uintptr_t)function, (uintptr_t)function + OVERWRITTEN};
}

static void require_busy(const char *function, enum hf_stop_method method, const char *text)
{
    struct hotfix_error error = {HOTFIX_OK, 0, ""};
    struct hf_range range = entry_of(function);
    int runs = 0;
    struct hf_stop_request request = {.ranges = &range,
                                      .range_count = 1,
                                      .action = count_run,
                                      .arg = &runs,
                                      .deadline_ns = 150 * NS_PER_MS,
                                      .method = method};

    stop_hindered(&request, text, &error);
    require(runs == 0 && error.code == HOTFIX_BUSY);
}

static void require_free(const char *function, enum hf_stop_method method)
{
    struct hotfix_error error = {HOTFIX_OK, 0, ""};
    struct hf_range range = entry_of(function);
    int runs = 0;
    struct hf_stop_request request = {.ranges = &range,
                                      .range_count = 1,
                                      .action = count_run,
                                      .arg = &runs,
                                      .deadline_ns = PATIENT_NS,
                                      .method = method};

    if (hf_stop_run(&request, NULL, &error) != 0)
        fprintf(stderr, "%s\n", error.message);
    require(error.code == HOTFIX_OK && runs == 1);
}

static void *run_function(void *arg)
{
    pthread_setname_np(pthread_self(), "in the way");
    atomic_fetch_add(&started, 1);
    ((void (*)(void))arg)();
    return NULL;
}

static void thread_that_stays_inside(void)
{
    start_thread(run_function, spin_inside, 0);
    await(&started, 1);
    pause_ms(20);
    for (size_t i = 0; i < 2; i++)
        require_busy(spin_inside, methods[i], "(in the way) was in the bytes being replaced at 0x");
    require_free(hot, HF_STOP_PTRACE);
}

static void system_call_that_restarts_inside(void)
{
    start_thread(run_function, pause_inside, 0);
    await(&started, 1);
    pause_ms(20);
    require_busy(pause_inside, HF_STOP_PTRACE, "(in the way) was in the bytes being replaced at 0x");
}

static void *read_forever(void *arg)
{
    char byte;

    atomic_fetch_add(&started, 1);
    ((long (*)(int, char *, size_t))read_inside)(*(int *)arg, &byte, 1);
    return NULL;
}

static void system_call_that_a_handler_restarts_inside(void)
{
    int ends[2];

    require(pipe(ends) == 0);
    start_thread(read_forever, ends, 0);
    await(&started, 1);
    pause_ms(20);
    for (size_t i = 0; i < 2; i++)
        require_busy(read_inside, methods[i], "was in the bytes being replaced at 0x");
}

static sem_t leave;

static void wait_to_leave(void)
{
    atomic_fetch_add(&started, 1);
    while (sem_wait(&leave) != 0)
        continue;
}

static void *wait_inside(void *arg)
{
    pthread_setname_np(pthread_self(), "in the way");
    ((void (*)(void (*)(void)))call_inside)(arg ? (void (*)(void))arg : wait_to_leave);
    atomic_fetch_sub(&started, 1);
    return NULL;
}

#define ON_STACK "(in the way) had a return address on its stack into the bytes being replaced at 0x"

static void return_address_inside(void)
{
    start_thread(wait_inside, NULL, SMALL_STACK);
    await(&started, 1);
    for (size_t i = 0; i < 2; i++)
        require_busy(call_inside, methods[i], ON_STACK);
    sem_post(&leave);
    for (size_t i = 0; i < 2; i++)
        require_free(call_inside, methods[i]);
}

static void *leave_later(void *arg)
{
    (void)arg;
    pause_ms(50);
    sem_post(&leave);
    return NULL;
}

static void return_address_that_goes_away(void)
{
    start_thread(wait_inside, NULL, SMALL_STACK);
    await(&started, 1);
    start_thread(leave_later, NULL, SMALL_STACK);
    require_free(call_inside, HF_STOP_AUTO);
}

static void *require_first_thread_busy(void *arg)
{
    (void)arg;
    await(&started, 1);
    for (size_t i = 0; i < 2; i++)
        require_busy(call_inside, methods[i], ON_STACK);
    _exit(0);
}

static void return_address_of_the_first_thread(void)
{
    start_thread(require_first_thread_busy, NULL, 0);
    wait_inside(NULL);
    require(false);
}

static void on_other_stack(int signal)
{
    (void)signal;
    wait_to_leave();
}

static void wait_on_other_stack(void)
{
    struct sigaction action = {.sa_handler = on_other_stack, .sa_flags = SA_ONSTACK};
    stack_t stack = {.ss_size = 65536};

    stack.ss_sp = malloc(stack.ss_size);
    require(stack.ss_sp && sigaltstack(&stack, NULL) == 0);
    require(sigaction(SIGUSR1, &action, NULL) == 0);
    raise(SIGUSR1);
}

static void return_address_below_an_alternate_stack(void)
{
    start_thread(wait_inside, (void *)wait_on_other_stack, 0);
    await(&started, 1);
    for (size_t i = 0; i < 2; i++)
        require_busy(call_inside, methods[i], ON_STACK);
}

static void *wait_inside_on_other_stack(void *arg)
{
    (void)arg;
    pthread_setname_np(pthread_self(), "in the way");
    wait_on_other_stack();
    return NULL;
}

static void call_inside_from_handler(int signal)
{
    (void)signal;
    wait_inside(NULL);
}

static void wait_on_other_stack_inside(void)
{
    struct sigaction action = {.sa_handler = call_inside_from_handler, .sa_flags = SA_ONSTACK};
    static char memory[65536];
    stack_t stack = {.ss_sp = memory, .ss_size = sizeof(memory)};

    require(sigaltstack(&stack, NULL) == 0 && sigaction(SIGUSR2, &action, NULL) == 0);
    raise(SIGUSR2);
}

static void return_address_on_an_alternate_stack(void)
{
    start_thread(run_function, (void *)wait_on_other_stack_inside, 0);
    await(&started, 2);
    for (size_t i = 0; i < 2; i++)
        require_busy(call_inside, methods[i], ON_STACK);
}

static void alternate_stack_without_return_address(void)
{
    start_thread(wait_inside_on_other_stack, NULL, 0);
    await(&started, 1);
    for (size_t i = 0; i < 2; i++)
        require_free(call_inside, methods[i]);
}

static ucontext_t coroutine;
static ucontext_t scheduler;

static void run_coroutine(void)
{
    getcontext(&coroutine);
    coroutine.uc_stack.ss_size = 65536;
    coroutine.uc_stack.ss_sp =
        mmap(NULL, coroutine.uc_stack.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    makecontext(&coroutine, wait_to_leave, 0);
    swapcontext(&scheduler, &coroutine);
}

static void return_address_below_a_coroutine(void)
{
    start_thread(wait_inside, (void *)run_coroutine, 262144);
    await(&started, 1);
    for (size_t i = 0; i < 2; i++)
        require_busy(call_inside, methods[i], ON_STACK);
}

/* Threads on stacks that did not exist when the previous stop looked at the mappings. */
static void return_address_of_new_threads(void)
{
    for (int round = 0; round < 6; round++) {
        pthread_t thread = start_thread(wait_inside, NULL, (size_t)SMALL_STACK * (size_t)(round + 1));
        await(&started, 1);
        require_busy(call_inside, methods[round % 2], ON_STACK);
        sem_post(&leave);
        pthread_join(thread, NULL);
    }
}

/* An old function as a whole, which a quiescent switch waits for. */
__attribute__((noinline)) static void old_function(void (*callee)(void))
{
    callee();
    __asm__ volatile("" ::: "memory"); /* no tail call */
}

__attribute__((noinline)) static void unused_function(void)
{
    __asm__ volatile("nop; nop; nop");
}

static const struct hf_busy *old_range(void)
{
    static struct hf_busy busy;

    busy =
        (struct hf_busy){.begin = (uintptr_t)old_function, .end = (uintptr_t)old_function + 16, .name = "old_function"};
    return &busy;
}

/* Hindered with this in the message; it must succeed when text is NULL. */
static void stop_quiescent(const struct hf_busy *busy, const void *frame, enum hf_stop_method method, const char *text)
{
    struct hotfix_error error = {HOTFIX_OK, 0, ""};
    int runs = 0;
    struct hf_stop_request request = {.busy = busy,
                                      .busy_count = 1,
                                      .caller_frame = frame,
                                      .action = count_run,
                                      .arg = &runs,
                                      .deadline_ns = text ? 150 * NS_PER_MS : PATIENT_NS,
                                      .method = method};
    if (text) {
        stop_hindered(&request, text, &error);
        require(error.code == HOTFIX_BUSY && runs == 0);
        return;
    }
    require(hf_stop_run(&request, NULL, &error) == 0 && runs == 1);
}

static void *wait_in_old_function(void *arg)
{
    (void)arg;
    pthread_setname_np(pthread_self(), "in the way");
    old_function(wait_to_leave);
    atomic_fetch_sub(&started, 1);
    return NULL;
}

static void quiescence_names_thread_and_function(void)
{
    pthread_t thread = start_thread(wait_in_old_function, NULL, 0);
    await(&started, 1);
    for (size_t i = 0; i < 2; i++) {
        stop_quiescent(old_range(), __builtin_frame_address(0), methods[i],
                       "(in the way) had a return address on its stack into old_function at 0x");
    }
    sem_post(&leave);
    pthread_join(thread, NULL);
    for (size_t i = 0; i < 2; i++)
        stop_quiescent(old_range(), __builtin_frame_address(0), methods[i], NULL);
}

static void *hold_pointer(void *arg)
{
    void *volatile pointer = (void *)unused_function;

    (void)arg;
    wait_to_leave();
    return pointer;
}

static void pointer_to_a_function_is_no_return_address(void)
{
    struct hf_busy busy = {.begin = (uintptr_t)unused_function, .end = (uintptr_t)unused_function + 4};

    start_thread(hold_pointer, NULL, 0);
    await(&started, 1);
    for (size_t i = 0; i < 2; i++)
        stop_quiescent(&busy, __builtin_frame_address(0), methods[i], NULL);
}

static const void *outer_frame;

static void stop_from_inside(void)
{
    for (size_t i = 0; i < 2; i++) {
        stop_quiescent(old_range(), NULL, methods[i], "old_function");
        stop_quiescent(old_range(), outer_frame, methods[i], NULL);
    }
}

static void caller_inside(void)
{
    outer_frame = __builtin_frame_address(0);
    old_function(stop_from_inside);
    __asm__ volatile("" ::: "memory"); /* no tail call */
}

static struct hf_code_writer writer;
static atomic_int wrong;
static atomic_int results[3];

static void *call_hot(void *arg)
{
    int (*function)(void) = (int (*)(void))arg;

    atomic_fetch_add(&started, 1);
    while (!atomic_load_explicit(&quit, memory_order_relaxed)) {
        int result = function();
        if (result == 1 || result == 2)
            atomic_fetch_add_explicit(&results[result], 1, memory_order_relaxed);
        else
            atomic_fetch_add(&wrong, 1);
    }
    atomic_fetch_sub(&started, 1);
    return NULL;
}

static int write_entry(void *arg, struct hotfix_error *err)
{
    return hf_code_write(&writer, hot, arg, OVERWRITTEN, PROT_READ | PROT_EXEC, err);
}

static void switch_hot(const uint8_t *bytes, enum hf_stop_method method)
{
    struct hotfix_error error = {HOTFIX_OK, 0, ""};
    struct hf_range range = entry_of(hot);
    struct hf_stop_request request = {.ranges = &range,
                                      .range_count = 1,
                                      .action = write_entry,
                                      .arg = (void *)(uintptr_t)bytes,
                                      .deadline_ns = PATIENT_NS,
                                      .method = method};

    if (hf_stop_run(&request, NULL, &error) != 0)
        fprintf(stderr, "%s\n", error.message);
    require(error.code == HOTFIX_OK);
}

/* A function that all threads are in all the time is switched to and fro; a torn instruction would crash. */
static void switch_under_load(int threads, enum hf_stop_method method, int rounds)
{
    uint8_t before[OVERWRITTEN];
    uint8_t jump[OVERWRITTEN] = {0xe9};
    int32_t distance = (int32_t)(other - (hot + OVERWRITTEN));

    memcpy(before, hot, sizeof(before));
    memcpy(jump + 1, &distance, sizeof(distance));
    hf_code_writer_init(&writer);
    for (int i = 0; i < threads; i++)
        start_thread(call_hot, hot, SMALL_STACK);
    await(&started, threads);
    for (int i = 0; i < rounds; i++) {
        switch_hot(jump, method);
        int calls = atomic_load(&results[2]);
        await(&results[2], calls + 1);
        switch_hot(before, method);
        calls = atomic_load(&results[1]);
        await(&results[1], calls + 1);
    }
    atomic_store(&quit, 1);
    while (atomic_load(&started) > 0)
        sched_yield();
    hf_code_writer_deinit(&writer);
    require(atomic_load(&wrong) == 0);
}

static void hot_function_is_switched(void)
{
    switch_under_load(64, HF_STOP_PTRACE, 8);
}

static void hot_function_is_switched_by_signal(void)
{
    switch_under_load(3, HF_STOP_SIGNAL, 20);
}

#define SCENARIO(name)                                                                                                 \
    static void test_##name(void **state)                                                                              \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        child_run(name);                                                                                               \
    }

SCENARIO(thread_that_stays_inside)
SCENARIO(system_call_that_restarts_inside)
SCENARIO(system_call_that_a_handler_restarts_inside)
SCENARIO(return_address_inside)
SCENARIO(return_address_that_goes_away)
SCENARIO(return_address_of_the_first_thread)
SCENARIO(return_address_below_an_alternate_stack)
SCENARIO(return_address_on_an_alternate_stack)
SCENARIO(alternate_stack_without_return_address)
SCENARIO(return_address_below_a_coroutine)
SCENARIO(return_address_of_new_threads)
SCENARIO(quiescence_names_thread_and_function)
SCENARIO(pointer_to_a_function_is_no_return_address)
SCENARIO(caller_inside)
SCENARIO(hot_function_is_switched)
SCENARIO(hot_function_is_switched_by_signal)
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zones_are_found_behind_their_first_byte),
        cmocka_unit_test(no_zones_hold_nothing),
#if defined(__x86_64__)
        cmocka_unit_test(test_thread_that_stays_inside),
        cmocka_unit_test(test_system_call_that_restarts_inside),
        cmocka_unit_test(test_system_call_that_a_handler_restarts_inside),
        cmocka_unit_test(test_return_address_inside),
        cmocka_unit_test(test_return_address_that_goes_away),
        cmocka_unit_test(test_return_address_of_the_first_thread),
        cmocka_unit_test(test_return_address_below_an_alternate_stack),
        cmocka_unit_test(test_return_address_on_an_alternate_stack),
        cmocka_unit_test(test_alternate_stack_without_return_address),
        cmocka_unit_test(test_return_address_below_a_coroutine),
        cmocka_unit_test(test_return_address_of_new_threads),
        cmocka_unit_test(test_quiescence_names_thread_and_function),
        cmocka_unit_test(test_pointer_to_a_function_is_no_return_address),
        cmocka_unit_test(test_caller_inside),
        cmocka_unit_test(test_hot_function_is_switched),
        cmocka_unit_test(test_hot_function_is_switched_by_signal),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
