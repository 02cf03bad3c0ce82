/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bundle in memory that somebody else writes to: after it was read once, other bytes are there. Every page of it is
 * closed but the two that were touched last, so that a second pass is noticed when it begins.
 */
#include <signal.h>
#include <sys/mman.h>

#include "apply_fixture.h"

#define PAGES_MAX 4096

static uint8_t *memory, *evil;
static size_t memory_size, archive_size, page_size, page_count, read_pages;
static bool was_read[PAGES_MAX], swapped;
static size_t open_pages[2];

static void touch(int signal_number, siginfo_t *info, void *context)
{
    size_t page = ((uintptr_t)info->si_addr - (uintptr_t)memory) / page_size;

    (void)context;
    if ((uint8_t *)info->si_addr < memory || page >= page_count) {
        signal(signal_number, SIG_DFL);
        return;
    }
    if (page == 0 && read_pages == page_count) {
        mprotect(memory, page_count * page_size, PROT_READ | PROT_WRITE);
        memcpy(memory, evil, archive_size);
        swapped = true;
        return;
    }
    read_pages += !was_read[page];
    was_read[page] = true;
    mprotect(memory + open_pages[0] * page_size, page_size, PROT_NONE);
    open_pages[0] = open_pages[1];
    open_pages[1] = page;
    mprotect(memory + open_pages[0] * page_size, page_size, PROT_READ);
    mprotect(memory + page * page_size, page_size, PROT_READ);
}

/* The archive part of a bundle that a stranger packed. */
static void make_evil(size_t size)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];
    struct hf_signed parts;
    size_t evil_size;

    make_bundle(7, both, path, id);
    assert_int_equal(hf_file_read(path, HF_BUNDLE_MAX_SIZE, &evil, &evil_size, &fixture_error), 0);
    assert_int_equal(hf_signed_parse(evil, evil_size, &parts, &fixture_error), 0);
    assert_int_equal(evil_size, size);
    archive_size = parts.archive_size;
}

static void what_was_verified_is_what_is_applied(void **state)
{
    struct sigaction action = {.sa_sigaction = touch, .sa_flags = SA_SIGINFO}, before;
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];
    uint8_t *bytes;

    (void)state;
    make_bundle(5, both, path, id);
    assert_int_equal(hf_file_read(path, HF_BUNDLE_MAX_SIZE, &bytes, &memory_size, &fixture_error), 0);
    make_evil(memory_size);
    page_size = (size_t)sysconf(_SC_PAGESIZE);
    page_count = (memory_size + page_size - 1) / page_size;
    assert_true(page_count > 3 && page_count < PAGES_MAX);
    memory = mmap(NULL, page_count * page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    memcpy(memory, bytes, memory_size);
    mprotect(memory, page_count * page_size, PROT_NONE);
    open_pages[0] = open_pages[1] = page_count - 1;

    sigaction(SIGSEGV, &action, &before);
    int status = hotfix_apply_memory_opt(handle, memory, memory_size, &patient, &result);
    sigaction(SIGSEGV, &before, NULL);
    assert_int_equal(read_pages, page_count);
    assert_int_equal(price(10), status == 0 ? 50 : 20);
    if (status != 0)
        assert_int_equal(result.error.code, HOTFIX_SIGNATURE);
    else
        must_revert(id);
    assert_false(swapped && status == 0);
    hotfix_result_deinit(&result);
    munmap(memory, page_count * page_size);
    free(bytes);
    free(evil);
}

static void more_bytes_than_a_bundle_has_are_not_copied(void **state)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    size_t size = (size_t)HF_BUNDLE_MAX_SIZE + 1;
    void *nothing = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    (void)state;
    assert_int_equal(hotfix_apply_memory_opt(handle, nothing, size, &patient, &result), -1);
    assert_int_equal(result.error.code, HOTFIX_FORMAT);
    hotfix_result_deinit(&result);
    munmap(nothing, size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_verified_is_what_is_applied),
        cmocka_unit_test(more_bytes_than_a_bundle_has_are_not_copied),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
