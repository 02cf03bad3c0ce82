/* SPDX-License-Identifier: Apache-2.0 */
/* Separate debug files in every place that they may be, and those that belong to another build. */
#include "program_fixture.h"

#include "elf/debugfile.h"

/* program: stripped; whole: as it was linked; its debug file is made by the tests. */
static void compile(const char *number, const char *options)
{
    HF_FREE char *source = NULL;

    assert_true(asprintf(&source, "int main(void) { return %s; }\n", number) > 0);
    fixture_write("source.c", source);
    assert_run("gcc -g -O1 %s -o whole source.c && strip -o program whole && rm -rf *.debug .debug root", options);
}

static int find(struct hf_image *image, struct hf_image *debug, char **note)
{
    if (hf_image_open("program", image, &fixture_error) != 0)
        fail_msg("%s", fixture_error.message);
    return hf_debugfile_find(image, "root", debug, note, &fixture_error);
}

static void assert_not_found(const char *text)
{
    struct hf_image image, debug;
    HF_FREE char *note = NULL;

    assert_int_equal(find(&image, &debug, &note), 0);
    if (!strstr(note, text))
        fail_msg("note \"%s\" without \"%s\"", note, text);
    hf_image_close(&image);
}

static void assert_found(const char *end)
{
    struct hf_image image, debug;
    HF_FREE char *note = NULL;

    if (find(&image, &debug, &note) != 1)
        fail_msg("not found: %s", note);
    assert_null(note);
    assert_string_equal(debug.path + strlen(debug.path) - strlen(end), end);
    assert_non_null(hf_image_section(&debug, ".debug_info", NULL));
    hf_image_close(&debug);
    hf_image_close(&image);
}

static int open_debug(const char *path)
{
    struct hf_image image, debug;

    if (hf_image_open("program", &image, &fixture_error) != 0)
        fail_msg("%s", fixture_error.message);
    int result = hf_debugfile_open(&image, path, &debug, &fixture_error);
    if (result == 0)
        hf_image_close(&debug);
    hf_image_close(&image);
    return result;
}

static void test_a_debug_file_of_another_build_is_refused(void **state)
{
    (void)state;
    compile("1", "");
    assert_run("objcopy --only-keep-debug whole other.keep");
    compile("2", "");
    assert_refused(open_debug("other.keep"), HOTFIX_INCOMPATIBLE, "belongs to another build than program");
    assert_run("objcopy --remove-section=.note.gnu.build-id whole no-id.keep");
    assert_refused(open_debug("no-id.keep"), HOTFIX_INCOMPATIBLE, "no build-id");
    assert_refused(open_debug("absent"), HOTFIX_IO, "absent");
    assert_refused(open_debug("source.c"), HOTFIX_FORMAT, "source.c");
    assert_int_equal(open_debug("whole"), 0);
}

static void test_without_build_id_only_a_debuglink_tells(void **state)
{
    (void)state;
    compile("1", "-Wl,--build-id=none");
    assert_run("objcopy --only-keep-debug whole program.debug");
    assert_refused(open_debug("program.debug"), HOTFIX_UNPROVEN, "neither build-id nor debuglink");
    assert_run("objcopy --add-gnu-debuglink=program.debug program");
    assert_int_equal(open_debug("program.debug"), 0);
    assert_refused(open_debug("whole"), HOTFIX_INCOMPATIBLE, "checksum");
}

static void test_a_stale_debuglink_is_passed_over_and_said(void **state)
{
    (void)state;
    compile("1", "-Wl,--build-id=none");
    assert_run("objcopy --only-keep-debug whole program.debug && objcopy --add-gnu-debuglink=program.debug program");
    assert_found("/program.debug");
    assert_run("printf x >>program.debug");
    assert_not_found("program.debug was passed over");
    assert_run("rm program.debug && mkdir program.debug");
    assert_not_found("program.debug was passed over");
    assert_run(
        "rmdir program.debug && echo garbage >program.debug && objcopy --remove-section=.gnu_debuglink program && "
        "objcopy --add-gnu-debuglink=program.debug program");
    assert_not_found("program.debug was passed over");
}

static void test_nothing_to_find_is_said(void **state)
{
    (void)state;
    compile("1", "");
    assert_not_found("no debug file of it was found; install it or give --debug");
    assert_run("objcopy --only-keep-debug whole program.debug && objcopy --add-gnu-debuglink=program.debug program && "
               "rm program.debug");
    assert_not_found("no debug file of it was found");
}

static void test_a_damaged_debuglink_is_no_link(void **state)
{
    static const char *const contents[] = {"",
                                           "\\0",
                                           "\\0\\0\\0\\0\\0\\0\\0\\0",
                                           "name",
                                           "name\\0",
                                           "name\\0\\0\\0\\1\\2\\3",
                                           "dir/name\\0\\0\\0\\0\\1\\2\\3\\4"};

    (void)state;
    compile("1", "");
    for (size_t i = 0; i < FIXTURE_COUNT(contents); i++) {
        assert_run("printf '%s' >link && objcopy --remove-section=.gnu_debuglink program && "
                   "objcopy --add-section .gnu_debuglink=link program",
                   contents[i]);
        assert_not_found("no debug file of it was found");
    }
}

/* A link to itself, which --add-gnu-debuglink makes for a program that was never stripped, leads nowhere. */
static void test_a_program_is_not_its_own_debug_file(void **state)
{
    (void)state;
    compile("1", "");
    assert_run("cp program copy && objcopy --add-gnu-debuglink=copy program && mv program copy && ln -s copy program");
    assert_not_found("no debug file of it was found");
}

static void test_debuglinks_are_followed_in_every_place(void **state)
{
    static const char *const places[] = {".", "./.debug", "root$PWD"};
    static const char *const ends[] = {"/program.debug", "/.debug/program.debug", "/program.debug"};

    (void)state;
    for (size_t i = 0; i < FIXTURE_COUNT(places); i++) {
        compile("1", "-Wl,--build-id=none");
        assert_run(
            "objcopy --only-keep-debug whole program.debug && objcopy --add-gnu-debuglink=program.debug program");
        assert_run("mkdir -p %s && { mv program.debug %s || true; }", places[i], places[i]);
        assert_found(ends[i]);
    }
}

static void test_the_build_id_directory_comes_first(void **state)
{
    (void)state;
    compile("1", "-Wl,--build-id=0xabcdef0123456789");
    assert_run("objcopy --only-keep-debug whole program.debug && objcopy --add-gnu-debuglink=program.debug program && "
               "mkdir -p root/.build-id/ab && cp program.debug root/.build-id/ab/cdef0123456789.debug");
    assert_found("root/.build-id/ab/cdef0123456789.debug");
}

static void test_a_wrong_file_in_the_build_id_directory_is_passed_over(void **state)
{
    (void)state;
    compile("2", "-Wl,--build-id=0xabcdef0123456780");
    assert_run("objcopy --only-keep-debug whole other.keep");
    compile("1", "-Wl,--build-id=0xabcdef0123456789");
    assert_run("mkdir -p root/.build-id/ab && mv other.keep root/.build-id/ab/cdef0123456789.debug");
    assert_not_found("their build-ids differ");
    assert_run("objcopy --only-keep-debug whole program.debug && objcopy --add-gnu-debuglink=program.debug program");
    assert_found("/program.debug");
}

/* Its id and its checksum can be had by everybody. */
static void test_a_debug_file_that_others_could_have_put_there_is_passed_over(void **state)
{
    (void)state;
    compile("1", "-Wl,--build-id=0xabcdef0123456789");
    assert_run("objcopy --only-keep-debug whole program.debug && objcopy --add-gnu-debuglink=program.debug program && "
               "chmod 666 program.debug");
    assert_not_found("program.debug was passed over: others than root, this user and the owner of program could have");
    assert_int_equal(open_debug("program.debug"), 0);
    assert_run("mkdir -p root/.build-id/ab && mv program.debug root/.build-id/ab/cdef0123456789.debug");
    assert_not_found("cdef0123456789.debug was passed over: others");
    assert_run("chmod 644 root/.build-id/ab/cdef0123456789.debug");
    assert_found("root/.build-id/ab/cdef0123456789.debug");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_debug_file_of_another_build_is_refused),
        cmocka_unit_test(test_without_build_id_only_a_debuglink_tells),
        cmocka_unit_test(test_a_stale_debuglink_is_passed_over_and_said),
        cmocka_unit_test(test_nothing_to_find_is_said),
        cmocka_unit_test(test_a_damaged_debuglink_is_no_link),
        cmocka_unit_test(test_a_program_is_not_its_own_debug_file),
        cmocka_unit_test(test_debuglinks_are_followed_in_every_place),
        cmocka_unit_test(test_the_build_id_directory_comes_first),
        cmocka_unit_test(test_a_wrong_file_in_the_build_id_directory_is_passed_over),
        cmocka_unit_test(test_a_debug_file_that_others_could_have_put_there_is_passed_over),
    };

    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
