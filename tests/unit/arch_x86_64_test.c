/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <string.h>

#include "arch.h"

static const struct hf_arch *const arch = &hf_arch_x86_64;

static void unknown_machine_has_no_table(void **state)
{
    (void)state;
    assert_null(hf_arch_find(EM_386));
    assert_null(hf_arch_find(EM_NONE));
    assert_ptr_equal(hf_arch_find(EM_X86_64), arch);
}

static void detour_refuses_what_a_jump_cannot_reach(void **state)
{
    uint8_t bytes[HF_DETOUR_MAX];
    uint64_t from = UINT64_C(0x7f0000001000);

    (void)state;
    assert_int_equal(arch->detour(from, from + 5 + INT32_MAX, 5, bytes), HF_ARCH_OK);
    assert_int_equal(arch->detour(from, from + 5 + INT32_MAX + 1, 5, bytes), HF_ARCH_RANGE);
    assert_int_equal(arch->detour(from, from + 5 + (uint64_t)INT32_MIN, 5, bytes), HF_ARCH_OK);
    assert_int_equal(arch->detour(from, from + 5 + (uint64_t)INT32_MIN - 1, 5, bytes), HF_ARCH_RANGE);
    assert_int_equal(arch->detour(UINT64_C(0x400000), UINT64_C(0x7f0000000000), 5, bytes), HF_ARCH_RANGE);
}

static void detour_is_a_relative_jump(void **state)
{
    static const uint8_t forward[] = {0xe9, 0xfb, 0x0f, 0x00, 0x00};
    static const uint8_t backward[] = {0xe9, 0xfb, 0xef, 0xff, 0xff};
    uint8_t bytes[HF_DETOUR_MAX] = {0};

    (void)state;
    assert_int_equal(arch->detour_size(forward, sizeof(forward)), sizeof(forward));
    assert_int_equal(arch->detour(0x401000, 0x402000, 5, bytes), HF_ARCH_OK);
    assert_memory_equal(bytes, forward, sizeof(forward));
    assert_int_equal(arch->detour(0x402000, 0x401000, 5, bytes), HF_ARCH_OK);
    assert_memory_equal(bytes, backward, sizeof(backward));
    assert_int_equal(bytes[sizeof(forward)], 0);
}

static void where_a_detour_leads_is_read_back(void **state)
{
    static const uint8_t call[] = {0xe8, 0xfb, 0x0f, 0x00, 0x00};
    uint8_t bytes[HF_DETOUR_MAX];
    uint64_t to = 1;

    (void)state;
    assert_false(arch->detour_target(0x401000, call, 5, &to));
    assert_true(to == 1);
    arch->detour(UINT64_C(0x7f0000001000), UINT64_C(0x7effffff0000), 5, bytes);
    assert_true(arch->detour_target(UINT64_C(0x7f0000001000), bytes, 5, &to));
    assert_true(to == UINT64_C(0x7effffff0000));
    arch->detour(0x401000, 0x402000, 5, bytes);
    assert_true(arch->detour_target(0x401000, bytes, 5, &to));
    assert_true(to == 0x402000);
}

static void landing_pad_is_recognised_whole_only(void **state)
{
    static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa, 0xc3};
    static const uint8_t endbr32[] = {0xf3, 0x0f, 0x1e, 0xfb, 0xc3};

    (void)state;
    assert_int_equal(arch->landing_pad(endbr64, sizeof(endbr64)), 4);
    assert_int_equal(arch->landing_pad(endbr64, 3), 0);
    assert_int_equal(arch->landing_pad(endbr64, 0), 0);
    assert_int_equal(arch->landing_pad(endbr32, sizeof(endbr32)), 0);
}

static void unknown_relocations_are_refused(void **state)
{
    static const uint32_t types[] = {R_X86_64_NONE, R_X86_64_COPY, R_X86_64_GOTPCRELX, R_X86_64_TLSGD, 9999};
    uint8_t field[8] = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        assert_int_equal(arch->relocation_size(types[i]), 0);
        assert_int_equal(arch->relocate(types[i], 0, 0, field), HF_ARCH_UNKNOWN);
    }
}

struct limit {
    uint32_t type;
    uint64_t place;
    uint64_t last; /* greatest value that fits, */
    uint64_t over; /* and its successor */
};

static void relocations_that_overflow_are_refused(void **state)
{
    static const uint64_t place = UINT64_C(0x555555554000);
    static const struct limit limits[] = {
        {R_X86_64_PC32, place, place + INT32_MAX, place + INT32_MAX + 1},
        {R_X86_64_PC32, place, place - UINT64_C(0x80000000), place - UINT64_C(0x80000001)},
        {R_X86_64_PLT32, place, place + INT32_MAX, place + INT32_MAX + 1},
        {R_X86_64_32, 0, UINT32_MAX, UINT64_C(1) << 32},
        {R_X86_64_32, 0, 0, UINT64_MAX},
        {R_X86_64_32S, 0, INT32_MAX, UINT64_C(0x80000000)},
        {R_X86_64_32S, 0, (uint64_t)INT32_MIN, (uint64_t)INT32_MIN - 1},
        {R_X86_64_TPOFF32, 0, (uint64_t)-64, (uint64_t)INT32_MIN - 1},
        {R_X86_64_16, 0, 0xffff, 0x10000},
        {R_X86_64_8, 0, 0xff, 0x100},
        {R_X86_64_PC8, 100, 227, 228},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        uint8_t field[8] = {0}, untouched[8] = {0};
        assert_int_equal(arch->relocate(limits[i].type, limits[i].place, limits[i].over, field), HF_ARCH_RANGE);
        assert_memory_equal(field, untouched, sizeof(field));
        assert_int_equal(arch->relocate(limits[i].type, limits[i].place, limits[i].last, field), HF_ARCH_OK);
    }
}

static void relocations_write_their_field_and_no_more(void **state)
{
    uint8_t field[9];
    uint64_t value = UINT64_C(0x1122334455667788);

    (void)state;
    memset(field, 0xcc, sizeof(field));
    assert_int_equal(arch->relocate(R_X86_64_64, 0x1000, value, field), HF_ARCH_OK);
    assert_memory_equal(field, &value, 8);
    assert_int_equal(field[8], 0xcc);

    memset(field, 0xcc, sizeof(field));
    assert_int_equal(arch->relocation_size(R_X86_64_PC32), 4);
    assert_int_equal(arch->relocate(R_X86_64_PC32, 0x1000, 0x2000 - 4, field), HF_ARCH_OK);
    assert_memory_equal(field, "\xfc\x0f\x00\x00\xcc", 5);

    assert_int_equal(arch->relocate(R_X86_64_PC64, 0x2000, 0x1000, field), HF_ARCH_OK);
    value = (uint64_t)-0x1000;
    assert_memory_equal(field, &value, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_machine_has_no_table),
        cmocka_unit_test(detour_refuses_what_a_jump_cannot_reach),
        cmocka_unit_test(detour_is_a_relative_jump),
        cmocka_unit_test(where_a_detour_leads_is_read_back),
        cmocka_unit_test(landing_pad_is_recognised_whole_only),
        cmocka_unit_test(unknown_relocations_are_refused),
        cmocka_unit_test(relocations_that_overflow_are_refused),
        cmocka_unit_test(relocations_write_their_field_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
