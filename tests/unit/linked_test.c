/* SPDX-License-Identifier: Apache-2.0 */
/* What linkers make of x86-64 object code: byte sequences of the psABI, on any host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <string.h>

#include "arch.h"

#define ADDRESS UINT64_C(0x401000)

static const struct hf_arch_tools *tools;

struct sample {
    const char *name;
    uint32_t type;
    int64_t addend;
    size_t offset;
    size_t size;
    uint8_t object[16];
    uint8_t code[16];
    enum hf_linked_form form;
    uint64_t value;
    size_t begin;
    size_t end;
};

static const struct sample samples[] = {
    {"call", R_X86_64_PLT32, -4, 1, 5, {0xe8}, {0xe8, 0xfb, 0x0f, 0, 0}, HF_LINKED_ADDRESS, ADDRESS + 0x1000, 1, 5},
    {"mov of a slot",
     R_X86_64_REX_GOTPCRELX,
     -4,
     3,
     7,
     {0x48, 0x8b, 0x05},
     {0x48, 0x8b, 0x05, 0xf9, 0x0f, 0, 0},
     HF_LINKED_SLOT,
     ADDRESS + 0x1000,
     3,
     7},
    {"mov to lea",
     R_X86_64_REX_GOTPCRELX,
     -4,
     3,
     7,
     {0x48, 0x8b, 0x05},
     {0x48, 0x8d, 0x05, 0xf9, 0x0f, 0, 0},
     HF_LINKED_ADDRESS,
     ADDRESS + 0x1000,
     1,
     7},
    {"mov to immediate",
     R_X86_64_REX_GOTPCRELX,
     -4,
     3,
     7,
     {0x48, 0x8b, 0x1d},
     {0x48, 0xc7, 0xc3, 0x00, 0x20, 0x40, 0},
     HF_LINKED_ADDRESS,
     0x402000,
     0,
     7},
    {"call through a slot made direct",
     R_X86_64_GOTPCRELX,
     -4,
     2,
     6,
     {0xff, 0x15},
     {0x67, 0xe8, 0xfa, 0x0f, 0, 0},
     HF_LINKED_ADDRESS,
     ADDRESS + 0x1000,
     0,
     6},
    {"jump through a slot made direct",
     R_X86_64_GOTPCRELX,
     -4,
     2,
     6,
     {0xff, 0x25},
     {0xe9, 0xfb, 0x0f, 0, 0, 0x90},
     HF_LINKED_ADDRESS,
     ADDRESS + 0x1000,
     0,
     6},
    {"initial exec to local exec",
     R_X86_64_GOTTPOFF,
     -4,
     3,
     7,
     {0x48, 0x8b, 0x05},
     {0x48, 0xc7, 0xc0, 0xfc, 0xff, 0xff, 0xff},
     HF_LINKED_TLS_DIRECT,
     (uint64_t)-4,
     0,
     7},
    {"general dynamic to local exec",
     R_X86_64_TLSGD,
     -4,
     4,
     16,
     {0x66, 0x48, 0x8d, 0x3d, 0, 0, 0, 0, 0x66, 0x66, 0x48, 0xe8},
     {0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0, 0x48, 0x8d, 0x80, 0xf8, 0xff, 0xff, 0xff},
     HF_LINKED_TLS_DIRECT,
     (uint64_t)-8,
     0,
     16},
    {"local dynamic to local exec",
     R_X86_64_TLSLD,
     -4,
     3,
     12,
     {0x48, 0x8d, 0x3d, 0, 0, 0, 0, 0xe8},
     {0x66, 0x66, 0x66, 0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0},
     HF_LINKED_NOTHING,
     0,
     0,
     12},
    {"narrow absolute",
     R_X86_64_32S,
     8,
     3,
     7,
     {0x48, 0xc7, 0xc0},
     {0x48, 0xc7, 0xc0, 0x08, 0x20, 0x40, 0},
     HF_LINKED_ADDRESS,
     0x402000,
     3,
     7},
};

static void what_a_linker_would_not_write_is_refused(void **state)
{
    const uint8_t object[] = {0x48, 0x8b, 0x05, 0, 0, 0, 0};
    const uint8_t other[] = {0x48, 0x89, 0x05, 0, 0, 0, 0};
    struct hf_linked linked = {.value = 77};

    (void)state;
    assert_int_equal(tools->linked(R_X86_64_REX_GOTPCRELX, -4, 3, object, other, sizeof(object), ADDRESS, &linked),
                     HF_ARCH_UNKNOWN);
    assert_int_equal(tools->linked(R_X86_64_GOTPC32_TLSDESC, -4, 3, object, object, sizeof(object), ADDRESS, &linked),
                     HF_ARCH_UNKNOWN);
    assert_int_equal(tools->linked(R_X86_64_PC32, -4, 4, object, object, sizeof(object), ADDRESS, &linked),
                     HF_ARCH_UNKNOWN);
    assert_int_equal(tools->linked(R_X86_64_64, 0, 0, object, object, sizeof(object), ADDRESS, &linked),
                     HF_ARCH_UNKNOWN);
    assert_int_equal(linked.value, 77);
}

static void each_form_is_understood(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        const struct sample *sample = &samples[i];
        struct hf_linked linked;
        if (tools->linked(sample->type, sample->addend, sample->offset, sample->object, sample->code, sample->size,
                          ADDRESS, &linked) != HF_ARCH_OK)
            fail_msg("%s", sample->name);
        if (linked.form != sample->form || linked.value != sample->value || linked.begin != sample->begin ||
            linked.end != sample->end)
            fail_msg("%s: form %d, value %#lx, bytes %zu to %zu", sample->name, linked.form,
                     (unsigned long)linked.value, linked.begin, linked.end);
    }
}

/* However the code is cut, nothing outside of it is read (the sanitizers see to that). */
static void code_may_end_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        for (size_t size = 0; size < samples[i].size; size++) {
            uint8_t *object = test_malloc(size + 1);
            uint8_t *code = test_malloc(size + 1);
            struct hf_linked linked;
            memcpy(object, samples[i].object, size);
            memcpy(code, samples[i].code, size);
            tools->linked(samples[i].type, samples[i].addend, samples[i].offset, object, code, size, ADDRESS, &linked);
            test_free(object);
            test_free(code);
        }
    }
}

static void stubs_are_recognised(void **state)
{
    const uint8_t plain[] = {0xff, 0x25, 0x10, 0, 0, 0};
    const uint8_t marked[] = {0xf3, 0x0f, 0x1e, 0xfa, 0xf2, 0xff, 0x25, 0x10, 0, 0, 0};
    const uint8_t push[] = {0xff, 0x35, 0x10, 0, 0, 0};
    uint64_t slot = 77;

    (void)state;
    assert_int_equal(tools->stub(push, sizeof(push), ADDRESS, &slot), 0);
    assert_int_equal(tools->stub(plain, 5, ADDRESS, &slot), 0);
    assert_int_equal(slot, 77);
    assert_int_equal(tools->stub(plain, sizeof(plain), ADDRESS, &slot), 6);
    assert_int_equal(slot, ADDRESS + 6 + 0x10);
    assert_int_equal(tools->stub(marked, sizeof(marked), ADDRESS, &slot), 11);
    assert_int_equal(slot, ADDRESS + 11 + 0x10);
}

static void mentions_are_found(void **state)
{
    const uint8_t code[] = {0x90, 0xe8, 0xfa, 0x0f, 0, 0, 0x90, 0xeb, 0x10, 0x48, 0x8d, 0x05, 0xf0, 0x0f, 0, 0};
    const uint8_t zeros[8] = {0};

    (void)state;
    assert_int_equal(tools->mention(zeros, sizeof(zeros), ADDRESS, ADDRESS + 8, false, 0), sizeof(zeros));
    assert_int_equal(tools->mention(code, sizeof(code), ADDRESS, ADDRESS + 0x1000, false, 0), 2);
    assert_int_equal(tools->mention(code, sizeof(code), ADDRESS, ADDRESS + 0x1000, false, 3), 12);
    assert_int_equal(tools->mention(code, sizeof(code), ADDRESS, ADDRESS + 0x1000, false, 13), sizeof(code));
    assert_int_equal(tools->mention(code, sizeof(code), ADDRESS, ADDRESS + 0x19, false, 0), 8);
    assert_int_equal(tools->takes(code, sizeof(code), ADDRESS, ADDRESS + 0x1000, false, 0), 12);
    assert_int_equal(tools->takes(code, sizeof(code), ADDRESS, ADDRESS + 0x19, false, 0), sizeof(code));
}

static void branches_are_found_with_where_they_lead(void **state)
{
    const uint8_t code[] = {0x90, 0xe8, 0xfa, 0x0f, 0, 0, 0x0f, 0x84, 0xf4, 0x0f, 0, 0, 0xeb, 0xf2, 0xe9, 0};
    uint64_t to = 0;

    (void)state;
    assert_int_equal(tools->branch(code, sizeof(code), ADDRESS, 0, &to), 2);
    assert_int_equal(to, ADDRESS + 0x1000);
    assert_int_equal(tools->branch(code, sizeof(code), ADDRESS, 3, &to), 8);
    assert_int_equal(to, ADDRESS + 0x1000);
    assert_int_equal(tools->branch(code, sizeof(code), ADDRESS, 9, &to), 13);
    assert_int_equal(to, ADDRESS);
    assert_int_equal(tools->branch(code, sizeof(code), ADDRESS, 14, &to), sizeof(code)); /* cut off */
}

/* movq $0x401000, -0x18(%rbp): the byte in front of the address looks like that of a call. */
static void a_stored_address_is_no_call(void **state)
{
    const uint8_t code[] = {0x48, 0xc7, 0x45, 0xe8, 0x00, 0x10, 0x40, 0x00};

    (void)state;
    assert_int_equal(tools->takes(code, sizeof(code), ADDRESS, 0x401000, true, 0), 4);
    assert_int_equal(tools->takes(code, sizeof(code), ADDRESS, 0x401000, false, 0), sizeof(code));
}

static void flow_is_seen(void **state)
{
    const uint8_t returns[] = {0x90, 0xc3};
    const uint8_t spins[] = {0x90, 0xeb, 0xfd};
    const uint8_t calls[] = {0xe8, 0, 0, 0, 0, 0x75, 0xf9, 0xc3};
    const uint8_t broken[] = {0x0f};
    struct hf_flow flow;

    (void)state;
    assert_int_equal(tools->flow(broken, sizeof(broken), &flow), HF_ARCH_DECODE);
    assert_int_equal(tools->flow(returns, sizeof(returns), &flow), HF_ARCH_OK);
    assert_true(flow.leaves && !flow.loops);
    assert_int_equal(tools->flow(spins, sizeof(spins), &flow), HF_ARCH_OK);
    assert_true(!flow.leaves && flow.loops && !flow.loops_over_calls);
    assert_int_equal(tools->flow(calls, sizeof(calls), &flow), HF_ARCH_OK);
    assert_true(flow.leaves && flow.loops_over_calls);
}

/* Is [begin, end) the run around every byte of it? */
static void assert_run(const uint8_t *code, size_t size, size_t begin, size_t end)
{
    for (size_t at = begin; at < end; at++) {
        size_t from, to;
        assert_int_equal(tools->run(code, size, at, &from, &to), HF_ARCH_OK);
        assert_int_equal(from, begin);
        assert_int_equal(to, end);
    }
}

static void straight_runs_are_seen(void **state)
{
    const uint8_t code[] = {0x90, 0x48, 0x89, 0xc7, 0xe8, 0, 0, 0, 0, 0x75, 0xf5, 0x89, 0xc8, 0xc3, 0x90, 0x90};
    const uint8_t broken[] = {0x90, 0x0f};
    size_t begin, end;

    (void)state;
    assert_run(code, sizeof(code), 0, 4);
    assert_run(code, sizeof(code), 4, 9);
    assert_run(code, sizeof(code), 9, 11);
    assert_run(code, sizeof(code), 11, 13);
    assert_run(code, sizeof(code), 13, 14);
    assert_run(code, sizeof(code), 14, 16);
    assert_int_equal(tools->run(code, sizeof(code), sizeof(code), &begin, &end), HF_ARCH_DECODE);
    assert_int_equal(tools->run(broken, sizeof(broken), 0, &begin, &end), HF_ARCH_DECODE);
}

static void stretches_end_where_a_jump_leads(void **state)
{
    /* nop; nop; nop; jne 1; call; nop */
    const uint8_t code[] = {0x90, 0x90, 0x90, 0x75, 0xfc, 0xe8, 0, 0, 0, 0, 0x90};
    const size_t places[] = {0, 1, 3, 5, 10, 11};
    size_t begin, end;

    (void)state;
    for (size_t i = 0; i + 1 < sizeof(places) / sizeof(places[0]); i++)
        for (size_t at = places[i]; at < places[i + 1]; at++) {
            assert_int_equal(tools->stretch(code, sizeof(code), at, &begin, &end), HF_ARCH_OK);
            assert_int_equal(begin, places[i]);
            assert_int_equal(end, places[i + 1]);
        }
    assert_int_equal(tools->stretch(code, sizeof(code), sizeof(code), &begin, &end), HF_ARCH_DECODE);
    assert_int_equal(tools->stretch(code, 4, 0, &begin, &end), HF_ARCH_DECODE);
}

static void decisions_are_compared(void **state)
{
    /* lea (%rdi,%rdi,2),%eax; cmp $1,%edi; je +1; nop; ret */
    const uint8_t one[] = {0x8d, 0x04, 0x7f, 0x83, 0xff, 1, 0x74, 1, 0x90, 0xc3};
    const uint8_t other_sum[] = {0x8d, 0x04, 0xbf, 0x83, 0xff, 1, 0x74, 2, 0x90, 0x90, 0xc3};
    const uint8_t other_constant[] = {0x8d, 0x04, 0x7f, 0x83, 0xff, 2, 0x74, 1, 0x90, 0xc3};
    const uint8_t other_jump[] = {0x8d, 0x04, 0x7f, 0x83, 0xff, 1, 0x75, 1, 0x90, 0xc3};
    const uint8_t more[] = {0x8d, 0x04, 0x7f, 0x83, 0xff, 1, 0x74, 1, 0x90, 0x85, 0xff, 0xc3};
    const uint8_t anywhere[] = {0x83, 0xff, 1, 0xff, 0xe0}; /* jmp *%rax */

    (void)state;
    assert_true(tools->decide_alike(one, sizeof(one), one, sizeof(one)));
    assert_true(tools->decide_alike(one, sizeof(one), other_sum, sizeof(other_sum)));
    assert_false(tools->decide_alike(one, sizeof(one), other_constant, sizeof(other_constant)));
    assert_false(tools->decide_alike(one, sizeof(one), other_jump, sizeof(other_jump)));
    assert_false(tools->decide_alike(one, sizeof(one), more, sizeof(more)));
    assert_false(tools->decide_alike(more, sizeof(more), one, sizeof(one)));
    assert_false(tools->decide_alike(anywhere, sizeof(anywhere), anywhere, sizeof(anywhere)));
    assert_false(tools->decide_alike(one, 1, one, 1));
}

static void stores_are_told(void **state)
{
    /* lea 0(%rip),%rax; mov %rax,0(%rip); call; mov %rax,0(%rip); movq $5,0(%rip); add %rdi,0(%rip); cmpq $0,0(%rip);
     * lea 0(%rip),%rdi; mov %rsi,0(%rip); ret */
    const uint8_t code[] = {0x48, 0x8d, 0x05, 0,    0,    0,    0, 0x48, 0x89, 0x05, 0,    0,    0,    0, 0xe8, 0,   0,
                            0,    0,    0x48, 0x89, 0x05, 0,    0, 0,    0,    0x48, 0xc7, 0x05, 0,    0, 0,    0,   5,
                            0,    0,    0,    0x48, 0x01, 0x3d, 0, 0,    0,    0,    0x48, 0x83, 0x3d, 0, 0,    0,   0,
                            0,    0x48, 0x8d, 0x3d, 0,    0,    0, 0,    0x48, 0x89, 0x35, 0,    0,    0, 0,    0xc3};
    const size_t fields[] = {3, 10, 22, 29, 40, 47, 55, 62};
    const enum hf_arch_store_kind kinds[] = {HF_STORE_ADDRESS, HF_STORE_CONSTANT, HF_STORE_UNKNOWN, HF_STORE_CONSTANT,
                                             HF_STORE_VALUE,   HF_STORE_NONE,     HF_STORE_ADDRESS, HF_STORE_VALUE};
    struct hf_arch_store stores[8];

    (void)state;
    assert_int_equal(tools->stores(code, sizeof(code), fields, 8, stores), HF_ARCH_OK);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(stores[i].kind, kinds[i]);
    assert_true(stores[1].from == 0 && stores[1].from_end == 7 && stores[1].behind == 4);
    assert_true(stores[3].value == 5 && stores[3].from == 26 && stores[3].behind == 8);
    assert_int_equal(tools->stores(code, sizeof(code) - 3, fields, 8, stores), HF_ARCH_DECODE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_linker_would_not_write_is_refused),
        cmocka_unit_test(each_form_is_understood),
        cmocka_unit_test(code_may_end_anywhere),
        cmocka_unit_test(stubs_are_recognised),
        cmocka_unit_test(mentions_are_found),
        cmocka_unit_test(branches_are_found_with_where_they_lead),
        cmocka_unit_test(a_stored_address_is_no_call),
        cmocka_unit_test(flow_is_seen),
        cmocka_unit_test(straight_runs_are_seen),
        cmocka_unit_test(stretches_end_where_a_jump_leads),
        cmocka_unit_test(decisions_are_compared),
        cmocka_unit_test(stores_are_told),
    };
    tools = hf_arch_tools_find(EM_X86_64);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
