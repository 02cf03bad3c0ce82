/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emulated.h"
#include "process/lock.h"

#define THREADS 4
#define ROUNDS  5000

static struct hotfix_error error;
static unsigned long counter; /* guarded by the lock */
static atomic_int inside;

static void taking_it_twice_is_refused(void **state)
{
    (void)state;
    assert_int_equal(hf_lock_take(&error), 0);
    assert_int_equal(hf_lock_take(&error), -1);
    assert_int_equal(error.code, HOTFIX_USAGE);
    hf_lock_release();
    assert_int_equal(hf_lock_take(&error), 0);
    hf_lock_release();
}

static void *count(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        if (hf_lock_take(NULL) != 0 || atomic_fetch_add(&inside, 1) != 0)
            return arg;
        counter++;
        atomic_fetch_sub(&inside, 1);
        hf_lock_release();
    }
    return NULL;
}

static void one_thread_holds_it_at_a_time(void **state)
{
    pthread_t threads[THREADS];
    char failed;

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count, &failed), 0);
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        assert_null(result);
    }
    assert_int_equal(counter, THREADS * ROUNDS);
}

static atomic_int stage;

static void *hold(void *arg)
{
    (void)arg;
    hf_lock_take(NULL);
    atomic_store(&stage, 1);
    while (atomic_load(&stage) == 1)
        usleep(100);
    hf_lock_release();
    return NULL;
}

static void child_takes_over_what_another_thread_held(void **state)
{
    pthread_t holder, threads[THREADS];
    int status;

    (void)state;
    if (emulator_lacks("a child of fork cannot start threads"))
        skip();
    assert_int_equal(pthread_create(&holder, NULL, hold, NULL), 0);
    while (atomic_load(&stage) == 0)
        usleep(100);
    pid_t child = fork();
    if (child == 0) {
        char failed;
        void *result = NULL;
        counter = 0;
        for (int i = 0; i < THREADS; i++)
            pthread_create(&threads[i], NULL, count, &failed);
        for (int i = 0; i < THREADS && !result; i++)
            pthread_join(threads[i], &result);
        _exit(!result && counter == THREADS * ROUNDS ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    atomic_store(&stage, 2);
    pthread_join(holder, NULL);
}

static void child_of_the_holder_does_not_enter(void **state)
{
    int status;

    (void)state;
    assert_int_equal(hf_lock_take(&error), 0);
    pid_t child = fork();
    if (child == 0) {
        int refused = hf_lock_take(NULL) != 0; /* it is inside its copy of the call */
        hf_lock_release();
        _exit(refused && hf_lock_take(NULL) == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    hf_lock_release();
}

static atomic_int released;

static void *cancelled_while_holding(void *arg)
{
    (void)arg;
    hf_lock_take(NULL);
    atomic_store(&stage, 3);
    for (int i = 0; i < 100; i++)
        usleep(100); /* a cancellation point */
    atomic_store(&released, 1);
    hf_lock_release();
    pthread_testcancel();
    return NULL;
}

static void holder_is_cancelled_only_after_release(void **state)
{
    pthread_t thread;
    void *result;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, cancelled_while_holding, NULL), 0);
    while (atomic_load(&stage) != 3)
        usleep(100);
    assert_int_equal(pthread_cancel(thread), 0);
    pthread_join(thread, &result);
    assert_ptr_equal(result, PTHREAD_CANCELED);
    assert_int_equal(atomic_load(&released), 1);
    assert_int_equal(hf_lock_take(&error), 0);
    hf_lock_release();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taking_it_twice_is_refused),
        cmocka_unit_test(one_thread_holds_it_at_a_time),
        cmocka_unit_test(child_takes_over_what_another_thread_held),
        cmocka_unit_test(child_of_the_holder_does_not_enter),
        cmocka_unit_test(holder_is_cancelled_only_after_release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
