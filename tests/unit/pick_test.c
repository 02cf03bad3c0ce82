/* SPDX-License-Identifier: Apache-2.0 */
/* Picking functions out of programs that are compiled here: by name, by translation unit, by type. */
#include "program_fixture.h"

#include "pick_fixture.h"

static const char header[] =
    "struct order { int price; int count; };\n"
    "typedef struct order order_t;\n"
    "static inline __attribute__((noinline)) int shared(struct order *o) { return o->price; }\n";

static const char net_send[] = "#include \"shop.h\"\n"
                               "int calls;\n"
                               "static __attribute__((noinline)) int init(int x) { calls += x; return calls; }\n"
                               "int net_send(order_t *o) { return init(o->count) + shared(o); }\n"
                               "int net_send_value(order_t o) { return init(o.price); }\n"
                               "int net_reset(void) { return init(0); }\n"
                               "int net_clear(void) __attribute__((alias(\"net_reset\")));\n";

static const char db_send[] = "#include \"shop.h\"\n"
                              "extern int calls;\n"
                              "static __attribute__((noinline)) int init(int x) { calls -= x; return calls; }\n"
                              "int db_store(struct order *o) { return init(o->count) + shared(o); }\n"
                              "int db_sum(const struct order *const *o) { return init(o[0]->count); }\n";

static const char main_source[] =
    "#include \"src/net/shop.h\"\n"
    "int net_send(order_t *), net_send_value(order_t), net_reset(void), net_clear(void), db_store(struct order *);\n"
    "int db_sum(const struct order *const *);\n"
    "int main(void) { order_t o = {1, 2}; const struct order *p = &o;\n"
    "return net_send(&o) + net_send_value(o) + net_reset() + net_clear() + db_store(&o) + db_sum(&p); }\n";

static struct hf_program *target, *patch;
static struct hf_pair *pairs;
static size_t pair_count;

static int make_programs(void **state)
{
    if (fixture_setup(state) != 0)
        return -1;
    fixture_write("src/net/shop.h", header);
    fixture_write("src/db/shop.h", header);
    fixture_write("src/net/send.c", net_send);
    fixture_write("src/db/send.c", db_send);
    fixture_write("main.c", main_source);
    assert_run("gcc -g -O1 -fno-ipa-icf -o target main.c $PWD/src/net/send.c ./src/../src/db/send.c");
    assert_run("mkdir -p fixed && cp -r src fixed/ && cd fixed && "
               "gcc -g -O1 -fno-ipa-icf -shared -fPIC -o ../patch.so src/net/send.c src/db/send.c");
    target = fixture_open("target", NULL);
    patch = fixture_open("patch.so", NULL);
    return 0;
}

static int drop_programs(void **state)
{
    free(pairs);
    hf_program_close(target);
    hf_program_close(patch);
    return fixture_teardown(state);
}

static int resolve(const struct hf_pick *picks, size_t count)
{
    struct hf_pair *found = NULL;
    size_t found_count = 0;

    int result = hf_pick_resolve(picks, count, target, patch, &found, &found_count, &fixture_error);
    if (result != 0) {
        assert_null(found);
        return result;
    }
    free(pairs);
    pairs = found;
    pair_count = found_count;
    return 0;
}

#define PICK(...) resolve((const struct hf_pick[]){__VA_ARGS__}, FIXTURE_COUNT(((const struct hf_pick[]){__VA_ARGS__})))

/* The names picked, in alphabetical order and separated by spaces; every pair is checked on the way. */
static const char *picked(void)
{
    static char text[1024];
    const char *names[64];

    text[0] = '\0';
    assert_true(pair_count <= FIXTURE_COUNT(names));
    for (size_t i = 0; i < pair_count; i++) {
        assert_string_equal(pairs[i].old_function->name, pairs[i].new_function->name);
        assert_true(i == 0 || pairs[i - 1].old_function->address < pairs[i].old_function->address);
        names[i] = pairs[i].old_function->name;
        for (size_t k = i; k > 0 && strcmp(names[k - 1], names[k]) > 0; k--) {
            const char *swap = names[k];
            names[k] = names[k - 1];
            names[k - 1] = swap;
        }
    }
    for (size_t i = 0; i < pair_count; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "", names[i]);
    return text;
}

#define assert_picked(names, ...)                                                                                      \
    do {                                                                                                               \
        if (PICK(__VA_ARGS__) != 0)                                                                                    \
            fail_msg("%s", fixture_error.message);                                                                     \
        assert_string_equal(picked(), names);                                                                          \
    } while (0)

static void test_absent_functions_are_named_with_the_file_that_lacks_them(void **state)
{
    (void)state;
    assert_refused(PICK(FUNC("nowhere_at_all")), HOTFIX_USAGE,
                   "--func nowhere_at_all: there is no such function in target");
    assert_refused(PICK(FUNC("net_sned")), HOTFIX_USAGE, "did you mean net_send?");
    assert_refused(PICK(FUNC("main")), HOTFIX_USAGE, "--func main: there is no such function");
    assert_refused(PICK(FUNC("main")), HOTFIX_USAGE, "in patch.so");
    assert_refused(PICK(FUNC("net_send"), FUNC("nowhere_at_all")), HOTFIX_USAGE, "nowhere_at_all");
    assert_refused(PICK(FUNC("")), HOTFIX_USAGE, "--func");
    assert_refused(PICK(FUNC("@send.c")), HOTFIX_USAGE, "--func");
    assert_refused(PICK(FUNC("net_send@other.c")), HOTFIX_USAGE, "not from other.c; it is from");
    assert_refused(PICK(FUNC("net_send@end.c")), HOTFIX_USAGE, "not from end.c");
    assert_refused(PICK(FUNC("printf")), HOTFIX_USAGE, "there is no such function");
}

static void test_ambiguous_names_list_what_picks_each(void **state)
{
    (void)state;
    assert_refused(PICK(FUNC("init")), HOTFIX_USAGE, "2 functions of target have that name");
    assert_refused(PICK(FUNC("init")), HOTFIX_USAGE, "init@net/send.c");
    assert_refused(PICK(FUNC("init")), HOTFIX_USAGE, "init@db/send.c");
    assert_refused(PICK(FUNC("init@send.c")), HOTFIX_USAGE, "init@db/send.c");
}

static void test_an_empty_selection_says_what_matched(void **state)
{
    (void)state;
    assert_refused(resolve(NULL, 0), HOTFIX_USAGE, "give --func, --package or --class");
    assert_refused(PICK(EXCLUDE("net_*")), HOTFIX_USAGE, "--exclude net_* took away 0");
    assert_refused(PICK(FUNC("net_send"), PACKAGE("src/db"), EXCLUDE("*")), HOTFIX_USAGE,
                   "no function is picked: --func net_send matched 1, --package src/db matched 4, --exclude * took "
                   "away 5");
}

static void test_pickers_that_match_nothing_are_refused(void **state)
{
    (void)state;
    assert_refused(PICK(PACKAGE("src/nothing")), HOTFIX_USAGE, "--package src/nothing: no function of target matches");
    assert_refused(PICK(PACKAGE("rc/net")), HOTFIX_USAGE, "no function of target matches");
    assert_refused(PICK(PACKAGE("end.c")), HOTFIX_USAGE, "no function of target matches");
    assert_refused(PICK(PACKAGE("")), HOTFIX_USAGE, "no function of target matches");
    assert_refused(PICK(PACKAGE("main.c")), HOTFIX_USAGE, "1 functions of target match, none of them is in patch.so");
    assert_refused(PICK(CLASS("nothing")), HOTFIX_USAGE, "--class nothing: no function of target matches");
    assert_refused(PICK(CLASS("")), HOTFIX_USAGE, "no function of target matches");
    assert_refused(PICK(CLASS("*")), HOTFIX_USAGE, "no function of target matches");
}

static void test_functions_are_picked_by_name_and_source(void **state)
{
    (void)state;
    assert_picked("net_send", FUNC("net_send"));
    assert_picked("net_send", FUNC("net_send@send.c"));
    assert_picked("net_send", FUNC("net_send@src/net/send.c"));
    assert_picked("net_send", FUNC("net_send@./net/send.c"));
    assert_picked("init", FUNC("init@net/send.c"));
    assert_true(strstr(pairs[0].old_function->source, "/src/net/send.c") != NULL);
    assert_true(strstr(pairs[0].new_function->source, "/fixed/src/net/send.c") != NULL);
    assert_picked("init", FUNC("init@db/send.c"));
    assert_true(strstr(pairs[0].old_function->source, "/src/db/send.c") != NULL);
    assert_true(strstr(pairs[0].new_function->source, "/fixed/src/db/send.c") != NULL);
}

/* A header's function is in every unit that includes it: the unit tells the copies apart. */
static void test_header_functions_are_picked_by_their_unit(void **state)
{
    (void)state;
    assert_refused(PICK(FUNC("shared")), HOTFIX_USAGE, "2 functions of target have that name");
    assert_picked("shared", FUNC("shared@net/send.c"));
    assert_true(strstr(pairs[0].old_function->unit->path, "/src/net/send.c") != NULL);
    assert_true(strstr(pairs[0].new_function->unit->path, "/src/net/send.c") != NULL);
    assert_picked("shared", FUNC("shared@db/shop.h"));
    assert_true(strstr(pairs[0].new_function->unit->path, "/src/db/send.c") != NULL);
}

static void test_packages_are_directories_or_sources(void **state)
{
    (void)state;
    assert_picked("init net_clear net_send net_send_value shared", PACKAGE("src/net"));
    assert_picked("init net_clear net_send net_send_value shared", PACKAGE("./net/"));
    assert_picked("db_store db_sum init shared", PACKAGE("src/db/send.c"));
    assert_picked("db_store db_sum init init net_clear net_send net_send_value shared shared", PACKAGE("send.c"));
    assert_picked("db_store db_sum init init net_clear net_send net_send_value shared shared", PACKAGE("src"));
}

static void test_classes_are_first_parameters(void **state)
{
    (void)state;
    assert_picked("net_send_value", CLASS("order"));
    assert_picked("net_send_value", CLASS("order_t"));
    assert_picked("net_send_value", CLASS("struct order"));
    assert_picked("db_store net_send shared shared", CLASS("*order"));
    assert_picked("net_send", CLASS("* order_t"));
    assert_refused(PICK(CLASS("**order")), HOTFIX_USAGE, "no function of target matches");
}

static void test_picks_combine_in_any_order_without_duplicates(void **state)
{
    (void)state;
    assert_picked("net_send net_send_value", FUNC("net_send"), CLASS("order"), FUNC("net_send"), CLASS("order_t"));
    assert_picked("net_clear net_send", EXCLUDE("*init"), EXCLUDE("sh[a-z]*"), EXCLUDE("*_value"), PACKAGE("net"),
                  FUNC("net_send"));
}

static void test_symbols_of_one_function_are_one(void **state)
{
    (void)state;
    assert_picked("net_clear", FUNC("net_reset"), FUNC("net_clear"));
    assert_picked("net_reset", FUNC("net_reset"));
}

static void open_pair(const char *target_path, const char *patch_path)
{
    hf_program_close(target);
    hf_program_close(patch);
    target = fixture_open(target_path, NULL);
    patch = fixture_open(patch_path, NULL);
}

static int restore_pair(void **state)
{
    (void)state;
    open_pair("target", "patch.so");
    return 0;
}

/* Local functions of one name in other files are other functions; a global one may have moved. */
static void test_local_functions_pair_with_their_own_source(void **state)
{
    (void)state;
    fixture_write("a.c", "static __attribute__((noinline)) int step(int x) { return x * 3; }\n"
                         "int common(int x) { return step(x); }\n");
    fixture_write("other/a.c", "__attribute__((noinline)) int step(int x) { return x * 4; }\n");
    fixture_write("b.c", "static __attribute__((noinline)) int step(int x) { return x * 5; }\n"
                         "int common(int x) { return step(x) + 1; }\n");
    assert_run("gcc -g -O1 -shared -fPIC -o a.so a.c && gcc -g -O1 -shared -fPIC -o b.so b.c && "
               "gcc -g -O1 -shared -fPIC -o both.so other/a.c b.c");
    open_pair("a.so", "b.so");
    assert_refused(PICK(FUNC("step")), HOTFIX_USAGE, "b.so has that function, but not from");
    assert_picked("common", FUNC("common"));
    assert_picked("common", PACKAGE("a.c"));
    open_pair("a.so", "both.so");
    assert_picked("step", FUNC("step"));
    assert_true(strstr(pairs[0].new_function->source, "other/a.c") != NULL);
    assert_run("gcc -O1 -shared -fPIC -o a.so a.c && gcc -O1 -shared -fPIC -o both.so other/a.c b.c");
    open_pair("a.so", "both.so");
    assert_picked("step", FUNC("step"));
    assert_picked("common step", PACKAGE("a.c"), FUNC("common"));
}

static void test_two_equally_good_replacements_are_refused(void **state)
{
    (void)state;
    fixture_write("x/a.c", "static __attribute__((noinline, used)) int step(int x) { return x * 3; }\n");
    fixture_write("y/a.c", "static __attribute__((noinline, used)) int step(int x) { return x * 4; }\n");
    fixture_write("z/a.c", "static __attribute__((noinline, used)) int step(int x) { return x * 5; }\n");
    assert_run("gcc -g -O1 -shared -fPIC -o x.so x/a.c && gcc -g -O1 -shared -fPIC -o yz.so y/a.c z/a.c && "
               "gcc -g -O1 -shared -fPIC -o xy.so x/a.c y/a.c");
    open_pair("x.so", "yz.so");
    assert_refused(PICK(FUNC("step")), HOTFIX_USAGE, "yz.so has several functions of that name");
    assert_refused(PICK(PACKAGE("x")), HOTFIX_USAGE, "yz.so has several functions step");
    open_pair("x.so", "xy.so");
    assert_picked("step", PACKAGE("x"));
    assert_true(strstr(pairs[0].new_function->source, "x/a.c") != NULL);
}

static void test_what_the_compiler_split_off_is_no_function(void **state)
{
    (void)state;
    fixture_write("cold.c",
                  "#include <stdlib.h>\nint counter;\n"
                  "static __attribute__((noinline)) int scaled(int x, int unused) { return x * 7 + counter; }\n"
                  "static inline int twice(int x) { return 2 * x; }\n"
                  "int guarded(int x) { if (x > 3) { counter++; abort(); } return scaled(x, 3) + twice(x); }\n");
    assert_run("gcc -g -O2 -shared -fPIC -o cold.so cold.c");
    open_pair("cold.so", "cold.so");
    assert_true(fixture_has(target, "guarded.cold"));
    assert_picked("guarded", PACKAGE("cold.c"));
    assert_refused(PICK(FUNC("guarded.cold")), HOTFIX_USAGE, "pick the whole");
    assert_refused(PICK(FUNC("scaled")), HOTFIX_USAGE, "has it only as scaled.constprop.0");
    assert_refused(PICK(FUNC("twice")), HOTFIX_USAGE, "what was inlined (1 copies, the first one in guarded)");
    assert_picked("scaled.constprop.0", FUNC("scaled.constprop.0"));
}

static void test_aliases_that_the_patch_parts_are_refused(void **state)
{
    (void)state;
    fixture_write("one.c", "int first(int x) { return x; }\nint second(int x) __attribute__((alias(\"first\")));\n");
    fixture_write("two.c", "int first(int x) { return x; }\nint second(int x) { return x + 1; }\n");
    assert_run("gcc -g -shared -fPIC -o one.so one.c && gcc -g -shared -fPIC -o two.so two.c");
    open_pair("one.so", "two.so");
    assert_refused(PICK(FUNC("first"), FUNC("second")), HOTFIX_USAGE,
                   "first and second are one function in one.so and two in two.so");
    assert_picked("second", FUNC("second"));
}

static void test_versions_and_methods_have_names_of_their_own(void **state)
{
    (void)state;
    fixture_write("versions", "V1 { global: old_step; }; V2 { global: step; };\n");
    fixture_write("v.c", "int step_1(int x) { return x; }\nint step_2(int x) { return x + 1; }\n"
                         "__asm__(\".symver step_1, step@V1\");\n__asm__(\".symver step_2, step@@V2\");\n");
    assert_run("gcc -g -shared -fPIC -Wl,--version-script=versions -o v.so v.c");
    open_pair("v.so", "v.so");
    assert_picked("step", FUNC("step"));
    uint64_t second = pairs[0].old_function->address;
    assert_picked("step@V1", FUNC("step@V1"));
    assert_int_not_equal(pairs[0].old_function->address, second);
    assert_picked("step", FUNC("step@v.c"));

    fixture_write("m.cc", "struct order { int p; int total(int) const; static int make(int); };\n"
                          "int order::total(int x) const { return p * x; }\nint order::make(int x) { return x; }\n"
                          "int by_reference(order &o) { return o.p; }\n");
    assert_run("g++ -g -O1 -shared -fPIC -o m.so m.cc");
    open_pair("m.so", "m.so");
    assert_picked("_Z12by_referenceR5order _ZNK5order5totalEi", CLASS("*order"));
    assert_picked("_ZN5order4makeEi _ZNK5order5totalEi", CLASS("order"));
}

static void test_without_debug_information_types_are_unknown(void **state)
{
    (void)state;
    assert_run("strip -g -o plain target && strip -o bare target");
    open_pair("plain", "patch.so");
    assert_refused(PICK(CLASS("*order")), HOTFIX_USAGE, "plain has no debug information");
    assert_picked("net_send", FUNC("net_send"));
    assert_refused(PICK(FUNC("init")), HOTFIX_USAGE, "2 functions of plain have that name");
    open_pair("bare", "patch.so");
    assert_refused(PICK(FUNC("net_send")), HOTFIX_USAGE, "bare");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_absent_functions_are_named_with_the_file_that_lacks_them),
        cmocka_unit_test(test_ambiguous_names_list_what_picks_each),
        cmocka_unit_test(test_an_empty_selection_says_what_matched),
        cmocka_unit_test(test_pickers_that_match_nothing_are_refused),
        cmocka_unit_test(test_functions_are_picked_by_name_and_source),
        cmocka_unit_test(test_header_functions_are_picked_by_their_unit),
        cmocka_unit_test(test_packages_are_directories_or_sources),
        cmocka_unit_test(test_classes_are_first_parameters),
        cmocka_unit_test(test_picks_combine_in_any_order_without_duplicates),
        cmocka_unit_test(test_symbols_of_one_function_are_one),
        cmocka_unit_test_teardown(test_local_functions_pair_with_their_own_source, restore_pair),
        cmocka_unit_test_teardown(test_two_equally_good_replacements_are_refused, restore_pair),
        cmocka_unit_test_teardown(test_what_the_compiler_split_off_is_no_function, restore_pair),
        cmocka_unit_test_teardown(test_aliases_that_the_patch_parts_are_refused, restore_pair),
        cmocka_unit_test_teardown(test_versions_and_methods_have_names_of_their_own, restore_pair),
        cmocka_unit_test_teardown(test_without_debug_information_types_are_unknown, restore_pair),
    };

    return cmocka_run_group_tests(tests, make_programs, drop_programs);
}
