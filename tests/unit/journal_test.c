/* SPDX-License-Identifier: Apache-2.0 */
/* What a build did is recorded, read back, and found by objects' content. */
#include "compiler/journal.h"
#include "program_fixture.h"

#define ARGUMENTS_MAX 32

/* Runs a compiler command and records it, as hotfix cc does. */
static int record(const char *line)
{
    HF_FREE char *copy = strdup(line);
    char *argv[ARGUMENTS_MAX];
    char *rest = copy;
    int argc = 0;
    struct hf_invocation invocation;

    assert_run("mkdir -p journal && %s", line);
    while (rest && argc < ARGUMENTS_MAX)
        argv[argc++] = strsep(&rest, " ");
    assert_int_equal(hf_invocation_parse(argc, argv, &invocation, &fixture_error), 0);
    int failed = hf_journal_add("journal", &invocation, &fixture_error);
    hf_invocation_deinit(&invocation);
    return failed;
}

static struct hf_journal read_journal(void)
{
    struct hf_journal journal;

    if (hf_journal_read("journal", &journal, &fixture_error) != 0)
        fail_msg("%s", fixture_error.message);
    return journal;
}

static const struct hf_compile *compile_of(const struct hf_journal *journal, const char *object)
{
    HF_FREE char *here = getcwd(NULL, 0);
    HF_FREE char *path = NULL;
    if (asprintf(&path, "%s/%s", here, object) < 0)
        abort();
    return hf_journal_compile(journal, path);
}

static int journal_setup(void **state)
{
    (void)state;
    fixture_write("src/a.c", "int a(void) { return 1; }\n");
    fixture_write("src/b.c", "int a(void); int b(void) { return a(); }\n");
    fixture_write("main.c", "int b(void); int main(void) { return b(); }\n");
    return fixture_run("rm -rf journal out && mkdir -p journal out");
}

static void damaged_entries_are_refused(void **state)
{
    (void)state;
    struct hf_journal journal;

    fixture_write("journal/compile-1.json", "{");
    assert_refused(hf_journal_read("journal", &journal, &fixture_error), HOTFIX_FORMAT,
                   "build journal journal/compile-1.json line 1");
    static const char *const entries[] = {
        "[]",
        "{}",
        "{\"object\": \"o\", \"source\": \"s\", \"directory\": \"/\", \"digest\": \"0\", \"argv\": [\"gcc\"]}",
        "{\"object\": \"o\", \"source\": \"s\", \"directory\": \"/\", \"digest\": 0, \"argv\": [\"gcc\"]}",
    };
    for (size_t i = 0; i < FIXTURE_COUNT(entries); i++) {
        fixture_write("journal/compile-1.json", entries[i]);
        assert_refused(hf_journal_read("journal", &journal, &fixture_error), HOTFIX_FORMAT,
                       "not an entry that hotfix cc writes");
    }
    assert_run("rm journal/compile-1.json");
    fixture_write("journal/link-1.json", "{\"output\": \"o\", \"inputs\": [\"xyz\"]}");
    assert_refused(hf_journal_read("journal", &journal, &fixture_error), HOTFIX_FORMAT,
                   "not an entry that hotfix cc writes");
    assert_refused(hf_journal_read("no-such", &journal, &fixture_error), HOTFIX_IO, "build journal no-such");
}

static void what_json_cannot_hold_is_refused(void **state)
{
    (void)state;
    assert_refused(record("gcc -c -DX=\xff -o out/a.o src/a.c"), HOTFIX_USAGE, "is not UTF-8");
}

static void nothing_is_recorded_of_an_object_that_is_not_kept(void **state)
{
    (void)state;
    assert_int_equal(record("gcc -c -o /dev/null src/a.c"), 0);
    struct hf_journal journal = read_journal();
    assert_int_equal(journal.compile_count, 0);
    assert_null(hf_journal_compile(&journal, "/dev/null"));
    hf_journal_deinit(&journal);
}

static void a_compilation_is_found_by_its_object(void **state)
{
    (void)state;
    assert_int_equal(record("gcc -O2 -c -o out/../out/a.o src/a.c"), 0);
    assert_int_equal(record("gcc -c -o out/b.o src/b.c"), 0);
    struct hf_journal journal = read_journal();
    assert_int_equal(journal.compile_count, 2);
    const struct hf_compile *compile = compile_of(&journal, "out/a.o");
    assert_non_null(compile);
    assert_string_equal(compile->source, "src/a.c");
    assert_string_equal(compile->argv[0], "env");
    size_t count = 0;
    while (compile->argv[count])
        count++;
    assert_string_equal(compile->argv[count - 3], "gcc");
    assert_string_equal(compile->argv[count - 2], "-O2");
    assert_string_equal(compile->argv[count - 1], "src/a.c");
    assert_null(compile_of(&journal, "out/c.o"));
    hf_journal_deinit(&journal);
}

static void the_last_command_for_an_object_counts(void **state)
{
    (void)state;
    assert_int_equal(record("gcc -c -o out/a.o src/a.c"), 0);
    assert_int_equal(record("gcc -O1 -c -o out/a.o src/b.c"), 0);
    struct hf_journal journal = read_journal();
    assert_int_equal(journal.compile_count, 1);
    assert_string_equal(journal.compiles[0].source, "src/b.c");
    hf_journal_deinit(&journal);
}

static void settings_of_the_compiler_are_part_of_the_command(void **state)
{
    (void)state;
    assert_int_equal(setenv("CPATH", "some where", 1), 0);
    assert_int_equal(record("gcc -c -o out/a.o src/a.c"), 0);
    assert_int_equal(unsetenv("CPATH"), 0);
    struct hf_journal journal = read_journal();
    assert_string_equal(journal.compiles[0].argv[1], "CPATH=some where");
    hf_journal_deinit(&journal);
}

/* Whether the object went into the only link. */
static bool is_linked(const struct hf_journal *journal, const char *object)
{
    const struct hf_compile *compile = compile_of(journal, object);

    assert_int_equal(journal->link_count, 1);
    assert_non_null(compile);
    return hf_link_has(&journal->links[0], &compile->digest);
}

static void objects_are_found_in_what_they_were_linked_into(void **state)
{
    (void)state;
    static const char *const links[] = {
        "gcc -o out/program main.o out/a.o out/b.o",
        "gcc -o out/program main.o out/libab.a",
        "gcc -o out/program -Lout main.o -lab",
        "gcc -o out/program @out/objects",
    };

    assert_int_equal(record("gcc -c -o out/a.o src/a.c"), 0);
    assert_int_equal(record("gcc -c -o out/b.o src/b.c"), 0);
    assert_int_equal(record("gcc -c main.c"), 0);
    assert_int_equal(record("gcc -O3 -g -c -o out/unused.o src/a.c"), 0);
    assert_run("ar rcs out/libab.a out/a.o out/b.o && echo main.o out/a.o out/b.o >out/objects");
    for (size_t i = 0; i < FIXTURE_COUNT(links); i++) {
        assert_int_equal(record(links[i]), 0);
        struct hf_journal journal = read_journal();
        assert_true(is_linked(&journal, "out/a.o"));
        assert_true(is_linked(&journal, "out/b.o"));
        assert_true(is_linked(&journal, "main.o"));
        assert_false(is_linked(&journal, "out/unused.o"));
        hf_journal_deinit(&journal);
        assert_run("rm journal/link-*");
    }
}

static void shared_libraries_are_no_part_of_a_program(void **state)
{
    (void)state;
    assert_int_equal(record("gcc -fPIC -c -o out/a.o src/a.c"), 0);
    assert_int_equal(record("gcc -shared -o out/liba.so out/a.o"), 0);
    assert_int_equal(record("gcc -o out/program main.c src/b.c out/liba.so"), 0);
    struct hf_journal journal = read_journal();
    assert_int_equal(journal.link_count, 2);
    assert_non_null(strstr(journal.links[0].output, "/liba.so"));
    assert_int_equal(journal.links[1].input_count, 2);
    assert_false(hf_link_has(&journal.links[1], &journal.links[0].digest));
    hf_journal_deinit(&journal);
}

static void a_source_on_the_link_line_is_a_compilation_of_its_own(void **state)
{
    (void)state;
    assert_int_equal(record("gcc -O2 -o out/program main.c src/a.c src/b.c -lm"), 0);
    struct hf_journal journal = read_journal();
    assert_int_equal(journal.compile_count, 3);
    assert_true(is_linked(&journal, "out/program.src_a.c.o"));
    hf_journal_deinit(&journal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(damaged_entries_are_refused, journal_setup),
        cmocka_unit_test_setup(what_json_cannot_hold_is_refused, journal_setup),
        cmocka_unit_test_setup(nothing_is_recorded_of_an_object_that_is_not_kept, journal_setup),
        cmocka_unit_test_setup(a_compilation_is_found_by_its_object, journal_setup),
        cmocka_unit_test_setup(the_last_command_for_an_object_counts, journal_setup),
        cmocka_unit_test_setup(settings_of_the_compiler_are_part_of_the_command, journal_setup),
        cmocka_unit_test_setup(objects_are_found_in_what_they_were_linked_into, journal_setup),
        cmocka_unit_test_setup(shared_libraries_are_no_part_of_a_program, journal_setup),
        cmocka_unit_test_setup(a_source_on_the_link_line_is_a_compilation_of_its_own, journal_setup),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
