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

/* Of a function that is the first `size` bytes, with all others behind it. */
#define ROOM(size, ...) hf_arch_tools_x86_64.room(CODE(__VA_ARGS__), size, SIZE(__VA_ARGS__))

static void padding_is_room(void **state)
{
    (void)state;
    assert_int_equal(ROOM(1, 0xc3, NOP8), 5);
    assert_int_equal(ROOM(3, 0x89, 0xf8, 0xc3, 0x66, 0x90, 0x90), 5);
    assert_int_equal(ROOM(3, 0x89, 0xf8, 0xc3, 0x0f, 0x1f, 0x44, 0x00, 0x00, 0x90), 8); /* whole instructions */
    assert_int_equal(ROOM(3, 0x89, 0xf8, 0xc3, 0xcc, 0xcc, 0xcc), 5);                   /* as lld pads */
    assert_int_equal(ROOM(2, 0xeb, 0x40, NOP8), 5);                                     /* jmp to elsewhere */
    assert_int_equal(ROOM(5, ENDBR64, 0xc3, NOP8), 9);
    assert_int_equal(ROOM(6, 0x31, 0xc0, 0x90, 0x90, 0x90, 0xc3, NOP8), 6); /* long enough */
}

static void padding_that_may_run_is_none(void **state)
{
    (void)state;
    assert_int_equal(ROOM(2, 0x89, 0xf8, NOP8, 0xc3), 2);             /* it runs on */
    assert_int_equal(ROOM(4, 0x74, 0x02, 0x90, 0xc3, NOP8, 0xc3), 4); /* je behind its end */
    assert_int_equal(ROOM(3, 0x75, 0x05, 0xc3, NOP8, 0xc3), 3);       /* jne further behind */
    assert_int_equal(ROOM(2, 0xff, 0xd0, NOP8), 2);                   /* a call that returns there */
    assert_int_equal(ROOM(2, 0x0f, 0xc3, NOP8), 2);                   /* it does not end where its size says */
}

static void what_is_behind_it_must_be_padding(void **state)
{
    (void)state;
    assert_int_equal(ROOM(1, 0xc3, 0x90, 0x90, 0x90), 1);             /* too little */
    assert_int_equal(ROOM(1, 0xc3, 0x90, 0x90, 0x31, 0xc0, 0xc3), 1); /* code */
    assert_int_equal(ROOM(1, 0xc3, 0x00, 0x00, 0x00, 0x00, 0x00), 1); /* data */
    assert_int_equal(ROOM(1, 0xc3, ENDBR64, 0xc3), 1);
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

static void direct_branches_into_a_range(void **state)
{
    static const uint8_t code[] = {0x90, 0xe9, 0xfb, 0xff, 0xff, 0xff, 0xc3}; /* at 0x1000: jmp 0x1001 */
    size_t where = 99;

    (void)state;
    assert_int_equal(hf_arch_tools_x86_64.enters(code, sizeof(code), 0x1000, 0x1001, 0x1002, &where), HF_ARCH_BRANCH);
    assert_int_equal(where, 1);
    where = 99;
    assert_int_equal(hf_arch_tools_x86_64.enters(code, sizeof(code), 0x1000, 0x1002, 0x1007, &where), HF_ARCH_OK);
    assert_int_equal(hf_arch_tools_x86_64.enters(code, sizeof(code), 0x2000, 0x1001, 0x1002, &where), HF_ARCH_OK);
    assert_int_equal(hf_arch_tools_x86_64.enters(code, 3, 0x1000, 0x1001, 0x1002, &where), HF_ARCH_DECODE);
    assert_int_equal(where, 99);
}

static void tables_of_indirect_jumps(void **state)
{
    /* lea 0x10(%rip), %rdx; movslq (%rdx,%rdi,4), %rax; add %rdx, %rax; jmp *%rax */
    static const uint8_t relative[] = {0x48, 0x8d, 0x15, 0x10, 0x00, 0x00, 0x00, 0x48,
                                       0x63, 0x04, 0xba, 0x48, 0x01, 0xd0, 0xff, 0xe0};
    static const uint8_t absolute[] = {0xff, 0x24, 0xfd, 0x00, 0x20, 0x40, 0x00}; /* jmp *0x402000(,%rdi,8) */
    static const uint8_t imported[] = {0xff, 0x25, 0x10, 0x00, 0x00, 0x00};       /* jmp *0x10(%rip) */
    const struct hf_arch_tools *tools = &hf_arch_tools_x86_64;
    struct hf_jump_table found[2] = {{0}};

    (void)state;
    assert_int_equal(tools->tables(relative, sizeof(relative), 0x1000, found, 2), 2);
    assert_true(found[0].address == 0x1017 && found[0].base == 0x1017 && found[0].width == 4 && found[0].is_signed);
    assert_true(found[1].address == 0x1017 && found[1].base == 0 && found[1].width == 8);
    assert_int_equal(tools->tables(relative, sizeof(relative), 0x1000, found, 0), 2);
    assert_int_equal(tools->tables(relative, sizeof(relative) - 2, 0x1000, found, 2), 0);
    assert_int_equal(tools->tables(absolute, sizeof(absolute), 0x1000, found, 2), 2);
    assert_true(found[1].address == 0x402000 && found[1].base == 0);
    assert_int_equal(tools->tables(imported, sizeof(imported), 0x1000, found, 2), 0);
}

static void constants_that_differ_are_told(void **state)
{
    /* mov $7, %edx; call +0x100; ret */
    static const uint8_t before[] = {0xba, 7, 0, 0, 0, 0xe8, 0, 1, 0, 0, 0xc3};
    static const uint8_t after[] = {0xba, 8, 0, 0, 0, 0xe8, 0, 1, 0, 0, 0xc3};
    static const uint8_t elsewhere[] = {0xba, 7, 0, 0, 0, 0xe8, 0, 2, 0, 0, 0xc3};
    static const uint8_t other_register[] = {0xb9, 7, 0, 0, 0, 0xe8, 0, 1, 0, 0, 0xc3};
    const struct hf_arch_tools *tools = &hf_arch_tools_x86_64;
    struct hf_arch_constant found[2];
    size_t count;

    (void)state;
    assert_int_equal(tools->constants(before, after, sizeof(before), found, 2, &count), HF_ARCH_OK);
    assert_int_equal(count, 1);
    assert_true(found[0].offset == 0 && found[0].before == 7 && found[0].after == 8);
    assert_int_equal(tools->constants(before, before, sizeof(before), found, 2, &count), HF_ARCH_OK);
    assert_int_equal(count, 0);
    assert_int_equal(tools->constants(before, after, sizeof(before), found, 0, &count), HF_ARCH_OK);
    assert_int_equal(count, 1);
    assert_int_equal(tools->constants(before, after, 3, found, 2, &count), HF_ARCH_DECODE);
    assert_int_equal(tools->constants(before, elsewhere, sizeof(before), found, 2, &count), HF_ARCH_UNKNOWN);
    assert_int_equal(tools->constants(before, other_register, sizeof(before), found, 2, &count), HF_ARCH_UNKNOWN);
}

static void what_code_refers_to(void **state)
{
    /* mov 0x10(%rip), %eax; cmpq $1, 0x20(%rip); mov %fs:-4, %eax; mov 8(%rax), %eax; call +0x100; ret */
    static const uint8_t code[] = {0x8b, 0x05, 0x10, 0x00, 0x00, 0x00, 0x48, 0x83, 0x3d, 0x20, 0x00,
                                   0x00, 0x00, 0x01, 0x64, 0x8b, 0x04, 0x25, 0xfc, 0xff, 0xff, 0xff,
                                   0x8b, 0x40, 0x08, 0xe8, 0x00, 0x01, 0x00, 0x00, 0xc3};
    struct hf_arch_reference found[8] = {{.offset = 0}};
    size_t count = 0;

    (void)state;
    assert_int_equal(hf_arch_tools_x86_64.references(code, sizeof(code), 0x1000, found, 8, &count), HF_ARCH_OK);
    assert_int_equal(count, 4);
    assert_int_equal(found[0].value, 0x1016);
    assert_int_equal(found[1].value, 0x102e);
    assert_int_equal(found[1].offset, 6);
    assert_int_equal(found[1].size, 8);
    assert_true(found[2].thread);
    assert_int_equal((int64_t)found[2].value, -4);
    assert_int_equal(found[3].value, 0x111e);
    assert_int_equal(hf_arch_tools_x86_64.references(code, sizeof(code), 0x1000, found, 0, &count), HF_ARCH_OK);
    assert_int_equal(count, 4);
    count = 99;
    assert_int_equal(hf_arch_tools_x86_64.references(code, 28, 0x1000, found, 8, &count), HF_ARCH_DECODE);
    assert_int_equal(count, 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constants_that_differ_are_told), cmocka_unit_test(what_code_refers_to),
        cmocka_unit_test(too_short_for_a_jump),           cmocka_unit_test(padding_is_room),
        cmocka_unit_test(padding_that_may_run_is_none),   cmocka_unit_test(what_is_behind_it_must_be_padding),
        cmocka_unit_test(branches_into_the_detour),       cmocka_unit_test(loops_to_the_entry),
        cmocka_unit_test(returns_into_the_detour),        cmocka_unit_test(direct_branches_into_a_range),
        cmocka_unit_test(tables_of_indirect_jumps),       cmocka_unit_test(what_does_not_decode_proves_nothing),
        cmocka_unit_test(branches_elsewhere_are_fine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
