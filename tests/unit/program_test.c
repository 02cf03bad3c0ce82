/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions, types, sources and inlined copies as debug information gives them, from every compiler and format at hand;
 * and debug information that is absent, elsewhere or damaged.
 */
#include "program_fixture.h"

static const char header[] = "#include <stddef.h>\n"
                             "struct order { int price; int count; };\n"
                             "typedef struct order order_t;\n"
                             "typedef order_t *order_p;\n"
                             "typedef int visit_fn(int, char *);\n"
                             "typedef struct { int x; } point_t;\n"
                             "static inline int price_of(const struct order *o) { return o->price * 3 + o->count; }\n";

static const char first_source[] =
    "#include \"include/../include/shop.h\"\n"
    "int calls;\n"
    "static __attribute__((noinline)) int helper(int x) { calls += x; return calls; }\n"
    "int by_value(order_t o) { return helper(o.price); }\n"
    "int by_pointer(const order_p o) { return price_of(o) + helper(1); }\n"
    "void nothing(void) { calls++; }\n"
    "int variadic(const char *const *format, ...) { return format != NULL; }\n"
    "int callbacks(int (*f)(int, char *), visit_fn *g, visit_fn **h) { return f == g && h != NULL; }\n"
    "int arrays(int a[3][4], int (*b)[4], volatile point_t *c) { return a[1][1] + b[0][1] + c->x; }\n"
    "unsigned (*returns(enum level { LOW } l))(union mix { int i; } *) { return l ? NULL : NULL; }\n"
    "void *qualified(void *restrict a, const volatile void *b, char *const *c) { return b && c ? a : NULL; }\n"
    "int old() { return calls; }\n";

static const char second_source[] = "#include \"include/shop.h\"\n"
                                    "static __attribute__((noinline)) int helper(long x) { return (int)x; }\n"
                                    "int by_value(order_t), by_pointer(order_p);\n"
                                    "int copies(order_t *o) { return by_pointer(o) + price_of(o) * 7; }\n"
                                    "int main(int argc, char **argv) { order_t o = {argc, 2}; (void)argv; "
                                    "return by_value(o) + copies(&o) + helper(argc); }\n";

/* What is said of a function must be the same, however it was compiled. */
static const struct {
    const char *name;
    const char *prototype;
    bool local;
} expected[] = {
    {"by_value", "int (struct order)", false},
    {"by_pointer", "int (struct order *const)", false},
    {"nothing", "void (void)", false},
    {"variadic", "int (const char *const *, ...)", false},
    {"callbacks", "int (int (*)(int, char *), int (*)(int, char *), int (**)(int, char *))", false},
    {"arrays", "int (int (*)[4], int (*)[4], volatile point_t *)", false},
    {"returns", "unsigned int (*(enum level))(union mix *)", false},
    {"qualified", "void *(void *restrict, const volatile void *, char *const *)", false},
    {"old", "int ()", false},
    {"copies", "int (struct order *)", false},
};

static void write_sources(void)
{
    fixture_write("include/shop.h", header);
    fixture_write("first.c", first_source);
    fixture_write("second.c", second_source);
}

static int open_program(const char *path, const char *debug, struct hf_program **program)
{
    return hf_program_open(path, debug, NULL, program, &fixture_error);
}

static bool ends_with(const char *text, const char *end)
{
    return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

static void assert_absent(const char *path, const char *note)
{
    FIXTURE_PROGRAM program = fixture_open(path, NULL);

    assert_false(program->has_dwarf);
    assert_int_equal(program->unit_count, 0);
    if (!program->debug_note || !strstr(program->debug_note, note))
        fail_msg("note \"%s\" without \"%s\"", program->debug_note ? program->debug_note : "", note);
    for (size_t i = 0; i < program->function_count; i++) {
        assert_null(program->functions[i].unit);
        assert_null(program->functions[i].prototype);
    }
}

static void test_files_that_are_no_programs_are_refused(void **state)
{
    struct hf_program *program = NULL;

    (void)state;
    assert_refused(open_program("absent", NULL, &program), HOTFIX_IO, "absent");
    fixture_write("text", "text\n");
    assert_refused(open_program("text", NULL, &program), HOTFIX_FORMAT, "is not an ELF file");
    write_sources();
    assert_run("gcc -o plain first.c second.c");
    assert_refused(open_program("plain", "absent", &program), HOTFIX_IO, "absent");
    assert_refused(open_program("plain", "text", &program), HOTFIX_FORMAT, "text");
    assert_null(program);
}

static void test_a_debug_file_of_another_build_is_refused(void **state)
{
    struct hf_program *program = NULL;

    (void)state;
    write_sources();
    assert_run("gcc -g -o one first.c second.c && gcc -g -O1 -o two first.c second.c");
    assert_refused(open_program("one", "two", &program), HOTFIX_INCOMPATIBLE, "belongs to another build than one");
    assert_null(program);
}

static void test_absent_debug_information_is_said(void **state)
{
    (void)state;
    write_sources();
    assert_run("gcc -o plain first.c second.c");
    assert_absent("plain", "plain has no debug information, and no debug file of it was found");
    assert_run("gcc -g -o whole first.c second.c && cp whole empty && echo 'not dwz' >alt && "
               "objcopy --add-section .gnu_debugaltlink=alt whole dwz");
    assert_absent("dwz", "was compressed with dwz");
    assert_run(": >nothing && objcopy --update-section .debug_info=nothing empty");
    assert_absent("empty", "empty");
}

static void test_a_file_without_symbols_has_no_functions(void **state)
{
    (void)state;
    fixture_write("bare.c", "int main(void) { return 0; }\n");
    assert_run("gcc -static -nostdlib -Wl,-e,main -o bare bare.c && strip bare");
    FIXTURE_PROGRAM program = fixture_open("bare", NULL);
    assert_int_equal(program->function_count, 0);
    assert_false(program->has_dwarf);
}

/* The entries are cut, overwritten, or lead in circles. */
static void test_damaged_debug_information_is_refused(void **state)
{
    static const char *const damage[] = {
        "head -c 100 info >bad",
        "head -c 40 info >bad; head -c 4000 /dev/zero | tr '\\0' '\\377' >>bad",
        "{ head -c 12 info; yes | head -c 2000; } >bad",
    };
    struct hf_program *program = NULL;

    (void)state;
    write_sources();
    assert_run("gcc -g -o whole first.c second.c && objcopy -O binary --only-section=.debug_info "
               "--set-section-flags .debug_info=alloc whole info");
    for (size_t i = 0; i < FIXTURE_COUNT(damage); i++) {
        assert_run("%s", damage[i]);
        assert_run("objcopy --update-section .debug_info=bad whole bad-%zu", i);
        HF_FREE char *path = NULL;
        assert_true(asprintf(&path, "bad-%zu", i) > 0);
        assert_refused(open_program(path, NULL, &program), HOTFIX_FORMAT, "damaged debug information");
    }
    assert_run("head -c 64 /dev/zero >bad && objcopy --update-section .debug_abbrev=bad whole no-abbrev");
    assert_refused(open_program("no-abbrev", NULL, &program), HOTFIX_FORMAT, "damaged debug information");
    assert_null(program);
}

/* libdwarf never comes past such an entry. */
static void test_an_entry_that_is_its_own_sibling_is_refused(void **state)
{
    static const char source[] = ".section .debug_abbrev,\"\",@progbits\n"
                                 ".byte 1, 0x11, 1, 0, 0\n"          /* the unit */
                                 ".byte 2, 0x01, 1, 0, 0\n"          /* an array */
                                 ".byte 3, 0x21, 0, 1, 0x13, 0, 0\n" /* its bounds: DW_AT_sibling, DW_FORM_ref4 */
                                 ".byte 0\n"
                                 ".section .debug_info,\"\",@progbits\n"
                                 "unit: .4byte end - behind\n"
                                 "behind: .2byte 4\n"
                                 ".4byte 0\n"
                                 ".byte 8, 1, 2\n"
                                 "bounds: .byte 3\n"
                                 ".4byte SIBLING - unit\n"
                                 "next: .byte 0, 0\n"
                                 "end:\n";
    struct hf_program *program = NULL;

    (void)state;
    fixture_write("sibling.s", source);
    assert_run("for to in bounds next; do sed s/SIBLING/$to/ sibling.s >$to.s && gcc -shared -nostdlib -o $to $to.s || "
               "exit; done");
    FIXTURE_PROGRAM good = fixture_open("next", NULL);
    assert_true(good->has_dwarf);
    alarm(60);
    assert_refused(open_program("bounds", NULL, &program), HOTFIX_FORMAT, "damaged debug information");
    alarm(0);
}

/* libdwarf frees twice when it is given such tables. */
static void test_damaged_list_tables_are_refused(void **state)
{
    static const char *const tables[] = {
        "\\3",                                                /* no whole length */
        "\\377\\0\\0\\0\\5\\0\\10\\0\\0\\0\\0\\0",            /* longer than the section */
        "\\10\\0\\0\\0\\4\\0\\10\\0\\0\\0\\0\\0",             /* version 4 */
        "\\10\\0\\0\\0\\5\\0\\3\\0\\0\\0\\0\\0",              /* addresses of 3 bytes */
        "\\10\\0\\0\\0\\5\\0\\10\\1\\0\\0\\0\\0",             /* segments */
        "\\10\\0\\0\\0\\5\\0\\10\\0\\377\\0\\0\\0",           /* more offsets than fit */
        "\\14\\0\\0\\0\\5\\0\\10\\0\\1\\0\\0\\0\\4\\0\\0\\0", /* an offset that leads out of the table */
        "\\2\\0\\0\\0\\5\\0",                                 /* shorter than its header */
        "\\377\\377\\377\\377\\377\\377\\377\\377\\377\\377\\377\\377",
    };
    static const char *const sections[] = {".debug_rnglists", ".debug_loclists"};
    struct hf_program *program = NULL;

    (void)state;
    write_sources();
    assert_run("gcc -gdwarf-5 -O2 -o whole first.c second.c");
    for (size_t i = 0; i < FIXTURE_COUNT(tables) * FIXTURE_COUNT(sections); i++) {
        const char *section = sections[i % 2];
        assert_run("objcopy -O binary --only-section=%s --set-section-flags %s=alloc whole good && "
                   "{ cat good; printf '%s'; } >bad && objcopy --update-section %s=bad whole tables",
                   section, section, tables[i / 2], section);
        assert_refused(open_program("tables", NULL, &program), HOTFIX_FORMAT, "is malformed");
        assert_run("objcopy --compress-debug-sections=zlib tables packed");
        assert_refused(open_program("packed", NULL, &program), HOTFIX_FORMAT, "is malformed");
    }
    assert_null(program);
}

static void check_functions(const struct hf_program *program, const char *how)
{
    assert_true(program->has_dwarf);
    assert_null(program->debug_note);
    for (size_t i = 0; i < FIXTURE_COUNT(expected); i++) {
        const struct hf_function *function = fixture_function(program, expected[i].name);
        const char *source = strcmp(expected[i].name, "copies") == 0 ? "/second.c" : "/first.c";
        if (!function->prototype || strcmp(function->prototype, expected[i].prototype) != 0)
            fail_msg("%s: %s is \"%s\"", how, function->name, function->prototype ? function->prototype : "unknown");
        if (!ends_with(function->source, source) || function->source[0] != '/' || !function->unit ||
            !ends_with(function->unit->path, source))
            fail_msg("%s: %s is from %s", how, function->name, function->source);
        assert_true(function->size > 0);
        assert_int_equal(function->local, expected[i].local);
        assert_string_equal(function->declared, function->name);
        assert_int_equal(program->image.build_id.size, 20);
    }
    assert_int_equal(fixture_function(program, "by_value")->line, 4);
    assert_int_equal(fixture_function(program, "nothing")->line, 6);
}

/* The header's function was inlined in both units: whoever replaces it in one misses the other. */
static void check_copies(const struct hf_program *program)
{
    size_t count;
    const struct hf_inline_copy *copies = hf_program_inlined(program, "price_of", NULL, &count);
    bool by_pointer = false, in_copies = false;

    assert_true(count >= 2);
    for (size_t i = 0; i < count; i++) {
        assert_true(ends_with(copies[i].source, "/include/shop.h") && !strstr(copies[i].source, ".."));
        by_pointer |= strcmp(copies[i].caller, "by_pointer") == 0 && ends_with(copies[i].caller_source, "/first.c");
        in_copies |= strcmp(copies[i].caller, "copies") == 0 && ends_with(copies[i].caller_source, "/second.c");
    }
    assert_true(by_pointer && in_copies);
    const char *source = copies[0].source;
    assert_ptr_equal(hf_program_inlined(program, "price_of", source, &count), copies);
    assert_true(count >= 2);
    assert_null(hf_program_inlined(program, "price_of", "/other.h", &count));
    assert_int_equal(count, 0);
    assert_null(hf_program_inlined(program, "price", NULL, &count));
}

static void test_every_compiler_and_format_says_the_same(void **state)
{
    static const char *const compilers[] = {"gcc", "clang"};
    static const char *const levels[] = {"-O0", "-O2"};
    static const char *const formats[] = {"-gdwarf-4", "-gdwarf-5", "-gdwarf-4 -fdebug-types-section",
                                          "-gdwarf-5 -fdebug-types-section", "-g -gz"};
    static const char *const kinds[] = {"-fPIE -pie", "-no-pie -fno-pie", "-fPIC -shared"};

    (void)state;
    write_sources();
    for (size_t i = 0; i < FIXTURE_COUNT(compilers) * FIXTURE_COUNT(levels) * FIXTURE_COUNT(formats); i++) {
        const char *compiler = compilers[i % 2], *level = levels[i / 2 % 2], *format = formats[i / 4];
        for (size_t k = 0; k < FIXTURE_COUNT(kinds); k++) {
            HF_FREE char *how = NULL;
            assert_true(asprintf(&how, "%s %s %s %s", compiler, level, format, kinds[k]) > 0);
            assert_run("%s -Wno-deprecated-non-prototype -Wno-unknown-warning-option -Wl,--build-id=sha1 -o matrix "
                       "first.c $PWD/./second.c",
                       how);
            FIXTURE_PROGRAM program = fixture_open("matrix", NULL);
            check_functions(program, how);
            assert_int_equal(program->unit_count, 2);
            if (strcmp(level, "-O2") == 0)
                check_copies(program);
        }
    }
}

static void test_the_old_form_of_compressed_sections_is_read(void **state)
{
    (void)state;
    write_sources();
    for (unsigned version = 4; version <= 5; version++) {
        assert_run("gcc -O2 -gdwarf-%u -gz=zlib-gnu -Wl,--build-id=sha1 -o old first.c $PWD/second.c && "
                   "readelf -SW old | grep -q zdebug_info",
                   version);
        FIXTURE_PROGRAM program = fixture_open("old", NULL);
        check_functions(program, "-gz=zlib-gnu");
    }
}

static void test_stripped_programs_are_read_through_their_debug_files(void **state)
{
    (void)state;
    write_sources();
    assert_run("gcc -g -O1 -Wl,--build-id=sha1 -o whole first.c second.c && objcopy --only-keep-debug whole d.debug && "
               "strip -o program whole && objcopy --add-gnu-debuglink=d.debug program");
    FIXTURE_PROGRAM linked = fixture_open("program", NULL);
    assert_ptr_not_equal(linked->debug, &linked->image);
    check_functions(linked, "debuglink");
    assert_run("mv d.debug elsewhere");
    assert_absent("program", "no debug file of it was found");
    FIXTURE_PROGRAM named = fixture_open("program", "elsewhere");
    check_functions(named, "--debug");
    FIXTURE_PROGRAM from_whole = fixture_open("program", "whole");
    check_functions(from_whole, "unstripped original");
    const struct hf_function *function = fixture_function(named, "by_value");
    assert_non_null(hf_image_bytes(&named->image, function->address, function->size));

    /* A debug file without symbols leaves those of the program. */
    assert_run("objcopy --only-keep-debug whole all && objcopy --remove-section=.symtab all full && "
               "strip -g -o symbols whole");
    FIXTURE_PROGRAM symbols = fixture_open("symbols", "full");
    check_functions(symbols, "symbols in both");
}

static void test_local_functions_of_one_name_keep_their_own_source(void **state)
{
    (void)state;
    write_sources();
    assert_run("gcc -g -O1 -o locals first.c second.c");
    FIXTURE_PROGRAM program = fixture_open("locals", NULL);
    bool first = false, second = false;
    for (size_t i = 0; i < program->function_count; i++) {
        const struct hf_function *function = &program->functions[i];
        if (strcmp(function->name, "helper") != 0)
            continue;
        assert_true(function->local);
        first |= ends_with(function->source, "/first.c") && strcmp(function->prototype, "int (int)") == 0;
        second |= ends_with(function->source, "/second.c") && strcmp(function->prototype, "int (long int)") == 0;
    }
    assert_true(first && second);

    assert_run("gcc -O1 -o locals-plain first.c second.c");
    FIXTURE_PROGRAM plain = fixture_open("locals-plain", NULL);
    assert_string_equal(fixture_function(plain, "by_value")->source, "");
    for (size_t i = 0; i < plain->function_count; i++)
        if (strcmp(plain->functions[i].name, "helper") == 0)
            assert_true(strstr("first.c second.c", plain->functions[i].source) != NULL);
}

static void check_parameter(const struct hf_program *program, const char *function, const char *named, bool pointer,
                            const char *tag, bool tag_pointer)
{
    const struct hf_parameter *parameter = &fixture_function(program, function)->parameters[0];

    assert_string_equal(parameter->named, named);
    assert_int_equal(parameter->pointer, pointer);
    assert_string_equal(parameter->tag, tag);
    assert_int_equal(parameter->tag_pointer, tag_pointer);
}

static void test_parameters_go_by_typedef_and_by_tag(void **state)
{
    (void)state;
    write_sources();
    assert_run("gcc -g -O1 -o names first.c second.c");
    FIXTURE_PROGRAM program = fixture_open("names", NULL);
    check_parameter(program, "by_value", "order_t", false, "order", false);
    check_parameter(program, "by_pointer", "order_p", false, "order", true);
    check_parameter(program, "copies", "order_t", true, "order", true);
    check_parameter(program, "callbacks", "", false, "", false);
    check_parameter(program, "variadic", "", false, "", false);
    assert_int_equal(fixture_function(program, "variadic")->parameter_count, 1);
    assert_string_equal(fixture_function(program, "arrays")->parameters[2].tag, "point_t");
    assert_int_equal(fixture_function(program, "nothing")->parameter_count, 0);
}

/* -g1 tells of no types: a function without parameters there may have any. */
static void test_prototypes_without_types_are_unknown(void **state)
{
    static const char *const compilers[] = {"gcc", "clang"};

    (void)state;
    write_sources();
    for (size_t i = 0; i < FIXTURE_COUNT(compilers); i++) {
        assert_run("%s -g1 -O2 -o lines first.c second.c", compilers[i]);
        FIXTURE_PROGRAM program = fixture_open("lines", NULL);
        assert_true(program->has_dwarf);
        assert_null(fixture_function(program, "by_value")->prototype);
        assert_null(fixture_function(program, "copies")->prototype);
    }
}

static void test_parts_and_clones_share_what_is_known_of_their_function(void **state)
{
    (void)state;
    fixture_write("cold.c",
                  "#include <stdlib.h>\n#include <stdio.h>\nint counter;\n"
                  "static __attribute__((noinline)) int scaled(int x, int unused) { return x * 7 + counter; }\n"
                  "static int big(int x) { if (x < 3) return x; for (int i = 0; i < x; i++) { printf(\"%d\\n\", i); "
                  "counter += i; if (counter == 99) abort(); } return counter; }\n"
                  "int one(int x) { return big(x) + scaled(x, 3); }\n"
                  "int two(int x) { return big(x + 1) + scaled(x + 1, 3); }\n");
    for (unsigned version = 4; version <= 5; version++) {
        assert_run("gcc -O2 -gdwarf-%u -shared -fPIC -o cold.so cold.c", version);
        FIXTURE_PROGRAM program = fixture_open("cold.so", NULL);
        const struct hf_function *clone = fixture_function(program, "scaled.constprop.0");
        assert_string_equal(clone->declared, "scaled");
        assert_string_equal(clone->prototype, "int (int, int)");
        assert_int_equal(clone->line, 4);
        const struct hf_function *cold = fixture_function(program, "one.cold"),
                                 *whole = fixture_function(program, "one");
        assert_string_equal(cold->declared, "one");
        assert_ptr_equal(cold->unit, whole->unit);
        assert_string_equal(cold->prototype, whole->prototype);
        assert_int_not_equal(cold->address, whole->address);
        size_t count;
        assert_non_null(hf_program_inlined(program, "big", NULL, &count));
        assert_true(count >= 2);
    }
}

/* Its instructions became one with its caller's, or a constant: DWARF gives it no range, and it is there all the same.
 */
static void test_copies_without_instructions_of_their_own_count(void **state)
{
    (void)state;
    fixture_write("fold.c", "static inline int twice(int x) { return 2 * x; }\n"
                            "__attribute__((noinline)) int id(int x) { return x; }\n"
                            "int caller(int x) { return id(x) + twice(x); }\n");
    assert_run("gcc -O2 -g -shared -fPIC -o fold.so fold.c");
    FIXTURE_PROGRAM program = fixture_open("fold.so", NULL);
    size_t count;
    const struct hf_inline_copy *copy = hf_program_inlined(program, "twice", NULL, &count);
    assert_int_equal(count, 1);
    assert_string_equal(copy->caller, "caller");
}

/* What the linker drops stays in DWARF, at address zero: neither code nor copies of it exist. */
static void test_code_that_the_linker_dropped_is_not_there(void **state)
{
    static const char *const linkers[] = {"gcc -fuse-ld=bfd", "clang -fuse-ld=bfd"};

    (void)state;
    fixture_write("drop.c", "static inline int twice(int x) { return 2 * x + 1; }\n"
                            "int dropped(int x) { return twice(x) * 5; }\n"
                            "int main(int argc, char **argv) { (void)argv; return argc; }\n");
    for (size_t i = 0; i < FIXTURE_COUNT(linkers); i++) {
        assert_run("%s -O2 -g -ffunction-sections -Wl,--gc-sections -o drop drop.c", linkers[i]);
        FIXTURE_PROGRAM program = fixture_open("drop", NULL);
        size_t count;
        assert_false(fixture_has(program, "dropped"));
        assert_null(hf_program_inlined(program, "twice", NULL, &count));
    }
}

static void test_functions_are_ordered_and_aliases_are_entries(void **state)
{
    (void)state;
    fixture_write("alias.c",
                  "int b_name(int x) { return x; }\nint a_name(int x) __attribute__((alias(\"b_name\")));\n"
                  "static int chosen(int x) { return x; }\nstatic int (*choose(void))(int) { return chosen; }\n"
                  "int picked(int x) __attribute__((ifunc(\"choose\")));\n");
    assert_run("gcc -g -shared -fPIC -o alias.so alias.c");
    FIXTURE_PROGRAM program = fixture_open("alias.so", NULL);
    for (size_t i = 1; i < program->function_count; i++) {
        const struct hf_function *a = &program->functions[i - 1], *b = &program->functions[i];
        assert_true(a->address < b->address || (a->address == b->address && strcmp(a->name, b->name) < 0));
    }
    assert_int_equal(fixture_function(program, "a_name")->address, fixture_function(program, "b_name")->address);
    assert_string_equal(fixture_function(program, "a_name")->prototype, "int (int)");
    assert_int_equal(fixture_function(program, "picked")->address, fixture_function(program, "choose")->address);
}

/* gcc makes one of two equal functions a jump to the other, which has a symbol and no address in DWARF. */
static void test_folded_functions_are_told_by_name(void **state)
{
    (void)state;
    fixture_write("fold-1.c", "int calls;\nstatic int work(int *x) { for (int i = 0; i < *x; i++) calls += i * *x; "
                              "return calls; }\nint a(int *x) { return work(x) + work(x + 1); }\n"
                              "int b(int *x) { return work(x) + work(x + 1); }\n");
    assert_run("gcc -O2 -g -shared -fPIC -o fold.so fold-1.c");
    FIXTURE_PROGRAM program = fixture_open("fold.so", NULL);
    assert_int_not_equal(fixture_function(program, "a")->address, fixture_function(program, "b")->address);
    assert_string_equal(fixture_function(program, "a")->prototype, "int (int *)");
    assert_string_equal(fixture_function(program, "b")->prototype, "int (int *)");
    assert_non_null(fixture_function(program, "a")->unit);
    assert_int_equal(fixture_function(program, "b")->line, 4);
}

/* Hand-written code has no size in its symbol. */
static void test_sizes_that_symbols_lack_come_from_dwarf(void **state)
{
    (void)state;
    fixture_write("sizeless.c", "int sizeless(int x) { return x + 1; }\nint after(int x) { return sizeless(x); }\n");
    assert_run("gcc -g -O1 -S -o sizeless.s sizeless.c && grep -v '\\.size.*sizeless' sizeless.s >cut.s && "
               "gcc -shared -fPIC -o sizeless.so cut.s");
    FIXTURE_PROGRAM program = fixture_open("sizeless.so", NULL);
    assert_true(fixture_function(program, "sizeless")->size > 0);
}

static void test_versions_are_taken_off_default_symbols(void **state)
{
    (void)state;
    fixture_write("versions", "V1 { global: old_step; }; V2 { global: step; };\n");
    fixture_write("v.c", "int step_1(int x) { return x; }\nint step_2(int x) { return x + 1; }\n"
                         "__asm__(\".symver step_1, step@V1\");\n__asm__(\".symver step_2, step@@V2\");\n");
    assert_run("gcc -g -shared -fPIC -Wl,--version-script=versions -o v.so v.c");
    FIXTURE_PROGRAM program = fixture_open("v.so", NULL);
    assert_string_equal(fixture_function(program, "step")->declared, "step_2");
    assert_string_equal(fixture_function(program, "step@V1")->declared, "step_1");
}

static void test_methods_and_templates_of_cxx(void **state)
{
    static const char *const compilers[] = {"g++", "clang++"};

    (void)state;
    fixture_write("m.cc", "struct order { int p; order(int); int total(int) const; static int make(order &&); };\n"
                          "order::order(int x) : p(x) {}\n"
                          "int order::total(int x) const { return p * x; }\n"
                          "int order::make(order &&o) { return o.p; }\n"
                          "namespace { __attribute__((noinline)) int hidden(const order &o) { return o.p; } }\n"
                          "template <class T> __attribute__((noinline)) T twice(T x) { return 2 * x; }\n"
                          "int member(int (order::*m)(int) const, order &o) { return (o.*m)(hidden(o)); }\n"
                          "int use(int x) { return twice(x) + (int)twice(2.5 * x); }\n"
                          "extern \"C\" int plain() { return 1; }\n");
    for (size_t i = 0; i < FIXTURE_COUNT(compilers); i++) {
        assert_run("%s -g -O1 -shared -fPIC -o m.so m.cc", compilers[i]);
        FIXTURE_PROGRAM program = fixture_open("m.so", NULL);
        const struct hf_function *total = fixture_function(program, "_ZNK5order5totalEi");
        assert_non_null(strstr(total->prototype, "int (const struct order *"));
        assert_int_equal(total->line, 3);
        assert_string_equal(total->parameters[0].tag, "order");
        assert_true(total->parameters[0].tag_pointer);
        assert_string_equal(fixture_function(program, "_ZN5order4makeEOS_")->prototype, "int (struct order &&)");
        assert_non_null(strstr(fixture_function(program, "_ZN5orderC1Ei")->prototype, "void (struct order *"));
        assert_int_equal(fixture_function(program, "_ZN5orderC2Ei")->line, 2);
        assert_string_equal(fixture_function(program, "_ZN12_GLOBAL__N_16hiddenERK5order")->prototype,
                            "int (const struct order &)");
        assert_string_equal(fixture_function(program, "_Z5twiceIdET_S0_")->prototype, "double (double)");
        assert_non_null(strstr(fixture_function(program, "_Z6memberM5orderKFiiERS_")->prototype, "(order::*)(const"));
        assert_string_equal(fixture_function(program, "plain")->prototype, "int (void)");
    }
}

/* Code of link-time optimisation is in units of the linker's making; what was compiled is in others. */
static void test_functions_keep_their_unit_under_link_time_optimisation(void **state)
{
    (void)state;
    write_sources();
    assert_run("gcc -g -O2 -flto -shared -fPIC -o lto.so first.c second.c");
    FIXTURE_PROGRAM program = fixture_open("lto.so", NULL);
    const struct hf_function *function = fixture_function(program, "by_value");
    assert_true(ends_with(function->unit->path, "/first.c"));
    assert_non_null(strstr(function->unit->producer, "-flto"));
    assert_string_equal(function->prototype, "int (struct order)");
    check_copies(program);
}

/* dwz within one file shares entries through partial units. */
static void test_partial_units_are_read(void **state)
{
    (void)state;
    if (system("command -v dwz >/dev/null") != 0)
        skip();
    write_sources();
    assert_run("gcc -g -O2 -Wl,--build-id=sha1 -o partial first.c second.c && dwz partial && "
               "readelf --debug-dump=info partial | grep -q DW_TAG_partial_unit");
    FIXTURE_PROGRAM program = fixture_open("partial", NULL);
    check_functions(program, "dwz");
    check_copies(program);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_that_are_no_programs_are_refused),
        cmocka_unit_test(test_a_debug_file_of_another_build_is_refused),
        cmocka_unit_test(test_absent_debug_information_is_said),
        cmocka_unit_test(test_a_file_without_symbols_has_no_functions),
        cmocka_unit_test(test_damaged_debug_information_is_refused),
        cmocka_unit_test(test_an_entry_that_is_its_own_sibling_is_refused),
        cmocka_unit_test(test_damaged_list_tables_are_refused),
        cmocka_unit_test(test_every_compiler_and_format_says_the_same),
        cmocka_unit_test(test_the_old_form_of_compressed_sections_is_read),
        cmocka_unit_test(test_stripped_programs_are_read_through_their_debug_files),
        cmocka_unit_test(test_local_functions_of_one_name_keep_their_own_source),
        cmocka_unit_test(test_parameters_go_by_typedef_and_by_tag),
        cmocka_unit_test(test_prototypes_without_types_are_unknown),
        cmocka_unit_test(test_parts_and_clones_share_what_is_known_of_their_function),
        cmocka_unit_test(test_copies_without_instructions_of_their_own_count),
        cmocka_unit_test(test_code_that_the_linker_dropped_is_not_there),
        cmocka_unit_test(test_functions_are_ordered_and_aliases_are_entries),
        cmocka_unit_test(test_folded_functions_are_told_by_name),
        cmocka_unit_test(test_sizes_that_symbols_lack_come_from_dwarf),
        cmocka_unit_test(test_versions_are_taken_off_default_symbols),
        cmocka_unit_test(test_methods_and_templates_of_cxx),
        cmocka_unit_test(test_functions_keep_their_unit_under_link_time_optimisation),
        cmocka_unit_test(test_partial_units_are_read),
    };

    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
