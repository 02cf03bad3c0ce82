/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Units that cannot tell of the functions asked about are left out, and nothing else is: of these functions the same is
 * known as when everything is read, whatever the compiler and the form of its debug information.
 */
#include "dwarf/dwarf.h"
#include "dwarf/sieve.h"
#include "program_fixture.h"

static const char header[] = "struct item { int price; };\n"
                             "static inline int cost_of(const struct item *i) { return i->price * 3 + 1; }\n";
static const char first_source[] = "#include \"shop.h\"\n"
                                   "static __attribute__((noinline)) int of(int x) { return x * 5; }\n"
                                   "int f(struct item *i) { return cost_of(i) + of(i->price); }\n"
                                   "__attribute__((noinline)) int shared(int x) { return of(x) + 3; }\n";
static const char second_source[] = "#include \"shop.h\"\n"
                                    "static __attribute__((noinline)) int of(long x) { return (int)x - 2; }\n"
                                    "int ab(struct item *i) { return cost_of(i) + of(7); }\n"
                                    "int unshared(int x) { return of(x) - 3; }\n";
static const char third_source[] = "struct item; int f(struct item *), ab(struct item *), shared(int), unshared(int);\n"
                                   "static __attribute__((noinline)) int lonely(int x) { return x ^ 9; }\n"
                                   "int main(int argc, char **argv) { struct item *i = (struct item *)argv[0];\n"
                                   "return f(i) + ab(i) + shared(argc) + unshared(argc) + lonely(argc); }\n";

static const struct {
    const char *compiler, *options;
    bool apart; /* units do not refer to each other */
} variants[] = {
    {"gcc", "-gdwarf-5", true},
    {"gcc", "-gdwarf-4 -O2", true},
    {"gcc", "-gdwarf-5 -O2 -gz", true},
    {"gcc", "-g -O2 -flto", false},
    {"gcc", "-g -O2 -Wl,-O2 -ffunction-sections -fuse-ld=gold -Wl,--icf=all", true},
    {"clang", "-gdwarf-5", true},
    {"clang", "-gdwarf-4", true},
    {"clang", "-g -O2 -Wl,--compress-debug-sections=zlib-gnu", false},
};

static void write_sources(void)
{
    fixture_write("shop.h", header);
    fixture_write("first.c", first_source);
    fixture_write("second.c", second_source);
    fixture_write("third.c", third_source);
}

static struct hf_program *open_asked(const char *path, const char *name)
{
    struct hf_program *program = NULL;
    struct hf_asked asked = {.count = 0};

    assert_int_equal(hf_asked_add(&asked, name), 0);
    if (hf_program_open(path, NULL, &asked, &program, &fixture_error) != 0)
        fail_msg("%s", fixture_error.message);
    hf_asked_deinit(&asked);
    return program;
}

static void assert_texts(const char *name, const char *what, const char *asked, const char *whole)
{
    if (strcmp(asked ? asked : "", whole ? whole : "") != 0)
        fail_msg("%s: %s is \"%s\" when it is asked about, \"%s\" else", name, what, asked, whole);
}

static void assert_equal_functions(const struct hf_function *asked, const struct hf_function *whole)
{
    const char *name = whole->name;

    assert_texts(name, "its source", asked->source, whole->source);
    assert_texts(name, "its declared name", asked->declared, whole->declared);
    assert_texts(name, "its prototype", asked->prototype, whole->prototype);
    assert_texts(name, "its unit", asked->unit ? asked->unit->path : NULL, whole->unit ? whole->unit->path : NULL);
    assert_int_equal(asked->line, whole->line);
    assert_int_equal(asked->parameter_count, whole->parameter_count);
    if (asked->inlined_count != whole->inlined_count)
        fail_msg("%s: %zu copies when it is asked about, %zu else", name, asked->inlined_count, whole->inlined_count);
    for (size_t i = 0; i < whole->inlined_count; i++) {
        assert_int_equal(asked->inlined[i].address, whole->inlined[i].address);
        assert_texts(name, "a copy's caller", asked->inlined[i].caller, whole->inlined[i].caller);
        assert_texts(name, "a caller's source", asked->inlined[i].caller_source, whole->inlined[i].caller_source);
    }
}

/* Asks about every step-th function alone. How many there were. */
static size_t compare_all(const char *path, size_t step)
{
    FIXTURE_PROGRAM whole = fixture_open(path, NULL);
    size_t asked = 0, inlined = 0, count = 0;

    for (size_t i = 0; i < whole->function_count; i += step) {
        const char *name = whole->functions[i].name;
        FIXTURE_PROGRAM program = open_asked(path, name);
        assert_true(program->has_dwarf);
        assert_int_equal(program->unit_count, whole->unit_count);
        assert_int_equal(program->function_count, whole->function_count);
        for (size_t k = 0; k < whole->function_count; k++)
            if (strcmp(whole->functions[k].name, name) == 0)
                assert_equal_functions(&program->functions[k], &whole->functions[k]);
        const struct hf_function *function = &whole->functions[i];
        if (function->declared) {
            hf_program_inlined(whole, function->declared, NULL, &count);
            hf_program_inlined(program, function->declared, NULL, &asked);
            assert_int_equal(asked, count);
            inlined += count;
        }
    }
    return inlined;
}

static void test_what_is_asked_about_is_read_as_if_all_were(void **state)
{
    (void)state;
    write_sources();
    for (size_t i = 0; i < FIXTURE_COUNT(variants); i++) {
        print_message("%s %s\n", variants[i].compiler, variants[i].options);
        assert_run("%s %s -o program first.c second.c third.c", variants[i].compiler, variants[i].options);
        compare_all("program", 1);
    }
}

/* Functions with copies in the code of others, and with clones, among them. */
static void test_so_it_is_of_a_large_program(void **state)
{
    const char *build = getenv("BUILD");
    HF_FREE char *command = NULL;

    (void)state;
    assert_true(asprintf(&command, "%s/hotfix", build ? build : "build") > 0);
    assert_true(compare_all(command, 53) > 0);
}

static void test_units_without_the_name_are_left_out(void **state)
{
    (void)state;
    write_sources();
    for (size_t i = 0; i < FIXTURE_COUNT(variants); i++) {
        print_message("%s %s\n", variants[i].compiler, variants[i].options);
        /* Bytes that look like the name's place keep a unit. Where strings lie hangs on the directory's random name. */
        assert_run("%s %s -fdebug-prefix-map=\"$PWD\"=/sources -o program first.c second.c third.c",
                   variants[i].compiler, variants[i].options);
        FIXTURE_PROGRAM program = open_asked("program", "shared");
        assert_non_null(fixture_function(program, "shared")->prototype);
        if (variants[i].apart)
            assert_null(fixture_function(program, "ab")->unit);
    }
}

static void test_an_inlined_function_is_found_wherever_it_was_inlined(void **state)
{
    size_t count;

    (void)state;
    write_sources();
    assert_run("gcc -g -O2 -o program first.c second.c third.c");
    FIXTURE_PROGRAM program = open_asked("program", "cost_of");
    hf_program_inlined(program, "cost_of", NULL, &count);
    assert_int_equal(count, 2);
}

/* Entries of debug information that the linker dropped the code of, and of symbols that share code. */
static void test_names_of_one_piece_of_code_are_asked_about_together(void **state)
{
    (void)state;
    fixture_write("one.c", "int one(int x) { return x * 77 + 5; }\n");
    fixture_write("two.c", "int two(int x) { return x * 77 + 5; }\n");
    fixture_write("main.c", "int one(int), two(int); int main(int argc, char **argv) { (void)argv; return one(argc) + "
                            "two(argc); }\n");
    assert_run("gcc -g -O2 -ffunction-sections -fuse-ld=gold -Wl,--icf=all -o folded one.c two.c main.c");
    FIXTURE_PROGRAM program = open_asked("folded", "two");
    assert_int_equal(fixture_function(program, "one")->address, fixture_function(program, "two")->address);
    assert_true(fixture_function(program, "one")->unit && fixture_function(program, "two")->unit);
    assert_string_not_equal(fixture_function(program, "one")->source, fixture_function(program, "two")->source);
}

static void test_damage_is_refused_as_when_all_is_read(void **state)
{
    struct hf_asked asked = {.count = 0};
    struct hf_program *program = NULL;
    struct hf_image image;
    GElf_Shdr info;

    (void)state;
    write_sources();
    assert_run("gcc -g -o program first.c second.c third.c");
    assert_int_equal(hf_image_open("program", &image, &fixture_error), 0);
    assert_non_null(hf_image_section(&image, ".debug_info", &info));
    hf_image_close(&image);
    fixture_patch("program", info.sh_offset, "\xf0\xff\xff\x7f", 4);
    assert_int_equal(hf_asked_add(&asked, "f"), 0);
    assert_refused(hf_program_open("program", NULL, NULL, &program, &fixture_error), HOTFIX_FORMAT,
                   "damaged debug information");
    assert_refused(hf_program_open("program", NULL, &asked, &program, &fixture_error), HOTFIX_FORMAT,
                   "damaged debug information");
    hf_asked_deinit(&asked);
}

static void test_names_are_those_of_debug_information(void **state)
{
    struct hf_asked asked = {.count = 0};

    (void)state;
    assert_int_equal(hf_asked_add(&asked, "worker.constprop.0"), 0);
    assert_int_equal(hf_asked_add(&asked, "open@@V1"), 0);
    assert_int_equal(hf_asked_add(&asked, "worker"), 0);
    assert_int_equal(hf_asked_add(&asked, ""), 0);
    assert_int_equal(asked.count, 2);
    assert_true(hf_asked_has(&asked, "worker.cold") && hf_asked_has(&asked, "open"));
    assert_false(hf_asked_has(&asked, "work") || hf_asked_has(&asked, "workers") || hf_asked_has(&asked, ""));
    hf_asked_deinit(&asked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_asked_about_is_read_as_if_all_were),
        cmocka_unit_test(test_so_it_is_of_a_large_program),
        cmocka_unit_test(test_units_without_the_name_are_left_out),
        cmocka_unit_test(test_an_inlined_function_is_found_wherever_it_was_inlined),
        cmocka_unit_test(test_names_of_one_piece_of_code_are_asked_about_together),
        cmocka_unit_test(test_damage_is_refused_as_when_all_is_read),
        cmocka_unit_test(test_names_are_those_of_debug_information),
    };

    return cmocka_run_group_tests_name("sieve", tests, fixture_setup, fixture_teardown);
}
