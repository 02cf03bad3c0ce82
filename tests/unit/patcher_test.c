/* SPDX-License-Identifier: Apache-2.0 */
/* The built-in patcher on pages of its own: bytes are looked at, none is run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "arch.h"
#include "switch/patcher.h"

#define PAGE  4096
#define PAGES 4
#define SIZE  64 /* of each old function */
#define MANY  (PAGES * PAGE / SIZE)

static uint8_t *code; /* PAGES pages, read-only to us, a function at the start of each */
static uint8_t original[PAGES * PAGE];
static struct hotfix_function functions[MANY]; /* the first PAGES of them, but where a test fills in all */
static struct hotfix_error error;

static struct hotfix_request request_for(size_t count)
{
    return (struct hotfix_request){
        .size = sizeof(struct hotfix_request), .functions = functions, .function_count = count};
}

static int setup(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(original); i++)
        original[i] = (uint8_t)(i * 7 + i / PAGE);
    code = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(code, MAP_FAILED);
    memcpy(code, original, sizeof(original));
    assert_int_equal(mprotect(code, PAGES * PAGE, PROT_READ | PROT_EXEC), 0);
    for (size_t i = 0; i < PAGES; i++)
        functions[i] = (struct hotfix_function){
            .name = "f",
            .source = "",
            .old_address = code + i * PAGE,
            .old_size = SIZE,
            .new_address = code + i * PAGE + 1024,
            .new_size = SIZE,
            .previous_address = code + i * PAGE,
            .entry_skip = i % 2 ? 4 : 0,
        };
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return munmap(code, PAGES * PAGE);
}

/* Of the i-th function's detour. */
static size_t detour_size(size_t i)
{
    const size_t skip = functions[i].entry_skip;

    return hf_arch_host.detour_size(original + i * PAGE + skip, SIZE - skip);
}

static void assert_detour(size_t i, const void *to)
{
    uint8_t bytes[HF_DETOUR_MAX];
    const uint8_t *entry = code + i * PAGE + functions[i].entry_skip;

    assert_int_equal(hf_arch_host.detour((uintptr_t)entry, (uintptr_t)to, detour_size(i), bytes), HF_ARCH_OK);
    assert_memory_equal(entry, bytes, detour_size(i));
}

enum action { APPLY, REVERT, NEITHER };

static int run(size_t count, enum action action)
{
    struct hotfix_request request = request_for(count);
    const struct hotfix_patcher *patcher = &hf_patcher_builtin;
    void *state = NULL;
    int status = 0;

    error.code = HOTFIX_OK;
    if (patcher->prepare(&request, patcher->arg, &state, &error) != 0)
        return -1;
    if (action == APPLY)
        status = patcher->apply(&request, patcher->arg, state, &error);
    else if (action == REVERT)
        status = patcher->revert(&request, patcher->arg, state, &error);
    patcher->finish(&request, patcher->arg, state);
    return status;
}

/* By a jump, or by a veneer: no code begins at an odd address where there are veneers. */
static void replacement_out_of_reach_is_refused(void **state)
{
    (void)state;
    functions[1].new_address = code + 2 * hf_arch_host.reach + (UINT64_C(1) << 24) + 1;
    assert_int_equal(run(2, APPLY), -1);
    assert_int_equal(error.code, HOTFIX_STAGE);
    assert_memory_equal(code, original, sizeof(original));
}

static void function_too_short_for_a_detour_is_refused(void **state)
{
    (void)state;
    functions[1].old_size = functions[1].entry_skip + detour_size(1) - 1;
    assert_int_equal(run(2, APPLY), -1);
    assert_int_equal(error.code, HOTFIX_FORMAT);
    functions[1].old_size = 2;
    assert_int_equal(run(2, APPLY), -1);
    assert_memory_equal(code, original, sizeof(original));
}

/* A page goes behind functions that are switched by then, and before others. */
static void assert_failure_undoes_all(size_t count)
{
    struct hotfix_request request = request_for(count);
    const struct hotfix_patcher *patcher = &hf_patcher_builtin;
    void *own = NULL;

    assert_int_equal(patcher->prepare(&request, NULL, &own, &error), 0);
    assert_int_equal(munmap(code + 2 * PAGE, PAGE), 0);
    assert_int_equal(patcher->apply(&request, NULL, own, &error), -1);
    assert_int_equal(error.code, HOTFIX_SWITCH);
    assert_memory_equal(code, original, 2 * PAGE);
    assert_memory_equal(code + 3 * PAGE, original + 3 * PAGE, PAGE);

    void *again = mmap(code + 2 * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    assert_ptr_equal(again, code + 2 * PAGE);
    memcpy(again, original + 2 * PAGE, PAGE);
    patcher->finish(&request, NULL, own);
}

static void failure_at_a_later_function_undoes_the_earlier_ones(void **state)
{
    (void)state;
    assert_failure_undoes_all(PAGES);
}

static void preparing_alone_changes_nothing(void **state)
{
    uint8_t copy[SIZE];

    (void)state;
    assert_int_equal(run(PAGES, NEITHER), 0);
    assert_memory_equal(code, original, sizeof(original));
    memcpy(copy, code, SIZE);
    hf_patcher_original(code, copy, SIZE);
    assert_memory_equal(copy, original, SIZE);
}

static void detours_are_written_behind_the_landing_pad_and_nowhere_else(void **state)
{
    (void)state;
    assert_int_equal(run(PAGES, APPLY), 0);
    for (size_t i = 0; i < PAGES; i++) {
        size_t skip = functions[i].entry_skip, end = skip + detour_size(i);
        assert_detour(i, functions[i].new_address);
        assert_memory_equal(code + i * PAGE, original + i * PAGE, skip);
        assert_memory_equal(code + i * PAGE + end, original + i * PAGE + end, PAGE - end);
    }
    assert_int_equal(run(PAGES, REVERT), 0);
    assert_memory_equal(code, original, sizeof(original));
}

static void original_bytes_are_known_while_a_detour_lives(void **state)
{
    uint8_t copy[PAGE];

    (void)state;
    assert_int_equal(run(PAGES, APPLY), 0);
    for (size_t i = 0; i < PAGES; i++) {
        memcpy(copy, code + i * PAGE, PAGE);
        hf_patcher_original(code + i * PAGE, copy, PAGE);
        assert_memory_equal(copy, original + i * PAGE, PAGE);
    }
    memcpy(copy, code + 2, 2); /* a part of a detour */
    hf_patcher_original(code + 2, copy, 2);
    assert_memory_equal(copy, original + 2, 2);
    assert_int_equal(run(PAGES, REVERT), 0);
}

static void revert_goes_to_the_previous_address(void **state)
{
    (void)state;
    assert_int_equal(run(1, APPLY), 0);
    functions[0].previous_address = functions[0].new_address;
    functions[0].new_address = code + 2048;
    assert_int_equal(run(1, APPLY), 0);
    assert_detour(0, code + 2048);
    assert_int_equal(run(1, REVERT), 0);
    assert_detour(0, code + 1024);
    /* And from the second one to the original, when the first went meanwhile. */
    assert_int_equal(run(1, APPLY), 0);
    functions[0].previous_address = functions[0].old_address;
    assert_int_equal(run(1, REVERT), 0);
    assert_memory_equal(code, original, sizeof(original));
}

/* All of the code is functions, in an order that is not theirs in memory: the lowest is not the first. Calls go on to
 * one of the first page. */
static void fill_with_functions(void)
{
    for (size_t i = 0; i < MANY; i++) {
        uint8_t *at = code + (i + 5) * 7 % MANY * SIZE;
        functions[i] = (struct hotfix_function){.name = "f",
                                                .source = "",
                                                .old_address = at,
                                                .old_size = SIZE,
                                                .new_address = code + 1024,
                                                .new_size = SIZE,
                                                .previous_address = at,
                                                .entry_skip = i % 2 ? 4 : 0};
    }
}

/* Of the code as it is, every function diverted; `changed` is what its bytes were before. */
static void assert_all_diverted(const uint8_t *changed)
{
    static uint8_t expected[PAGES * PAGE];

    memcpy(expected, changed, sizeof(expected));
    for (size_t i = 0; i < MANY; i++) {
        uint8_t *entry = (uint8_t *)functions[i].old_address + functions[i].entry_skip;
        size_t size = hf_arch_host.detour_size(original + (entry - code), SIZE - functions[i].entry_skip);
        assert_int_equal(
            hf_arch_host.detour((uintptr_t)entry, (uintptr_t)functions[i].new_address, size, expected + (entry - code)),
            HF_ARCH_OK);
    }
    assert_memory_equal(code, expected, sizeof(expected));
}

static void what_changes_between_many_functions_stays_changed(void **state)
{
    static uint8_t changed[PAGES * PAGE];
    struct hotfix_request request = request_for(MANY);
    const struct hotfix_patcher *patcher = &hf_patcher_builtin;
    void *own = NULL;

    (void)state;
    fill_with_functions();
    assert_int_equal(patcher->prepare(&request, NULL, &own, &error), 0);
    memcpy(changed, original, sizeof(changed));
    assert_int_equal(mprotect(code, PAGES * PAGE, PROT_READ | PROT_WRITE), 0);
    for (size_t i = SIZE - 1; i < PAGES * PAGE; i += SIZE)
        changed[i] = code[i] ^= 0xff;
    assert_int_equal(mprotect(code, PAGES * PAGE, PROT_READ | PROT_EXEC), 0);
    assert_int_equal(patcher->apply(&request, NULL, own, &error), 0);
    assert_all_diverted(changed);
    assert_int_equal(patcher->revert(&request, NULL, own, &error), 0);
    assert_memory_equal(code, changed, sizeof(changed));
    patcher->finish(&request, NULL, own);
}

static void many_functions_are_written_without_proc_too(void **state)
{
    struct rlimit limit, none;

    (void)state;
    fill_with_functions();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    int applied = run(MANY, APPLY);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(applied, 0);
    assert_all_diverted(original);
    assert_int_equal(run(MANY, REVERT), 0);
    assert_memory_equal(code, original, sizeof(original));
}

/* The one write of them all stops half-way. */
static void failure_in_the_midst_of_many_undoes_all(void **state)
{
    (void)state;
    fill_with_functions();
    assert_failure_undoes_all(MANY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(replacement_out_of_reach_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(function_too_short_for_a_detour_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(failure_at_a_later_function_undoes_the_earlier_ones, setup, teardown),
        cmocka_unit_test_setup_teardown(preparing_alone_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(detours_are_written_behind_the_landing_pad_and_nowhere_else, setup, teardown),
        cmocka_unit_test_setup_teardown(original_bytes_are_known_while_a_detour_lives, setup, teardown),
        cmocka_unit_test_setup_teardown(revert_goes_to_the_previous_address, setup, teardown),
        cmocka_unit_test_setup_teardown(what_changes_between_many_functions_stays_changed, setup, teardown),
        cmocka_unit_test_setup_teardown(many_functions_are_written_without_proc_too, setup, teardown),
        cmocka_unit_test_setup_teardown(failure_in_the_midst_of_many_undoes_all, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
