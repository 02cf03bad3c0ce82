/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emulated.h"
#include "sanitized.h"
#include "stage/place.h"

#define REACH (UINT64_C(1) << 31)
#define GIB   (UINT64_C(1) << 30)
#define SIZE  (5 * UINT64_C(4096))

#define LAYOUT "HOTFIX_TEST_LAYOUT" /* environment variable: how the address space of this run is laid out */

static struct hotfix_error error;

static int is_layout(const char *layout)
{
    const char *own = getenv(LAYOUT);
    return own && strcmp(own, layout) == 0;
}

/* The kernel searches upwards from a third or a fourth of the address space. On arm64 an unlimited stack asks for it.
 */
static int is_searched_upwards(void)
{
#ifdef __aarch64__
    if (is_layout("unlimited"))
        return 1;
#endif
    return is_layout("legacy");
}

static size_t count_maps(void)
{
    size_t count = 0;

    if (SANITIZED)
        return 0; /* its allocator maps at any time */
    FILE *maps = fopen("/proc/self/maps", "r");
    assert_non_null(maps);
    for (int c; (c = fgetc(maps)) != EOF;)
        count += c == '\n';
    fclose(maps);
    return count;
}

/* Places, maps, and that what was mapped lies in reach of [begin, end). */
static void assert_lands_near(uintptr_t begin, uintptr_t end, size_t size)
{
    struct hf_window window = hf_window_around(begin, end, REACH);
    struct hf_place place;
    size_t before = count_maps();

    if (hf_place_open(&window, size, &place, &error) != 0)
        fail_msg("%s", error.message);
    void *got = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    hf_place_close(&place);
    assert_ptr_not_equal(got, MAP_FAILED);
    assert_true((uintptr_t)got >= window.begin);
    assert_true((uintptr_t)got + size <= window.end);
    assert_true((uintptr_t)got < begin ? end - (uintptr_t)got <= REACH : (uintptr_t)got + size - begin <= REACH);
    munmap(got, size);
    assert_int_equal(count_maps(), before);
}

static void window_does_not_wrap(void **state)
{
    struct hf_window low = hf_window_around(0x400000, 0x500000, REACH);
    struct hf_window high = hf_window_around(UINTPTR_MAX - 0x5000, UINTPTR_MAX - 0x1000, REACH);

    (void)state;
    assert_int_equal(low.begin, 0);
    assert_int_equal(low.end, 0x400000 + REACH);
    assert_int_equal(high.end, UINTPTR_MAX & -4096);
}

static void window_without_room_is_refused_and_nothing_stays_reserved(void **state)
{
    uintptr_t self = (uintptr_t)&error & -UINT64_C(4096);
    struct hf_window window = {.begin = self, .end = self + 4096, .target = self};
    struct hf_place place;
    size_t before = count_maps();

    (void)state;
    assert_int_equal(hf_place_open(&window, SIZE, &place, &error), 1);
    assert_int_equal(error.code, HOTFIX_STAGE);
    assert_non_null(strstr(error.message, "no gap of"));
    assert_int_equal(count_maps(), before);
}

static void mapping_lands_near_the_main_program(void **state)
{
    (void)state;
    assert_lands_near((uintptr_t)&error, (uintptr_t)&error + 0x100000, SIZE);
    assert_lands_near((uintptr_t)&error, (uintptr_t)&error + 0x100000, 64 << 20);
}

static void mapping_lands_near_a_library(void **state)
{
    (void)state;
    assert_lands_near((uintptr_t)&printf, (uintptr_t)&printf + 0x100000, SIZE);
    assert_lands_near((uintptr_t)&printf, (uintptr_t)&printf + 0x100000, 64 << 20);
}

static void mapping_lands_near_a_program_at_a_fixed_low_address(void **state)
{
    uintptr_t low = 0x400000;
    void *got = mmap((void *)low, 0x100000, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

    (void)state;
    if (emulator_lacks("it records each page of the space that is reserved"))
        skip();
    assert_ptr_equal(got, (void *)low);
    if (is_searched_upwards()) {
        struct hf_window window = hf_window_around(low, low + 0x100000, REACH);
        struct hf_place place;
        assert_int_equal(hf_place_open(&window, SIZE, &place, &error), 1);
        assert_int_equal(error.code, HOTFIX_STAGE);
    } else {
        assert_lands_near(low, low + 0x100000, SIZE);
        assert_lands_near(low, low + 0x100000, 64 << 20); /* does not fit below */
    }
    munmap(got, 0x100000);
}

/* As the stacks of some hundred threads do. */
static void mapping_lands_near_a_library_that_is_crowded_in(void **state)
{
    void *crowd[64];
    size_t count = 0;
    uintptr_t library = (uintptr_t)&printf;

    (void)state;
    while (count < 64) {
        crowd[count] = mmap(NULL, GIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        assert_ptr_not_equal(crowd[count], MAP_FAILED);
        uintptr_t at = (uintptr_t)crowd[count++];
        if ((at > library ? at - library : library - at) > REACH + 2 * GIB)
            break;
    }
    assert_lands_near(library, library + 0x100000, SIZE);
    while (count > 0)
        munmap(crowd[--count], GIB);
}

static void limit_on_address_space_does_not_end_in_a_wrong_place(void **state)
{
    int status;

    (void)state;
    if (emulator_lacks("the limit is the emulator's own"))
        skip();
    if (SANITIZED)
        return; /* it does not run under such a limit */
    if (fork() == 0) {
        struct rlimit limit = {GIB, GIB};
        struct hf_window window = hf_window_around(0x400000, 0x500000, REACH);
        struct hf_place place;
        setrlimit(RLIMIT_AS, &limit);
        int placed = hf_place_open(&window, SIZE, &place, &error);
        _exit(placed == 1 && error.code == HOTFIX_STAGE && strstr(error.message, "RLIMIT_AS") ? 0 : 1);
    }
    wait(&status);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* Runs this program again with another layout of the address space. */
static void rerun(const char *layout)
{
    struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
    int status;

    if (getenv(LAYOUT))
        return;
    if (fork() == 0) {
        /* Its report would run into ours. */
        setenv(LAYOUT, layout, 1);
        if (!freopen("/dev/null", "w", stdout))
            _exit(126);
        if (is_layout("legacy"))
            personality(ADDR_COMPAT_LAYOUT);
        else if (setrlimit(RLIMIT_STACK, &unlimited) != 0)
            _exit(0); /* a lower hard limit */
        execl("/proc/self/exe", "place_test", (char *)NULL);
        _exit(127);
    }
    wait(&status);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void legacy_layout_is_understood(void **state)
{
    (void)state;
    if (emulator_lacks("the layout is its own"))
        skip();
    rerun("legacy");
}

static void layout_for_an_unlimited_stack_is_understood(void **state)
{
    (void)state;
    if (emulator_lacks("the layout is its own"))
        skip();
    rerun("unlimited");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(window_does_not_wrap),
        cmocka_unit_test(window_without_room_is_refused_and_nothing_stays_reserved),
        cmocka_unit_test(mapping_lands_near_the_main_program),
        cmocka_unit_test(mapping_lands_near_a_library),
        cmocka_unit_test(mapping_lands_near_a_program_at_a_fixed_low_address),
        cmocka_unit_test(mapping_lands_near_a_library_that_is_crowded_in),
        cmocka_unit_test(limit_on_address_space_does_not_end_in_a_wrong_place),
        cmocka_unit_test(legacy_layout_is_understood),
        cmocka_unit_test(layout_for_an_unlimited_stack_is_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
