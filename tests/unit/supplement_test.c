/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What dwz moved to a supplementary file is read there: the same is known of a program as before, by both of the forms
 * that refer to the file; and where the file is not the one, that is said and nothing is guessed.
 */
#include "dwarf/supplement.h"
#include "program_fixture.h"

static const char header[] = "#include <stdio.h>\n"
                             "#include <stdlib.h>\n"
                             "struct item { int price; long count; char name[20]; FILE *log; };\n"
                             "typedef struct item item_t;\n"
                             "static inline int cost_of(const item_t *i) { return i->price * 3 + (int)i->count; }\n";
static const char first_source[] = "#include \"shop.h\"\n"
                                   "static __attribute__((noinline)) int helper(div_t x) { return x.quot * 5; }\n"
                                   "int first(item_t *i, FILE *log) { return cost_of(i) + helper(div(i->price, 3)) + "
                                   "fputs(i->name, log); }\n";
static const char second_source[] =
    "#include \"shop.h\"\n"
    "int first(item_t *, FILE *);\n"
    "int second(item_t i, lldiv_t d) { return cost_of(&i) + (int)d.rem; }\n"
    "int main(int argc, char **argv) { item_t i = {argc, 2, \"\", stdout}; return first(&i, stdout) + "
    "second(i, lldiv(argc, 2)) + atoi(argv[0]); }\n";

static const struct {
    const char *compiler, *dwz;
} variants[] = {
    {"gcc -gdwarf-5", ""},
    {"gcc -gdwarf-4", ""},
    {"gcc -gdwarf-5", "--dwarf-5"},
    {"clang -gdwarf-4", ""},
};

/* "whole" is as it was; what "small" shares with "other" is in "shared". */
static void build(const char *compiler, const char *options)
{
    fixture_write("shop.h", header);
    fixture_write("first.c", first_source);
    fixture_write("second.c", second_source);
    assert_run("%s -O2 -Wl,--build-id=sha1 -o whole first.c second.c && cp whole small", compiler);
    assert_run("%s -O1 -Wl,--build-id=sha1 -o other first.c second.c", compiler);
    assert_run("rm -f shared && dwz %s -m shared small other && readelf -SW small | grep -Eq 'altlink|debug_sup'",
               options);
}

static void test_the_same_is_known_as_before(void **state)
{
    (void)state;
    for (size_t i = 0; i < FIXTURE_COUNT(variants); i++) {
        print_message("%s %s\n", variants[i].compiler, variants[i].dwz);
        build(variants[i].compiler, variants[i].dwz);
        FIXTURE_PROGRAM whole = fixture_open("whole", NULL);
        FIXTURE_PROGRAM small = fixture_open("small", NULL);
        fixture_assert_equal(small, whole);
        assert_string_equal(fixture_function(small, "first")->prototype, "int (struct item *, struct _IO_FILE *)");
        assert_true(whole->inlined_count >= 2);
    }
}

/* Distributions keep debug files and what these share in directories of their own, and pack both. */
static void test_the_file_is_found_beside_a_debug_file(void **state)
{
    (void)state;
    build("gcc -g", "");
    FIXTURE_PROGRAM whole = fixture_open("whole", NULL);
    assert_run("mkdir -p debug/.dwz && cp whole alone && objcopy --only-keep-debug whole debug/d && "
               "gcc -g -O1 -o debug/o first.c second.c && strip alone && (cd debug && "
               "dwz -m .dwz/shared -r d o && objcopy --compress-debug-sections d)");
    FIXTURE_PROGRAM small = fixture_open("alone", "debug/d");
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
    build("gcc -g", "");
    assert_run("mv shared kept");
    assert_unread("small was compressed with dwz: part of its debug information is in another file");
    assert_run("cp whole shared");
    assert_unread("which was not found there, or belongs to another user");
    assert_run("cp kept shared && chmod 666 shared");
    assert_unread("which was not found there, or belongs to another user");
    assert_run("chmod 644 shared && head -c 100 kept >shared");
    assert_unread("which was not found there, or belongs to another user");
    assert_run("mkfifo pipe && mv pipe shared");
    assert_unread("which was not found there, or belongs to another user");
}

/* Either it is refused, or the damage lies where nobody looks; nothing is read out of bounds (the sanitizers tell). */
static void test_damage_is_refused(void **state)
{
    size_t refused = 0;
    struct hf_image image;
    GElf_Shdr info, abbreviations;

    (void)state;
    build("gcc -g", "");
    assert_run("cp shared kept");
    assert_int_equal(hf_image_open("shared", &image, &fixture_error), 0);
    assert_non_null(hf_image_section(&image, ".debug_info", &info));
    assert_non_null(hf_image_section(&image, ".debug_abbrev", &abbreviations));
    hf_image_close(&image);
    for (size_t i = 0; i < 64; i++) {
        const GElf_Shdr *section = i % 2 ? &info : &abbreviations;
        struct hf_program *program = NULL;
        assert_run("cp kept shared");
        fixture_patch("shared", section->sh_offset + i * 7 % section->sh_size, "\xff", 1);
        if (hf_program_open("small", NULL, NULL, &program, &fixture_error) == 0) {
            hf_program_close(program);
            continue;
        }
        assert_int_equal(fixture_error.code, HOTFIX_FORMAT);
        refused++;
    }
    assert_true(refused > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_is_known_as_before),
        cmocka_unit_test(test_the_file_is_found_beside_a_debug_file),
        cmocka_unit_test(test_a_file_that_is_not_the_one_is_not_read),
        cmocka_unit_test(test_damage_is_refused),
    };

    return cmocka_run_group_tests_name("supplement", tests, fixture_setup, fixture_teardown);
}
