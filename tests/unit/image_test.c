/* SPDX-License-Identifier: Apache-2.0 */
/* ELF files as compilers and binutils make them, cut off, damaged and stripped. */
#include "program_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "elf/image.h"
#include "elf/mapped.h"
#include "status.h"

static const char source[] = "static int hidden(int x) { return x + 1; }\n"
                             "int (*volatile pointer)(int) = hidden;\n"
                             "int zero[1000];\n"
                             "int answer(int x) { return pointer(x) + zero[x]; }\n";

static void compile(const char *compiler, const char *options, const char *output)
{
    fixture_write("source.c", source);
    assert_run("%s -O1 -fPIC -shared -Wl,--build-id=sha1 %s -o %s source.c", compiler, options, output);
}

static int open_image(const char *path, struct hf_image *image)
{
    return hf_image_open(path, image, &fixture_error);
}

static const struct hf_symbol *find_symbol(const struct hf_image *image, const char *name)
{
    for (size_t i = 0; i < image->symbol_count; i++)
        if (strcmp(image->symbols[i].name, name) == 0)
            return &image->symbols[i];
    return NULL;
}

static void test_what_is_no_regular_file_is_refused(void **state)
{
    struct hf_image image = {.fd = 77};

    (void)state;
    assert_refused(open_image("absent", &image), HOTFIX_IO, "absent: cannot be opened");
    assert_refused(open_image(".", &image), HOTFIX_IO, "not a regular file");
    assert_int_equal(mkfifo("fifo", 0600), 0);
    assert_refused(open_image("fifo", &image), HOTFIX_IO, "not a regular file");
    assert_int_equal(image.fd, 77);
}

/* The kernel sends a signal to who reads what is no longer there; the command must end with an error. */
static void test_a_file_that_is_cut_off_while_it_is_read_is_told(void **state)
{
    static const char expected[] = "hotfix: cut.so: was cut off while it was read; try again when nobody changes it\n";
    char message[256] = "";
    int tell[2], status;
    struct hf_image image;

    (void)state;
    compile("gcc", "", "cut.so");
    assert_int_equal(pipe(tell), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(tell[1], STDERR_FILENO);
        hf_mapped_watch();
        if (open_image("cut.so", &image) != 0 || truncate("cut.so", 0) != 0)
            _exit(99);
        const volatile uint8_t *code = hf_image_bytes(&image, find_symbol(&image, "answer")->address, 1);
        _exit(code && *code ? 97 : 98);
    }
    close(tell[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(read(tell[0], message, sizeof(message) - 1) > 0);
    close(tell[0]);
    assert_string_equal(message, expected);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), hf_status_of(HOTFIX_IO));
}

static void write_into(const char *path, const char *text)
{
    FILE *file = fopen(path, "r+");

    assert_non_null(file);
    assert_int_equal(fseek(file, 4096, SEEK_SET), 0);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* What is read through a mapping changes with the file: the checks would be of other bytes than those that are packed.
 */
static void test_a_file_that_somebody_writes_into_is_told(void **state)
{
    static const struct timespec long_ago[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    struct hf_image image;
    uint8_t *bytes;
    size_t size;

    (void)state;
    compile("gcc", "", "written.so");
    assert_int_equal(utimensat(AT_FDCWD, "written.so", long_ago, 0), 0);
    assert_int_equal(open_image("written.so", &image), 0);
    assert_int_equal(hf_image_check_unchanged(&image, &fixture_error), 0);
    write_into("written.so", "other");
    assert_int_equal(hf_image_check_unchanged(&image, &fixture_error), -1);
    assert_int_equal(fixture_error.code, HOTFIX_IO);
    assert_string_equal(fixture_error.message,
                        "written.so: was changed while it was read; try again when nobody changes it");
    assert_int_equal(hf_image_copy(&image, SIZE_MAX, &bytes, &size, &fixture_error), -1);
    hf_image_close(&image);
}

static void test_the_file_that_was_opened_is_copied(void **state)
{
    struct hf_image image;
    uint8_t *bytes;
    size_t size;

    (void)state;
    compile("gcc", "", "opened.so");
    compile("gcc", "-g", "other.so");
    assert_int_equal(open_image("opened.so", &image), 0);
    size_t whole = (size_t)image.status.st_size;
    assert_int_equal(rename("other.so", "opened.so"), 0);
    assert_int_equal(hf_image_copy(&image, whole - 1, &bytes, &size, &fixture_error), -1);
    assert_int_equal(fixture_error.code, HOTFIX_FORMAT);
    assert_int_equal(hf_image_copy(&image, whole, &bytes, &size, &fixture_error), 0);
    assert_int_equal(size, whole);
    assert_memory_equal(bytes, &image.header, sizeof(image.header));
    free(bytes);
    hf_image_close(&image);
}

static void test_what_is_no_elf_file_is_refused(void **state)
{
    struct hf_image image;

    (void)state;
    fixture_write("empty", "");
    assert_refused(open_image("empty", &image), HOTFIX_FORMAT, "is not an ELF file");
    assert_refused(open_image("source.c", &image), HOTFIX_IO, "source.c");
    fixture_write("script", "#!/bin/sh\nexit 1\n");
    assert_refused(open_image("script", &image), HOTFIX_FORMAT, "is not an ELF file");
    fixture_write("magic", "\177ELF\2\1\1");
    assert_refused(open_image("magic", &image), HOTFIX_FORMAT, "magic");
    assert_run("echo 'int x;' | gcc -x c -c - -o member.o && ar rcs library.a member.o");
    assert_refused(open_image("library.a", &image), HOTFIX_FORMAT, "is not an ELF file");
}

static void test_other_classes_and_byte_orders_are_refused(void **state)
{
    struct hf_image image;

    (void)state;
    compile("gcc", "", "a.so");
    fixture_patch("a.so", EI_DATA, "\2", 1);
    assert_refused(open_image("a.so", &image), HOTFIX_FORMAT, "little-endian");
    compile("gcc", "", "a.so");
    fixture_patch("a.so", EI_CLASS, "\1", 1);
    assert_refused(open_image("a.so", &image), HOTFIX_FORMAT, "64-bit");
}

/* Any length, and any byte of the headers: refused or read, but never beyond the file. */
static void test_truncated_and_damaged_files_are_survived(void **state)
{
    HF_FREE uint8_t *bytes = NULL;
    size_t size, offset;

    (void)state;
    compile("gcc", "", "a.so");
    assert_int_equal(hf_file_read("a.so", FIXTURE_FILE_MAX, &bytes, &size, NULL), 0);
    for (size_t i = 0; i < size; i += i < 1024 ? 7 : 211) {
        struct hf_image image;
        assert_int_equal(hf_file_write("cut", bytes, i, 0644, false, NULL), 0);
        if (open_image("cut", &image) == 0)
            hf_image_close(&image);
        else
            assert_int_equal(fixture_error.code, HOTFIX_FORMAT);
    }
    memcpy(&offset, bytes + offsetof(Elf64_Ehdr, e_shoff), sizeof(offset));
    for (size_t i = 16; i < size; i = i == 1024 ? offset : i + 1) {
        struct hf_image image;
        bytes[i] ^= 0xff;
        assert_int_equal(hf_file_write("damaged", bytes, size, 0644, false, NULL), 0);
        if (open_image("damaged", &image) == 0) {
            uint64_t at;
            hf_image_bytes(&image, 0, size);
            hf_image_bytes(&image, UINT64_MAX, UINT64_MAX);
            hf_image_file_offset(&image, 0x1000, &at);
            hf_image_close(&image);
        }
        bytes[i] ^= 0xff;
    }
}

static void test_bytes_are_those_of_one_segment(void **state)
{
    HF_FREE uint8_t *bytes = NULL;
    struct hf_image image;
    size_t size;
    uint64_t offset = 0;

    (void)state;
    compile("gcc", "", "a.so");
    assert_int_equal(hf_file_read("a.so", FIXTURE_FILE_MAX, &bytes, &size, NULL), 0);
    assert_int_equal(open_image("a.so", &image), 0);
    const struct hf_symbol *answer = find_symbol(&image, "answer"), *zero = find_symbol(&image, "zero");
    assert_int_equal(hf_image_file_offset(&image, answer->address, &offset), 0);
    assert_memory_equal(hf_image_bytes(&image, answer->address, answer->size), bytes + offset, answer->size);
    assert_null(hf_image_bytes(&image, answer->address, 1u << 30));
    assert_null(hf_image_bytes(&image, answer->address, UINT64_MAX));
    assert_null(hf_image_bytes(&image, 1ull << 40, 1));
    assert_null(hf_image_bytes(&image, zero->address + 64, 1)); /* .bss has no bytes in the file */
    offset = 5;
    assert_int_equal(hf_image_file_offset(&image, zero->address + 64, &offset), -1);
    assert_int_equal(hf_image_file_offset(&image, UINT64_MAX, &offset), -1);
    assert_int_equal(offset, 5);
    hf_image_close(&image);
}

static void test_symbols_say_where_they_come_from(void **state)
{
    static const char *const compilers[] = {"gcc", "clang"};

    (void)state;
    for (size_t i = 0; i < FIXTURE_COUNT(compilers); i++) {
        struct hf_image image;
        compile(compilers[i], "", "a.so");
        assert_int_equal(open_image("a.so", &image), 0);
        const struct hf_symbol *hidden = find_symbol(&image, "hidden"), *answer = find_symbol(&image, "answer");
        assert_false(image.stripped);
        assert_int_equal(hidden->binding, STB_LOCAL);
        assert_int_equal(hidden->type, STT_FUNC);
        assert_string_equal(hidden->file, "source.c");
        assert_int_equal(answer->binding, STB_GLOBAL);
        assert_string_equal(answer->file, "");
        assert_true(answer->size > 0);
        hf_image_close(&image);
    }
}

static void test_stripped_files_have_their_dynamic_symbols(void **state)
{
    struct hf_image image;

    (void)state;
    compile("gcc", "-s", "a.so");
    assert_int_equal(open_image("a.so", &image), 0);
    assert_true(image.stripped);
    assert_non_null(find_symbol(&image, "answer"));
    assert_null(find_symbol(&image, "hidden"));
    hf_image_close(&image);
}

static void test_build_ids_are_read_from_segments_and_sections(void **state)
{
    struct hf_image image, debug;

    (void)state;
    compile("gcc", "-g", "a.so");
    assert_run("objcopy --only-keep-debug a.so a.debug");
    assert_int_equal(open_image("a.so", &image), 0);
    assert_int_equal(open_image("a.debug", &debug), 0);
    assert_int_equal(image.build_id.size, 20);
    assert_int_equal(debug.build_id.size, 20);
    assert_memory_equal(image.build_id.bytes, debug.build_id.bytes, 20);
    hf_image_close(&debug);
    hf_image_close(&image);

    compile("gcc", "-fcf-protection=full -Wl,--build-id=0x01020304", "a.so");
    assert_int_equal(open_image("a.so", &image), 0);
    assert_int_equal(image.build_id.size, 4);
    assert_memory_equal(image.build_id.bytes, "\1\2\3\4", 4);
    hf_image_close(&image);

    compile("gcc", "-Wl,--build-id=none", "a.so");
    assert_int_equal(open_image("a.so", &image), 0);
    assert_int_equal(image.build_id.size, 0);
    hf_image_close(&image);
}

static void test_sections_are_found_by_name(void **state)
{
    struct hf_image image;
    GElf_Shdr header;

    (void)state;
    compile("clang", "", "a.so");
    assert_int_equal(open_image("a.so", &image), 0);
    assert_non_null(hf_image_section(&image, ".text", &header));
    assert_int_equal(header.sh_type, SHT_PROGBITS);
    assert_non_null(hf_image_section(&image, ".bss", NULL));
    assert_null(hf_image_section(&image, ".tex", &header));
    assert_null(hf_image_section(&image, "", &header));
    hf_image_close(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_no_regular_file_is_refused),
        cmocka_unit_test(test_what_is_no_elf_file_is_refused),
        cmocka_unit_test(test_other_classes_and_byte_orders_are_refused),
        cmocka_unit_test(test_truncated_and_damaged_files_are_survived),
        cmocka_unit_test(test_bytes_are_those_of_one_segment),
        cmocka_unit_test(test_symbols_say_where_they_come_from),
        cmocka_unit_test(test_stripped_files_have_their_dynamic_symbols),
        cmocka_unit_test(test_build_ids_are_read_from_segments_and_sections),
        cmocka_unit_test(test_sections_are_found_by_name),
        cmocka_unit_test(test_a_file_that_is_cut_off_while_it_is_read_is_told),
        cmocka_unit_test(test_a_file_that_somebody_writes_into_is_told),
        cmocka_unit_test(test_the_file_that_was_opened_is_copied),
    };

    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
