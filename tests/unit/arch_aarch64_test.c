/* SPDX-License-Identifier: Apache-2.0 */
/* Detours and relocations of AArch64: words in, words out, on any host. Encodings are those of the Arm ARM, C6. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <string.h>

#include "aarch64/aarch64.h"

#define B       UINT32_C(0x14000000)
#define RET     UINT32_C(0xd65f03c0)
#define LDR_X16 UINT32_C(0x58000050)
#define BR_X16  UINT32_C(0xd61f0200)
#define RET_X16 UINT32_C(0xd65f0200)
#define REACH   (INT64_C(1) << 27)
#define PLACE   UINT64_C(0x412345678abc)
#define LENGTH  8

static const struct hf_arch *arch = &hf_arch_aarch64;

static void detour_reaches_128_mib_either_way(void **state)
{
    const uint64_t from = UINT64_C(0x7f0000000000);
    uint8_t bytes[HF_DETOUR_MAX];

    (void)state;
    assert_int_equal(arch->detour(from, from + REACH - 4, 4, bytes), HF_ARCH_OK);
    assert_int_equal(hf_aarch64_read(bytes), B | 0x1ffffff);
    assert_int_equal(arch->detour(from, from - REACH, 4, bytes), HF_ARCH_OK);
    assert_int_equal(hf_aarch64_read(bytes), B | 0x2000000);
    assert_int_equal(arch->detour(from, from + REACH, 4, bytes), HF_ARCH_RANGE);
    assert_int_equal(arch->detour(from, from - REACH - 4, 4, bytes), HF_ARCH_RANGE);
    assert_int_equal(arch->detour(from, from + 2, 4, bytes), HF_ARCH_RANGE);
    assert_true(arch->reach < (uint64_t)REACH);
}

static void detour_leads_where_it_says(void **state)
{
    static const int64_t distances[] = {4, -4, 4096, -4096, REACH - 8, 8 - REACH};
    uint8_t bytes[HF_DETOUR_MAX];
    uint64_t to;

    (void)state;
    for (size_t size = 4; size <= 8; size += 4)
        for (size_t i = 0; i < sizeof(distances) / sizeof(distances[0]); i++) {
            assert_int_equal(arch->detour(0x10000000, 0x10000000 + (uint64_t)distances[i], size, bytes), HF_ARCH_OK);
            assert_true(arch->detour_target(0x10000000, bytes, size, &to));
            assert_true(to == 0x10000000 + (uint64_t)distances[i]);
        }
    hf_aarch64_write(bytes, RET);
    assert_false(arch->detour_target(0x10000000, bytes, 4, &to));
    assert_false(arch->detour_target(0x10000000, bytes, 8, &to));
}

/* An indirect call must find a landing pad; one that signs cannot stay, since the replacement signs, too. */
static void signing_landing_pad_is_overwritten_by_one_that_does_not_sign(void **state)
{
    static const uint32_t signing[] = {HF_AARCH64_PACIASP, HF_AARCH64_PACIBSP};
    uint8_t code[LENGTH], bytes[HF_DETOUR_MAX];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        hf_aarch64_write(code, signing[i]);
        hf_aarch64_write(code + 4, RET);
        assert_int_equal(arch->landing_pad(code, sizeof(code)), 0);
        assert_int_equal(arch->detour_size(code, sizeof(code)), 8);
        assert_int_equal(arch->detour(0x1000, 0x2000, 8, bytes), HF_ARCH_OK);
        assert_int_equal(hf_aarch64_read(bytes), HF_AARCH64_BTI_C);
        assert_int_equal(hf_aarch64_read(bytes + 4), B | (0x2000 - 0x1004) / 4);
        assert_int_equal(arch->detour_size(bytes, 8), 8); /* the same once it is diverted */
    }
}

static void landing_pad_that_does_not_sign_stays(void **state)
{
    static const uint32_t pads[] = {HF_AARCH64_BTI_C, HF_AARCH64_BTI_JC};
    uint8_t code[LENGTH];

    (void)state;
    hf_aarch64_write(code + 4, RET);
    for (size_t i = 0; i < 2; i++) {
        hf_aarch64_write(code, pads[i]);
        assert_int_equal(arch->landing_pad(code, sizeof(code)), 4);
        assert_int_equal(arch->landing_pad(code, 3), 0);
        assert_int_equal(arch->detour_size(code + 4, 4), 4);
    }
    hf_aarch64_write(code, RET);
    assert_int_equal(arch->landing_pad(code, sizeof(code)), 0);
    assert_int_equal(arch->landing_pad(code, 0), 0);
    assert_int_equal(arch->detour_size(code, 4), 4);
    assert_int_equal(arch->detour_size(code, 0), 4);
}

/* Where an indirect branch must find a landing pad and there is none, the veneer returns there, which needs none. */
static void veneer_goes_anywhere(void **state)
{
    static const struct {
        uint32_t code;
        bool guarded;
        uint32_t branch;
    } cases[] = {
        {RET, false, BR_X16},
        {RET, true, RET_X16},
        {HF_AARCH64_BTI_C, true, BR_X16},
        {HF_AARCH64_BTI_JC, true, BR_X16},
        {HF_AARCH64_PACIASP, true, BR_X16},
        {HF_AARCH64_PACIBSP, true, BR_X16},
        {HF_AARCH64_BTI_C, false, BR_X16},
    };
    uint8_t code[HF_AARCH64_WORD], bytes[HF_VENEER_MAX];
    uint64_t to;

    (void)state;
    assert_int_equal(arch->veneer_size, 16);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        hf_aarch64_write(code, cases[i].code);
        assert_int_equal(arch->veneer(PLACE, code, cases[i].guarded, bytes), HF_ARCH_OK);
        assert_int_equal(hf_aarch64_read(bytes), LDR_X16);
        assert_int_equal(hf_aarch64_read(bytes + 4), cases[i].branch);
        assert_true(arch->veneer_target(bytes, &to));
        assert_true(to == PLACE);
        assert_int_equal(arch->veneer(PLACE + 2, code, cases[i].guarded, bytes), HF_ARCH_RANGE);
    }
    hf_aarch64_write(bytes + 4, RET);
    assert_false(arch->veneer_target(bytes, &to));
    hf_aarch64_write(bytes, RET);
    assert_false(arch->veneer_target(bytes, &to));
}

static void only_calls_and_jumps_go_by_veneers(void **state)
{
    (void)state;
    assert_true(arch->relocation_branches(R_AARCH64_CALL26));
    assert_true(arch->relocation_branches(R_AARCH64_JUMP26));
    assert_false(arch->relocation_branches(R_AARCH64_CONDBR19));
    assert_false(arch->relocation_branches(R_AARCH64_ADR_PREL_PG_HI21));
    assert_false(arch->relocation_branches(R_AARCH64_ABS64));
    assert_true(arch->far < UINT64_C(1) << 32 && arch->far > arch->reach);
}

static void assert_data(uint32_t type, uint64_t value, size_t size, uint64_t expected)
{
    uint8_t field[8] = {0};
    uint64_t got = 0;

    assert_int_equal(arch->relocation_size(type), size);
    assert_int_equal(arch->relocate(type, PLACE, value, field), HF_ARCH_OK);
    for (size_t i = 0; i < size; i++)
        got |= (uint64_t)field[i] << (8 * i);
    assert_true(got == expected);
}

static void assert_word(uint32_t type, uint32_t before, uint64_t value, uint32_t after)
{
    uint8_t field[4];

    hf_aarch64_write(field, before);
    assert_int_equal(arch->relocation_size(type), 4);
    assert_int_equal(arch->relocate(type, PLACE, value, field), HF_ARCH_OK);
    assert_int_equal(hf_aarch64_read(field), after);
}

static void refuse(uint32_t type, uint64_t value, enum hf_arch_status status)
{
    uint8_t field[8] = {1, 2, 3, 4, 5, 6, 7, 8}, untouched[8];

    memcpy(untouched, field, sizeof(field));
    assert_int_equal(arch->relocate(type, PLACE, value, field), status);
    assert_memory_equal(field, untouched, sizeof(field));
}

static void data_takes_addresses_and_distances(void **state)
{
    (void)state;
    assert_data(R_AARCH64_ABS64, UINT64_C(0xfedcba9876543210), 8, UINT64_C(0xfedcba9876543210));
    assert_data(R_AARCH64_GLOB_DAT, 7, 8, 7);
    assert_data(R_AARCH64_ABS32, 0xffffffff, 4, 0xffffffff);
    assert_data(R_AARCH64_ABS32, (uint64_t)INT32_MIN, 4, 0x80000000);
    assert_data(R_AARCH64_ABS16, 0xffff, 2, 0xffff);
    assert_data(R_AARCH64_PREL64, PLACE - 1, 8, UINT64_MAX);
    assert_data(R_AARCH64_PREL32, PLACE + INT32_MAX, 4, INT32_MAX);
    assert_data(R_AARCH64_PREL32, PLACE - 16, 4, 0xfffffff0);
    refuse(R_AARCH64_ABS32, UINT64_C(1) << 32, HF_ARCH_RANGE);
    refuse(R_AARCH64_ABS16, 0x10000, HF_ARCH_RANGE);
    refuse(R_AARCH64_PREL32, PLACE + INT32_MAX + 1, HF_ARCH_RANGE);
    refuse(R_AARCH64_COPY, 0, HF_ARCH_UNKNOWN);
    assert_int_equal(arch->relocation_size(R_AARCH64_COPY), 0);
}

static void branches_take_distances_in_words(void **state)
{
    (void)state;
    assert_word(R_AARCH64_CALL26, 0x94000000, PLACE + 8, 0x94000002);
    assert_word(R_AARCH64_JUMP26, 0x17ffffff, PLACE - 4, 0x17ffffff);
    assert_word(R_AARCH64_CALL26, 0x94000000, PLACE + REACH - 4, 0x95ffffff);
    assert_word(R_AARCH64_CONDBR19, 0x54000001, PLACE - 8, 0x54ffffc1);      /* b.ne */
    assert_word(R_AARCH64_TSTBR14, 0x36180002, PLACE + 0x7ffc, 0x361bffe2);  /* tbz w2, #3 */
    assert_word(R_AARCH64_LD_PREL_LO19, 0x58000003, PLACE + 16, 0x58000083); /* ldr x3, literal */
    refuse(R_AARCH64_CALL26, PLACE + REACH, HF_ARCH_RANGE);
    refuse(R_AARCH64_CALL26, PLACE - REACH - 4, HF_ARCH_RANGE);
    refuse(R_AARCH64_CALL26, PLACE + 2, HF_ARCH_RANGE);
    refuse(R_AARCH64_CONDBR19, PLACE + (1 << 20), HF_ARCH_RANGE);
    refuse(R_AARCH64_TSTBR14, PLACE + 0x8000, HF_ARCH_RANGE);
}

static void pages_and_offsets_in_them_make_an_address(void **state)
{
    const uint64_t page = PLACE & ~UINT64_C(0xfff);

    (void)state;
    assert_word(R_AARCH64_ADR_PREL_PG_HI21, 0x90000001, PLACE, 0x90000001); /* adrp x1 */
    assert_word(R_AARCH64_ADR_PREL_PG_HI21, 0x90000001, page + 0x1fff, 0xb0000001);
    assert_word(R_AARCH64_ADR_PREL_PG_HI21, 0x90000001, page + 0x4000, 0x90000021);
    assert_word(R_AARCH64_ADR_PREL_PG_HI21, 0x90000001, page - 1, 0xf0ffffe1);
    assert_word(R_AARCH64_ADR_PREL_LO21, 0x10000002, PLACE + 7, 0x70000022); /* adr x2 */
    assert_word(R_AARCH64_ADD_ABS_LO12_NC, 0x91000021, 0x12345fff, 0x913ffc21);
    assert_word(R_AARCH64_LDST8_ABS_LO12_NC, 0x39400020, 0x5001, 0x39400420);
    assert_word(R_AARCH64_LDST16_ABS_LO12_NC, 0x79400020, 0x5ffe, 0x795ffc20);
    assert_word(R_AARCH64_LDST32_ABS_LO12_NC, 0xb9400020, 0x5ffc, 0xb94ffc20);
    assert_word(R_AARCH64_LDST64_ABS_LO12_NC, 0xf9400020, 0x5ff8, 0xf947fc20);
    assert_word(R_AARCH64_LDST128_ABS_LO12_NC, 0x3dc00020, 0x5ff0, 0x3dc3fc20);
    refuse(R_AARCH64_LDST64_ABS_LO12_NC, 0x5ffc, HF_ARCH_RANGE);
    refuse(R_AARCH64_ADR_PREL_PG_HI21, page + (UINT64_C(1) << 32), HF_ARCH_RANGE);
    refuse(R_AARCH64_ADR_PREL_LO21, PLACE + (1 << 20), HF_ARCH_RANGE);
}

static void wide_moves_take_16_bits_each(void **state)
{
    const uint64_t value = UINT64_C(0x1234567890abcdef);

    (void)state;
    assert_word(R_AARCH64_MOVW_UABS_G0_NC, 0xd2800000, value, 0xd2800000 | 0xcdefu << 5);
    assert_word(R_AARCH64_MOVW_UABS_G1_NC, 0xf2a00000, value, 0xf2a00000 | 0x90abu << 5);
    assert_word(R_AARCH64_MOVW_UABS_G2_NC, 0xf2c00000, value, 0xf2c00000 | 0x5678u << 5);
    assert_word(R_AARCH64_MOVW_UABS_G3, 0xf2e00000, value, 0xf2e00000 | 0x1234u << 5);
    refuse(R_AARCH64_MOVW_UABS_G0, 0x10000, HF_ARCH_RANGE);
    refuse(R_AARCH64_MOVW_UABS_G1, UINT64_C(1) << 32, HF_ARCH_RANGE);
}

static void offsets_from_the_thread_pointer_take_24_bits(void **state)
{
    (void)state;
    assert_word(R_AARCH64_TLSLE_ADD_TPREL_HI12, 0x91400000, 0x12345, 0x91400000 | 0x12u << 10);
    assert_word(R_AARCH64_TLSLE_ADD_TPREL_LO12_NC, 0x91000000, 0x12345, 0x91000000 | 0x345u << 10);
    refuse(R_AARCH64_TLSLE_ADD_TPREL_HI12, 1 << 24, HF_ARCH_RANGE);
    refuse(R_AARCH64_TLSLE_ADD_TPREL_LO12, 0x1000, HF_ARCH_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(detour_reaches_128_mib_either_way),
        cmocka_unit_test(detour_leads_where_it_says),
        cmocka_unit_test(signing_landing_pad_is_overwritten_by_one_that_does_not_sign),
        cmocka_unit_test(landing_pad_that_does_not_sign_stays),
        cmocka_unit_test(veneer_goes_anywhere),
        cmocka_unit_test(only_calls_and_jumps_go_by_veneers),
        cmocka_unit_test(data_takes_addresses_and_distances),
        cmocka_unit_test(branches_take_distances_in_words),
        cmocka_unit_test(pages_and_offsets_in_them_make_an_address),
        cmocka_unit_test(wide_moves_take_16_bits_each),
        cmocka_unit_test(offsets_from_the_thread_pointer_take_24_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
