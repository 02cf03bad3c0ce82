/* SPDX-License-Identifier: Apache-2.0 */
/* Shadow data: what is refused, what is found again and by whom, threads, forks, and a lack of memory. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "hotfix.h"
#include "sanitized.h"

enum { ID = 7, OTHER = 8, THREADS = 4, ROUNDS = 20000, MANY = 100000, FORKS = 50 };

static char objects[MANY];

#if !SANITIZED
/* Only the next calls of calloc() succeed, when it is not negative. */
static _Thread_local long calls_left = -1;

extern void *__libc_calloc(size_t count, size_t size);

void *calloc(size_t count, size_t size)
{
    if (calls_left == 0) {
        errno = ENOMEM;
        return NULL;
    }
    calls_left -= calls_left > 0;
    return __libc_calloc(count, size);
}
#endif

static int set(void *data, const void *object, void *arg)
{
    (void)object;
    *(int *)data = *(const int *)arg;
    return 0;
}

static int refuse(void *data, const void *object, void *arg)
{
    (void)data;
    (void)object;
    (void)arg;
    return 1;
}

static void count(void *data, const void *object, void *arg)
{
    (void)data;
    assert_non_null(object);
    ++*(int *)arg;
}

static void assert_status(pid_t child)
{
    int status;

    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* The first test: what every later one uses is not there yet. */
static void first_block_without_address_space_is_refused(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_AS, &none);
        bool refused = !hotfix_shadow_attach(ID, objects, 4, NULL, NULL) && errno == ENOMEM;
        _exit(refused && !hotfix_shadow_get(ID, objects) ? 0 : 1);
    }
    assert_status(child);
}

static void nothing_is_found_or_detached_where_nothing_was_attached(void **state)
{
    (void)state;
    assert_null(hotfix_shadow_get(ID, objects));
    assert_null(hotfix_shadow_get(ID, NULL));
    errno = 0;
    assert_int_equal(hotfix_shadow_detach(ID, objects, NULL, NULL), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(hotfix_shadow_detach_all(ID, NULL, NULL), 0);
}

static void no_object_and_no_size_are_refused(void **state)
{
    (void)state;
    errno = 0;
    assert_null(hotfix_shadow_attach(ID, NULL, 4, NULL, NULL));
    assert_int_equal(errno, EINVAL);
    errno = 0;
    assert_null(hotfix_shadow_get_or_attach(ID, objects, 0, NULL, NULL));
    assert_int_equal(errno, EINVAL);
    assert_null(hotfix_shadow_get(ID, objects));
}

static void sizes_that_cannot_be_are_refused(void **state)
{
    (void)state;
    errno = 0;
    assert_null(hotfix_shadow_attach(ID, objects, SIZE_MAX, NULL, NULL));
    assert_int_equal(errno, ENOMEM);
    if (SANITIZED)
        return;
    errno = 0;
    assert_null(hotfix_shadow_attach(ID, objects, SIZE_MAX / 2, NULL, NULL));
    assert_int_equal(errno, ENOMEM);
}

static void initialiser_can_refuse(void **state)
{
    (void)state;
    errno = 0;
    assert_null(hotfix_shadow_get_or_attach(ID, objects, 4, refuse, NULL));
    assert_int_equal(errno, ECANCELED);
    assert_null(hotfix_shadow_get(ID, objects));
}

static void second_block_of_an_id_is_refused(void **state)
{
    (void)state;
    int *data = hotfix_shadow_attach(ID, objects, sizeof(int), NULL, NULL);
    assert_non_null(data);
    errno = 0;
    assert_null(hotfix_shadow_attach(ID, objects, sizeof(int), NULL, NULL));
    assert_int_equal(errno, EEXIST);
    errno = 0;
    assert_null(hotfix_shadow_get_or_attach(ID, objects, 2 * sizeof(int), NULL, NULL));
    assert_int_equal(errno, EINVAL);
    assert_ptr_equal(hotfix_shadow_get(ID, objects), data);
    assert_int_equal(hotfix_shadow_detach(ID, objects, NULL, NULL), 0);
}

static void block_is_zeroed_aligned_and_initialised_once(void **state)
{
    int value = 5, later = 6;

    (void)state;
    max_align_t *zeroed = hotfix_shadow_attach(ID, objects, sizeof(*zeroed), NULL, NULL);
    assert_non_null(zeroed);
    assert_int_equal((uintptr_t)zeroed % _Alignof(max_align_t), 0);
    assert_memory_equal(zeroed, &(max_align_t){0}, sizeof(*zeroed));
    int *data = hotfix_shadow_get_or_attach(ID, objects + 1, sizeof(int), set, &value);
    assert_non_null(data);
    assert_ptr_equal(hotfix_shadow_get_or_attach(ID, objects + 1, sizeof(int), set, &later), data);
    assert_int_equal(*data, 5);
    assert_int_equal(hotfix_shadow_detach_all(ID, NULL, NULL), 2);
}

static void ids_and_objects_are_told_apart(void **state)
{
    int released = 0;

    (void)state;
    int *a = hotfix_shadow_attach(ID, objects, sizeof(int), NULL, NULL);
    int *b = hotfix_shadow_attach(OTHER, objects, sizeof(int), NULL, NULL);
    int *c = hotfix_shadow_attach(ID, objects + 1, sizeof(int), NULL, NULL);
    int *d = hotfix_shadow_attach(UINT64_MAX, (void *)UINTPTR_MAX, sizeof(int), NULL, NULL);
    assert_true(a && b && c && d && a != b && a != c && b != c);
    assert_int_equal(hotfix_shadow_detach_all(ID, count, &released), 2);
    assert_int_equal(released, 2);
    assert_null(hotfix_shadow_get(ID, objects));
    assert_ptr_equal(hotfix_shadow_get(OTHER, objects), b);
    assert_int_equal(hotfix_shadow_detach(OTHER, objects, count, &released), 0);
    assert_int_equal(released, 3);
    assert_int_equal(hotfix_shadow_detach(UINT64_MAX, (void *)UINTPTR_MAX, NULL, NULL), 0);
}

/* Tables fill up, grow, and are searched past what was taken out. */
static void many_objects_each_have_their_own(void **state)
{
    int released = 0;

    (void)state;
    for (int i = 0; i < MANY; i++)
        assert_non_null(hotfix_shadow_attach(ID, objects + i, sizeof(int), set, &i));
    for (int i = 0; i < MANY; i += 2)
        assert_int_equal(hotfix_shadow_detach(ID, objects + i, NULL, NULL), 0);
    for (int i = 0; i < MANY; i++) {
        int *data = hotfix_shadow_get(ID, objects + i);
        assert_true(i % 2 == 0 ? !data : data && *data == i);
    }
    assert_int_equal(hotfix_shadow_detach_all(ID, count, &released), MANY / 2);
    assert_int_equal(released, MANY / 2);
}

/* Places in a table that are given back again and again do not use it up. */
static void attaching_and_detaching_goes_on_for_ever(void **state)
{
    (void)state;
    for (int i = 0; i < MANY; i++) {
        assert_non_null(hotfix_shadow_attach(ID, objects + i, 1, NULL, NULL));
        assert_int_equal(hotfix_shadow_detach(ID, objects + i, NULL, NULL), 0);
    }
}

static int attach_another(void *data, const void *object, void *arg)
{
    (void)data;
    return hotfix_shadow_attach(OTHER, object, sizeof(int), set, arg) ? 0 : -1;
}

static void detach_another(void *data, const void *object, void *arg)
{
    (void)data;
    (void)arg;
    assert_int_equal(hotfix_shadow_detach(OTHER, object, NULL, NULL), 0);
}

static void callbacks_may_use_shadow_data(void **state)
{
    int value = 3;

    (void)state;
    assert_non_null(hotfix_shadow_attach(ID, objects, 1, attach_another, &value));
    assert_int_equal(*(int *)hotfix_shadow_get(OTHER, objects), 3);
    assert_int_equal(hotfix_shadow_detach_all(ID, detach_another, NULL), 1);
    assert_null(hotfix_shadow_get(OTHER, objects));
}

static void lack_of_memory_changes_nothing(void **state)
{
    (void)state;
#if SANITIZED
    skip();
#else
    bool grew = false;
    for (int i = 0; i < 2000; i++) {
        /* A block, and no table to put it in; then nothing at all. */
        calls_left = 1;
        errno = 0;
        bool attached = hotfix_shadow_attach(ID, objects + i, 1, NULL, NULL);
        int why = errno;
        calls_left = 0;
        bool again = hotfix_shadow_attach(ID, objects + i, 1, NULL, NULL);
        int why_again = errno;
        calls_left = -1;
        assert_false(again);
        assert_int_equal(why_again, attached ? EEXIST : ENOMEM);
        if (attached)
            continue;
        grew = true;
        assert_int_equal(why, ENOMEM);
        assert_null(hotfix_shadow_get(ID, objects + i));
        assert_non_null(hotfix_shadow_attach(ID, objects + i, 1, NULL, NULL));
    }
    assert_true(grew);
    assert_int_equal(hotfix_shadow_detach_all(ID, NULL, NULL), 2000);
#endif
}

static pthread_barrier_t together;
static _Atomic(int *) seen[ROUNDS];
static atomic_int wrong;

static void *attach_the_same(void *arg)
{
    (void)arg;
    pthread_barrier_wait(&together);
    for (int i = 0; i < ROUNDS; i++) {
        int *data = hotfix_shadow_get_or_attach(ID, objects + i, sizeof(int), set, &i);
        int *none = NULL;
        if (!data || *data != i || (!atomic_compare_exchange_strong(&seen[i], &none, data) && none != data))
            atomic_fetch_add(&wrong, 1);
    }
    return NULL;
}

/* Its own objects come and go, while it sees that nobody takes one of the others away. */
static void *come_and_go(void *arg)
{
    char *mine = objects + ROUNDS + (size_t)(uintptr_t)arg * 16;

    pthread_barrier_wait(&together);
    for (int i = 0; i < ROUNDS; i++) {
        char *object = mine + i % 16;
        int *data = hotfix_shadow_attach(OTHER, object, sizeof(int), set, &i);
        bool right = data && hotfix_shadow_get(OTHER, object) == data && *data == i;
        right = right && hotfix_shadow_detach(OTHER, object, NULL, NULL) == 0 && !hotfix_shadow_get(OTHER, object);
        int *kept = hotfix_shadow_get(ID, objects + i);
        if (!right || !kept || *kept != i)
            atomic_fetch_add(&wrong, 1);
    }
    return NULL;
}

static void run_threads(void *(*body)(void *))
{
    pthread_t threads[THREADS];

    atomic_store(&wrong, 0);
    assert_int_equal(pthread_barrier_init(&together, NULL, THREADS), 0);
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, body, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&together);
    assert_int_equal(atomic_load(&wrong), 0);
}

static void threads_agree_on_one_block_and_detach_while_others_read(void **state)
{
    int released = 0;

    (void)state;
    run_threads(attach_the_same);
    run_threads(come_and_go);
    assert_int_equal(hotfix_shadow_detach_all(OTHER, NULL, NULL), 0);
    assert_int_equal(hotfix_shadow_detach_all(ID, count, &released), ROUNDS);
    assert_int_equal(released, ROUNDS);
}

static atomic_bool stop;

static void *keep_attaching(void *arg)
{
    char *mine = objects + (size_t)(uintptr_t)arg * (MANY / 2);

    while (!atomic_load(&stop)) {
        for (int i = 0; i < 1000 && !atomic_load(&stop); i++)
            if (!hotfix_shadow_attach(OTHER, mine + i, 1, NULL, NULL))
                atomic_fetch_add(&wrong, 1);
        hotfix_shadow_detach_all(OTHER + 1, NULL, NULL);
        for (int i = 0; i < 1000; i++)
            hotfix_shadow_detach(OTHER, mine + i, NULL, NULL);
    }
    return NULL;
}

/* Whatever the parent's threads were at, a child finds what the parent attached before, and can go on. */
static int use_copies(void)
{
    for (int i = 0; i < 100; i++) {
        int *data = hotfix_shadow_get(ID, objects + i);
        if (!data || *data != i)
            return 1;
        if (!hotfix_shadow_get_or_attach(OTHER, objects + i, 1, NULL, NULL))
            return 2;
    }
    hotfix_shadow_detach_all(OTHER, NULL, NULL);
    for (int i = 0; i < 1000; i++)
        if (hotfix_shadow_get(OTHER, objects + i))
            return 3;
    return hotfix_shadow_detach_all(ID, NULL, NULL) == 100 ? 0 : 4;
}

static void child_has_copies_whatever_other_threads_were_at(void **state)
{
    pthread_t threads[2];

    (void)state;
    if (SANITIZED)
        skip(); /* the sanitizer's allocator does not survive such a fork */
    atomic_store(&stop, false);
    atomic_store(&wrong, 0);
    for (int i = 0; i < 100; i++)
        assert_non_null(hotfix_shadow_attach(ID, objects + i, sizeof(int), set, &i));
    for (uintptr_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, keep_attaching, (void *)i), 0);
    for (int i = 0; i < FORKS; i++) {
        pid_t child = fork();
        if (child == 0)
            _exit(use_copies());
        assert_status(child);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&wrong), 0);
    assert_int_equal(hotfix_shadow_detach_all(ID, NULL, NULL), 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_block_without_address_space_is_refused),
        cmocka_unit_test(nothing_is_found_or_detached_where_nothing_was_attached),
        cmocka_unit_test(no_object_and_no_size_are_refused),
        cmocka_unit_test(sizes_that_cannot_be_are_refused),
        cmocka_unit_test(initialiser_can_refuse),
        cmocka_unit_test(second_block_of_an_id_is_refused),
        cmocka_unit_test(block_is_zeroed_aligned_and_initialised_once),
        cmocka_unit_test(ids_and_objects_are_told_apart),
        cmocka_unit_test(many_objects_each_have_their_own),
        cmocka_unit_test(attaching_and_detaching_goes_on_for_ever),
        cmocka_unit_test(callbacks_may_use_shadow_data),
        cmocka_unit_test(lack_of_memory_changes_nothing),
        cmocka_unit_test(threads_agree_on_one_block_and_detach_while_others_read),
        cmocka_unit_test(child_has_copies_whatever_other_threads_were_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
