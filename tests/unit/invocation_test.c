/* SPDX-License-Identifier: Apache-2.0 */
/* Compiler command lines, understood as far as recording and repeating them needs. */
#include "compiler/invocation.h"
#include "program_fixture.h"

#define ARGUMENTS_MAX 32

/* The command of a line, its words separated by one blank each. */
static int parse(const char *line, struct hf_invocation *invocation)
{
    HF_FREE char *copy = strdup(line);
    char *argv[ARGUMENTS_MAX];
    char *rest = copy;
    int argc = 0;

    while (rest && argc < ARGUMENTS_MAX)
        argv[argc++] = strsep(&rest, " ");
    return hf_invocation_parse(argc, argv, invocation, &fixture_error);
}

static struct hf_invocation parsed(const char *line)
{
    struct hf_invocation invocation;

    if (parse(line, &invocation) != 0)
        fail_msg("%s: %s", line, fixture_error.message);
    return invocation;
}

/* Words of argv joined by blanks. */
static char *joined(const struct hf_invocation *invocation, const size_t *indices, size_t count)
{
    char *text = calloc(1, 4096);
    for (size_t i = 0; i < count; i++)
        snprintf(text + strlen(text), 4096 - strlen(text), "%s%s", i ? " " : "", invocation->argv[indices[i]]);
    return text;
}

static void what_makes_no_object_is_not_recorded(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "gcc",           "gcc --version",        "gcc -v",     "gcc -dumpmachine", "gcc -print-search-dirs",
        "gcc -E a.c",    "gcc -S a.c -o a.s",    "gcc -M a.c", "gcc -MM -c a.c",   "gcc -fsyntax-only -c a.c",
        "gcc -c -o a.o", "gcc -c -x c - -o a.o", "gcc -x c -", "gcc -### -c a.c",  "gcc -c a.o",
    };

    for (size_t i = 0; i < FIXTURE_COUNT(lines); i++) {
        struct hf_invocation invocation = parsed(lines[i]);
        if (invocation.kind != HF_INVOCATION_OTHER)
            fail_msg("%s: kind %d", lines[i], invocation.kind);
        hf_invocation_deinit(&invocation);
    }
}

static void wrong_response_files_are_refused(void **state)
{
    (void)state;
    struct hf_invocation invocation;

    fixture_write("loop.rsp", "-DA @loop.rsp");
    assert_refused(parse("gcc @loop.rsp", &invocation), HOTFIX_USAGE,
                   "response file loop.rsp: nested more than 8 deep");
    assert_run("printf 'a\\0b' >nul.rsp");
    assert_refused(parse("gcc @nul.rsp", &invocation), HOTFIX_USAGE, "response file nul.rsp: holds a NUL byte");
    assert_run("mkdir -p directory.rsp");
    assert_refused(parse("gcc @directory.rsp", &invocation), HOTFIX_IO, "directory.rsp");
}

static void compilations_are_understood(void **state)
{
    (void)state;
    static const struct {
        const char *line, *sources, *object;
    } cases[] = {
        {"gcc -c a.c", "a.c", "a.o"},
        {"gcc -c ../src/a.b.c", "../src/a.b.c", "a.b.o"},
        {"gcc -c -o x/a.o a.c", "a.c", "x/a.o"},
        {"gcc -c -ox/a.o a.c", "a.c", "x/a.o"},
        {"gcc a.c -O2 -c", "a.c", "a.o"},
        {"gcc -c a.c b.cc c.S", "a.c b.cc c.S", "a.o"},
        {"gcc -c -o first.o -o second.o a.c", "a.c", "second.o"},
        /* operands that look like sources */
        {"gcc -include config.c -MT b.c -MF c.c -D d.c -I e.c -c a.c", "a.c", "a.o"},
        {"gcc -isystem x.c -Xclang y.c -Xlinker z.o --param w.c --sysroot v.c -c a.c", "a.c", "a.o"},
        {"gcc -c -x c generated.inc -o g.o", "generated.inc", "g.o"},
        {"gcc -c -xc generated -o g.o", "generated", "g.o"},
        {"gcc -c -x c generated", "generated", "generated.o"},
        /* as libtool and automake call it */
        {"gcc -DHAVE_CONFIG_H -I. -g -O2 -MT libx_la-a.lo -MD -MP -MF .deps/libx_la-a.Tpo -c a.c -fPIC -DPIC -o "
         ".libs/libx_la-a.o",
         "a.c", ".libs/libx_la-a.o"},
    };

    for (size_t i = 0; i < FIXTURE_COUNT(cases); i++) {
        struct hf_invocation invocation = parsed(cases[i].line);
        HF_FREE char *sources = joined(&invocation, invocation.sources, invocation.source_count);
        HF_FREE char *object = hf_invocation_object(&invocation, 0);
        assert_int_equal(invocation.kind, HF_INVOCATION_COMPILE);
        assert_string_equal(sources, cases[i].sources);
        assert_string_equal(object, cases[i].object);
        hf_invocation_deinit(&invocation);
    }
}

static void links_are_understood(void **state)
{
    (void)state;
    static const struct {
        const char *line, *sources, *inputs, *output;
    } cases[] = {
        {"gcc a.o", "", "a.o", NULL},
        {"gcc -o p a.o libb.a -lm", "", "a.o libb.a", "p"},
        {"gcc -o p a.c b.o", "a.c", "b.o", "p"},
        {"gcc a.c", "a.c", "", NULL},
        {"gcc -o p a.os @no-such-file script.ld", "", "a.os @no-such-file script.ld", "p"},
        {"gcc -o p a.o -z now -u sym.o -T script.o -e start.o -Wl,--as-needed", "", "a.o", "p"},
        {"gcc -o p -x c a.inc -x none b.o", "a.inc", "b.o", "p"},
        {"gcc -r -o part.o a.o b.o", "", "a.o b.o", "part.o"},
        {"gcc -shared -fPIC -DPIC .libs/a.o -Wl,--whole-archive ./.libs/libc.a -Wl,--no-whole-archive -lz -Wl,-soname "
         "-Wl,libx.so.1 -o .libs/libx.so.1.0.0",
         "", ".libs/a.o ./.libs/libc.a", ".libs/libx.so.1.0.0"},
    };

    for (size_t i = 0; i < FIXTURE_COUNT(cases); i++) {
        struct hf_invocation invocation = parsed(cases[i].line);
        HF_FREE char *sources = joined(&invocation, invocation.sources, invocation.source_count);
        HF_FREE char *inputs = joined(&invocation, invocation.inputs, invocation.input_count);
        assert_int_equal(invocation.kind, HF_INVOCATION_LINK);
        assert_string_equal(sources, cases[i].sources);
        assert_string_equal(inputs, cases[i].inputs);
        assert_string_equal(invocation.output ? invocation.output : "(none)",
                            cases[i].output ? cases[i].output : "(none)");
        hf_invocation_deinit(&invocation);
    }
}

static void response_files_are_read_as_drivers_do(void **state)
{
    (void)state;
    fixture_write("inner.rsp", "-o 'a b.o'\n");
    fixture_write("outer.rsp", "-c\t\"-DX=\\\"q\\\"\" '-DY=a\"b' -DZ=\\ c\n\n@inner.rsp a.c  ");
    static const char *const words[] = {"gcc", "-O2", "-c", "-DX=\"q\"", "-DY=a\"b", "-DZ= c", "-o", "a b.o", "a.c"};

    struct hf_invocation invocation = parsed("gcc -O2 @outer.rsp");
    assert_int_equal(invocation.argc, FIXTURE_COUNT(words));
    for (size_t i = 0; i < invocation.argc; i++)
        assert_string_equal(invocation.argv[i], words[i]);
    assert_string_equal(invocation.output, "a b.o");
    assert_int_equal(invocation.kind, HF_INVOCATION_COMPILE);
    hf_invocation_deinit(&invocation);
}

static void a_source_is_compiled_again_alone(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        size_t source;
        const char *again;
    } cases[] = {
        {"gcc -c a.c", 0, "gcc a.c EXTRA -c -o NEW"},
        {"gcc -O2 -c a.c b.c -o x.o", 1, "gcc -O2 b.c EXTRA -c -o NEW"},
        {"gcc -MD -MP -MF a.d -MT a.o -Wp,-MD,a.d -MQ q -MMD -c a.c -o a.o", 0, "gcc a.c EXTRA -c -o NEW"},
        {"gcc -I inc -Dx -D y -U z -include c.h -isystem s -std=c99 -Wp,-DA -Wa,-B -x c a.c -c", 0,
         "gcc -I inc -Dx -D y -U z -include c.h -isystem s -std=c99 -Wp,-DA -Wa,-B -x c a.c EXTRA -c -o NEW"},
        {"gcc -g -pthread -no-pie -o p a.c b.c c.o libd.a -Le -L e -lf -l f -Wl,-z,now -Xlinker -M -z now -T s", 0,
         "gcc -g -pthread -no-pie a.c EXTRA -c -o NEW"},
        {"gcc -save-temps=obj -c a.c", 0, "gcc a.c EXTRA -c -o NEW"},
    };

    for (size_t i = 0; i < FIXTURE_COUNT(cases); i++) {
        static const char *const extra[] = {"EXTRA"};
        struct hf_invocation invocation = parsed(cases[i].line);
        HF_FREE char **argv = hf_invocation_recompile(&invocation, cases[i].source, extra, 1, "NEW");
        char text[1024] = "";
        for (size_t w = 0; argv[w]; w++)
            snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", w ? " " : "", argv[w]);
        assert_string_equal(text, cases[i].again);
        hf_invocation_deinit(&invocation);
    }
}

static void libraries_are_found_as_the_linker_finds_them(void **state)
{
    (void)state;
    assert_run("mkdir -p one two && touch one/libboth.a one/libboth.so two/libboth.a two/libonly.a two/exact.a");
    static const struct {
        const char *line, *archive;
    } cases[] = {
        {"gcc a.o -lonly", NULL}, /* not in the directories of the build */
        {"gcc a.o -Lone -lonly", NULL},
        {"gcc a.o -Lone -Ltwo -lonly", "two/libonly.a"},
        {"gcc a.o -l only -L two", "two/libonly.a"},
        {"gcc a.o -Lone -Ltwo -lboth", NULL},
        {"gcc a.o -Ltwo -Lone -lboth", "two/libboth.a"},
        {"gcc a.o -static -Lone -lboth", "one/libboth.a"},
        {"gcc a.o -Lone -Ltwo -l:exact.a", "two/exact.a"},
        {"gcc a.o -Lone -l:exact.a", NULL},
    };

    for (size_t i = 0; i < FIXTURE_COUNT(cases); i++) {
        struct hf_invocation invocation = parsed(cases[i].line);
        assert_int_equal(invocation.library_count, 1);
        HF_FREE char *archive = hf_invocation_archive(&invocation, 0);
        assert_string_equal(archive ? archive : "(none)", cases[i].archive ? cases[i].archive : "(none)");
        hf_invocation_deinit(&invocation);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_response_files_are_refused),
        cmocka_unit_test(what_makes_no_object_is_not_recorded),
        cmocka_unit_test(compilations_are_understood),
        cmocka_unit_test(links_are_understood),
        cmocka_unit_test(response_files_are_read_as_drivers_do),
        cmocka_unit_test(a_source_is_compiled_again_alone),
        cmocka_unit_test(libraries_are_found_as_the_linker_finds_them),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
