/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every step of an apply, of one that supersedes another bundle, and of a revert fails in turn: after each the process
 * is what it was, or the whole change was made, and the next try succeeds. Threads keep calling what is switched, and
 * must never see anything but one of its versions.
 */
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "fault.h"
#include "unit/apply_fixture.h"

#define SIGNALS_MAX   64
#define STEPS_AT_MOST 100000
#define FACTOR        5
#define NEWER_FACTOR  7

static const char *const kind_names[FAULT_KINDS] = {"failure", "interruption", "timeout", "death of the helper"};
static const struct hotfix_apply_options bounded = {.size = sizeof(bounded), .deadline_ns = 1000000000u};

static char bundle[PATH_SIZE], bundle_id[HOTFIX_ID_TEXT_SIZE];
static char newer[PATH_SIZE], newer_id[HOTFIX_ID_TEXT_SIZE]; /* of price() alone; supersedes the former */

/* What price(10) and tax(10) are. */
struct version {
    int price;
    int tax;
};

enum operation { APPLY, REVERT, SUPERSEDE };

static const struct {
    const char *name;
    struct version before;
    struct version after;
} operations[] = {
    [APPLY] = {"apply", {20, 11}, {10 * FACTOR, 10 + FACTOR}},
    [REVERT] = {"revert", {10 * FACTOR, 10 + FACTOR}, {20, 11}},
    [SUPERSEDE] = {"superseding apply", {10 * FACTOR, 10 + FACTOR}, {10 * NEWER_FACTOR, 11}},
};

static char staging[PATH_SIZE];
static struct hotfix *staged; /* a handle whose patches are files in that directory */
static atomic_bool stop_threads;
static atomic_int torn;
static pthread_t caller, sleeper;

static void *call_all_the_time(void *arg)
{
    (void)arg;
    while (!stop_threads) {
        int now = price(10), then = tax(10);
        if ((now != 20 && now != 10 * FACTOR && now != 10 * NEWER_FACTOR) || (then != 11 && then != 10 + FACTOR))
            torn++;
    }
    return NULL;
}

static void *sleep_all_the_time(void *arg)
{
    (void)arg;
    while (!stop_threads)
        usleep(20000);
    return NULL;
}

/* What other than memory, descriptors and threads a failed call could leave behind. */
struct rest {
    struct {
        void (*handler)(int);
        int flags;
        uint64_t mask;
    } actions[SIGNALS_MAX + 1];
    uint64_t mask;
    unsigned char code[2][16];
};

static uint64_t bits(const sigset_t *set)
{
    uint64_t mask = 0;

    for (int i = 1; i <= SIGNALS_MAX; i++)
        mask |= (uint64_t)(sigismember(set, i) == 1) << (i - 1);
    return mask;
}

static struct rest rest_take(void)
{
    struct rest rest;
    struct sigaction action;
    sigset_t mask;

    memset(&rest, 0, sizeof(rest));
    for (int i = 1; i <= SIGNALS_MAX; i++)
        if (sigaction(i, NULL, &action) == 0) {
            rest.actions[i].handler = action.sa_handler;
            rest.actions[i].flags = action.sa_flags;
            rest.actions[i].mask = bits(&action.sa_mask);
        }
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    rest.mask = bits(&mask);
    memcpy(rest.code[0], (void *)(uintptr_t)price, sizeof(rest.code[0]));
    memcpy(rest.code[1], (void *)(uintptr_t)tax, sizeof(rest.code[1]));
    return rest;
}

static void assert_same_rest(const struct rest *before, const char *what)
{
    struct rest now = rest_take();

    if (memcmp(now.code, before->code, sizeof(now.code)) != 0)
        fail_msg("%s: code changed", what);
    if (memcmp(now.actions, before->actions, sizeof(now.actions)) != 0 || now.mask != before->mask)
        fail_msg("%s: signal dispositions changed", what);
}

static void assert_version(struct version version, const char *what)
{
    int now = price(10), then = tax(10);

    if (now != version.price || then != version.tax)
        fail_msg("%s: price(10) is %d, tax(10) is %d", what, now, then);
    if (torn)
        fail_msg("%s: a thread saw something that is neither the old nor the new code", what);
}

/* Frees the older picture. */
static void assert_same_picture(struct picture *before, const char *what)
{
    struct picture now = picture_take();
    const char *left = before->maps, *right = now.maps;

    if (now.descriptors != before->descriptors || now.threads != before->threads)
        fail_msg("%s: there are %zu descriptors and %zu threads, %zu and %zu before", what, now.descriptors,
                 now.threads, before->descriptors, before->threads);
    while (*left && *left == *right)
        left++, right++;
    if (*left || *right)
        fail_msg("%s: mappings differ: %.200s... were %.200s...", what, right, left);
    free(now.maps);
    free(before->maps);
}

static int run(enum operation operation, const struct hotfix_apply_options *options, struct hotfix_result *result)
{
    if (operation == REVERT)
        return hotfix_revert_opt(handle, bundle_id, options, result);
    return hotfix_apply_opt(handle, operation == APPLY ? bundle : newer, options, result);
}

/* After the operation: makes it possible again. */
static void turn_back(enum operation operation)
{
    if (operation == APPLY)
        must_revert(bundle_id);
    if (operation == SUPERSEDE)
        must_revert(newer_id);
    if (operation != APPLY)
        must_apply(bundle);
}

/* One call with its nth step failing. False when it has fewer. */
static bool step(enum operation operation, enum fault_kind kind, unsigned long nth)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    struct picture before = picture_take();
    struct rest rest = rest_take();
    size_t files = count_entries(staging);
    char what[HOTFIX_MESSAGE_SIZE + 256];

    fault_blocks();
    fault_arm(kind, nth);
    int status = run(operation, &bounded, &result);
    const char *where = fault_disarm();
    snprintf(what, sizeof(what), "%s, %s of step %lu (%s): %s", operations[operation].name, kind_names[kind], nth,
             where ? where : "none", result.error.message);
    if (!where && status != 0 && result.error.code != HOTFIX_BUSY)
        fail_msg("%s", what);
    assert_version(status == 0 ? operations[operation].after : operations[operation].before, what);
    if (status != 0) {
        if (result.error.code == HOTFIX_OK || result.error.message[0] == '\0' || result.function_count != 0 ||
            result.superseded_count != 0)
            fail_msg("%s: the result does not say that it failed", what);
        hotfix_result_deinit(&result);
        long leaked = fault_blocks();
        if (leaked != 0)
            fail_msg("%s: %ld blocks of memory more are allocated", what, leaked);
        assert_same_rest(&rest, what);
        if (count_entries(staging) != files)
            fail_msg("%s: a file stays in the staging directory", what);
        assert_same_picture(&before, what);
        if (run(operation, &patient, &result) != 0)
            fail_msg("%s; the next try: %s", what, result.error.message);
        assert_version(operations[operation].after, what);
    } else {
        free(before.maps);
    }
    hotfix_result_deinit(&result);
    return where != NULL;
}

/* All steps of one operation; it is turned back undisturbed in between. */
static void sweep(enum operation operation, enum fault_kind kind)
{
    unsigned long nth = 1;
    bool more;

    if (operation != APPLY)
        must_apply(bundle);
    do {
        more = step(operation, kind, nth);
        turn_back(operation);
    } while (more && nth++ < STEPS_AT_MOST);
    if (operation != APPLY)
        must_revert(bundle_id);
    print_message("%lu steps of %s, each with a %s\n", nth - 1, operations[operation].name, kind_names[kind]);
    assert_true(nth > 1);
}

static void an_apply_fails_at_any_step_and_nothing_remains(void **state)
{
    (void)state;
    sweep(APPLY, FAULT_FAILURE);
}

static void an_apply_staged_in_a_directory_fails_at_any_step_and_no_file_remains(void **state)
{
    struct hotfix *other = handle;

    (void)state;
    handle = staged;
    must_apply(bundle);
    must_revert(bundle_id);
    sweep(APPLY, FAULT_FAILURE);
    sweep(APPLY, FAULT_INTERRUPT);
    handle = other;
}

static void a_revert_fails_at_any_step_and_nothing_changed(void **state)
{
    (void)state;
    sweep(REVERT, FAULT_FAILURE);
}

static void a_superseding_apply_fails_at_any_step_and_the_older_bundle_stays(void **state)
{
    (void)state;
    sweep(SUPERSEDE, FAULT_FAILURE);
    sweep(SUPERSEDE, FAULT_TIMEOUT);
}

static void an_apply_is_interrupted_at_any_step(void **state)
{
    (void)state;
    sweep(APPLY, FAULT_INTERRUPT);
    sweep(REVERT, FAULT_INTERRUPT);
}

static void an_apply_runs_out_of_time_at_any_step(void **state)
{
    (void)state;
    sweep(APPLY, FAULT_TIMEOUT);
    sweep(REVERT, FAULT_TIMEOUT);
}

static void the_stopping_helper_is_killed_at_any_step(void **state)
{
    (void)state;
    sweep(APPLY, FAULT_KILL);
    sweep(REVERT, FAULT_KILL);
    sweep(SUPERSEDE, FAULT_KILL);
}

static void so_with_signals_where_debuggers_are_refused(void **state)
{
    (void)state;
    fault_refuse_ptrace(true);
    for (enum fault_kind kind = FAULT_FAILURE; kind <= FAULT_TIMEOUT; kind++) {
        sweep(APPLY, kind);
        sweep(REVERT, kind);
    }
    fault_refuse_ptrace(false);
}

static void make_newer(void)
{
    struct material material = {.key = fixture.key};
    unsigned number = next_number++;
    char path[PATH_SIZE];

    fixture_patch(&fixture, number, "newer.so", "", with_factor(NEWER_FACTOR, ""));
    fixture_manifest(&fixture, number, "newer.so", price_only, &material.manifest, &material.payload);
    material.manifest.supersedes = calloc(1, HF_ID_SIZE);
    assert_non_null(material.manifest.supersedes);
    material.manifest.supersedes_count = 1;
    assert_int_equal(hf_hex_decode(bundle_id, material.manifest.supersedes[0], HF_ID_SIZE), 0);
    hf_hex_encode(material.manifest.id, HF_ID_SIZE, newer_id);
    material_pack(&material, path);
    snprintf(newer, sizeof(newer), "%s/newer.hotfix", fixture.dir);
    assert_int_equal(rename(path, newer), 0);
}

static int fault_setup(void **state)
{
    /* Allocations are no mappings of their own: what is mapped then is what the loader maps. */
    mallopt(M_MMAP_MAX, 0);
    if (setup(state) != 0)
        return -1;
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    snprintf(staging, sizeof(staging), "%s/staging", fixture.dir);
    assert_int_equal(mkdir(staging, 0700), 0);
    options.trust = fixture.trust;
    options.staging = staging;
    assert_int_equal(hotfix_open(&options, &staged, &fixture_error), 0);
    make_bundle(FACTOR, both, bundle, bundle_id);
    make_newer();
    assert_int_equal(pthread_create(&caller, NULL, call_all_the_time, NULL), 0);
    assert_int_equal(pthread_create(&sleeper, NULL, sleep_all_the_time, NULL), 0);
    must_apply(bundle);
    must_revert(bundle_id);
    return 0;
}

static int fault_teardown(void **state)
{
    stop_threads = true;
    pthread_join(caller, NULL);
    pthread_join(sleeper, NULL);
    hotfix_close(staged);
    return teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_apply_fails_at_any_step_and_nothing_remains),
        cmocka_unit_test(a_revert_fails_at_any_step_and_nothing_changed),
        cmocka_unit_test(a_superseding_apply_fails_at_any_step_and_the_older_bundle_stays),
        cmocka_unit_test(an_apply_is_interrupted_at_any_step),
        cmocka_unit_test(an_apply_runs_out_of_time_at_any_step),
        cmocka_unit_test(the_stopping_helper_is_killed_at_any_step),
        cmocka_unit_test(so_with_signals_where_debuggers_are_refused),
        cmocka_unit_test(an_apply_staged_in_a_directory_fails_at_any_step_and_no_file_remains),
    };
    return cmocka_run_group_tests_name("fault", tests, fault_setup, fault_teardown);
}
