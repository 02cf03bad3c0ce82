/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that were built once more, and those that only look so. */
#include "program_fixture.h"

#include "elf/debugfile.h"
#include "elf/rebuilt.h"

static const char source[] =
    "static const char *names[] = {\"one\", \"two\"};\n"
    "int counter = COUNTER;\n"
    "__attribute__((noinline)) int twice(int number) { return FACTOR * number + counter; }\n"
    "int main(int argc, char **argv) { (void)argv; return twice(argc) + names[argc & 1][0]; }\n";

/* Builds `output` in a directory of its own, which its debug information names: another build-id. */
static void build(const char *output, const char *options)
{
    fixture_write("program.c", source);
    assert_run("mkdir -p in.%s && cp program.c in.%s && cd in.%s && gcc -g -O1 %s -o ../%s program.c", output, output,
               output, options, output);
}

static int check(const char *shipped_path, const char *rebuilt_path)
{
    struct hf_image shipped, rebuilt;

    assert_int_equal(hf_image_open(shipped_path, &shipped, &fixture_error), 0);
    assert_int_equal(hf_image_open(rebuilt_path, &rebuilt, &fixture_error), 0);
    int result = hf_rebuilt_check(&shipped, &rebuilt, &fixture_error);
    hf_image_close(&rebuilt);
    hf_image_close(&shipped);
    return result;
}

static int setup(void **state)
{
    if (fixture_setup(state) != 0)
        return -1;
    build("shipped", "-DFACTOR=2 -DCOUNTER=1");
    build("rebuilt", "-DFACTOR=2 -DCOUNTER=1");
    assert_run("strip shipped");
    return 0;
}

static void test_the_same_program_from_another_directory_is_a_rebuild(void **state)
{
    struct hf_image shipped, rebuilt;

    (void)state;
    assert_int_equal(check("shipped", "rebuilt"), 0);
    assert_int_equal(hf_image_open("shipped", &shipped, &fixture_error), 0);
    assert_int_equal(hf_image_open("rebuilt", &rebuilt, &fixture_error), 0);
    assert_int_equal(shipped.build_id.size, rebuilt.build_id.size);
    assert_memory_not_equal(shipped.build_id.bytes, rebuilt.build_id.bytes, shipped.build_id.size);
    hf_image_close(&rebuilt);
    /* It serves as debug file. */
    assert_int_equal(hf_debugfile_open(&shipped, "rebuilt", &rebuilt, &fixture_error), 0);
    hf_image_close(&rebuilt);
    hf_image_close(&shipped);
}

static void test_other_code_is_told_by_its_function(void **state)
{
    (void)state;
    build("other", "-DFACTOR=5 -DCOUNTER=1");
    assert_refused(check("shipped", "other"), HOTFIX_INCOMPATIBLE, "other is no rebuild of shipped");
    assert_refused(check("shipped", "other"), HOTFIX_INCOMPATIBLE, "twice");
    build("other", "-DFACTOR=1003 -DCOUNTER=1");
    assert_refused(check("shipped", "other"), HOTFIX_INCOMPATIBLE, "section .text has");
    assert_refused(check("shipped", "other"), HOTFIX_INCOMPATIBLE, "the first function that differs is ");
}

static void test_other_data_is_told_by_its_section(void **state)
{
    (void)state;
    build("other", "-DFACTOR=2 -DCOUNTER=3");
    assert_refused(check("shipped", "other"), HOTFIX_INCOMPATIBLE, "1 of the ");
    assert_refused(check("shipped", "other"), HOTFIX_INCOMPATIBLE, "bytes of .data differ");
}

static void test_a_debug_file_is_no_program(void **state)
{
    (void)state;
    assert_run("objcopy --only-keep-debug rebuilt only.debug");
    assert_refused(check("shipped", "only.debug"), HOTFIX_INCOMPATIBLE, "debug information alone");
}

/* Puts one byte at an offset of a copy of the rebuilt program. */
static void change_byte(uint64_t offset)
{
    assert_run("cp rebuilt changed && printf '\\245' | dd of=changed bs=1 seek=%llu conv=notrunc status=none",
               (unsigned long long)offset);
}

static void test_headers_are_compared(void **state)
{
    struct hf_image image;
    size_t count;
    GElf_Phdr segment;

    (void)state;
    change_byte(offsetof(Elf64_Ehdr, e_entry));
    assert_refused(check("shipped", "changed"), HOTFIX_INCOMPATIBLE, "ELF headers differ");
    assert_int_equal(hf_image_open("rebuilt", &image, &fixture_error), 0);
    assert_int_equal(elf_getphdrnum(image.elf, &count), 0);
    for (size_t i = 0; i < count; i++)
        if (gelf_getphdr(image.elf, (int)i, &segment) && segment.p_type == PT_GNU_STACK)
            change_byte(image.header.e_phoff + i * sizeof(Elf64_Phdr) + offsetof(Elf64_Phdr, p_flags));
    hf_image_close(&image);
    assert_refused(check("shipped", "changed"), HOTFIX_INCOMPATIBLE, "other program headers");
}

/* What lies between two sections is loaded, too. */
static void test_bytes_in_no_section_are_compared(void **state)
{
    struct hf_image image;
    GElf_Shdr interpreter;

    (void)state;
    assert_int_equal(hf_image_open("rebuilt", &image, &fixture_error), 0);
    assert_non_null(hf_image_section(&image, ".interp", &interpreter));
    change_byte(interpreter.sh_offset + interpreter.sh_size);
    hf_image_close(&image);
    assert_refused(check("shipped", "changed"), HOTFIX_INCOMPATIBLE, "bytes of a segment differ");
}

static void test_sections_that_only_one_has_are_told(void **state)
{
    (void)state;
    build("other", "-DFACTOR=2 -DCOUNTER=1 -Wl,--hash-style=both");
    assert_refused(check("shipped", "other"), HOTFIX_INCOMPATIBLE, "is in only one of them");
}

static void test_a_file_for_debugging_takes_one_option(void **state)
{
    const char *debug = "shipped";

    (void)state;
    assert_refused(hf_rebuilt_take("rebuilt", "shipped", &debug, &fixture_error), HOTFIX_USAGE, "place of --debug");
    debug = NULL;
    assert_refused(hf_rebuilt_take("absent", "shipped", &debug, &fixture_error), HOTFIX_IO, "absent");
    assert_null(debug);
    assert_int_equal(hf_rebuilt_take("rebuilt", "shipped", &debug, &fixture_error), 0);
    assert_string_equal(debug, "rebuilt");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_program_from_another_directory_is_a_rebuild),
        cmocka_unit_test(test_other_code_is_told_by_its_function),
        cmocka_unit_test(test_other_data_is_told_by_its_section),
        cmocka_unit_test(test_a_debug_file_is_no_program),
        cmocka_unit_test(test_headers_are_compared),
        cmocka_unit_test(test_bytes_in_no_section_are_compared),
        cmocka_unit_test(test_sections_that_only_one_has_are_told),
        cmocka_unit_test(test_a_file_for_debugging_takes_one_option),
    };

    return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
