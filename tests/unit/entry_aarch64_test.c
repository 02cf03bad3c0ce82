/* SPDX-License-Identifier: Apache-2.0 */
/* What the packager sees in AArch64 code: entries, references, flow, stubs. Words are what GNU as writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <string.h>

#include "aarch64/aarch64.h"

#define ADDRESS UINT64_C(0x10000)
#define ROOM    64 /* bytes of the longest sample */

#define STP      UINT32_C(0xa9bf7bfd) /* stp x29, x30, [sp, #-16]! */
#define RET      UINT32_C(0xd65f03c0)
#define BR       UINT32_C(0xd61f0020)                                /* br x1 */
#define BLR      UINT32_C(0xd63f0040)                                /* blr x2 */
#define B(n)     (UINT32_C(0x14000000) | ((uint32_t)(n)&0x3ffffffu)) /* words ahead */
#define BL(n)    (UINT32_C(0x94000000) | ((uint32_t)(n)&0x3ffffffu))
#define CBNZ(n)  (UINT32_C(0x35000001) | ((uint32_t)(n)&0x7ffffu) << 5)
#define TBZ(n)   (UINT32_C(0x36180002) | ((uint32_t)(n)&0x3fffu) << 5)
#define BNE(n)   (UINT32_C(0x54000001) | ((uint32_t)(n)&0x7ffffu) << 5)
#define ADRP0(n) (UINT32_C(0x90000000) | ((uint32_t)(n)&3) << 29 | ((uint32_t)(n) >> 2 & 0x7ffffu) << 5)

static const struct hf_arch_tools *tools = &hf_arch_tools_aarch64;
static uint8_t code[ROOM];
static size_t skip, at;

/* Words into code; the size. */
static size_t put(const uint32_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        hf_aarch64_write(code + 4 * i, words[i]);
    return 4 * count;
}

#define CODE(...) put((const uint32_t[]){__VA_ARGS__}, sizeof((uint32_t[]){__VA_ARGS__}) / 4)

static enum hf_arch_status entry(size_t size)
{
    skip = at = 99;
    return tools->entry(code, size, &skip, &at);
}

static void functions_too_short_are_refused(void **state)
{
    (void)state;
    assert_int_equal(entry(0), HF_ARCH_SHORT);
    assert_int_equal(entry(CODE(HF_AARCH64_BTI_C)), HF_ARCH_SHORT);
    assert_int_equal(entry(CODE(HF_AARCH64_PACIASP)), HF_ARCH_SHORT);
    assert_int_equal(entry(CODE(RET)), HF_ARCH_OK);
    assert_int_equal(skip, 0);
    assert_int_equal(entry(CODE(HF_AARCH64_BTI_C, RET)), HF_ARCH_OK);
    assert_int_equal(skip, 4);
    assert_int_equal(entry(CODE(HF_AARCH64_PACIASP, RET)), HF_ARCH_OK);
    assert_int_equal(skip, 0);
    CODE(STP, RET);
    assert_int_equal(entry(6), HF_ARCH_DECODE);
    assert_false(tools->lands(code, 8));
    assert_true(tools->lands(code, CODE(HF_AARCH64_PACIASP, RET)) && tools->lands(code, CODE(HF_AARCH64_BTI_C)));
    assert_false(tools->lands(code, 3));
}

static void branches_back_into_the_detour_are_refused(void **state)
{
    const uint32_t branches[] = {B(-2), CBNZ(-2), TBZ(-2), BNE(-2)};

    (void)state;
    for (size_t i = 0; i < sizeof(branches) / sizeof(branches[0]); i++) {
        assert_int_equal(entry(CODE(STP, STP, branches[i], RET)), HF_ARCH_BRANCH);
        assert_int_equal(at, 8);
        /* Behind the four bytes it is a loop like any other; with a signed return address eight are overwritten. */
        assert_int_equal(entry(CODE(STP, STP, STP, branches[i], RET)), HF_ARCH_OK);
        assert_int_equal(entry(CODE(HF_AARCH64_PACIASP, STP, STP, branches[i], RET)), HF_ARCH_BRANCH);
        assert_int_equal(at, 12);
    }
    assert_int_equal(entry(CODE(STP, BL(-1), RET)), HF_ARCH_OK); /* it calls itself */
    assert_int_equal(entry(CODE(HF_AARCH64_PACIASP, BL(1), RET)), HF_ARCH_OK);
    assert_int_equal(entry(CODE(HF_AARCH64_BTI_C, STP, BL(-2), RET)), HF_ARCH_OK);
    assert_int_equal(entry(CODE(HF_AARCH64_BTI_C, STP, BL(-1), RET)), HF_ARCH_OK);
}

static void other_code_that_enters_is_found(void **state)
{
    size_t size = CODE(STP, B(-1 - 16), RET);

    (void)state;
    assert_int_equal(tools->enters(code, size, ADDRESS, ADDRESS - 60, ADDRESS - 56, &at), HF_ARCH_OK);
    assert_int_equal(tools->enters(code, size, ADDRESS, ADDRESS - 64, ADDRESS - 60, &at), HF_ARCH_BRANCH);
    assert_int_equal(at, 4);
    assert_int_equal(tools->enters(code, size - 1, ADDRESS, 0, 4, &at), HF_ARCH_DECODE);
}

#define ADR(to, words)  (UINT32_C(0x10000000) | (to) | ((uint32_t)(words)&0x7ffffu) << 5)
#define ADRP(to, n)     (ADRP0(n) | (to))
#define ADD_LOW(x, low) (UINT32_C(0x91000000) | (x) | (x) << 5 | (low) << 10)

static void tables_of_indirect_jumps_are_found(void **state)
{
    struct hf_jump_table found[4];
    /* gcc: ldrb w0, [x1, w0, uxtw]; add x0, x2, w0, sxtb #2; br x0. The table's address is computed before the jump. */
    size_t size = CODE(ADRP(1, 5), STP, ADD_LOW(1, 0x120), STP, 0x38604820, ADR(2, 3), 0x8b208840, 0xd61f0000, RET);

    (void)state;
    assert_int_equal(tools->tables(code, size, ADDRESS, found, 4), 1);
    assert_true(found[0].address == ADDRESS + 0x5120 && found[0].base == ADDRESS + 32 && found[0].width == 1 &&
                found[0].shift == 2 && found[0].is_signed);
    assert_int_equal(tools->tables(code, size, ADDRESS, found, 0), 1);
    assert_int_equal(tools->tables(code, size - 8, ADDRESS, found, 4), 0); /* there is no jump */

    /* clang: ldrh w13, [x9, x11, lsl #1]; add x12, x12, x13, lsl #2; br x12 */
    size = CODE(ADRP(9, 5), ADD_LOW(9, 0x120), ADR(12, -2), 0x786b792d, 0x8b0d098c, 0xd61f0180);
    assert_int_equal(tools->tables(code, size, ADDRESS, found, 4), 1);
    assert_true(found[0].address == ADDRESS + 0x5120 && found[0].base == ADDRESS && found[0].width == 2 &&
                found[0].shift == 2 && !found[0].is_signed);
    /* Likewise, in the first page of a program. */
    size = CODE(ADRP(9, -5), ADD_LOW(9, 0x120), ADR(12, -2), 0x786b792d, 0x8b0d098c, 0xd61f0180);
    assert_int_equal(tools->tables(code, size, 0x5ff0, found, 4), 1);
    assert_true(found[0].address == 0x120 && found[0].base == 0x5ff0);
    /* ldrsw x9, [x10, x11, lsl #2]; add x8, x8, x9; br x8 */
    size = CODE(ADRP(10, 5), ADD_LOW(10, 0x120), ADR(8, 0), 0xb8ab7949, 0x8b090108, 0xd61f0100);
    assert_int_equal(tools->tables(code, size, ADDRESS, found, 4), 1);
    assert_true(found[0].base == ADDRESS + 8 && found[0].width == 4 && found[0].shift == 0 && found[0].is_signed);

    /* Labels as values: ldr x1, [x0, x1, lsl #3]; br x1. The table itself is near enough for adr. */
    size = CODE(ADR(0, 0x100), 0xf8617801, BR);
    assert_int_equal(tools->tables(code, size, ADDRESS, found, 4), 1);
    assert_true(found[0].address == ADDRESS + 0x400 && found[0].base == 0 && found[0].width == 8);

    /* The register with the table's address comes from the stack: it is one of the two that are computed. */
    size = CODE(ADRP(3, 5), ADD_LOW(3, 0x120), ADRP(4, 6), ADD_LOW(4, 0x240), 0xf94007e1, 0x38604820, ADR(2, 3),
                0x8b208840, 0xd61f0000);
    assert_int_equal(tools->tables(code, size, ADDRESS, found, 4), 2);
    assert_true(found[0].address == ADDRESS + 0x5120 && found[1].address == ADDRESS + 0x6240);

    /* A tail call through a pointer. */
    size = CODE(ADRP(1, 5), 0xf9400021, BR);
    assert_int_equal(tools->tables(code, size, ADDRESS, found, 4), 0);
}

static void constants_that_differ_are_told(void **state)
{
    uint8_t other[ROOM];
    struct hf_arch_constant found[2];
    size_t count;
    const uint32_t movz = 0x52800002, movk = 0x72a00002; /* mov w2, #0; movk w2, #0, lsl #16 */

    (void)state;
    size_t size = CODE(STP, movz | 7 << 5, BL(4), movz | 9 << 5, RET);
    memcpy(other, code, size);
    size = CODE(STP, movz | 8 << 5, BL(4), movz | 9 << 5, RET);
    assert_int_equal(tools->constants(other, code, size, found, 2, &count), HF_ARCH_OK);
    assert_int_equal(count, 1);
    assert_true(found[0].offset == 4 && found[0].before == 7 && found[0].after == 8);
    assert_int_equal(tools->constants(code, code, size, found, 2, &count), HF_ARCH_OK);
    assert_int_equal(count, 0);
    assert_int_equal(tools->constants(other, code, size, found, 0, &count), HF_ARCH_OK);
    assert_int_equal(count, 1);
    assert_int_equal(tools->constants(other, code, size - 1, found, 2, &count), HF_ARCH_DECODE);
    CODE(STP, (movz | 7 << 5) + 1, BL(4), movz | 9 << 5, RET); /* another register */
    assert_int_equal(tools->constants(other, code, size, found, 2, &count), HF_ARCH_UNKNOWN);
    CODE(STP, movz | 7 << 5, BL(5), movz | 9 << 5, RET);
    assert_int_equal(tools->constants(other, code, size, found, 2, &count), HF_ARCH_UNKNOWN);
    CODE(STP, movk | 7 << 5, BL(4), movz | 9 << 5, RET);
    assert_int_equal(tools->constants(other, code, size, found, 2, &count), HF_ARCH_UNKNOWN);
}

static void references_are_put_together(void **state)
{
    struct hf_arch_reference found[8];
    size_t count;
    /* adrp x0; add x0, x0, #0x123; ldr w1, [x0, #36] of what was not computed here; mrs x3, tpidr_el0; add x3, x3,
     * #1, lsl #12; add x3, x3, #0x10; adr x5; ldr x6, literal; bl */
    size_t size =
        CODE(ADRP0(5), 0x91048c00, 0xb9402401, 0xd53bd043, 0x91400463, 0x91004063, 0x10000125, 0x58000206, BL(4));

    (void)state;
    assert_int_equal(tools->references(code, size, ADDRESS, found, 8, &count), HF_ARCH_OK);
    assert_int_equal(count, 5);
    assert_true(found[0].value == ADDRESS + 0x5123 && found[0].offset == 4 && !found[0].thread);
    assert_true(found[1].value == 0x1010 && found[1].offset == 20 && found[1].thread);
    assert_true(found[2].value == ADDRESS + 24 + 0x24);
    assert_true(found[3].value == ADDRESS + 28 + 0x40);
    assert_true(found[4].value == ADDRESS + 32 + 16 && found[4].offset == 32 && found[4].size == 4);
    assert_int_equal(tools->references(code, size, ADDRESS, found, 0, &count), HF_ARCH_OK);
    assert_int_equal(count, 5);

    size = CODE(ADRP0(5), 0xb9402401, 0x39400c01, 0x3dc00800); /* ldr w1, ldrb w1, ldr q0 */
    assert_int_equal(tools->references(code, size, ADDRESS, found, 8, &count), HF_ARCH_OK);
    assert_int_equal(count, 3);
    assert_true(found[0].value == ADDRESS + 0x5024 && found[1].value == ADDRESS + 0x5003 &&
                found[2].value == ADDRESS + 0x5020);
}

static struct hf_flow flow_of(size_t size)
{
    struct hf_flow flow;

    assert_int_equal(tools->flow(code, size, &flow), HF_ARCH_OK);
    return flow;
}

static void loops_and_ways_out_are_seen(void **state)
{
    struct hf_flow flow = flow_of(CODE(STP, BLR, B(-1)));

    (void)state;
    assert_true(flow.loops && flow.loops_over_calls && !flow.leaves);
    flow = flow_of(CODE(BLR, STP, CBNZ(-1), RET));
    assert_true(flow.loops && !flow.loops_over_calls && flow.leaves);
    flow = flow_of(CODE(STP, BR));
    assert_true(!flow.loops && flow.leaves);
    flow = flow_of(CODE(STP, B(100)));
    assert_true(!flow.loops && flow.leaves);
}

static void straight_runs_are_seen(void **state)
{
    const size_t size = CODE(STP, STP, BLR, STP, CBNZ(-1), RET, STP);
    const size_t runs[] = {0, 8, 12, 16, 20, 24, 28};
    size_t begin, end;

    (void)state;
    for (size_t i = 0; i + 1 < sizeof(runs) / sizeof(runs[0]); i++)
        for (size_t place = runs[i]; place < runs[i + 1]; place++) {
            assert_int_equal(tools->run(code, size, place, &begin, &end), HF_ARCH_OK);
            assert_true(begin == runs[i] && end == runs[i + 1]);
        }
    assert_int_equal(tools->run(code, size, size, &begin, &end), HF_ARCH_DECODE);
    assert_int_equal(tools->run(code, size - 1, 0, &begin, &end), HF_ARCH_DECODE);
}

static void stretches_end_where_a_jump_leads(void **state)
{
    const size_t size = CODE(STP, STP, STP, CBNZ(-2), STP, RET);
    const size_t places[] = {0, 4, 12, 16, 20, 24};
    size_t begin, end;

    (void)state;
    for (size_t i = 0; i + 1 < sizeof(places) / sizeof(places[0]); i++)
        for (size_t place = places[i]; place < places[i + 1]; place++) {
            assert_int_equal(tools->stretch(code, size, place, &begin, &end), HF_ARCH_OK);
            assert_true(begin == places[i] && end == places[i + 1]);
        }
    assert_int_equal(tools->stretch(code, size, size, &begin, &end), HF_ARCH_DECODE);
}

static void code_that_names_an_address_is_found(void **state)
{
    const uint64_t to = ADDRESS + 0x5123;
    size_t size = CODE(STP, ADRP0(5), STP, 0x91048c00, BL(-4), RET);

    (void)state;
    uint64_t target = 0;
    for (size_t i = 0; (i = tools->branch(code, size, ADDRESS, i, &target)) < size; i++)
        assert_true(tools->is_branch(code, i) && tools->mention(code, size, ADDRESS, target, false, i) == i);
    assert_true(target != 0);
    assert_int_equal(tools->mention(code, size, ADDRESS, to, false, 0), 4);
    assert_int_equal(tools->mention(code, size, ADDRESS, to, false, 5), size);
    assert_int_equal(tools->mention(code, size, ADDRESS, to + 1, false, 0), size);
    assert_int_equal(tools->mention(code, size, ADDRESS, ADDRESS, false, 0), 16);
    assert_true(tools->is_branch(code, 16));
    assert_false(tools->is_branch(code, 4));
}

static void prefetches_name_no_address(void **state)
{
    (void)state;
    size_t size = CODE(0x58000000, RET); /* ldr x0, of itself */
    assert_int_equal(tools->mention(code, size, ADDRESS, ADDRESS, false, 0), 0);
    size = CODE(0xd8000000, RET); /* prfm pldl1keep, of itself */
    assert_int_equal(tools->mention(code, size, ADDRESS, ADDRESS, false, 0), size);
}

static void stubs_lead_to_their_slots(void **state)
{
    uint64_t slot = 0;
    /* adrp x16; ldr x17, [x16, #4024]; add x16, x16, #4024; br x17 */
    const uint32_t adrp = ADRP0(0x11) | 16;
    size_t size = CODE(adrp, 0xf947de11, 0x913ee210, 0xd61f0220);

    (void)state;
    assert_int_equal(tools->stub(code, size, ADDRESS, &slot), 16);
    assert_true(slot == ADDRESS + 0x11fb8);
    assert_int_equal(tools->stub(code, size - 4, ADDRESS, &slot), 0);
    size = CODE(HF_AARCH64_BTI_C, adrp, 0xf947de11, 0x913ee210, 0xd61f0220);
    assert_int_equal(tools->stub(code, size, ADDRESS, &slot), 20);
    size = CODE(adrp, 0xf947de11, 0x913ee210, BR);
    assert_int_equal(tools->stub(code, size, ADDRESS, &slot), 0);
}

static void mapping_symbols_are_told(void **state)
{
    (void)state;
    assert_true(tools->mapping_symbol("$x") && tools->mapping_symbol("$d") && tools->mapping_symbol("$d.12"));
    assert_false(tools->mapping_symbol("x") || tools->mapping_symbol("$xyz") || tools->mapping_symbol("$") ||
                 tools->mapping_symbol(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_too_short_are_refused),  cmocka_unit_test(branches_back_into_the_detour_are_refused),
        cmocka_unit_test(other_code_that_enters_is_found),  cmocka_unit_test(tables_of_indirect_jumps_are_found),
        cmocka_unit_test(constants_that_differ_are_told),   cmocka_unit_test(references_are_put_together),
        cmocka_unit_test(loops_and_ways_out_are_seen),      cmocka_unit_test(straight_runs_are_seen),
        cmocka_unit_test(stretches_end_where_a_jump_leads), cmocka_unit_test(code_that_names_an_address_is_found),
        cmocka_unit_test(prefetches_name_no_address),       cmocka_unit_test(stubs_lead_to_their_slots),
        cmocka_unit_test(mapping_symbols_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
