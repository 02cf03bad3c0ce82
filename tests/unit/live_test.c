/* SPDX-License-Identifier: Apache-2.0 */
/* Processes looked at from outside: ones that end meanwhile, this one, and who is in which function. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bundle.h"
#include "elf/image.h"
#include "fixup.h"
#include "live/checks.h"
#include "live/live.h"
#include "live/module.h"
#include "live/stacks.h"

/* A child that waits in pause() on behalf of this function, until it is killed. */
__attribute__((noinline, used)) static int linger(int ready)
{
    char byte = 'r';
    if (write(ready, &byte, 1) == 1)
        for (;;)
            pause();
    return ready + 1;
}

static pid_t start_child(void)
{
    int ends[2];
    char byte;

    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(linger(ends[1]));
    assert_int_equal(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    close(ends[1]);
    return child;
}

__attribute__((noinline, used)) static void end_child(pid_t child)
{
    int status;

    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
}

static void a_number_without_a_process_is_refused(void **state)
{
    struct hf_live live;
    struct hotfix_error error;

    (void)state;
    assert_int_equal(hf_live_open(INT_MAX, &live, &error), -1);
    assert_int_equal(error.code, HOTFIX_IO);
    assert_string_equal(error.message, "there is no process 2147483647");
}

static void a_zombie_is_refused(void **state)
{
    siginfo_t info;
    struct hf_live live;
    struct hotfix_error error;

    (void)state;
    pid_t child = start_child();
    kill(child, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(hf_live_open(child, &live, &error), -1);
    assert_int_equal(error.code, HOTFIX_IO);
    assert_non_null(strstr(error.message, "has no memory"));
    end_child(child);
}

static void a_process_that_ends_meanwhile_is_told(void **state)
{
    struct hf_live live;
    struct hotfix_error error;
    struct hf_live_code code = {.begin = 1, .end = 2};
    struct hf_live_unseen unseen;
    size_t total;
    char message[64], byte;

    (void)state;
    pid_t child = start_child();
    assert_int_equal(hf_live_open(child, &live, NULL), 0);
    assert_int_equal(hf_live_modules_read(&live, NULL), 0);
    end_child(child);
    snprintf(message, sizeof(message), "process %d has ended meanwhile", (int)child);
    assert_int_equal(hf_live_read(&live, live.modules[0].begin, &byte, 1, &error), -1);
    assert_int_equal(error.code, HOTFIX_IO);
    assert_string_equal(error.message, message);
    assert_int_equal(hf_live_stacks_search(&live, &code, 1, &total, &unseen, &error), -1);
    assert_string_equal(error.message, message);
    hf_live_close(&live);
}

static void memory_that_is_not_there_is_told(void **state)
{
    struct hf_live live;
    struct hotfix_error error;
    char byte;

    (void)state;
    assert_int_equal(hf_live_open(getpid(), &live, NULL), 0);
    assert_int_equal(hf_live_modules_read(&live, NULL), 0);
    assert_int_equal(hf_live_read(&live, 0, &byte, 1, &error), -1);
    assert_int_equal(error.code, HOTFIX_IO);
    assert_null(hf_mappings_find(&live.mappings, 0));
    assert_null(hf_live_module_at(&live, 0));
    hf_live_close(&live);
}

static void modules_are_found_by_their_build_id(void **state)
{
    struct hf_live live;
    struct hf_image image;
    struct hf_build_id none = {.size = 0}, other = {.bytes = {1}, .size = 20};
    size_t count;

    (void)state;
    assert_int_equal(hf_image_open("/proc/self/exe", &image, NULL), 0);
    assert_int_equal(hf_live_open(getpid(), &live, NULL), 0);
    assert_int_equal(hf_live_modules_read(&live, NULL), 0);
    const struct hf_live_module *module = hf_live_module_find(&live, &image.build_id, &count);
    if (image.build_id.size > 0) {
        assert_non_null(module);
        assert_int_equal(count, 1);
        assert_ptr_equal(module, hf_live_module_at(&live, (uint64_t)(uintptr_t)linger));
        assert_false(module->stamped);
    }
    assert_null(hf_live_module_find(&live, &none, NULL));
    assert_null(hf_live_module_find(&live, &other, &count));
    assert_int_equal(count, 0);
    assert_non_null(hf_live_module_at(&live, (uint64_t)(uintptr_t)abort));
    hf_live_close(&live);
    hf_image_close(&image);
}

/* The code of a function of this program in a child's memory, where it lies as here. */
static struct hf_live_code code_of(const struct hf_image *image, const char *name, const void *address)
{
    for (size_t i = 0; i < image->symbol_count; i++)
        if (strcmp(image->symbols[i].name, name) == 0)
            return (struct hf_live_code){.begin = (uint64_t)(uintptr_t)address,
                                         .end = (uint64_t)(uintptr_t)address + image->symbols[i].size};
    fail_msg("no symbol %s", name);
    return (struct hf_live_code){0};
}

static void a_function_is_seen_on_a_stack_and_its_neighbour_is_not(void **state)
{
    struct hf_live live;
    struct hf_image image;
    struct hf_live_unseen unseen;
    size_t total;

    (void)state;
    assert_int_equal(hf_image_open("/proc/self/exe", &image, NULL), 0);
    struct hf_live_code codes[] = {code_of(&image, "end_child", (const void *)end_child),
                                   code_of(&image, "linger", (const void *)linger)};
    pid_t child = start_child();
    assert_int_equal(hf_live_open(child, &live, NULL), 0);
    assert_int_equal(hf_live_modules_read(&live, NULL), 0);
    assert_int_equal(hf_live_stacks_search(&live, codes, 2, &total, &unseen, NULL), 0);
    assert_int_equal(total, 1);
    assert_int_equal(unseen.threads, 0);
    assert_int_equal(codes[0].threads, 0);
    assert_int_equal(codes[1].threads, 1);
    assert_int_equal(codes[1].tid, child);
    hf_live_close(&live);
    end_child(child);
    hf_image_close(&image);
}

/* What `loaded` says of a bundle for this program whose patch is bound to one more build. */
static enum hf_verdict judge_bound(const struct hf_live *live, const struct hf_build_id *own,
                                   const struct hf_build_id *library, char *evidence, size_t size)
{
    struct hf_build_id modules[] = {*own, *library};
    const struct hf_fixups fixups = {.modules = modules, .module_count = 2};
    char name[] = "live_test";
    struct hf_bundle bundle = {.manifest = {.target_name = name, .target_build_id = *own}};
    const struct hf_check_subject subject = {.bundle = &bundle, .live = live};
    struct hf_check_result *results = calloc(2, sizeof(*results));

    assert_non_null(results);
    assert_int_equal(hf_fixups_format(&fixups, &bundle.file, &bundle.payload_size, NULL), 0);
    bundle.payload = bundle.file;
    bundle.manifest.fixups_size = bundle.payload_size;
    results->check = &hf_check_loaded;
    assert_int_equal(hf_check_loaded.run(&subject, &results->findings, NULL), 0);
    const struct hf_finding *last = &results->findings.items[results->findings.count - 1];
    enum hf_verdict verdict = last->verdict;
    assert_true(strlen(last->evidence) < size);
    strcpy(evidence, last->evidence);
    bundle.manifest.fixups_offset = 1;
    assert_int_equal(hf_check_loaded.run(&subject, &results->findings, NULL), -1);
    hf_check_results_destroy(results);
    free(bundle.file);
    return verdict;
}

static void a_library_that_the_patch_is_bound_to_must_be_loaded(void **state)
{
    struct hf_live live;
    const struct hf_build_id other = {.bytes = {0xab, 0xcd}, .size = 2};
    char evidence[512];

    (void)state;
    assert_int_equal(hf_live_open(getpid(), &live, NULL), 0);
    assert_int_equal(hf_live_modules_read(&live, NULL), 0);
    const struct hf_live_module *own = hf_live_module_at(&live, (uint64_t)(uintptr_t)linger);
    const struct hf_live_module *library = hf_live_module_at(&live, (uint64_t)(uintptr_t)abort);
    assert_non_null(own);
    assert_non_null(library);
    if (own->build_id.size == 0 || library->build_id.size == 0) {
        hf_live_close(&live);
        skip();
    }
    assert_int_equal(judge_bound(&live, &own->build_id, &other, evidence, sizeof(evidence)), HF_INCOMPATIBLE);
    assert_string_equal(evidence,
                        "the patch is bound to a library of build abcd, which the process has loaded 0 times");
    assert_int_equal(judge_bound(&live, &own->build_id, &library->build_id, evidence, sizeof(evidence)), HF_COMPATIBLE);
    hf_live_close(&live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_without_a_process_is_refused),
        cmocka_unit_test(a_zombie_is_refused),
        cmocka_unit_test(a_process_that_ends_meanwhile_is_told),
        cmocka_unit_test(memory_that_is_not_there_is_told),
        cmocka_unit_test(modules_are_found_by_their_build_id),
        cmocka_unit_test(a_library_that_the_patch_is_bound_to_must_be_loaded),
        cmocka_unit_test(a_function_is_seen_on_a_stack_and_its_neighbour_is_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
