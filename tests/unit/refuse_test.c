/* SPDX-License-Identifier: Apache-2.0 */
/* Applies that are refused, and that they leave no trace. */
#include "apply_fixture.h"

#include <sys/mman.h>

#include "process/code.h"

/* A refused apply, and that it left no trace. */
static void assert_refused(const char *path, enum hotfix_code code, const char *message)
{
    uint8_t code_before[64];
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    struct picture before = picture_take();

    memcpy(code_before, (const void *)(uintptr_t)price, sizeof(code_before));
    assert_int_equal(hotfix_apply(handle, path, &result), -1);
    if (result.error.code != code || !strstr(result.error.message, message))
        fail_msg("expected code %d and '%s', got code %d and '%s'", (int)code, message, (int)result.error.code,
                 result.error.message);
    assert_int_equal(result.function_count, 0);
    assert_null(result.functions);
    assert_non_null(strstr(result.log, result.error.message));
    hotfix_result_deinit(&result);
    assert_memory_equal(code_before, (const void *)(uintptr_t)price, sizeof(code_before));
    picture_assert_same(&before);
    assert_unpatched();
}

static void refuse(struct material *material, enum hotfix_code code, const char *message)
{
    char path[PATH_SIZE];
    material_pack(material, path);
    assert_refused(path, code, message);
}

static void unsigned_bundle_is_refused(void **state)
{
    struct material material;
    (void)state;
    material_make(&material, with_factor(3, ""), 0);
    material.key = NULL;
    refuse(&material, HOTFIX_SIGNATURE, "");
}

static void bundle_by_an_unknown_key_is_refused(void **state)
{
    struct material material;
    struct hf_private_key *key;
    (void)state;
    assert_int_equal(hf_private_key_generate(&key, &fixture_error), 0);
    material_make(&material, with_factor(3, ""), 0);
    material.key = key;
    refuse(&material, HOTFIX_SIGNATURE, "");
    hf_private_key_destroy(key);
}

static void expired_bundle_is_refused(void **state)
{
    struct material material;
    (void)state;
    material_make(&material, with_factor(3, ""), 0);
    material.manifest.expires = material.manifest.created + 1;
    refuse(&material, HOTFIX_EXPIRED, "");
}

static void bundle_for_another_build_is_refused(void **state)
{
    struct material material;
    (void)state;
    material_make(&material, with_factor(3, ""), 0);
    material.manifest.target_build_id.bytes[0] ^= 1;
    refuse(&material, HOTFIX_NO_TARGET, "no module with build-id");
}

static void bundle_for_another_cpu_is_refused(void **state)
{
    struct material material;
    (void)state;
    material_make(&material, with_factor(3, ""), 0);
    free(material.manifest.arch);
    material.manifest.arch = fixture_text(strcmp(hf_arch_host.name, "x86_64") == 0 ? "aarch64" : "x86_64");
    refuse(&material, HOTFIX_INCOMPATIBLE, "the bundle is for");
}

static void bundle_for_other_code_is_refused(void **state)
{
    struct material material;
    (void)state;
    material_make(&material, with_factor(3, ""), 0);
    material.manifest.functions[1].digest.bytes[7] ^= 1;
    refuse(&material, HOTFIX_CODE_DIFFERS, "its code in memory is not");
}

static void code_that_someone_edited_is_refused(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];
    struct hf_code_byte {
        uint8_t *address;
        uint8_t value;
    } last;
    uint64_t offset, size;
    struct hf_code_writer writer;

    (void)state;
    hf_code_writer_init(&writer);
    make_bundle(3, both, path, id);
    fixture_symbol(fixture.target, "tax", &offset, &size);
    last.address = (uint8_t *)fixture.module.base + offset + size - 1;
    last.value = *last.address;
    assert_int_equal(hf_code_write(&writer, last.address, "\xcc", 1, PROT_READ | PROT_EXEC, NULL), 0);

    struct hotfix_result result = HOTFIX_RESULT_INIT;
    assert_int_equal(hotfix_apply(handle, path, &result), -1);
    assert_int_equal(result.error.code, HOTFIX_CODE_DIFFERS);
    hotfix_result_deinit(&result);

    assert_int_equal(hf_code_write(&writer, last.address, &last.value, 1, PROT_READ | PROT_EXEC, NULL), 0);
    hf_code_writer_deinit(&writer);
    assert_unpatched();
}

static void function_outside_the_code_is_refused(void **state)
{
    struct material material;
    (void)state;
    material_make(&material, with_factor(3, ""), 0);
    material.manifest.functions[1].offset = 0x7fffff00;
    refuse(&material, HOTFIX_FORMAT, "does not lie in the code");
}

static void replacement_outside_the_patch_is_refused(void **state)
{
    struct material material;
    (void)state;
    material_make(&material, with_factor(3, ""), 0);
    material.manifest.functions[0].replacement = 0x7fffff00;
    refuse(&material, HOTFIX_FORMAT, "its replacement does not lie");
}

static void hook_outside_the_patch_is_refused(void **state)
{
    struct material material;
    (void)state;
    material_make(&material, with_factor(3, ""), 0);
    material.manifest.on_revert = 0x7fffff00;
    refuse(&material, HOTFIX_FORMAT, "hotfix_on_revert does not lie");
}

static void patch_with_another_stamp_is_refused(void **state)
{
    struct material material;
    (void)state;
    material_make(&material, with_factor(3, ""), 9999);
    refuse(&material, HOTFIX_STAGE, "stamp");
}

static void patch_that_does_not_link_is_refused(void **state)
{
    struct material material;
    (void)state;
    material_make(&material,
                  with_factor(3, "extern int no_such_thing(void);\nint f(void) { return no_such_thing(); }\n"), 0);
    refuse(&material, HOTFIX_STAGE, "no_such_thing");
}

static void patch_whose_hook_refuses_is_unloaded(void **state)
{
    struct material material;
    (void)state;
    material_make(&material, with_factor(3, "int hotfix_on_apply(void) { return 7; }\n"), 0);
    refuse(&material, HOTFIX_STAGE, "hotfix_on_apply of the patch refused with 7");
}

static void fixup_table_that_is_none_is_refused(void **state)
{
    struct material material;
    (void)state;
    material_make(&material, with_factor(3, ""), 0);
    material.manifest.fixups_offset = 64;
    material.manifest.fixups_size = 64;
    refuse(&material, HOTFIX_FORMAT, "fix-up");
}

static void truncated_bundle_is_refused(void **state)
{
    struct material material;
    uint8_t *bundle;
    size_t size;
    char path[PATH_SIZE];

    (void)state;
    material_make(&material, with_factor(3, ""), 0);
    fixture_sign(&material.manifest, material.payload, fixture.key, &bundle, &size);
    for (size_t cut = 1; cut < size; cut = 3 * cut + 1) {
        fixture_write_bundle(&fixture, "bundle", bundle, size - cut, path);
        assert_refused(path, HOTFIX_FORMAT, "");
    }
    free(bundle);
    free(material.payload);
    hf_manifest_deinit(&material.manifest);
}

static void missing_file_is_refused(void **state)
{
    (void)state;
    assert_refused("/nonexistent/fix.hotfix", HOTFIX_IO, "/nonexistent/fix.hotfix");
}

static void wrong_use_is_refused(void **state)
{
    struct hotfix *opened;
    struct hotfix_error error;
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    (void)state;
    assert_int_equal(hotfix_open(&options, &opened, &error), -1);
    assert_int_equal(error.code, HOTFIX_USAGE);
    assert_int_equal(hotfix_open(NULL, &opened, &error), -1);
    assert_int_equal(hotfix_apply(NULL, "x", &result), -1);
    assert_int_equal(result.error.code, HOTFIX_USAGE);
    assert_int_equal(hotfix_apply(handle, NULL, &result), -1);
    assert_int_equal(result.error.code, HOTFIX_USAGE);
    assert_int_equal(hotfix_revert(handle, "xyz", &result), -1);
    assert_int_equal(result.error.code, HOTFIX_USAGE);
    assert_int_equal(hotfix_revert(handle, "00000000000000000000000000000001", &result), -1);
    assert_int_equal(result.error.code, HOTFIX_NOT_APPLIED);
    assert_int_equal(hotfix_revert(handle, NULL, NULL), -1);
    struct hotfix_patcher patcher = {.size = sizeof(patcher), .name = "empty"};
    assert_int_equal(hotfix_apply_with(handle, "x", &patcher, &result), -1);
    assert_int_equal(result.error.code, HOTFIX_USAGE);
    hotfix_result_deinit(&result);
    struct hotfix_result uninitialised = {.size = 8};
    assert_int_equal(hotfix_apply(handle, "x", &uninitialised), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unsigned_bundle_is_refused),
        cmocka_unit_test(bundle_by_an_unknown_key_is_refused),
        cmocka_unit_test(expired_bundle_is_refused),
        cmocka_unit_test(bundle_for_another_build_is_refused),
        cmocka_unit_test(bundle_for_another_cpu_is_refused),
        cmocka_unit_test(bundle_for_other_code_is_refused),
        cmocka_unit_test(code_that_someone_edited_is_refused),
        cmocka_unit_test(function_outside_the_code_is_refused),
        cmocka_unit_test(replacement_outside_the_patch_is_refused),
        cmocka_unit_test(hook_outside_the_patch_is_refused),
        cmocka_unit_test(patch_with_another_stamp_is_refused),
        cmocka_unit_test(patch_that_does_not_link_is_refused),
        cmocka_unit_test(patch_whose_hook_refuses_is_unloaded),
        cmocka_unit_test(fixup_table_that_is_none_is_refused),
        cmocka_unit_test(truncated_bundle_is_refused),
        cmocka_unit_test(missing_file_is_refused),
        cmocka_unit_test(wrong_use_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
