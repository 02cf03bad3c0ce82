/* SPDX-License-Identifier: Apache-2.0 */
/* Policies of trust stores and sequence numbers, through the public API: who must agree, and nothing old comes back. */
#include "apply_fixture.h"

#define EMPTY "[state]\nformat = 1\n"

static char state_path[PATH_SIZE], policy_path[PATH_SIZE];
static struct hf_private_key *second;

static struct hotfix *open_with_state(const char *state)
{
    struct hotfix *opened;
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;

    options.trust = fixture.trust;
    options.state = state;
    if (hotfix_open(&options, &opened, &fixture_error) != 0)
        fail_msg("%s", fixture_error.message);
    return opened;
}

static void make_numbered(int factor, uint64_t sequence, const char *more, char path[PATH_SIZE],
                          char id[HOTFIX_ID_TEXT_SIZE])
{
    struct material material;

    material_make(&material, with_factor(factor, more), 0);
    material.manifest.sequence = sequence;
    hf_hex_encode(material.manifest.id, HF_ID_SIZE, id);
    material_pack(&material, path);
    char kept[PATH_SIZE];
    snprintf(kept, sizeof(kept), "%s/%s.hotfix", fixture.dir, id);
    assert_int_equal(rename(path, kept), 0);
    strcpy(path, kept);
}

static int apply_to(struct hotfix *hotfix, const char *path, struct hotfix_result *result)
{
    return hotfix_apply_opt(hotfix, path, &patient, result);
}

static void assert_result(struct hotfix_result *result, enum hotfix_code code, const char *message)
{
    if (result->error.code != code || !strstr(result->error.message, message))
        fail_msg("%d: %s", (int)result->error.code, result->error.message);
    assert_unpatched();
}

static int begin(void **state)
{
    (void)state;
    unlink(policy_path);
    unlink(state_path);
    fixture_write(state_path, EMPTY);
    return chmod(state_path, 0600);
}

static void a_policy_that_demands_freshness_needs_a_state(void **state)
{
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    struct hotfix *opened = NULL;
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];

    (void)state;
    fixture_write(policy_path, "[freshness]\nlost-state = refuse\n");
    options.trust = fixture.trust;
    assert_int_equal(hotfix_open(&options, &opened, &fixture_error), -1);
    assert_int_equal(fixture_error.code, HOTFIX_TRUST);
    assert_non_null(strstr(fixture_error.message, "its policy demands freshness"));
    options.size = offsetof(struct hotfix_options, state); /* a program from before there was one */
    options.state = state_path;
    assert_int_equal(hotfix_open(&options, &opened, &fixture_error), -1);
    assert_int_equal(fixture_error.code, HOTFIX_TRUST);
    assert_null(opened);

    opened = open_with_state(state_path);
    make_bundle(3, both, path, id);
    assert_int_equal(apply_to(opened, path, &result), -1);
    assert_result(&result, HOTFIX_REPLAYED, "no sequence number, which the policy of the trust store demands");
    hotfix_result_deinit(&result);
    hotfix_close(opened);
}

/* The constructor would end the process. */
static void an_old_bundle_is_refused_before_any_of_its_code_runs(void **state)
{
    char old[PATH_SIZE], old_id[HOTFIX_ID_TEXT_SIZE], new[PATH_SIZE], new_id[HOTFIX_ID_TEXT_SIZE];
    struct hotfix *opened = open_with_state(state_path);
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    (void)state;
    make_numbered(4, 7, "", new, new_id);
    if (apply_to(opened, new, &result) != 0)
        fail_msg("%s", result.error.message);
    assert_int_equal(price(10), 40);
    must_revert(new_id);
    make_numbered(
        3, 6,
        "void abort(void); char *getenv(const char *);\n"
        "__attribute__((constructor)) static void begin(void) { if (getenv(\"HOTFIX_TEST_END\")) abort(); }\n",
        old, old_id);
    setenv("HOTFIX_TEST_END", "1", 1);
    assert_int_equal(apply_to(opened, old, &result), -1);
    assert_result(&result, HOTFIX_REPLAYED, "its sequence number is 6, and 7 was applied to target.so before");
    assert_int_equal(hotfix_arm(opened, old, NULL, &result), -1);
    assert_result(&result, HOTFIX_REPLAYED, "its sequence number is 6");
    unsetenv("HOTFIX_TEST_END");

    /* Another handle, as after a restart, knows as much, and the newest may be applied again. */
    hotfix_close(opened);
    opened = open_with_state(state_path);
    assert_int_equal(apply_to(opened, old, &result), -1);
    assert_result(&result, HOTFIX_REPLAYED, "its sequence number is 6");
    assert_int_equal(apply_to(opened, new, &result), 0);
    must_revert(new_id);
    hotfix_result_deinit(&result);
    hotfix_close(opened);
}

static void the_number_is_written_down_before_code_of_the_bundle_runs(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE], old[PATH_SIZE], old_id[HOTFIX_ID_TEXT_SIZE];
    struct hotfix *opened = open_with_state(state_path);
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    (void)state;
    make_numbered(3, 9, "int hotfix_on_apply(void) { return 1; }\n", path, id);
    assert_int_equal(apply_to(opened, path, &result), -1);
    assert_result(&result, HOTFIX_STAGE, "hotfix_on_apply of the patch refused");
    make_numbered(4, 8, "", old, old_id);
    assert_int_equal(apply_to(opened, old, &result), -1);
    assert_result(&result, HOTFIX_REPLAYED, "and 9 was applied to target.so before");
    hotfix_result_deinit(&result);
    hotfix_close(opened);
}

/* What cannot be used here tells nothing of what was used here. */
static void a_bundle_for_another_build_does_not_move_the_state(void **state)
{
    struct material material;
    char path[PATH_SIZE];
    struct hotfix *opened = open_with_state(state_path);
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    uint8_t *text;
    size_t size;

    (void)state;
    material_make(&material, with_factor(3, ""), 0);
    material.manifest.sequence = 100;
    material.manifest.target_build_id.bytes[0] ^= 1;
    material_pack(&material, path);
    assert_int_equal(apply_to(opened, path, &result), -1);
    assert_result(&result, HOTFIX_NO_TARGET, "target");
    assert_int_equal(hf_file_read(state_path, 4096, &text, &size, &fixture_error), 0);
    assert_string_equal((char *)text, EMPTY);
    free(text);
    hotfix_result_deinit(&result);
    hotfix_close(opened);
}

static void one_stolen_key_applies_nothing_and_both_keys_are_reported(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    (void)state;
    fixture_write(policy_path, "[policy]\nkeys = 2\nroles = builder release\n\n[key.test]\nrole = builder\n\n"
                               "[key.second]\nrole = release\n");
    struct hotfix *opened = open_handle(NULL, NULL);
    make_bundle(3, both, path, id);
    assert_int_equal(apply_to(opened, path, &result), -1);
    assert_result(&result, HOTFIX_SIGNATURE, "1 of 2 keys agree: test; a key with role 'release' is missing");
    assert_int_equal(result.signer_count, 0);
    fixture_sign_again(path, fixture.key);
    assert_int_equal(apply_to(opened, path, &result), -1);
    assert_result(&result, HOTFIX_SIGNATURE, "1 of 2 keys agree");
    fixture_sign_again(path, second);
    if (apply_to(opened, path, &result) != 0)
        fail_msg("%s", result.error.message);
    assert_int_equal(result.signer_count, 2);
    assert_string_equal(result.signers[0].name, "test");
    assert_string_equal(result.signers[1].name, "second");
    assert_non_null(strstr(result.log, "signed by test, second\n"));
    must_revert(id);
    hotfix_result_deinit(&result);
    hotfix_close(opened);
}

static int enter(void **state)
{
    char path[PATH_SIZE];
    struct hf_public_key public_key;

    umask(022);
    if (setup(state) != 0)
        return -1;
    snprintf(state_path, sizeof(state_path), "%s/state", fixture.dir);
    snprintf(policy_path, sizeof(policy_path), "%s/trust.ini", fixture.trust);
    snprintf(path, sizeof(path), "%s/second.pub", fixture.trust);
    assert_int_equal(hf_private_key_generate(&second, &fixture_error), 0);
    assert_int_equal(hf_private_key_public(second, &public_key, &fixture_error), 0);
    return hf_public_key_write(&public_key, path, &fixture_error);
}

static int leave(void **state)
{
    hf_private_key_destroy(second);
    return teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_policy_that_demands_freshness_needs_a_state, begin),
        cmocka_unit_test_setup(an_old_bundle_is_refused_before_any_of_its_code_runs, begin),
        cmocka_unit_test_setup(the_number_is_written_down_before_code_of_the_bundle_runs, begin),
        cmocka_unit_test_setup(a_bundle_for_another_build_does_not_move_the_state, begin),
        cmocka_unit_test_setup(one_stolen_key_applies_nothing_and_both_keys_are_reported, begin),
    };
    return cmocka_run_group_tests_name("freshness", tests, enter, leave);
}
