/* SPDX-License-Identifier: Apache-2.0 */
/* Code and read-only data are replaced as a whole or not at all, and pages keep their protection. */
#include "child.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "emulated.h"
#include "process/code.h"

enum { PAGES = 3 };

static size_t page_size;

/* Private pages, all bytes 'a', protected as given. */
static char *pages(int prot)
{
    char *memory = mmap(NULL, PAGES * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_true(memory != MAP_FAILED);
    memset(memory, 'a', PAGES * page_size);
    assert_int_equal(mprotect(memory, PAGES * page_size, prot), 0);
    return memory;
}

/* The permissions of the mapping that holds the address, as /proc/self/maps writes them. */
static void permissions(const void *address, char text[5])
{
    FILE *in = fopen("/proc/self/maps", "re");
    char line[512];
    uintptr_t begin;
    uintptr_t end;

    assert_non_null(in);
    text[0] = '\0';
    while (fgets(line, sizeof(line), in)) {
        assert_int_equal(sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &begin, &end), 2);
        if ((uintptr_t)address >= begin && (uintptr_t)address < end)
            sscanf(line, "%*s %4s", text);
    }
    fclose(in);
}

static void assert_permissions(const void *address, const char *expected)
{
    char text[5];

    permissions(address, text);
    assert_string_equal(text, expected);
}

/* The two ways, by the descriptor that the writer ends up with. */
static struct hf_code_writer writer_for(int way)
{
    struct hf_code_writer writer;

    hf_code_writer_init(&writer);
    assert_true(writer.mem_fd >= 0);
    if (way == 1) {
        hf_code_writer_deinit(&writer);
        assert_int_equal(writer.mem_fd, -1);
    }
    return writer;
}

static void unmapped_bytes_are_refused(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        struct hf_code_writer writer = writer_for(way);
        struct hotfix_error error = {HOTFIX_OK, 0, ""};
        char *memory = pages(PROT_READ | PROT_EXEC);
        char expected[64];
        assert_int_equal(munmap(memory + page_size, page_size), 0);
        char *address = memory + page_size - 2;
        assert_int_equal(hf_code_write(&writer, address, "bbbb", 4, PROT_READ | PROT_EXEC, &error), -1);
        assert_int_equal(error.code, HOTFIX_SWITCH);
        assert_int_not_equal(error.sys_errno, 0);
        snprintf(expected, sizeof(expected), "cannot write the code at %p: ", (void *)address);
        assert_memory_equal(error.message, expected, strlen(expected));
        assert_memory_equal(address, "aa", 2);
        assert_permissions(memory, "r-xp");
        assert_int_equal(hf_code_write(&writer, address, "bbbb", 4, PROT_READ | PROT_EXEC, NULL), -1);
        munmap(memory, PAGES * page_size);
        hf_code_writer_deinit(&writer);
    }
}

/* The pages of a file opened for reading alone, shared: nothing may write them. */
static void shared_file_is_refused(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        struct hf_code_writer writer = writer_for(way);
        struct hotfix_error error = {HOTFIX_OK, 0, ""};
        FILE *file = fopen("/proc/self/exe", "re");
        assert_non_null(file);
        char *memory = mmap(NULL, page_size, PROT_READ, MAP_SHARED, fileno(file), 0);
        assert_true(memory != MAP_FAILED);
        fclose(file);
        assert_int_equal(hf_code_write(&writer, memory, "b", 1, PROT_READ, &error), -1);
        assert_int_equal(error.code, HOTFIX_SWITCH);
        assert_memory_equal(memory, "\177ELF", 4);
        munmap(memory, page_size);
        hf_code_writer_deinit(&writer);
    }
}

static void bytes_are_replaced_and_protection_stays(void **state)
{
    static const struct {
        int prot;
        const char *text;
    } cases[] = {{PROT_READ | PROT_EXEC, "r-xp"}, {PROT_READ, "r--p"}, {PROT_READ | PROT_WRITE, "rw-p"}};

    (void)state;
    for (int way = 0; way < 2; way++) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            struct hf_code_writer writer = writer_for(way);
            struct hotfix_error error = {HOTFIX_OK, 0, ""};
            char *memory = pages(cases[i].prot);
            assert_int_equal(hf_code_write(&writer, memory + 10, "bcd", 3, cases[i].prot, &error), 0);
            assert_int_equal(error.code, HOTFIX_OK);
            assert_memory_equal(memory + 9, "abcda", 5);
            assert_permissions(memory + 10, cases[i].text);
            munmap(memory, PAGES * page_size);
            hf_code_writer_deinit(&writer);
        }
    }
}

static void bytes_may_straddle_pages(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        struct hf_code_writer writer = writer_for(way);
        char *memory = pages(PROT_READ | PROT_EXEC);
        char *large = malloc(page_size + 2);
        assert_non_null(large);
        memset(large, 'x', page_size + 2);
        assert_int_equal(hf_code_write(&writer, memory + page_size - 3, "bcdef", 5, PROT_READ | PROT_EXEC, NULL), 0);
        assert_memory_equal(memory + page_size - 4, "abcdefa", 7);
        assert_permissions(memory, "r-xp");
        assert_permissions(memory + page_size, "r-xp");
        assert_int_equal(
            hf_code_write(&writer, memory + page_size - 1, large, page_size + 2, PROT_READ | PROT_EXEC, NULL), 0);
        assert_memory_equal(memory + page_size - 1, large, page_size + 2);
        assert_int_equal(memory[2 * page_size + 1], 'a');
        free(large);
        munmap(memory, PAGES * page_size);
        hf_code_writer_deinit(&writer);
    }
}

static void nothing_is_written_for_no_bytes(void **state)
{
    struct hf_code_writer writer = writer_for(0);

    (void)state;
    assert_int_equal(hf_code_write(&writer, NULL, "", 0, PROT_READ, NULL), 0);
    hf_code_writer_deinit(&writer);
}

/* Where the kernel does not let /proc/self/mem write what the mapping forbids, mprotect takes over. */
static void descriptor_that_may_not_write_is_made_up_for(void **state)
{
    struct hf_code_writer writer = writer_for(1);

    (void)state;
    FILE *file = fopen("/proc/self/mem", "re");
    assert_non_null(file);
    writer.mem_fd = fileno(file);
    char *memory = pages(PROT_READ | PROT_EXEC);
    assert_int_equal(hf_code_write(&writer, memory, "b", 1, PROT_READ | PROT_EXEC, NULL), 0);
    assert_memory_equal(memory, "ba", 2);
    assert_permissions(memory, "r-xp");
    munmap(memory, PAGES * page_size);
    fclose(file);
}

static void probed_pages_are_read_and_written_at_once(void **state)
{
    if (emulator_lacks("/proc/self/mem does not write to code"))
        return;
    struct hf_code_writer writer = writer_for(0), none = writer_for(1);
    char *memory = pages(PROT_READ | PROT_EXEC);
    char *copy = malloc(2 * page_size);

    (void)state;
    assert_non_null(copy);
    assert_false(hf_code_probe(&none, memory, 1));
    assert_true(hf_code_probe(&writer, memory + 1, 2 * page_size));
    assert_true(hf_code_read(&writer, memory + 1, copy, 2 * page_size));
    assert_memory_equal(copy, memory + 1, 2 * page_size);
    memset(copy, 'b', 2 * page_size);
    assert_true(hf_code_write_probed(&writer, memory + 1, copy, 2 * page_size));
    assert_memory_equal(memory + 1, copy, 2 * page_size);
    assert_int_equal(memory[0], 'a');
    assert_int_equal(memory[2 * page_size + 1], 'a');
    assert_permissions(memory, "r-xp");

    assert_int_equal(munmap(memory + page_size, page_size), 0);
    assert_false(hf_code_probe(&writer, memory + 1, page_size));
    assert_false(hf_code_read(&writer, memory + 1, copy, page_size));
    assert_false(hf_code_write_probed(&writer, memory + 1, copy, page_size));
    free(copy);
    munmap(memory, PAGES * page_size);
    hf_code_writer_deinit(&writer);
}

#if defined(__x86_64__)
/* mov $1, %eax; ret */
static const uint8_t return_1[] = {0xb8, 1, 0, 0, 0, 0xc3};

static void code_runs_as_replaced(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        struct hf_code_writer writer = writer_for(way);
        char *memory = pages(PROT_READ | PROT_EXEC);
        int (*function)(void) = (int (*)(void))(uintptr_t)memory;
        assert_int_equal(hf_code_write(&writer, memory, return_1, sizeof(return_1), PROT_READ | PROT_EXEC, NULL), 0);
        assert_int_equal(function(), 1);
        assert_int_equal(hf_code_write(&writer, memory + 1, "\x2a", 1, PROT_READ | PROT_EXEC, NULL), 0);
        assert_int_equal(function(), 42);
        munmap(memory, PAGES * page_size);
        hf_code_writer_deinit(&writer);
    }
}
#endif

/* Bytes beside this library's own code, as when it is linked statically: it must not lose the right to execute. */
static void own_page_stays_executable(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        struct hf_code_writer writer = writer_for(way);
        char *code = (char *)(uintptr_t)hf_code_write;
        char byte = *code;
        assert_int_equal(hf_code_write(&writer, code, &byte, 1, PROT_READ | PROT_EXEC, NULL), 0);
        assert_permissions(code, "r-xp");
        hf_code_writer_deinit(&writer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unmapped_bytes_are_refused),
        cmocka_unit_test(shared_file_is_refused),
        cmocka_unit_test(bytes_are_replaced_and_protection_stays),
        cmocka_unit_test(bytes_may_straddle_pages),
        cmocka_unit_test(nothing_is_written_for_no_bytes),
        cmocka_unit_test(descriptor_that_may_not_write_is_made_up_for),
        cmocka_unit_test(own_page_stays_executable),
        cmocka_unit_test(probed_pages_are_read_and_written_at_once),
#if defined(__x86_64__)
        cmocka_unit_test(code_runs_as_replaced),
#endif
    };

    page_size = (size_t)sysconf(_SC_PAGESIZE);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
