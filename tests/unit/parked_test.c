/* SPDX-License-Identifier: Apache-2.0 */
/* Registered stacks: quiescent switches with coroutines that no thread runs. */
#include "apply_fixture.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <ucontext.h>

#define SHORT_NS   20000000u
#define LONG_NS    10000000000u
#define STACK_SIZE ((size_t)262144)
#define MANY       300 /* more than one in some bucket */
#define ROUNDS     20

static ucontext_t scheduler;
static ucontext_t coroutine;
static int result_of_order;

static void park(void)
{
    assert_int_equal(swapcontext(&coroutine, &scheduler), 0);
}

static void call_order(void)
{
    result_of_order = order(10);
}

static char *map_stack(void)
{
    char *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(stack, MAP_FAILED);
    return stack;
}

/* A coroutine that waits inside order(), on a new stack. */
static char *park_in_order(void)
{
    char *stack = map_stack();

    set_hook(park);
    assert_int_equal(getcontext(&coroutine), 0);
    coroutine.uc_stack.ss_sp = stack;
    coroutine.uc_stack.ss_size = STACK_SIZE;
    coroutine.uc_link = &scheduler;
    makecontext(&coroutine, call_order, 0);
    assert_int_equal(swapcontext(&scheduler, &coroutine), 0);
    set_hook(NULL);
    return stack;
}

static void finish_order(char *stack)
{
    assert_int_equal(swapcontext(&scheduler, &coroutine), 0);
    assert_int_equal(result_of_order, 11);
    munmap(stack, STACK_SIZE);
}

static int apply_quiescent(const char *path, uint64_t deadline_ns, struct hotfix_result *result)
{
    struct hotfix_apply_options options = HOTFIX_APPLY_OPTIONS_INIT;

    options.quiescence = HOTFIX_QUIESCENT;
    options.deadline_ns = deadline_ns;
    return hotfix_apply_opt(handle, path, &options, result);
}

/* Under load a deadline may pass before it is seen who is in the way: then it is given twice as long. */
static void assert_hindered_by(const char *path, const char *stack)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    char expected[80];

    for (uint64_t deadline_ns = SHORT_NS; deadline_ns < LONG_NS; deadline_ns *= 2) {
        assert_int_equal(apply_quiescent(path, deadline_ns, &result), -1);
        if (strstr(result.error.message, " at 0x"))
            break;
    }
    snprintf(expected, sizeof(expected), "the registered stack at %p held a return address into order at 0x",
             (const void *)stack);
    assert_int_equal(result.error.code, HOTFIX_BUSY);
    if (!strstr(result.error.message, expected))
        fail_msg("%s", result.error.message);
    hotfix_result_deinit(&result);
}

static void must_apply_quiescent(const char *path)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    if (apply_quiescent(path, LONG_NS, &result) != 0)
        fail_msg("%s", result.error.message);
    hotfix_result_deinit(&result);
}

static void assert_register_fails(const void *low, size_t size, int error)
{
    errno = 0;
    assert_int_equal(hotfix_stack_register(low, size), -1);
    assert_int_equal(errno, error);
}

static void assert_unregister_fails(const void *low)
{
    errno = 0;
    assert_int_equal(hotfix_stack_unregister(low), -1);
    assert_int_equal(errno, ENOENT);
}

static void ranges_that_are_none_are_refused(void **state)
{
    static char memory[16];

    (void)state;
    assert_register_fails(NULL, 1, EINVAL);
    assert_register_fails(memory, 0, EINVAL);
    assert_register_fails(memory, SIZE_MAX, EINVAL);
    assert_unregister_fails(NULL);
    assert_unregister_fails(memory);
}

static void stack_is_registered_once(void **state)
{
    static char memory[16];

    (void)state;
    assert_int_equal(hotfix_stack_register(memory, sizeof(memory)), 0);
    assert_register_fails(memory, sizeof(memory), EEXIST);
    assert_int_equal(hotfix_stack_unregister(memory), 0);
    assert_unregister_fails(memory);
    assert_int_equal(hotfix_stack_register(memory, sizeof(memory)), 0);
    assert_int_equal(hotfix_stack_unregister(memory), 0);
}

static void many_stacks_are_told_apart(void **state)
{
    static char memory[MANY][64];

    (void)state;
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(hotfix_stack_register(memory[i], sizeof(memory[i])), 0);
    for (size_t i = 0; i < MANY; i += 2)
        assert_int_equal(hotfix_stack_unregister(memory[i]), 0);
    for (size_t i = 0; i < MANY; i++) {
        if (i % 2 == 0)
            assert_unregister_fails(memory[i]);
        else
            assert_int_equal(hotfix_stack_unregister(memory[i]), 0);
    }
}

static void coroutine_parked_in_the_old_function_is_named(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];

    (void)state;
    make_bundle(100, order_only, path, id);
    char *stack = park_in_order();
    assert_int_equal(hotfix_stack_register(stack, STACK_SIZE), 0);
    assert_hindered_by(path, stack);
    assert_int_equal(order(10), 11);
    assert_int_equal(hotfix_stack_unregister(stack), 0);
    finish_order(stack);
}

static void coroutine_above_a_guard_page_is_named(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];

    (void)state;
    make_bundle(100, order_only, path, id);
    char *stack = park_in_order();
    assert_int_equal(mprotect(stack, 65536, PROT_NONE), 0);
    assert_int_equal(hotfix_stack_register(stack, STACK_SIZE), 0);
    assert_hindered_by(path, stack);
    assert_int_equal(hotfix_stack_unregister(stack), 0);
    finish_order(stack);
}

static void coroutine_that_is_not_registered_finishes_the_old_function(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];

    (void)state;
    make_bundle(100, order_only, path, id);
    char *stack = park_in_order();
    assert_int_equal(hotfix_stack_register(stack, STACK_SIZE), 0);
    assert_int_equal(hotfix_stack_unregister(stack), 0);
    must_apply_quiescent(path);
    assert_int_equal(order(10), 90);
    finish_order(stack);
    must_revert(id);
}

static void coroutine_parked_elsewhere_is_not_in_the_way(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];

    (void)state;
    make_bundle(100, price_only, path, id);
    char *stack = park_in_order();
    assert_int_equal(hotfix_stack_register(stack, STACK_SIZE), 0);
    must_apply_quiescent(path);
    assert_int_equal(price(10), 1000);
    must_revert(id);
    assert_int_equal(hotfix_stack_unregister(stack), 0);
    finish_order(stack);
}

static void stack_that_was_unmapped_without_being_unregistered_is_skipped(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];

    (void)state;
    make_bundle(100, order_only, path, id);
    char *stack = map_stack();
    assert_int_equal(hotfix_stack_register(stack, STACK_SIZE), 0);
    munmap(stack, STACK_SIZE);
    must_apply_quiescent(path);
    must_revert(id);
    assert_int_equal(hotfix_stack_unregister(stack), 0);
}

static void *unregister_soon(void *stack)
{
    usleep(20000);
    assert_int_equal(hotfix_stack_unregister(stack), 0);
    return NULL;
}

static void apply_under_way_goes_on_once_the_stack_is_unregistered(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];
    pthread_t thread;

    (void)state;
    make_bundle(100, order_only, path, id);
    char *stack = park_in_order();
    assert_int_equal(hotfix_stack_register(stack, STACK_SIZE), 0);
    assert_int_equal(pthread_create(&thread, NULL, unregister_soon, stack), 0);
    must_apply_quiescent(path);
    pthread_join(thread, NULL);
    assert_unregister_fails(stack);
    finish_order(stack);
    must_revert(id);
}

static atomic_bool enough;

/* Stacks come and go all the while, each one unmapped right after it was unregistered. */
static void *come_and_go(void *arg)
{
    (void)arg;
    while (!atomic_load(&enough)) {
        char *stack = map_stack();
        assert_int_equal(hotfix_stack_register(stack, STACK_SIZE), 0);
        stack[STACK_SIZE / 2] = 1;
        assert_int_equal(hotfix_stack_unregister(stack), 0);
        munmap(stack, STACK_SIZE);
    }
    return NULL;
}

static void stacks_come_and_go_during_applies(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];
    pthread_t threads[3];

    (void)state;
    make_bundle(100, order_only, path, id);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, NULL), 0);
    for (int round = 0; round < ROUNDS; round++) {
        must_apply_quiescent(path);
        assert_int_equal(order(10), 90);
        must_revert(id);
    }
    atomic_store(&enough, true);
    for (size_t i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_that_are_none_are_refused),
        cmocka_unit_test(stack_is_registered_once),
        cmocka_unit_test(many_stacks_are_told_apart),
        cmocka_unit_test(coroutine_parked_in_the_old_function_is_named),
        cmocka_unit_test(coroutine_above_a_guard_page_is_named),
        cmocka_unit_test(coroutine_that_is_not_registered_finishes_the_old_function),
        cmocka_unit_test(coroutine_parked_elsewhere_is_not_in_the_way),
        cmocka_unit_test(stack_that_was_unmapped_without_being_unregistered_is_skipped),
        cmocka_unit_test(apply_under_way_goes_on_once_the_stack_is_unregistered),
        cmocka_unit_test(stacks_come_and_go_during_applies),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
