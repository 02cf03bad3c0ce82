/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Debug information in .dwo files is read there: the same is known of a program as without them; and where a file is
 * not the one, that is said and nothing is guessed.
 */
#include "dwarf/split.h"
#include "program_fixture.h"

static const char header[] = "#include <stdio.h>\n"
                             "#include <stdlib.h>\n"
                             "struct item { int price; long count; char name[20]; FILE *log; };\n"
                             "typedef struct item item_t;\n"
                             "static inline int cost_of(const item_t *i) { if (i->count > 3) return rand() * i->price; "
                             "return i->price * 3; }\n";
static const char first_source[] =
    "#include \"shop.h\"\n"
    "static __attribute__((noinline)) int helper(div_t x) { return x.quot * 5; }\n"
    "int first(item_t *i, FILE *log) { int sum = 0; for (int k = 0; k < i->price; k++) { "
    "sum += cost_of(i); if (sum < 0) abort(); } return sum + helper(div(i->price, 3)) + "
    "fputs(i->name, log); }\n";
static const char second_source[] =
    "#include \"shop.h\"\n"
    "int first(item_t *, FILE *);\n"
    "int second(item_t i, lldiv_t d) { if (__builtin_expect(d.rem > 5, 0)) abort(); return cost_of(&i); }\n"
    "int main(int argc, char **argv) { item_t i = {argc, 2, \"\", stdout}; return first(&i, stdout) + "
    "second(i, lldiv(argc, 2)) + atoi(argv[0]); }\n";

static const char *const compilers[] = {"gcc -gdwarf-5", "gcc -gdwarf-5 -O2", "clang -gdwarf-5", "clang -gdwarf-5 -O2"};

/* "whole" has everything; "small" has a .dwo file for each source. */
static void build(const char *compiler)
{
    fixture_write("src/shop.h", header);
    fixture_write("src/first.c", first_source);
    fixture_write("src/second.c", second_source);
    assert_run("%s -Wl,--build-id=sha1 -o whole src/first.c src/second.c", compiler);
    assert_run("rm -rf objects && mkdir objects && for name in first second; do "
               "%s -gsplit-dwarf -c -o objects/$name.o src/$name.c || exit; done; "
               "%s -Wl,--build-id=sha1 -o small objects/first.o objects/second.o && rm objects/*.o",
               compiler, compiler);
}

static void test_the_same_is_known_as_without_other_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < FIXTURE_COUNT(compilers); i++) {
        print_message("%s\n", compilers[i]);
        build(compilers[i]);
        FIXTURE_PROGRAM whole = fixture_open("whole", NULL);
        FIXTURE_PROGRAM small = fixture_open("small", NULL);
        fixture_assert_equal(small, whole);
        fixture_assert_texts("first", fixture_function(small, "first")->prototype,
                             "int (struct item *, struct _IO_FILE *)");
        assert_true(!strstr(compilers[i], "-O2") || whole->inlined_count >= 2);
    }
}

static void test_compressed_files_beside_the_program_are_read(void **state)
{
    (void)state;
    build("gcc -g -O2");
    FIXTURE_PROGRAM whole = fixture_open("whole", NULL);
    assert_run("objcopy --compress-debug-sections objects/first.dwo && mv objects/*.dwo .");
    FIXTURE_PROGRAM small = fixture_open("small", NULL);
    fixture_assert_equal(small, whole);
}

static void assert_unread(const char *note)
{
    FIXTURE_PROGRAM program = fixture_open("small", NULL);

    assert_false(program->has_dwarf);
    assert_null(fixture_function(program, "first")->prototype);
    if (!program->debug_note || !strstr(program->debug_note, note))
        fail_msg("note \"%s\" without \"%s\"", program->debug_note ? program->debug_note : "", note);
}

static void test_a_file_that_is_not_the_one_is_not_read(void **state)
{
    (void)state;
    build("gcc -g -O2");
    assert_run("rm -f *.dwo; mkdir kept && mv objects/second.dwo kept");
    assert_unread("small has debug information in .dwo files, and objects/second.dwo of this build was not found in ");
    assert_run("cp objects/first.dwo objects/second.dwo");
    assert_unread("second.dwo of this build was not found");
    assert_run("cp kept/second.dwo objects/second.dwo && chmod 666 objects/second.dwo");
    assert_unread("second.dwo of this build was not found");
    assert_run("chmod 644 objects/second.dwo && head -c 200 kept/second.dwo >objects/second.dwo");
    assert_unread("second.dwo of this build was not found");
    assert_run("mkfifo pipe && mv pipe objects/second.dwo");
    assert_unread("second.dwo of this build was not found");
    assert_run("rm -r kept");
}

static void test_other_forms_are_said_not_to_be_read(void **state)
{
    (void)state;
    build("gcc -gdwarf-4");
    assert_unread("as they were before DWARF 5, which are not read");
    build("gcc -gdwarf-5 -fdebug-types-section");
    assert_unread("or has type units, which are not read");
}

/* libdwarf frees twice when it is given such tables. */
static void test_damaged_lists_of_the_program_are_refused_before_its_files_are_looked_for(void **state)
{
    static const char *const sections[] = {".debug_rnglists", ".debug_loclists"};
    struct hf_program *program = NULL;

    (void)state;
    build("clang -g -O2");
    assert_run("printf '\\10\\0\\0\\0\\4\\0\\10\\0\\0\\0\\0\\0' >bad && cp small kept");
    for (size_t i = 0; i < FIXTURE_COUNT(sections); i++) {
        assert_run("objcopy --remove-section=%s --add-section=%s=bad kept small", sections[i], sections[i]);
        assert_int_equal(hf_program_open("small", NULL, NULL, &program, &fixture_error), -1);
        assert_int_equal(fixture_error.code, HOTFIX_FORMAT);
        assert_non_null(strstr(fixture_error.message, "is malformed"));
    }
}

/* Either it is refused or said, or the damage lies where nobody looks. */
static void test_damage_is_refused(void **state)
{
    static const char *const names[] = {".debug_info.dwo", ".debug_abbrev.dwo", ".debug_str_offsets.dwo",
                                        ".debug_rnglists.dwo"};
    size_t refused = 0;

    (void)state;
    build("gcc -g -O2");
    assert_run("cp objects/first.dwo kept");
    for (size_t i = 0; i < 96; i++) {
        struct hf_program *program = NULL;
        struct hf_image image;
        GElf_Shdr section;
        assert_run("cp kept objects/first.dwo");
        assert_int_equal(hf_image_open("kept", &image, &fixture_error), 0);
        assert_non_null(hf_image_section(&image, names[i % 4], &section));
        hf_image_close(&image);
        fixture_patch("objects/first.dwo", section.sh_offset + i * 5 % section.sh_size, i % 3 ? "\xff" : "", 1);
        if (hf_program_open("small", NULL, NULL, &program, &fixture_error) != 0) {
            assert_int_equal(fixture_error.code, HOTFIX_FORMAT);
            refused++;
            continue;
        }
        refused += !program->has_dwarf;
        hf_program_close(program);
    }
    assert_true(refused > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_is_known_as_without_other_files),
        cmocka_unit_test(test_compressed_files_beside_the_program_are_read),
        cmocka_unit_test(test_a_file_that_is_not_the_one_is_not_read),
        cmocka_unit_test(test_other_forms_are_said_not_to_be_read),
        cmocka_unit_test(test_damaged_lists_of_the_program_are_refused_before_its_files_are_looked_for),
        cmocka_unit_test(test_damage_is_refused),
    };

    return cmocka_run_group_tests_name("split", tests, fixture_setup, fixture_teardown);
}
