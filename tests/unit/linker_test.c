/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/linker.h"

static atomic_int forker; /* its thread id, right before it forks */
static atomic_int child;
static atomic_bool in_handler;
static pthread_mutex_t program_lock = PTHREAD_MUTEX_INITIALIZER;
static bool locks;

static int no_library(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)info;
    (void)size;
    (void)data;
    return 7;
}

/* A child that can use the dynamic linker ends with 0, one that waits for it for ever by a signal. */
static pid_t fork_one(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        alarm(20);
        _exit(hf_linker_iterate(no_library, NULL) == 7 ? 0 : 1);
    }
    return pid;
}

static void *fork_once(void *arg)
{
    atomic_store(&forker, (int)gettid());
    atomic_store(&child, (int)fork_one());
    return arg;
}

static void ends_well(pid_t pid)
{
    int status = -1;

    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* proc(5): the state is the letter behind the name. */
static bool sleeps(int tid)
{
    char path[64], line[256] = "";

    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
    FILE *stat = fopen(path, "r");
    assert_non_null(stat);
    assert_non_null(fgets(line, sizeof(line), stat));
    fclose(stat);
    return strstr(line, ") S ");
}

/* Until another thread waits in its fork, or has forked although this one is at the list of libraries. */
static int let_fork(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)info;
    (void)size;
    assert_int_equal(pthread_create(data, NULL, fork_once, NULL), 0);
    while (atomic_load(&child) == 0 && (atomic_load(&forker) == 0 || !sleeps(atomic_load(&forker))))
        usleep(1000);
    return 1;
}

static void a_fork_waits_until_the_linker_is_done(void **state)
{
    pthread_t thread;

    (void)state;
    assert_int_equal(hf_linker_iterate(let_fork, &thread), 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    ends_well(atomic_load(&child));
}

static int fork_here(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)info;
    (void)size;
    *(pid_t *)data = fork();
    if (*(pid_t *)data == 0)
        _exit(0);
    return 1;
}

static void what_the_linker_calls_may_fork(void **state)
{
    pid_t pid = -1;

    (void)state;
    assert_int_equal(hf_linker_iterate(fork_here, &pid), 1);
    ends_well(pid);
}

static void take_program_lock(void)
{
    if (!locks)
        return;
    atomic_store(&in_handler, true);
    pthread_mutex_lock(&program_lock);
}

static void leave_program_lock(void)
{
    if (locks)
        pthread_mutex_unlock(&program_lock);
}

/* The fork has the gate and waits for the program's lock; this thread has the lock and comes to the gate. */
static void a_lock_of_the_program_in_between_is_no_deadlock(void **state)
{
    pthread_t thread;

    (void)state;
    locks = true;
    pthread_mutex_lock(&program_lock);
    assert_int_equal(pthread_create(&thread, NULL, fork_once, NULL), 0);
    while (!atomic_load(&in_handler))
        usleep(1000);
    assert_int_equal(hf_linker_iterate(no_library, NULL), 7);
    pthread_mutex_unlock(&program_lock);
    assert_int_equal(pthread_join(thread, NULL), 0);
    locks = false;
    ends_well(atomic_load(&child));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fork_waits_until_the_linker_is_done),
        cmocka_unit_test(what_the_linker_calls_may_fork),
        cmocka_unit_test(a_lock_of_the_program_in_between_is_no_deadlock),
    };
    /* Handlers run the other way round: this one after that of the linker. */
    pthread_atfork(take_program_lock, leave_program_lock, leave_program_lock);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
