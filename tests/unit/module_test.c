/* SPDX-License-Identifier: Apache-2.0 */
#include "loader_fixture.h"

#include <sys/auxv.h>
#include <sys/mman.h>

static struct fixture fixture;

static void unknown_build_id_is_not_found(void **state)
{
    struct hf_module module;
    struct hf_build_id id = fixture.build_id;

    (void)state;
    id.bytes[id.size - 1] ^= 1;
    assert_int_equal(hf_module_find(&id, &module, &fixture_error), -1);
    assert_int_equal(fixture_error.code, HOTFIX_NO_TARGET);
    id = fixture.build_id;
    id.size--;
    assert_int_equal(hf_module_find(&id, &module, &fixture_error), -1);
    id.size = 0;
    assert_int_equal(hf_module_find(&id, &module, &fixture_error), -1);
}

static void two_modules_with_one_build_id_are_refused(void **state)
{
    char command[3 * PATH_SIZE], path[PATH_SIZE];
    struct hf_module module;

    (void)state;
    snprintf(command, sizeof(command), "cp %s/target.so %s/copy.so", fixture.dir, fixture.dir);
    assert_int_equal(system(command), 0);
    snprintf(path, sizeof(path), "%s/copy.so", fixture.dir);
    void *copy = dlopen(path, RTLD_NOW);
    assert_non_null(copy);
    assert_int_equal(hf_module_find(&fixture.build_id, &module, &fixture_error), -1);
    assert_int_equal(fixture_error.code, HOTFIX_NO_TARGET);
    assert_non_null(strstr(fixture_error.message, "2 modules"));
    dlclose(copy);
    assert_int_equal(hf_module_find(&fixture.build_id, &module, &fixture_error), 0);
    hf_module_deinit(&module);
}

static void vdso_is_no_module(void **state)
{
    struct hf_module vdso = {0}, module;
    struct hf_build_id id;
    uintptr_t base = getauxval(AT_SYSINFO_EHDR);
    size_t size;

    (void)state;
    if (base == 0)
        skip();
    const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)base;
    vdso.base = base;
    vdso.phdr = (const ElfW(Phdr) *)(base + header->e_phoff);
    vdso.phnum = header->e_phnum;
    const uint8_t *note = hf_module_note(&vdso, ELF_NOTE_GNU, NT_GNU_BUILD_ID, &size);
    if (!note)
        skip();
    memcpy(id.bytes, note, size);
    id.size = size;
    assert_int_equal(hf_module_find(&id, &module, &fixture_error), -1);
    assert_int_equal(fixture_error.code, HOTFIX_NO_TARGET);
}

static void found_module_describes_itself(void **state)
{
    struct hf_module module;
    Dl_info info;

    (void)state;
    assert_int_equal(hf_module_find(&fixture.build_id, &module, &fixture_error), 0);
    void *answer = dlsym(fixture.target, "answer");
    assert_int_not_equal(dladdr(answer, &info), 0);
    assert_int_equal(module.base, (uintptr_t)info.dli_fbase);
    assert_string_equal(module.path, info.dli_fname);
    assert_in_range((uintptr_t)answer, module.begin, module.end - 1);
    assert_int_not_equal(module.tls_module, 0);
    hf_module_deinit(&module);
    hf_module_deinit(&module);
}

static void found_module_stays_loaded(void **state)
{
    static const char source[] = "int short_lived(void) { return 5; }\n";
    struct fixture other;
    struct hf_module module;

    (void)state;
    fixture_setup(&other);
    fixture_compile(&other, "short.so", "", source);
    fixture_load(&other, "short.so");
    int (*short_lived)(void) = (int (*)(void))(uintptr_t)dlsym(other.target, "short_lived");
    assert_int_equal(hf_module_find(&other.build_id, &module, &fixture_error), 0);
    hf_module_deinit(&other.module);
    dlclose(other.target);
    other.target = NULL;
    assert_int_equal(short_lived(), 5);
    hf_module_deinit(&module);
    assert_int_equal(hf_module_find(&other.build_id, &module, &fixture_error), -1);
    fixture_teardown(&other);
}

static void ranges_must_lie_in_one_segment(void **state)
{
    const ElfW(Phdr) phdr[] = {
        {.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = 0x1000, .p_memsz = 0x800},
        {.p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_vaddr = 0x2000, .p_memsz = 0x2000},
        {.p_type = PT_GNU_RELRO, .p_vaddr = 0x2000, .p_memsz = 0x1000},
    };
    struct hf_module module = {.phdr = phdr, .phnum = 3};

    (void)state;
    assert_true(hf_module_contains(&module, 0x1000, 0x800, PF_X));
    assert_true(hf_module_contains(&module, 0x1800, 0, PF_X));
    assert_false(hf_module_contains(&module, 0x1000, 0x801, PF_X));
    assert_false(hf_module_contains(&module, 0xfff, 2, 0));
    assert_false(hf_module_contains(&module, 0x17ff, 2, 0));
    assert_false(hf_module_contains(&module, 0x2000, 8, PF_X));
    assert_false(hf_module_contains(&module, 0x1400, UINT64_MAX, 0));
    assert_false(hf_module_contains(&module, UINT64_MAX, 1, 0));

    assert_int_equal(hf_module_protection(&module, 0x1000, 8), PROT_READ | PROT_EXEC);
    assert_int_equal(hf_module_protection(&module, 0x2ff8, 8), PROT_READ);
    assert_int_equal(hf_module_protection(&module, 0x3000, 8), PROT_READ | PROT_WRITE);
    assert_int_equal(hf_module_protection(&module, 0x2ffc, 8), -1);
    assert_int_equal(hf_module_protection(&module, 0x1ffc, 8), -1);
}

static const uint8_t *note_of(const uint32_t *words, size_t size, size_t claimed, size_t alignment, size_t *desc_size)
{
    static ElfW(Phdr) phdr[2];
    struct hf_module module = {.base = (uintptr_t)words, .phdr = phdr, .phnum = 2};

    phdr[0] = (ElfW(Phdr)){.p_type = PT_LOAD, .p_flags = PF_R, .p_memsz = size};
    phdr[1] = (ElfW(Phdr)){.p_type = PT_NOTE, .p_memsz = claimed, .p_align = alignment};
    return hf_module_note(&module, "GNU", 3, desc_size);
}

#define GNU 0x00554e47u /* "GNU" and its NUL */

static void malformed_notes_are_passed_over(void **state)
{
    static const uint32_t cut[] = {4, 64, 3, GNU, 1};
    static const uint32_t huge[] = {0xfffffffc, 4, 3, GNU, 1};
    static const uint32_t huge_desc[] = {4, 0xffffffff, 3, GNU, 1};
    static const uint32_t short_name[] = {3, 4, 3, GNU, 1};
    static const uint32_t good[] = {4, 4, 3, GNU, 1};
    size_t size = 0;

    (void)state;
    assert_null(note_of(cut, sizeof(cut), sizeof(cut), 4, &size));
    assert_null(note_of(huge, sizeof(huge), sizeof(huge), 4, &size));
    assert_null(note_of(huge_desc, sizeof(huge_desc), sizeof(huge_desc), 4, &size));
    assert_null(note_of(short_name, sizeof(short_name), sizeof(short_name), 4, &size));
    assert_null(note_of(good, sizeof(good), sizeof(good) + 1, 4, &size)); /* beyond the loaded segment */
    for (size_t end = 0; end < sizeof(good); end++)
        assert_null(note_of(good, end, end, 4, &size));
    assert_ptr_equal(note_of(good, sizeof(good), sizeof(good), 4, &size), &good[4]);
    assert_int_equal(size, 4);
}

static void note_behind_another_is_found(void **state)
{
    /* 5-byte description, padded to 4 or to 8. */
    static const uint32_t by_4[] = {4, 5, 9, GNU, 0, 0, 4, 4, 3, GNU, 7};
    static const uint32_t by_8[] = {4, 5, 9, GNU, 0, 0, 4, 4, 3, GNU, 7};
    size_t size;

    (void)state;
    assert_ptr_equal(note_of(by_4, sizeof(by_4), sizeof(by_4), 4, &size), &by_4[10]);
    assert_ptr_equal(note_of(by_8, sizeof(by_8), sizeof(by_8), 8, &size), &by_8[10]);
}

static int setup(void **state)
{
    (void)state;
    fixture_setup(&fixture);
    fixture_compile(&fixture, "target.so", "", "__thread int t = 1;\nint answer(void) { return 41 + t; }\n");
    fixture_load(&fixture, "target.so");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_teardown(&fixture);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_build_id_is_not_found),
        cmocka_unit_test(two_modules_with_one_build_id_are_refused),
        cmocka_unit_test(vdso_is_no_module),
        cmocka_unit_test(malformed_notes_are_passed_over),
        cmocka_unit_test(note_behind_another_is_found),
        cmocka_unit_test(ranges_must_lie_in_one_segment),
        cmocka_unit_test(found_module_describes_itself),
        cmocka_unit_test(found_module_stays_loaded),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
