/* SPDX-License-Identifier: Apache-2.0 */
/* Custom patchers: how they are called, and that their failures leave nothing. */
#include "apply_fixture.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "child.h"
#include "emulated.h"

#include "process/code.h"

/* From now on this thread can write no code, through /proc/self/mem or after mprotect(2). */
static void forbid_writing(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pwrite64, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof(filter) / sizeof(filter[0]), .filter = filter};

    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

/* A patcher that writes down how it is called, and can fail at a function of its choice. */
struct script {
    char calls[256];
    int fail_at; /* function index, -1: never */
    int fail_prepare;
    bool forbids; /* writing, when it fails */
    void *states[4];
};

static int scripted_prepare(const struct hotfix_request *request, void *arg, void **state, struct hotfix_error *error)
{
    struct script *script = arg;
    strcat(script->calls, "prepare ");
    assert_true(request->size >= sizeof(*request));
    assert_non_null(strstr(request->module, "target.so"));
    assert_ptr_equal(request->module_base, (void *)fixture.module.base);
    assert_non_null(request->patch_base);
    request->log(request, "a line of the patcher");
    if (script->fail_prepare) {
        error->code = HOTFIX_UNPROVEN;
        strcpy(error->message, "not today");
        return -1;
    }
    return hotfix_builtin_patcher()->prepare(request, NULL, state, error);
}

/* Switches function by function, and leaves the first ones switched when it fails: what a sloppy patcher would do. */
static int scripted_switch(const struct hotfix_request *request, struct script *script, bool forward)
{
    struct hf_code_writer writer;
    hf_code_writer_init(&writer);
    for (size_t i = 0; i < request->function_count; i++) {
        const struct hotfix_function *function = &request->functions[i];
        uint8_t jump[HF_DETOUR_MAX];
        if ((int)i == script->fail_at) {
            hf_code_writer_deinit(&writer);
            if (script->forbids)
                forbid_writing();
            return -1;
        }
        uintptr_t entry = (uintptr_t)function->old_address + function->entry_skip;
        uintptr_t to = (uintptr_t)(forward ? function->new_address : function->previous_address);
        size_t size = hf_arch_host.detour_size((const uint8_t *)entry, function->old_size - function->entry_skip);
        assert_int_equal(hf_arch_host.detour(entry, to, size, jump), HF_ARCH_OK);
        assert_int_equal(hf_code_write(&writer, (void *)entry, jump, size, PROT_READ | PROT_EXEC, NULL), 0);
    }
    hf_code_writer_deinit(&writer);
    return 0;
}

static int scripted_apply(const struct hotfix_request *request, void *arg, void *state, struct hotfix_error *error)
{
    struct script *script = arg;
    strcat(script->calls, "apply ");
    if (script->fail_at >= 0)
        return scripted_switch(request, script, true);
    return hotfix_builtin_patcher()->apply(request, NULL, state, error);
}

static int scripted_revert(const struct hotfix_request *request, void *arg, void *state, struct hotfix_error *error)
{
    struct script *script = arg;
    strcat(script->calls, "revert ");
    if (script->fail_at >= 0)
        return -1;
    return hotfix_builtin_patcher()->revert(request, NULL, state, error);
}

static void scripted_finish(const struct hotfix_request *request, void *arg, void *state)
{
    struct script *script = arg;
    strcat(script->calls, "finish ");
    hotfix_builtin_patcher()->finish(request, NULL, state);
}

static struct script script;
static const struct hotfix_patcher scripted = {sizeof(scripted), "scripted",      &script,        scripted_prepare,
                                               scripted_apply,   scripted_revert, scripted_finish};

static void script_reset(int fail_at, int fail_prepare)
{
    script = (struct script){.fail_at = fail_at, .fail_prepare = fail_prepare};
}

static void custom_patcher_is_called_in_the_documented_order(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    (void)state;
    make_bundle(3, both, path, id);
    script_reset(-1, 0);
    if (apply_plain_with(path, &scripted, &result) != 0)
        fail_msg("%s", result.error.message);
    assert_string_equal(script.calls, "prepare apply finish ");
    assert_non_null(strstr(result.log, "patcher scripted: a line of the patcher\n"));
    assert_int_equal(price(10), 30);
    script_reset(-1, 0);
    assert_int_equal(revert_plain(id, &result), 0);
    assert_string_equal(script.calls, "prepare revert finish ");
    hotfix_result_deinit(&result);
    assert_unpatched();
}

static void patcher_that_fails_at_its_second_function_leaves_nothing(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];
    uint8_t before[64];
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    (void)state;
    make_bundle(3, both, path, id);
    script_reset(1, 0);
    memcpy(before, (const void *)(uintptr_t)price, sizeof(before));
    struct picture picture = picture_take();
    assert_int_equal(apply_plain_with(path, &scripted, &result), -1);
    assert_int_equal(result.error.code, HOTFIX_PATCHER);
    assert_string_equal(result.error.message, "patcher scripted failed in apply");
    assert_string_equal(script.calls, "prepare apply finish ");
    assert_int_equal(result.function_count, 0);
    assert_memory_equal(before, (const void *)(uintptr_t)price, sizeof(before));
    assert_unpatched();
    hotfix_result_deinit(&result);
    picture_assert_same(&picture);

    must_apply(path);
    must_revert(id);
}

/* price() was switched, and cannot be put back. */
static void tear(void)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    make_bundle(3, both, path, id);
    script_reset(1, 0);
    script.forbids = true;
    require(apply_plain_with(path, &scripted, &result) == -1);
    require(result.error.code == HOTFIX_TORN);
    require(strstr(result.error.message, "not all of the code could be put back"));
    require(price(10) == 30); /* the patch is still there for calls to arrive in */
}

static void code_that_cannot_be_put_back_is_told_and_stays_callable(void **state)
{
    (void)state;
    if (emulator_lacks("it has no seccomp filters"))
        skip();
    child_run(tear);
}

static void patcher_that_fails_to_prepare_is_not_finished(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    (void)state;
    make_bundle(3, both, path, id);
    script_reset(-1, 1);
    assert_int_equal(apply_plain_with(path, &scripted, &result), -1);
    assert_int_equal(result.error.code, HOTFIX_UNPROVEN);
    assert_string_equal(result.error.message, "not today");
    assert_string_equal(script.calls, "prepare ");
    hotfix_result_deinit(&result);
    assert_unpatched();
}

static void patcher_that_fails_to_revert_leaves_the_bundle_applied(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    (void)state;
    make_bundle(3, both, path, id);
    script_reset(-1, 0);
    assert_int_equal(apply_plain_with(path, &scripted, &result), 0);
    script_reset(0, 0);
    assert_int_equal(revert_plain(id, &result), -1);
    assert_int_equal(result.error.code, HOTFIX_PATCHER);
    assert_int_equal(price(10), 30);
    script_reset(-1, 0);
    assert_int_equal(revert_plain(id, &result), 0);
    hotfix_result_deinit(&result);
    assert_unpatched();
}

static void function_is_not_stacked_on_another_patchers(void **state)
{
    char path[2][PATH_SIZE], id[2][HOTFIX_ID_TEXT_SIZE];
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    (void)state;
    make_bundle(3, both, path[0], id[0]);
    make_bundle(4, both, path[1], id[1]);
    script_reset(-1, 0);
    assert_int_equal(apply_plain_with(path[0], &scripted, &result), 0);
    assert_int_equal(hotfix_apply(handle, path[1], &result), -1);
    assert_int_equal(result.error.code, HOTFIX_PATCHER);
    assert_int_equal(price(10), 30);
    must_revert(id[0]);
    hotfix_result_deinit(&result);
    assert_unpatched();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(custom_patcher_is_called_in_the_documented_order),
        cmocka_unit_test(patcher_that_fails_at_its_second_function_leaves_nothing),
        cmocka_unit_test(code_that_cannot_be_put_back_is_told_and_stays_callable),
        cmocka_unit_test(patcher_that_fails_to_prepare_is_not_finished),
        cmocka_unit_test(patcher_that_fails_to_revert_leaves_the_bundle_applied),
        cmocka_unit_test(function_is_not_stacked_on_another_patchers),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
