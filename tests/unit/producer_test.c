/* SPDX-License-Identifier: Apache-2.0 */
/* Which flags of a recorded command line count as different code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/compiled/flag.h"
#include "check/compiled/instructions.h"
#include "check/compiled/producer.h"
#include "cleanup.h"

#define GCC   "GNU C17 12.2.0 -mtune=generic -march=x86-64 "
#define CLANG "Debian clang version 14.0.6 /usr/lib/llvm-14/bin/clang -grecord-command-line "

static void expect_parsed(const char *text, const char *compiler, bool has_flags, const char *flags)
{
    struct hf_producer producer;

    assert_int_equal(hf_producer_parse(text, &producer, NULL), 0);
    HF_FREE char *joined = hf_producer_flags(&producer);
    assert_string_equal(producer.compiler, compiler);
    assert_int_equal(producer.has_flags, has_flags);
    assert_string_equal(joined, flags);
    hf_producer_deinit(&producer);
}

/* What the flags of a have that those of b lack, class by class. */
static char *extra_of(const struct hf_producer *a, const struct hf_producer *b)
{
    char *text = strdup("");

    for (int class = HF_FLAG_ABI; class <= HF_FLAG_HARDENING; class ++) {
        HF_FREE char *more = hf_producer_extra(a, b, (enum hf_flag_class) class);
        HF_FREE char *before = text;
        assert_true(asprintf(&text, "%s%s%s", before, *before && *more ? " " : "", more) >= 0);
    }
    return text;
}

static bool same_sequences(const struct hf_producer *a, const struct hf_producer *b)
{
    bool same = true;

    for (int class = HF_FLAG_ABI; class <= HF_FLAG_HARDENING; class ++) {
        HF_FREE char *left = hf_producer_sequence(a, (enum hf_flag_class) class);
        HF_FREE char *right = hf_producer_sequence(b, (enum hf_flag_class) class);
        same = same && strcmp(left, right) == 0;
    }
    return same;
}

/* Compares the flags of two producers; either side's extra ones as given. */
static void expect_difference(const char *a_text, const char *b_text, const char *a_extra, const char *b_extra)
{
    struct hf_producer a, b;

    assert_int_equal(hf_producer_parse(a_text, &a, NULL), 0);
    assert_int_equal(hf_producer_parse(b_text, &b, NULL), 0);
    HF_FREE char *a_found = extra_of(&a, &b);
    HF_FREE char *b_found = extra_of(&b, &a);
    assert_string_equal(a_found, a_extra);
    assert_string_equal(b_found, b_extra);
    if (!*a_extra && !*b_extra)
        assert_true(same_sequences(&a, &b));
    hf_producer_deinit(&a);
    hf_producer_deinit(&b);
}

static void expect_same(const char *a, const char *b)
{
    expect_difference(a, b, "", "");
}

static void code_generation_flags_differ(void **state)
{
    static const char *const flags[] = {
        "-fwrapv",
        "-fno-strict-aliasing",
        "-fshort-enums",
        "-fpack-struct=2",
        "-funsigned-char",
        "-mno-red-zone",
        "-mavx2",
        "-fsanitize=address",
        "-flto",
        "-fno-omit-frame-pointer",
        "-ftls-model=initial-exec",
        "-fexceptions",
        "-fcf-protection=full",
        "-pg",
        "-fprofile-arcs",
        "--param=ssp-buffer-size=4",
        "-Wp,-D_FORTIFY_SOURCE=2",
        "-fvisibility=hidden",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        char text[200] = GCC "-O2 ";
        strcat(text, flags[i]);
        expect_difference(GCC "-O2", text, "", flags[i]);
        expect_difference(text, GCC "-O2", flags[i], "");
    }
    expect_difference(GCC "-O2", GCC "-O3", "-O2", "-O3");
    expect_difference(GCC "-O2", GCC, "-O2", "-O0");
    expect_difference(GCC, "GNU C17 12.2.0 -mtune=generic -march=x86-64-v3", "-march=x86-64", "-march=x86-64-v3");
    expect_difference(GCC "-fstack-protector-strong", GCC "-fstack-protector", "-fstack-protector-strong",
                      "-fstack-protector");
}

static void what_leaves_code_alone_is_ignored(void **state)
{
    static const char *const flags[] = {
        "-g",
        "-g3",
        "-ggdb3",
        "-gdwarf-4",
        "-gsplit-dwarf",
        "-gz=zlib",
        "-fPIC",
        "-fpic",
        "-fPIE",
        "-fpie",
        "-fno-pie",
        "-fno-plt",
        "-fno-semantic-interposition",
        "-ffunction-sections",
        "-fdata-sections",
        "-fno-data-sections",
        "-Wall",
        "-Wno-error=unused",
        "-Werror",
        "-w",
        "-pedantic-errors",
        "-fmax-errors=3",
        "-fdiagnostics-color=always",
        "-fno-diagnostics-show-caret",
        "-fmessage-length=0",
        "-frandom-seed=0x1234",
        "-fno-gnu-unique",
        "-ffile-prefix-map=/a=/b",
        "-fdebug-prefix-map=/a=.",
        "-fmacro-prefix-map=/a=.",
        "-frecord-gcc-switches",
        "-fvar-tracking-assignments",
        "-pthread",
        "-fno-lto",
        "-mtune=znver3",
        "--param=l1-cache-size=32",
        "-fno-stack-protector",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        char text[200] = GCC "-O2 ";
        strcat(text, flags[i]);
        expect_same(GCC "-O2", text);
    }
    expect_same(GCC "-O0", GCC);
    expect_same(GCC "-O", GCC "-O1");
    expect_same(GCC "-O2 -O2 -fwrapv -fwrapv", GCC "-fwrapv -O2");
}

static void the_last_flag_wins(void **state)
{
    (void)state;
    expect_same(GCC "-O0 -O3 -O2", GCC "-O2");
    expect_same(GCC "-fwrapv -fno-wrapv -O2", GCC "-O2");
    expect_difference(GCC "-fwrapv -fno-wrapv", GCC "-fno-wrapv -fwrapv", "", "-fwrapv");
    expect_difference(GCC "-fsigned-char -funsigned-char", GCC "-funsigned-char -fsigned-char", "-funsigned-char",
                      "-fsigned-char");
    expect_same(GCC "-march=znver3 -march=x86-64", GCC);
    expect_same(GCC "-fstack-protector -fno-stack-protector", GCC "-fno-stack-protector");
    expect_same(GCC "-std=c99 -std=gnu11", GCC "-std=gnu11");
    expect_same(GCC "--param=inline-unit-growth=1 --param=inline-unit-growth=2", GCC "--param inline-unit-growth=2");
    expect_difference(GCC "--param=a=1 --param=b=1", GCC "--param=a=1", "--param=b=1", "");
    expect_difference(GCC "-fsanitize=address -fsanitize=undefined", GCC "-fsanitize=undefined", "-fsanitize=address",
                      "");
}

static void the_order_counts_where_one_flag_sets_several(void **state)
{
    struct hf_producer a, b;

    (void)state;
    assert_int_equal(hf_producer_parse(GCC "-ffast-math -fmath-errno", &a, NULL), 0);
    assert_int_equal(hf_producer_parse(GCC "-fmath-errno -ffast-math", &b, NULL), 0);
    assert_false(same_sequences(&a, &b));
    hf_producer_deinit(&a);
    hf_producer_deinit(&b);
    assert_int_equal(hf_producer_parse(GCC "-mavx2 -mno-avx", &a, NULL), 0);
    assert_int_equal(hf_producer_parse(GCC "-mno-avx -mavx2", &b, NULL), 0);
    assert_false(same_sequences(&a, &b));
    hf_producer_deinit(&a);
    hf_producer_deinit(&b);
    expect_same(GCC "-mtune=intel -mno-red-zone -O2", GCC "-O2 -mno-red-zone -mtune=intel");
}

static void gcc_is_understood(void **state)
{
    (void)state;
    expect_parsed("GNU C17 12.2.0 -mtune=generic -march=x86-64 -g -O2 -fasynchronous-unwind-tables", "GNU C 12.2.0",
                  true, "-O2 -fasynchronous-unwind-tables -march=x86-64 -std=gnu17");
    expect_parsed("GNU C17 12.2.0 -O2", "GNU C 12.2.0", true, "-O2 -std=gnu17");
    expect_parsed("GNU C11 12.2.0 -O2 -std=gnu11", "GNU C 12.2.0", true, "-O2 -std=gnu11");
    expect_parsed("GNU C++17 12.2.0 -O2", "GNU C++ 12.2.0", true, "-O2 -std=gnu++17");
    expect_parsed("GNU C2X 13.1.0 -O2", "GNU C 13.1.0", true, "-O2 -std=gnu2x");
    expect_parsed("GNU AS 2.40", "GNU AS 2.40", true, "");
    expect_parsed("GNU C17 12.2.0", "GNU C 12.2.0", false, "");
    expect_same("GNU C17 12.2.0 -O2 -std=gnu17", "GNU C17 12.2.0 -O2");
    expect_difference("GNU C17 12.2.0 -O2 -std=c17", "GNU C17 12.2.0 -O2", "-std=c17", "-std=gnu17");
}

static void clang_records_flags_only_when_told_to(void **state)
{
    (void)state;
    expect_parsed("Debian clang version 14.0.6", "Debian clang version 14.0.6", false, "");
    expect_parsed(
        "clang version 15.0.7 (https://github.com/llvm/llvm-project 8dfdcc7b7bf66834a761bd8de445840ef68e4d1a)",
        "clang version 15.0.7 (https://github.com/llvm/llvm-project 8dfdcc7b7bf66834a761bd8de445840ef68e4d1a)", false,
        "");
    expect_parsed("clang version 15.0.7 (https://example.org abc) /usr/bin/clang -O2 x.c",
                  "clang version 15.0.7 (https://example.org abc)", true, "-O2");
    expect_parsed("Apple clang version 9.0.0 (clang-900.0.39.2)", "Apple clang version 9.0.0 (clang-900.0.39.2)", false,
                  "");
    expect_parsed(CLANG "-g -O2 -fPIC -D X=a\\ b -I . -Wall -c t.c -o t.o", "Debian clang version 14.0.6", true,
                  "-DX=a b -O2");
}

static void where_clang_reads_and_writes_is_ignored(void **state)
{
    (void)state;
    expect_same(CLANG "-O2 -c a.c -o a.o",
                CLANG "-shared -O2 -I /x -isystem /y -MD -MF a.d -MT a.o -o a.so b.c -l m -x c");
    expect_difference(CLANG "-O2 -D NDEBUG", CLANG "-O2 -D N=1", "-DNDEBUG", "-DN=1");
    expect_difference(CLANG "-O2 -Xclang -fwrapv", CLANG "-O2", "-Xclang -fwrapv", "");
}

static void a_flag_has_one_class(void **state)
{
    static const struct {
        const char *flag;
        enum hf_flag_class class;
    } expected[] = {
        {"-mregparm=3", HF_FLAG_ABI},
        {"-mlong-double-128", HF_FLAG_ABI},
        {"-m32", HF_FLAG_ABI},
        {"-mno-red-zone", HF_FLAG_ABI},
        {"-fpack-struct=2", HF_FLAG_ABI},
        {"-fshort-enums", HF_FLAG_ABI},
        {"-funsigned-char", HF_FLAG_ABI},
        {"-ftls-model=initial-exec", HF_FLAG_ABI},
        {"-fwrapv", HF_FLAG_SEMANTIC},
        {"-fno-strict-aliasing", HF_FLAG_SEMANTIC},
        {"-fno-math-errno", HF_FLAG_SEMANTIC},
        {"-fexcess-precision=fast", HF_FLAG_SEMANTIC},
        {"-mfpmath=387", HF_FLAG_SEMANTIC},
        {"-std=gnu11", HF_FLAG_SEMANTIC},
        {"-DNDEBUG", HF_FLAG_SEMANTIC},
        {"-march=native", HF_FLAG_INSTRUCTIONS},
        {"-mavx2", HF_FLAG_INSTRUCTIONS},
        {"-mno-sse4.1", HF_FLAG_INSTRUCTIONS},
        {"-O3", HF_FLAG_OPTIMISATION},
        {"-fipa-cp-clone", HF_FLAG_OPTIMISATION},
        {"-flto", HF_FLAG_OPTIMISATION},
        {"-fsanitize=address", HF_FLAG_OPTIMISATION},
        {"-pg", HF_FLAG_OPTIMISATION},
        {"--param=max-inline-insns-auto=1", HF_FLAG_OPTIMISATION},
        {"-fstack-protector-strong", HF_FLAG_HARDENING},
        {"-fcf-protection=full", HF_FLAG_HARDENING},
        {"-mbranch-protection=standard", HF_FLAG_HARDENING},
        {"-fstack-clash-protection", HF_FLAG_HARDENING},
        {"-fPIC", HF_FLAG_PIC},
        {"-fno-pie", HF_FLAG_PIC},
        {"-mtune=native", HF_FLAG_IGNORED},
        {"-Wall", HF_FLAG_IGNORED},
        {"-g3", HF_FLAG_IGNORED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        if (hf_flag_class(expected[i].flag) != expected[i].class)
            fail_msg("%s has class %d", expected[i].flag, (int)hf_flag_class(expected[i].flag));
}

/* How the instructions of a patch with these flags relate to a target's; `beyond` is what it has more. */
static void expect_instructions(const char *target_text, const char *patch_text, enum hf_instructions_relation relation,
                                const char *beyond)
{
    struct hf_producer target, patch;
    char *found;

    assert_int_equal(hf_producer_parse(target_text, &target, NULL), 0);
    assert_int_equal(hf_producer_parse(patch_text, &patch, NULL), 0);
    assert_int_equal(
        hf_instructions_compare(target.ordered, target.flag_count, patch.ordered, patch.flag_count, &found), relation);
    assert_string_equal(found, beyond);
    free(found);
    hf_producer_deinit(&target);
    hf_producer_deinit(&patch);
}

static void instructions_may_be_fewer_but_not_more(void **state)
{
    (void)state;
    expect_instructions(GCC "-mavx2", GCC, HF_INSTRUCTIONS_WITHIN, "");
    expect_instructions(GCC, GCC "-mpopcnt", HF_INSTRUCTIONS_BEYOND, "popcnt");
    expect_instructions(GCC "-mavx2", GCC "-mavx", HF_INSTRUCTIONS_WITHIN, "");
    expect_instructions(GCC "-mavx", GCC "-mavx2", HF_INSTRUCTIONS_BEYOND, "avx2");
    expect_instructions(GCC "-mavx2", GCC "-mavx2 -mno-avx -mavx2", HF_INSTRUCTIONS_WITHIN, "");
    expect_instructions(GCC "-mavx2 -mno-avx", GCC "-mavx", HF_INSTRUCTIONS_BEYOND, "avx");
    expect_instructions(GCC "-msse4", GCC "-msse4 -mno-sse4", HF_INSTRUCTIONS_WITHIN, "");
    expect_instructions("GNU C17 12.2.0 -march=x86-64-v3", "GNU C17 12.2.0 -march=x86-64-v2", HF_INSTRUCTIONS_WITHIN,
                        "");
    expect_instructions("GNU C17 12.2.0 -march=x86-64-v3", "GNU C17 12.2.0 -march=x86-64-v4", HF_INSTRUCTIONS_BEYOND,
                        "avx512f, avx512cd, avx512bw, avx512dq, avx512vl");
    expect_instructions("GNU C17 12.2.0 -march=znver3", "GNU C17 12.2.0 -march=x86-64-v3", HF_INSTRUCTIONS_WITHIN, "");
    expect_instructions("GNU C17 12.2.0 -march=znver3 -mno-avx2", "GNU C17 12.2.0 -march=x86-64-v3",
                        HF_INSTRUCTIONS_BEYOND, "avx2");
    expect_instructions("GNU C17 12.2.0 -march=haswell -mno-hle", "GNU C17 12.2.0 -march=haswell",
                        HF_INSTRUCTIONS_BEYOND, "hle");
}

static void an_unknown_cpu_is_known_to_itself_only(void **state)
{
    (void)state;
    expect_instructions("GNU C17 12.2.0 -march=future", "GNU C17 12.2.0 -march=future", HF_INSTRUCTIONS_WITHIN, "");
    expect_instructions("GNU C17 12.2.0 -march=future", "GNU C17 12.2.0 -march=future -mpopcnt",
                        HF_INSTRUCTIONS_UNKNOWN, "popcnt");
    expect_instructions("GNU C17 12.2.0 -march=future -mno-avx", "GNU C17 12.2.0 -march=future",
                        HF_INSTRUCTIONS_UNKNOWN, "");
    expect_instructions(CLANG "-march=native", CLANG "-march=native", HF_INSTRUCTIONS_UNKNOWN, "");
}

static void any_text_will_do(void **state)
{
    (void)state;
    expect_parsed("", "", false, "");
    expect_parsed("   ", "", false, "");
    expect_parsed("-", "", true, "- -O0");
    expect_parsed("GNU", "GNU", false, "");
    expect_parsed("clang version", "clang version", false, "");
    expect_parsed("clang version 1 (open", "clang version 1 (open", false, "");
    expect_parsed("x -D", "x", true, "-D -O0");
    expect_parsed("x -f -m -O\\", "x", true, "-O\\ -f -m");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(code_generation_flags_differ),
        cmocka_unit_test(what_leaves_code_alone_is_ignored),
        cmocka_unit_test(the_last_flag_wins),
        cmocka_unit_test(the_order_counts_where_one_flag_sets_several),
        cmocka_unit_test(gcc_is_understood),
        cmocka_unit_test(clang_records_flags_only_when_told_to),
        cmocka_unit_test(where_clang_reads_and_writes_is_ignored),
        cmocka_unit_test(a_flag_has_one_class),
        cmocka_unit_test(instructions_may_be_fewer_but_not_more),
        cmocka_unit_test(an_unknown_cpu_is_known_to_itself_only),
        cmocka_unit_test(any_text_will_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
