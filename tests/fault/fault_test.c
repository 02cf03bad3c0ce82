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
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "fault.h"
#include "unit/apply_fixture.h"

#define SIGNALS_MAX   64
#define STEPS_AT_MOST 100000
#define FACTOR        5
#define NEWER_FACTOR  7
#define EMPTY_STATE   "[state]\nformat = 1\n"

static const char *const kind_names[FAULT_KINDS] = {"failure", "interruption", "timeout", "death of the helper",
                                                    "end of the process"};
static const struct hotfix_apply_options bounded = {.size = sizeof(bounded), .deadline_ns = 5000000000u};

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

/* A handle whose trust store has a policy and that keeps a state, and bundles for it. */
static struct hotfix *strict;
static char two_keys[PATH_SIZE]; /* the trust store */
static char accounts[PATH_SIZE]; /* directory of the state */
static char state_file[PATH_SIZE];
static char mark[PATH_SIZE]; /* file that the bundle's patch makes when it is loaded */
static char agreed[PATH_SIZE], agreed_id[HOTFIX_ID_TEXT_SIZE];
static char single[PATH_SIZE], old[PATH_SIZE]; /* signed by one key; with a lower number */

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

static void forget(void)
{
    fixture_write(state_file, EMPTY_STATE);
}

/* One call with its nth step failing. False when it has fewer. */
static bool step(enum operation operation, enum fault_kind kind, unsigned long nth)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    struct picture before = picture_take();
    struct rest rest = rest_take();
    size_t files = count_entries(staging);
    char what[HOTFIX_MESSAGE_SIZE + 256];

    forget();
    size_t states = count_entries(accounts);
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
        if (count_entries(accounts) != states)
            fail_msg("%s: a file stays beside the state", what);
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

/* With another bundle in the place of the usual one, and a handle for it. */
static void enter_strict(void)
{
    handle = strict;
    strcpy(bundle, agreed);
    strcpy(bundle_id, agreed_id);
    must_apply(bundle); /* once, so that the lock's file is there */
    must_revert(bundle_id);
}

static void an_apply_by_policy_and_state_fails_at_any_step_and_nothing_remains(void **state)
{
    struct hotfix *other = handle;
    char usual[PATH_SIZE], usual_id[HOTFIX_ID_TEXT_SIZE];

    (void)state;
    strcpy(usual, bundle);
    strcpy(usual_id, bundle_id);
    enter_strict();
    sweep(APPLY, FAULT_FAILURE);
    sweep(APPLY, FAULT_INTERRUPT);
    handle = other;
    strcpy(bundle, usual);
    strcpy(bundle_id, usual_id);
}

/* Whatever fails, it is not the refusal. */
static void refused_at_any_step(const char *path, enum hotfix_code code)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    const char *where;
    unsigned long nth = 1;

    do {
        struct picture before = picture_take();
        fault_blocks();
        fault_arm(FAULT_FAILURE, nth++);
        int status = hotfix_apply_opt(strict, path, &bounded, &result);
        where = fault_disarm();
        if (status == 0)
            fail_msg("applied after a failure of %s", where);
        if (!where && result.error.code != code)
            fail_msg("%s", result.error.message);
        hotfix_result_deinit(&result);
        assert_int_equal(fault_blocks(), 0);
        assert_same_picture(&before, where ? where : "no failure");
        assert_unpatched();
    } while (where);
    print_message("%lu steps of a refusal\n", nth - 2);
    assert_true(nth > 10);
}

static void what_is_to_be_refused_is_refused_whatever_fails(void **state)
{
    struct hotfix *other = handle;

    (void)state;
    forget();
    refused_at_any_step(single, HOTFIX_SIGNATURE);
    handle = strict;
    must_apply(agreed);
    must_revert(agreed_id);
    refused_at_any_step(old, HOTFIX_REPLAYED);
    assert_int_equal(unlink(state_file), 0);
    refused_at_any_step(agreed, HOTFIX_REPLAYED);
    handle = other;
}

static void the_trust_store_is_read_whole_or_not_at_all(void **state)
{
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    const char *where;
    unsigned long nth = 1;

    (void)state;
    options.trust = two_keys;
    options.state = state_file;
    options.staging = staging;
    do {
        struct picture before = picture_take();
        struct hotfix *opened = NULL;
        struct hotfix_error error = {.code = HOTFIX_OK};
        fault_blocks();
        fault_arm(FAULT_FAILURE, nth++);
        int status = hotfix_open(&options, &opened, &error);
        where = fault_disarm();
        if ((status == 0) == (where != NULL) || (status != 0 && (opened || error.code == HOTFIX_OK)))
            fail_msg("%d after a failure of %s: %s", status, where ? where : "nothing", error.message);
        hotfix_close(opened);
        if (fault_blocks() != 0)
            fail_msg("after a failure of %s memory is lost", where);
        assert_same_picture(&before, where ? where : "no failure");
    } while (where);
    print_message("%lu steps of opening a handle\n", nth - 2);
    assert_true(nth > 20);
}

/* Of a child that is about to end: is its code switched? */
static atomic_int *switched;

static void tell_switched(void)
{
    *switched = price(10) != 20;
}

/* The state after a child ended at its nth step: what it was, or what says that the bundle was applied. */
static bool end_at(unsigned long nth, const char *advanced)
{
    uint8_t *text;
    size_t size;
    int status;

    forget();
    unlink(mark);
    *switched = 0;
    pid_t child = fork();
    if (child == 0) {
        fault_at_exit(tell_switched);
        fault_arm(FAULT_EXIT, nth);
        int applied = hotfix_apply_opt(strict, agreed, &patient, NULL);
        fault_disarm();
        _exit(applied == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == FAULT_EXIT_STATUS || WEXITSTATUS(status) == 0));
    assert_int_equal(hf_file_read(state_file, 4096, &text, &size, &fixture_error), 0);
    bool moved = strcmp((char *)text, advanced) == 0;
    if (!moved && strcmp((char *)text, EMPTY_STATE) != 0)
        fail_msg("step %lu left half a state: %s", nth, (char *)text);
    if (!moved && (*switched || access(mark, F_OK) == 0))
        fail_msg("step %lu: code of the bundle ran, and the state does not know", nth);
    free(text);
    if (moved)
        assert_int_equal(hotfix_apply_opt(strict, old, &patient, NULL), -1);
    return WEXITSTATUS(status) != 0;
}

static void an_end_at_any_step_never_lets_an_old_bundle_in(void **state)
{
    struct hotfix *other = handle;
    uint8_t *advanced;
    size_t size;
    unsigned long nth = 1;

    (void)state;
    switched = mmap(NULL, sizeof(*switched), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(switched, MAP_FAILED);
    handle = strict;
    forget();
    must_apply(agreed);
    must_revert(agreed_id);
    assert_int_equal(hf_file_read(state_file, 4096, &advanced, &size, &fixture_error), 0);
    assert_string_not_equal((char *)advanced, EMPTY_STATE);
    while (end_at(nth, (char *)advanced))
        nth++;
    print_message("%lu steps of an apply, each with an end of the process\n", nth - 1);
    assert_true(nth > 50);
    forget();
    must_apply(agreed); /* whatever temporary files were left */
    must_revert(agreed_id);
    handle = other;
    free(advanced);
    munmap((void *)switched, sizeof(*switched));
}

/* A bundle with a number that is signed by the usual key. Its patch makes the mark when it is loaded. */
static void make_numbered(const char *name, uint64_t sequence, char path[PATH_SIZE], char id[HOTFIX_ID_TEXT_SIZE])
{
    struct material material;
    char source[4 * PATH_SIZE], made[PATH_SIZE];

    snprintf(source, sizeof(source),
             "#include <fcntl.h>\n#include <unistd.h>\n__attribute__((constructor)) static void loaded(void)\n"
             "{ close(open(\"%s\", O_CREAT | O_WRONLY, 0600)); }\n",
             mark);
    material_make(&material, with_factor(FACTOR, source), 0);
    material.manifest.sequence = sequence;
    hf_hex_encode(material.manifest.id, HF_ID_SIZE, id);
    material_pack(&material, made);
    snprintf(path, PATH_SIZE, "%s/%s.hotfix", fixture.dir, name);
    assert_int_equal(rename(made, path), 0);
}

static void make_strict(void)
{
    static const char policy[] = "[policy]\nkeys = 2\nroles = builder release\n\n[freshness]\nmax-step = 10\n\n"
                                 "[key.first]\nrole = builder\n\n[key.second]\nrole = release\n";
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    struct hf_private_key *second;
    struct hf_public_key public_key;
    char path[2 * PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];

    snprintf(two_keys, sizeof(two_keys), "%s/two-keys", fixture.dir);
    snprintf(accounts, sizeof(accounts), "%s/accounts", fixture.dir);
    snprintf(state_file, sizeof(state_file), "%s/accounts/state", fixture.dir);
    snprintf(mark, sizeof(mark), "%s/mark", fixture.dir);
    assert_int_equal(mkdir(two_keys, 0700), 0);
    assert_int_equal(mkdir(accounts, 0700), 0);
    snprintf(path, sizeof(path), "%s/trust.ini", two_keys);
    fixture_write(path, policy);
    forget();
    assert_int_equal(hf_private_key_public(fixture.key, &public_key, &fixture_error), 0);
    snprintf(path, sizeof(path), "%s/first.pub", two_keys);
    assert_int_equal(hf_public_key_write(&public_key, path, &fixture_error), 0);
    assert_int_equal(hf_private_key_generate(&second, &fixture_error), 0);
    assert_int_equal(hf_private_key_public(second, &public_key, &fixture_error), 0);
    snprintf(path, sizeof(path), "%s/second.pub", two_keys);
    assert_int_equal(hf_public_key_write(&public_key, path, &fixture_error), 0);

    make_numbered("old", 8, old, id);
    fixture_sign_again(old, second);
    make_numbered("single", 9, single, id);
    make_numbered("agreed", 9, agreed, agreed_id);
    fixture_sign_again(agreed, second);
    hf_private_key_destroy(second);
    options.trust = two_keys;
    options.state = state_file;
    if (hotfix_open(&options, &strict, &fixture_error) != 0)
        fail_msg("%s", fixture_error.message);
}

static void make_newer(void)
{
    struct material material = {.key = fixture.key};
    unsigned number = next_number++;
    char path[PATH_SIZE];

    fixture_patch(&fixture, number, "newer.so", "", with_factor(NEWER_FACTOR, ""));
    fixture_manifest(&fixture, number, "newer.so", price_only, &material.manifest, &material.payload);
    material.manifest.supersedes.items = calloc(1, HF_ID_SIZE);
    assert_non_null(material.manifest.supersedes.items);
    material.manifest.supersedes.count = 1;
    assert_int_equal(hf_hex_decode(bundle_id, material.manifest.supersedes.items[0], HF_ID_SIZE), 0);
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
    make_strict();
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
    hotfix_close(strict);
    return teardown(state);
}

/* fault_test [NAME]: all of them, or the one of that name; some take long in an emulated machine. */
int main(int argc, char **argv)
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
        cmocka_unit_test(the_trust_store_is_read_whole_or_not_at_all),
        cmocka_unit_test(an_apply_by_policy_and_state_fails_at_any_step_and_nothing_remains),
        cmocka_unit_test(what_is_to_be_refused_is_refused_whatever_fails),
        cmocka_unit_test(an_end_at_any_step_never_lets_an_old_bundle_in),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests_name("fault", tests, fault_setup, fault_teardown);
}
