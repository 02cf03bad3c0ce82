/* SPDX-License-Identifier: Apache-2.0 */
/* From a source tree and a patch to pairs of objects, through real builds; this program is the compilers' shim, too. */
#include "cli/command.h"
#include "compiler/shim.h"
#include "program_fixture.h"
#include "source/tree.h"

/* A program of two objects, one by way of an archive, and a library that is no part of it. */
static const char *const fixes[] = {"fix.patch"};

static const char makefile[] = "CFLAGS = -O2 -g\n"
                               "all: program libother.so\n"
                               "program: main.o libpart.a\n"
                               "\t$(CC) -o $@ main.o -L. -lpart\n"
                               "libpart.a: $(patsubst %.c,%.o,$(wildcard part/*.c))\n"
                               "\trm -f $@; ar rcs $@ $^\n"
                               "libother.so: other.c part/part.h\n"
                               "\t$(CC) -shared -fPIC -o $@ other.c\n"
                               "main.o part/part.o: part/part.h\n";

static const char fix[] = "--- a/part/part.c\n"
                          "+++ b/part/part.c\n"
                          "@@ -1,2 +1,2 @@\n"
                          " #include \"part.h\"\n"
                          "-int part(int x) { return x + 1; }\n"
                          "+int part(int x) { return x + 2; }\n";

static struct hf_tree_result result;
static const char *const targets[] = {"program"};

static int tree_setup(void **state)
{
    (void)state;
    if (fixture_run("rm -rf source work outside && mkdir work") != 0)
        return -1;
    fixture_write("source/Makefile", makefile);
    fixture_write("source/main.c", "#include \"part/part.h\"\nint main(void) { return part(LIMIT); }\n");
    fixture_write("source/part/part.h", "#define LIMIT 1\nint part(int x);\n");
    fixture_write("source/part/part.c", "#include \"part.h\"\nint part(int x) { return x + 1; }\n");
    fixture_write("source/part/same.c", "int same(int x) { return x + 1; }\n");
    fixture_write("source/other.c", "#include \"part/part.h\"\nint other(void) { return LIMIT; }\n");
    fixture_write("fix.patch", fix);
    return 0;
}

static int tree_teardown(void **state)
{
    (void)state;
    hf_tree_result_deinit(&result);
    return 0;
}

static int build(const char *make)
{
    const struct hf_tree_request request = {.source = "source",
                                            .patches = fixes,
                                            .patch_count = 1,
                                            .make = make,
                                            .targets = targets,
                                            .target_count = 1,
                                            .work = "work"};

    return hf_tree_build(&request, &result, &fixture_error);
}

static void assert_built(const char *make)
{
    if (build(make) != 0)
        fail_msg("%s\n%d", fixture_error.message, fixture_run("cat work/build.log >&2; false"));
}

/* The files of a directory of objects, in order, one blank between them. */
static void assert_objects(const char *directory, const char *wanted)
{
    HF_FREE uint8_t *text = NULL;
    size_t size;

    assert_run("find %s -type f -printf '%%P\\n' | sort | xargs >found", directory);
    if (hf_file_read("found", 4096, &text, &size, &fixture_error) != 0)
        fail_msg("%s", fixture_error.message);
    text[size ? size - 1 : 0] = '\0';
    assert_string_equal((char *)text, wanted);
}

static void a_directory_that_is_not_there_is_refused(void **state)
{
    (void)state;
    assert_run("rm -rf source");
    assert_refused(build("make"), HOTFIX_IO, "source: cannot be read: No such file or directory");
    fixture_write("source", "");
    assert_refused(build("make"), HOTFIX_USAGE, "source: is not a directory of sources");
}

static void a_patch_that_is_not_there_is_refused(void **state)
{
    (void)state;
    assert_run("rm fix.patch");
    assert_refused(build("make"), HOTFIX_IO, "fix.patch: cannot be read: No such file or directory");
    assert_objects("work", "");
}

static void a_work_directory_inside_of_the_sources_is_refused(void **state)
{
    (void)state;
    assert_run("mkdir source/work");
    const struct hf_tree_request request = {.source = "source",
                                            .patches = fixes,
                                            .patch_count = 1,
                                            .make = "make",
                                            .targets = targets,
                                            .target_count = 1,
                                            .work = "source/work"};
    assert_refused(hf_tree_build(&request, &result, &fixture_error), HOTFIX_USAGE,
                   "source/work: is inside of source, which is to be copied there");
}

static void a_build_that_fails_is_refused(void **state)
{
    (void)state;
    assert_refused(build("exit 3"), HOTFIX_IO, "'exit 3' failed before the patch, see ");
    assert_run("rm -rf work && mkdir work");
    fixture_write("fix.patch", "--- a/main.c\n+++ b/main.c\n@@ -1,2 +1,3 @@\n #include \"part/part.h\"\n"
                               "+syntax error;\n int main(void) { return part(LIMIT); }\n");
    assert_refused(build("make"), HOTFIX_IO, "'make' failed after the patch, see ");
    assert_run("grep -q syntax work/build.log");
}

static void a_patch_that_does_not_apply_is_refused(void **state)
{
    (void)state;
    fixture_write("source/part/part.c", "int part(int x) { return x + 3; }\n");
    assert_refused(build("make"), HOTFIX_USAGE, "fix.patch does not apply to ");
    assert_run("rm -rf work && mkdir work && cp fix.patch twice.patch");
    fixture_write("source/part/part.c", "#include \"part.h\"\nint part(int x) { return x + 2; }\n");
    assert_refused(build("make"), HOTFIX_USAGE, "fix.patch does not apply to ");
}

static void a_build_without_a_compiler_is_refused(void **state)
{
    (void)state;
    assert_refused(build("true"), HOTFIX_USAGE,
                   "the build ran no compiler that was found in PATH; if it calls one by its whole path, set CC in "
                   "--make to the bare name");
    assert_run("rm -rf work && mkdir work");
    assert_refused(build("make CC=$(PATH=/usr/bin:/bin command -v gcc)"), HOTFIX_USAGE,
                   "the build ran no compiler that was found in PATH");
}

static void no_compiler_in_path_is_refused(void **state)
{
    (void)state;
    HF_FREE char *path = strdup(getenv("PATH"));

    assert_run("mkdir -p bin && ln -sf $(command -v cp) bin/cp");
    HF_FREE char *here = getcwd(NULL, 0);
    HF_FREE char *poor = NULL;
    if (asprintf(&poor, "%s/bin", here) < 0)
        abort();
    setenv("PATH", poor, 1);
    int status = build("true");
    setenv("PATH", path, 1);
    assert_refused(status, HOTFIX_USAGE, "no C compiler is found in PATH");
}

static void another_name_of_the_target_is_refused(void **state)
{
    (void)state;
    assert_run("sed -i 's/program/another/' source/Makefile");
    assert_refused(build("make"), HOTFIX_USAGE,
                   "the build links no 'program', only another, libother.so; say by --built-as which of them "
                   "the target is");
}

static void a_patch_of_other_things_is_refused(void **state)
{
    (void)state;
    fixture_write("fix.patch", "--- a/other.c\n+++ b/other.c\n@@ -1,2 +1,2 @@\n #include \"part/part.h\"\n"
                               "-int other(void) { return LIMIT; }\n+int other(void) { return LIMIT + 1; }\n");
    assert_refused(build("make"), HOTFIX_INCOMPATIBLE,
                   "nothing of the fix is in program: no object that goes into it differs");
}

static void a_build_that_compiles_and_does_not_link_is_refused(void **state)
{
    (void)state;
    assert_refused(build("cc -c -g part/part.c && { test -e program || cc -o program main.c part.o; }"), HOTFIX_USAGE,
                   "/part.o anew, but does not link it into program; --make must link what it compiles");
}

static void a_tree_that_was_built_and_is_not_linked_again_is_refused(void **state)
{
    (void)state;
    assert_run("make -C source");
    assert_refused(build("make -t && cc -c -g part/same.c"), HOTFIX_USAGE,
                   "the build compiles, but links nothing; --make must link 'program'");
}

static void a_build_outside_of_the_copy_is_refused(void **state)
{
    (void)state;
    assert_run("mkdir outside");
    HF_FREE char *here = getcwd(NULL, 0);
    HF_FREE char *make = NULL;
    if (asprintf(&make, "cc -c -o %s/outside/part.o part/part.c && cc -o program main.c %s/outside/part.o", here,
                 here) < 0)
        abort();
    assert_refused(build(make), HOTFIX_USAGE, "/outside/part.o outside of the copy of its tree");
}

static void what_changed_is_compiled_in_four_ways(void **state)
{
    (void)state;
    assert_built("make");
    assert_int_equal(result.targets[0].count, 1);
    static const char *const directories[] = {"work/objects.old", "work/objects.new", "work/objects.proof",
                                              "work/objects.pic"};
    for (size_t i = 0; i < FIXTURE_COUNT(directories); i++)
        assert_objects(directories[i], "part/part.o");
    assert_run("readelf -SW work/objects.old/part/part.o | grep -q '\\.text\\.part '");
    assert_run("readelf -SW work/objects.new/part/part.o | grep -q '\\.text\\.part '");
    assert_run("! readelf -SW work/objects.proof/part/part.o | grep -q '\\.text\\.part '");
    assert_run("objdump -d work/objects.old/part/part.o | grep -q '0x1('");
    assert_run("objdump -d work/objects.new/part/part.o | grep -q '0x2('");
    assert_run("! find source -name '*.o' | grep .");
}

static void paths_in_objects_are_those_of_the_sources(void **state)
{
    (void)state;
    fixture_write("source/part/part.c",
                  "#include \"part.h\"\nint part(int x) { return x + 1; }\nconst char *path = __FILE__;\n");
    fixture_write("fix.patch", "--- a/part/part.c\n+++ b/part/part.c\n@@ -1,3 +1,3 @@\n #include \"part.h\"\n"
                               "-int part(int x) { return x + 1; }\n+int part(int x) { return x + 2; }\n"
                               " const char *path = __FILE__;\n");
    assert_built("make CC=\"cc -I$PWD/part\" CFLAGS=-g VPATH=$PWD");
    assert_run("! strings work/objects.new/part/part.o work/objects.old/part/part.o | grep work/tree");
}

/* Of a tree that came built nobody knows what its objects were made from: the copy is built from its sources. */
static void a_tree_that_is_built_is_built_anew_in_the_copy(void **state)
{
    (void)state;
    assert_run("make -C source && cp -p source/part/part.o kept.o");
    assert_built("make");
    assert_int_equal(result.targets[0].count, 1);
    assert_objects("work/objects.old", "part/part.o");
    assert_run("ls work/journal.before/compile-*");
    assert_run("cmp kept.o source/part/part.o && [ ! source/part/part.o -nt kept.o ]");
}

/* The makefile says nothing of headers, as a project's that was configured without dependency tracking. */
static void a_changed_header_that_the_build_does_not_know_of_counts(void **state)
{
    (void)state;
    fixture_write("source/Makefile", "program: main.o part/part.o\n\tcc -o $@ $^\n%.o: %.c\n\tcc -g -O2 -c -o $@ $<\n");
    fixture_write("fix.patch",
                  "--- a/part/part.h\n+++ b/part/part.h\n@@ -1,2 +1,2 @@\n-#define LIMIT 1\n+#define LIMIT 2\n"
                  " int part(int x);\n");
    assert_built("make");
    assert_objects("work/objects.new", "main.o part/part.o");
    assert_objects("work/objects.old", "main.o part/part.o");
    assert_run("! cmp work/objects.new/main.o work/objects.old/main.o");
}

static void parallel_builds_are_recorded_whole(void **state)
{
    (void)state;
    assert_run("for i in $(seq 40); do echo \"#include \\\"part.h\\\"\nint f$i(void) { return LIMIT; }\" "
               ">source/part/f$i.c; done; echo 'part/*.o: part/part.h' >>source/Makefile");
    fixture_write("fix.patch", "--- a/part/part.h\n+++ b/part/part.h\n@@ -1,2 +1,2 @@\n-#define LIMIT 1\n"
                               "+#define LIMIT 2\n int part(int x);\n");
    assert_run("sed -i 's/^main.o part.part.o:/main.o $(patsubst %%.c,%%.o,$(wildcard part\\/*.c)):/' source/Makefile");
    assert_built("make -j8");
    assert_int_equal(result.targets[0].count, 41); /* part.o came out as it was; main.o did not */
}

static void a_file_that_the_patch_brings_has_no_old_object(void **state)
{
    (void)state;
    fixture_write("fix.patch", "--- a/part/part.c\n+++ b/part/part.c\n@@ -1,2 +1,3 @@\n #include \"part.h\"\n"
                               "-int part(int x) { return x + 1; }\n+int more(int x);\n"
                               "+int part(int x) { return more(x); }\n--- /dev/null\n+++ b/part/more.c\n@@ -0,0 +1 @@\n"
                               "+int more(int x) { return x + 2; }\n");
    assert_built("make");
    assert_int_equal(result.targets[0].count, 2);
    assert_objects("work/objects.old", "part/part.o");
    assert_objects("work/objects.new", "part/more.o part/part.o");
    assert_objects("work/objects.pic", "part/more.o part/part.o");
    assert_objects("work/objects.proof", "part/part.o");
}

static void sources_on_the_link_line_are_compiled_alone(void **state)
{
    (void)state;
    fixture_write("source/Makefile", "program: main.c part/part.c part/same.c\n\t$(CC) -O2 -o $@ $^ -lm\n");
    assert_built("make");
    assert_objects("work/objects.new", "program.main.c.o program.part_part.c.o program.part_same.c.o");
    assert_run("cd work/objects.old && cmp program.main.c.o ../objects.new/program.main.c.o");
    assert_run("cd work/objects.old && ! cmp program.part_part.c.o ../objects.new/program.part_part.c.o");
}

static void relocatable_links_are_followed(void **state)
{
    (void)state;
    fixture_write("source/Makefile", "program: main.o all.o\nall.o: part/part.o part/same.o\n"
                                     "\t$(CC) -nostdlib -r -o $@ $^\nprogram:\n\t$(CC) -o $@ $^\n");
    assert_built("make");
    assert_objects("work/objects.new", "part/part.o");
}

static void build_directories_below_the_tree_work(void **state)
{
    (void)state;
    assert_built("mkdir -p out/deep && cd out/deep && cc -O2 -c -o part.o ../../part/part.c && "
                 "cc -o program ../../main.c part.o");
    assert_objects("work/objects.new", "out/deep/part.o out/deep/program..._.._main.c.o");
}

static void the_shims_are_used_only_by_their_names(void **state)
{
    (void)state;
    HF_FREE char *here = getcwd(NULL, 0);
    HF_FREE char *shims = NULL;
    if (asprintf(&shims, "%s/shims", here) < 0)
        abort();
    assert_run("rm -rf shims && mkdir shims");
    assert_false(hf_shim_is_called("gcc"));
    assert_int_equal(hf_shim_create(shims, &fixture_error), 0);
    assert_int_equal(setenv(HF_SHIM_DIRECTORY, shims, 1), 0);
    assert_true(hf_shim_is_called("gcc"));
    assert_true(hf_shim_is_called("/elsewhere/gcc"));
    assert_false(hf_shim_is_called("hotfix"));
    assert_false(hf_shim_is_called("/usr/bin/hotfix"));
    assert_int_equal(unsetenv(HF_SHIM_DIRECTORY), 0);
    assert_run("test -L shims/gcc -a -L shims/cc && ! ls shims | grep -E 'gcc-ar|format|filt'");
}

#define tree_test(f) cmocka_unit_test_setup_teardown(f, tree_setup, tree_teardown)

int main(int argc, char **argv)
{
    if (hf_shim_is_called(argv[0]))
        return hf_cc_shim(argc, argv);
    const struct CMUnitTest tests[] = {
        tree_test(a_directory_that_is_not_there_is_refused),
        tree_test(a_patch_that_is_not_there_is_refused),
        tree_test(a_work_directory_inside_of_the_sources_is_refused),
        tree_test(a_build_that_fails_is_refused),
        tree_test(a_patch_that_does_not_apply_is_refused),
        tree_test(a_build_without_a_compiler_is_refused),
        tree_test(no_compiler_in_path_is_refused),
        tree_test(another_name_of_the_target_is_refused),
        tree_test(a_patch_of_other_things_is_refused),
        tree_test(a_build_that_compiles_and_does_not_link_is_refused),
        tree_test(a_tree_that_was_built_and_is_not_linked_again_is_refused),
        tree_test(a_build_outside_of_the_copy_is_refused),
        tree_test(what_changed_is_compiled_in_four_ways),
        tree_test(paths_in_objects_are_those_of_the_sources),
        tree_test(a_tree_that_is_built_is_built_anew_in_the_copy),
        tree_test(a_changed_header_that_the_build_does_not_know_of_counts),
        tree_test(parallel_builds_are_recorded_whole),
        tree_test(a_file_that_the_patch_brings_has_no_old_object),
        tree_test(sources_on_the_link_line_are_compiled_alone),
        tree_test(relocatable_links_are_followed),
        tree_test(build_directories_below_the_tree_work),
        tree_test(the_shims_are_used_only_by_their_names),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
