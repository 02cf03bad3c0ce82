/* SPDX-License-Identifier: Apache-2.0 */
/* Where the address of a table goes: code that keeps it to itself, and code that does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <elf.h>

#include "leak.h"

static const uint64_t begin = 0;

/* Is the address of the thing that the field at `offset` names kept? */
static bool kept(uint16_t machine, const uint8_t *code, size_t size, uint64_t offset, bool deep)
{
    const struct hf_named_field field = {.offset = offset, .what = HF_NAMED_THING, .arguments = HF_NAMED_UNKNOWN};
    const struct hf_leak_question question = {.code = code,
                                              .size = size,
                                              .fields = &field,
                                              .field_count = 1,
                                              .entries = &begin,
                                              .entry_count = 1,
                                              .deep = deep};
    uint64_t at;

    return hf_leak_kept(hf_arch_tools_find(machine), &question, &at);
}

#define KEPT(deep, ...) kept(EM_X86_64, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}), 3, deep)

#define LEA_RDX 0x48, 0x8d, 0x15, 0, 0, 0, 0 /* lea thing(%rip), %rdx */
#define RET     0xc3

static void what_is_read_is_no_address(void **state)
{
    (void)state;
    /* mov (%rdx,%rax,4), %eax */
    assert_true(KEPT(false, LEA_RDX, 0x8b, 0x04, 0x82, RET));
    assert_false(KEPT(true, LEA_RDX, 0x8b, 0x04, 0x82, RET));
}

static void an_address_leaves(void **state)
{
    (void)state;
    /* mov %rdx, (%rdi) */
    assert_false(KEPT(false, LEA_RDX, 0x48, 0x89, 0x17, RET));
    /* mov %rdx, %rax; add $4, %rax: it is returned */
    assert_false(KEPT(false, LEA_RDX, 0x48, 0x89, 0xd0, 0x48, 0x83, 0xc0, 4, RET));
    /* call *%rax: it may be an argument; not behind xor %edx, %edx */
    assert_false(KEPT(false, LEA_RDX, 0xff, 0xd0, RET));
    assert_true(KEPT(false, LEA_RDX, 0x31, 0xd2, 0xff, 0xd0, RET));
    /* push %rdx; call *%rax */
    assert_false(KEPT(false, LEA_RDX, 0x52, 0x31, 0xd2, 0xff, 0xd0, RET));
    /* movq %rdx, %xmm0 */
    assert_false(KEPT(false, LEA_RDX, 0x66, 0x48, 0x0f, 0x6e, 0xc2, RET));
    /* jmp *%rax: another function */
    assert_false(KEPT(false, LEA_RDX, 0xff, 0xe0));
    /* jmp out of the code */
    assert_false(KEPT(false, LEA_RDX, 0xeb, 0x7f));
}

static void the_stack_is_followed(void **state)
{
    (void)state;
    /* mov %rdx, -8(%rsp); mov -8(%rsp), %rcx; mov (%rcx), %eax, or mov %rcx, (%rdi) */
    assert_true(KEPT(false, LEA_RDX, 0x48, 0x89, 0x54, 0x24, 0xf8, 0x48, 0x8b, 0x4c, 0x24, 0xf8, 0x8b, 0x01, RET));
    assert_false(
        KEPT(false, LEA_RDX, 0x48, 0x89, 0x54, 0x24, 0xf8, 0x48, 0x8b, 0x4c, 0x24, 0xf8, 0x48, 0x89, 0x0f, RET));
    /* Somebody has an address on the stack: lea -16(%rsp), %rsi. */
    assert_false(KEPT(false, LEA_RDX, 0x48, 0x89, 0x54, 0x24, 0xf8, 0x48, 0x8d, 0x74, 0x24, 0xf0, RET));
}

/* The address goes round a loop and is stored behind it: je over the loop. */
static void loops_are_followed(void **state)
{
    (void)state;
    /* lea; 1: mov %rcx, (%rdi); mov %rdx, %rcx; jne 1b; ret */
    assert_false(KEPT(false, LEA_RDX, 0x48, 0x89, 0x0f, 0x48, 0x89, 0xd1, 0x75, 0xf8, RET));
    /* without the store */
    assert_true(KEPT(false, LEA_RDX, 0x48, 0x8b, 0x0f, 0x48, 0x89, 0xd1, 0x75, 0xf8, RET));
}

static void code_that_nothing_leads_to_proves_nothing(void **state)
{
    (void)state;
    assert_false(KEPT(false, LEA_RDX, RET, 0x48, 0x89, 0xc1, RET));
    assert_true(KEPT(false, LEA_RDX, RET, 0x0f, 0x1f, 0x00)); /* padding */
    assert_false(KEPT(false, LEA_RDX, 0x0f));                 /* does not decode */
}

static void arm64_is_followed(void **state)
{
    /* adrp x1, thing; ldr w0, [x1, x0]; ret, and the same with cmp x1, x2 and str x1, [x0] in place of ldr */
    const uint8_t reads[] = {0x01, 0, 0, 0x90, 0x20, 0x68, 0x60, 0xb8, 0xc0, 0x03, 0x5f, 0xd6};
    const uint8_t stores[] = {0x01, 0, 0, 0x90, 0x3f, 0, 0x02, 0xeb, 0x01, 0, 0, 0xf9, 0xc0, 0x03, 0x5f, 0xd6};

    (void)state;
    assert_true(kept(EM_AARCH64, reads, sizeof(reads), 0, false));
    assert_false(kept(EM_AARCH64, reads, sizeof(reads), 0, true));
    assert_false(kept(EM_AARCH64, stores, sizeof(stores), 0, false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_is_no_address),
        cmocka_unit_test(an_address_leaves),
        cmocka_unit_test(the_stack_is_followed),
        cmocka_unit_test(loops_are_followed),
        cmocka_unit_test(code_that_nothing_leads_to_proves_nothing),
        cmocka_unit_test(arm64_is_followed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
