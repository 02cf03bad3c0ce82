/* SPDX-License-Identifier: Apache-2.0 */
/* Which functions a detour may be written over: instruction bytes as the assembler makes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch.h"

#define CODE(...)                                                                                                      \
    (const uint8_t[])                                                                                                  \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }
#define SIZE(...)           sizeof((const uint8_t[]){__VA_ARGS__})
#define EXPECT(status, ...) assert_int_equal(look(CODE(__VA_ARGS__), SIZE(__VA_ARGS__)), status)
#define NOP8                0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90
#define ENDBR64             0xf3, 0x0f, 0x1e, 0xfa

static size_t skip;
static size_t at;

static enum hf_arch_status look(const uint8_t *code, size_t size)
{
    skip = at = 99;
    return hf_arch_tools_x86_64.entry(code, size, &skip, &at);
}

static void too_short_for_a_jump(void **state)
{
    (void)state;
    EXPECT(HF_ARCH_SHORT, 0xc3);
    EXPECT(HF_ARCH_SHORT, 0x31, 0xc0, 0x90, 0xc3);
    EXPECT(HF_ARCH_SHORT, ENDBR64, 0x31, 0xc0, 0xc3);
    assert_int_equal(look(CODE(0xc3), 0), HF_ARCH_SHORT);
    EXPECT(HF_ARCH_OK, 0x31, 0xc0, 0x90, 0x90, 0xc3);
    assert_int_equal(skip, 0);
    EXPECT(HF_ARCH_OK, ENDBR64, 0x31, 0xc0, 0x90, 0x90, 0xc3);
    assert_int_equal(skip, 4);
}

static void branches_into_the_detour(void **state)
{
    (void)state;
    EXPECT(HF_ARCH_BRANCH, 0x53, NOP8, 0xeb, 0xf6); /* jmp to offset 1 */
    assert_int_equal(at, 9);
    assert_int_equal(skip, 99);
    EXPECT(HF_ARCH_BRANCH, 0x53, NOP8, 0x75, 0xf6, 0xc3);                         /* jne to offset 1 */
    EXPECT(HF_ARCH_BRANCH, 0x53, NOP8, 0x0f, 0x85, 0xf5, 0xff, 0xff, 0xff, 0xc3); /* jne rel32 to offset 4 */
    EXPECT(HF_ARCH_BRANCH, 0x53, NOP8, 0xe9, 0xf6, 0xff, 0xff, 0xff);             /* jmp rel32 to offset 4 */
    EXPECT(HF_ARCH_BRANCH, 0x53, NOP8, 0xe2, 0xf6, 0xc3);                         /* loop to offset 1 */
    EXPECT(HF_ARCH_BRANCH, 0x53, NOP8, 0xe3, 0xf6, 0xc3);                         /* jrcxz to offset 1 */
    EXPECT(HF_ARCH_BRANCH, 0x53, NOP8, 0xe8, 0xf4, 0xff, 0xff, 0xff, 0xc3);       /* call offset 2 */
    EXPECT(HF_ARCH_BRANCH, ENDBR64, 0x53, NOP8, 0xeb, 0xf6);                      /* jmp to offset 5 */
    EXPECT(HF_ARCH_BRANCH, 0x53, NOP8, 0xc7, 0xf8, 0xf2, 0xff, 0xff, 0xff, 0xc3); /* xbegin, abort at offset 1 */
}

static void loops_to_the_entry(void **state)
{
    (void)state;
    EXPECT(HF_ARCH_BRANCH, NOP8, 0xeb, 0xf6);          /* jmp to offset 0 */
    EXPECT(HF_ARCH_BRANCH, ENDBR64, NOP8, 0xeb, 0xf6); /* jmp to offset 4, behind the landing pad */
}

static void returns_into_the_detour(void **state)
{
    (void)state;
    EXPECT(HF_ARCH_BRANCH, 0xff, 0xd0, NOP8, 0xc3); /* call *rax returns to offset 2 */
    assert_int_equal(at, 0);
    EXPECT(HF_ARCH_BRANCH, 0x53, 0xff, 0xd0, NOP8, 0xc3);
    EXPECT(HF_ARCH_OK, 0x90, 0x90, 0x90, 0xff, 0xd0, NOP8, 0xc3); /* returns to offset 5 */
    EXPECT(HF_ARCH_OK, 0xe8, 0x00, 0x00, 0x00, 0x00, NOP8, 0xc3);
}

static void branches_elsewhere_are_fine(void **state)
{
    (void)state;
    EXPECT(HF_ARCH_OK, NOP8, 0xeb, 0xfb);                            /* jmp to offset 5 */
    EXPECT(HF_ARCH_OK, NOP8, 0x75, 0x70, 0xc3);                      /* out of the function */
    EXPECT(HF_ARCH_OK, NOP8, 0xe9, 0x00, 0x00, 0x00, 0x80);          /* far in front of it */
    EXPECT(HF_ARCH_OK, NOP8, 0xe8, 0xf3, 0xff, 0xff, 0xff, 0xc3);    /* recursion: call offset 0 */
    EXPECT(HF_ARCH_OK, ENDBR64, NOP8, 0xe8, 0xef, 0xff, 0xff, 0xff); /* recursion: call the landing pad */
    EXPECT(HF_ARCH_OK, NOP8, 0xff, 0xe0);                            /* jmp *rax */
    EXPECT(HF_ARCH_OK, 0xb8, 0x01, 0x00, 0x00, 0x00, 0x83, 0xf8, 0x02, 0xc3);
}

static void what_does_not_decode_proves_nothing(void **state)
{
    (void)state;
    EXPECT(HF_ARCH_DECODE, 0x06, NOP8);               /* push es: not in 64-bit code */
    EXPECT(HF_ARCH_DECODE, NOP8, 0x06, 0x90);         /* behind the detour, but a branch may hide there */
    EXPECT(HF_ARCH_DECODE, NOP8, 0xe9, 0x00);         /* cut off */
    EXPECT(HF_ARCH_OK, NOP8, 0xc3, 0x00, 0x00, 0x00); /* zeros behind the end are padding */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_short_for_a_jump),
        cmocka_unit_test(branches_into_the_detour),
        cmocka_unit_test(loops_to_the_entry),
        cmocka_unit_test(returns_into_the_detour),
        cmocka_unit_test(what_does_not_decode_proves_nothing),
        cmocka_unit_test(branches_elsewhere_are_fine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
