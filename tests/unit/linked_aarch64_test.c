/* SPDX-License-Identifier: Apache-2.0 */
/* What linkers make of AArch64 object code: words of AAELF64, on any host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <string.h>

#include "aarch64/aarch64.h"

#define ADDRESS UINT64_C(0x40000)
#define WORDS   3

struct sample {
    const char *name;
    uint32_t type;
    int64_t addend;
    size_t offset;
    uint32_t object[WORDS];
    uint32_t code[WORDS];
    enum hf_linked_form form;
    uint64_t value;
};

static const struct sample samples[] = {
    {"call", R_AARCH64_CALL26, 0, 0, {0x94000000}, {0x94000100}, HF_LINKED_ADDRESS, ADDRESS + 0x400},
    {"jump", R_AARCH64_JUMP26, 0, 4, {0, 0x14000000}, {0, 0x17ffffff}, HF_LINKED_ADDRESS, ADDRESS},
    {"conditional", R_AARCH64_CONDBR19, 0, 0, {0x54000001}, {0x54000101}, HF_LINKED_ADDRESS, ADDRESS + 0x20},
    {"page", R_AARCH64_ADR_PREL_PG_HI21, 0, 0, {0x90000000}, {0xb0000000}, HF_LINKED_NOTHING, 0},
    {"add",
     R_AARCH64_ADD_ABS_LO12_NC,
     8,
     8,
     {0x90000000, 0, 0x91000000},
     {0xb0000000, 0, 0x91048c00},
     HF_LINKED_ADDRESS,
     ADDRESS + 0x1123 - 8},
    {"load",
     R_AARCH64_LDST64_ABS_LO12_NC,
     0,
     4,
     {0x90000000, 0xf9400001},
     {0xb0000000, 0xf9401401},
     HF_LINKED_ADDRESS,
     ADDRESS + 0x1028},
    {"add far from its page", R_AARCH64_ADD_ABS_LO12_NC, 0, 4, {0, 0x91000000}, {0, 0x91048c00}, HF_LINKED_NOTHING, 0},
    {"slot",
     R_AARCH64_LD64_GOT_LO12_NC,
     0,
     4,
     {0x90000000, 0xf9400001},
     {0xb0000000, 0xf9401401},
     HF_LINKED_SLOT,
     ADDRESS + 0x1028},
    {"slot to add",
     R_AARCH64_LD64_GOT_LO12_NC,
     0,
     4,
     {0x90000000, 0xf9400000},
     {0xb0000000, 0x91048c00},
     HF_LINKED_ADDRESS,
     ADDRESS + 0x1123},
    {"slot to adr",
     R_AARCH64_LD64_GOT_LO12_NC,
     0,
     4,
     {0x90000000, 0xf9400000},
     {HF_AARCH64_NOP, 0x10000120},
     HF_LINKED_ADDRESS,
     ADDRESS + 4 + 0x24},
    {"page of a slot to nop", R_AARCH64_ADR_GOT_PAGE, 0, 0, {0x90000000}, {HF_AARCH64_NOP}, HF_LINKED_NOTHING, 0},
    {"initial exec",
     R_AARCH64_TLSIE_LD64_GOTTPREL_LO12_NC,
     0,
     4,
     {0x90000000, 0xf9400000},
     {0xb0000000, 0xf9401400},
     HF_LINKED_TLS_SLOT,
     ADDRESS + 0x1028},
    {"initial to local exec",
     R_AARCH64_TLSIE_LD64_GOTTPREL_LO12_NC,
     0,
     4,
     {0x90000000, 0xf9400000},
     {0xd2a00020, 0xf2800400},
     HF_LINKED_TLS_DIRECT,
     0x10020},
    {"local exec",
     R_AARCH64_TLSLE_ADD_TPREL_LO12_NC,
     0,
     4,
     {0x91400063, 0x91000063},
     {0x91400463, 0x91004063},
     HF_LINKED_TLS_DIRECT,
     0x1010},
    {"distance in data", R_AARCH64_PREL32, 4, 0, {0}, {0xfffffff0}, HF_LINKED_ADDRESS, ADDRESS - 16 - 4},
    {"word", R_AARCH64_ABS64, 0, 0, {0, 0}, {0x5678, 0x1234}, HF_LINKED_WORD, UINT64_C(0x123400005678)},
};

/* With an adrp at the end of a page. */
static const struct sample late[] = {
    {"page", R_AARCH64_ADR_PREL_PG_HI21, 0, 0, {0x90000000}, {0xb0000000}, HF_LINKED_NOTHING, 0},
    {"page to adr", R_AARCH64_ADR_PREL_PG_HI21, 0, 0, {0x90000000}, {0x10000040}, HF_LINKED_NOTHING, 0},
    {"page of a slot to adr", R_AARCH64_ADR_GOT_PAGE, 0, 0, {0x90000000}, {0x10000040}, HF_LINKED_NOTHING, 0},
    {"load behind adr",
     R_AARCH64_LDST64_ABS_LO12_NC,
     0,
     8,
     {0x90000000, 0, 0xf9400001},
     {0x10000040, 0, 0xf9401401},
     HF_LINKED_ADDRESS,
     ADDRESS + 0x1028},
};

#define LATE (ADDRESS + 0xff8) /* the next page is eight bytes ahead */

static enum hf_arch_status look_at(const struct sample *sample, size_t size, uint64_t address, struct hf_linked *linked)
{
    uint8_t object[4 * WORDS], code[4 * WORDS];

    for (size_t i = 0; i < WORDS; i++) {
        hf_aarch64_write(object + 4 * i, sample->object[i]);
        hf_aarch64_write(code + 4 * i, sample->code[i]);
    }
    return hf_arch_tools_aarch64.linked(sample->type, sample->addend, sample->offset, object, code, size, address,
                                        linked);
}

static enum hf_arch_status look(const struct sample *sample, size_t size, struct hf_linked *linked)
{
    return look_at(sample, size, ADDRESS, linked);
}

static void what_linkers_make_is_understood(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        const struct sample *sample = &samples[i];
        struct hf_linked linked;
        size_t size = hf_arch_tools_aarch64.field_size(sample->type);
        if (look(sample, 4 * WORDS, &linked) != HF_ARCH_OK)
            fail_msg("%s is not understood", sample->name);
        if (linked.form != sample->form || linked.value != sample->value || linked.begin != sample->offset ||
            linked.end != sample->offset + size)
            fail_msg("%s: form %d, value %#llx, bytes %zu to %zu", sample->name, linked.form,
                     (unsigned long long)linked.value, linked.begin, linked.end);
        if (look(sample, sample->offset + size - 1, &linked) != HF_ARCH_UNKNOWN)
            fail_msg("%s is understood where it is cut off", sample->name);
    }
}

/* Every bit of an instruction that no linker changes counts. */
static void other_instructions_are_not_what_linkers_make(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        struct sample sample = samples[i];
        struct hf_linked linked;
        /* Data is no instruction; the bit that is changed makes a call of a jump, and adrp of adr. */
        if (sample.type == R_AARCH64_PREL32 || sample.type == R_AARCH64_ABS64 || sample.type == R_AARCH64_JUMP26)
            continue;
        sample.code[sample.offset / 4] ^= UINT32_C(1) << 31;
        if (strcmp(sample.name, "slot to adr") == 0)
            sample.code[sample.offset / 4] ^= 1;
        if (look(&sample, 4 * WORDS, &linked) == HF_ARCH_OK)
            fail_msg("%s is understood with another instruction", sample.name);
    }
}

static void pages_at_the_end_of_a_page_may_be_computed_by_adr(void **state)
{
    struct hf_linked linked;

    (void)state;
    for (size_t i = 0; i < sizeof(late) / sizeof(late[0]); i++) {
        struct sample sample = late[i];
        if (look_at(&sample, 4 * WORDS, LATE, &linked) != HF_ARCH_OK || linked.form != sample.form ||
            linked.value != sample.value)
            fail_msg("%s is not understood", sample.name);
        sample.code[0] += 0x20; /* four bytes further, where no page begins */
        enum hf_arch_status status = look_at(&sample, 4 * WORDS, LATE, &linked);
        if (sample.offset == 0 ? i > 0 && status == HF_ARCH_OK : linked.form != HF_LINKED_NOTHING)
            fail_msg("%s is understood with another address", sample.name);
    }
    for (size_t i = 1; i < 3; i++)
        assert_int_equal(look_at(&late[i], 4 * WORDS, LATE - 4, &linked), HF_ARCH_UNKNOWN);
    struct sample other = late[1];
    other.code[0] |= 1; /* another register */
    assert_int_equal(look_at(&other, 4 * WORDS, LATE, &linked), HF_ARCH_UNKNOWN);
}

static void instructions_in_stubs_are_found(void **state)
{
    const struct hf_arch_tools *tools = &hf_arch_tools_aarch64;
    uint8_t load[4], jump[4], call[4], add[4], stub[8];
    uint64_t to = 0;

    (void)state;
    hf_aarch64_write(load, 0xf9401401);
    hf_aarch64_write(jump, 0x14000100);
    hf_aarch64_write(call, 0x94000100);
    hf_aarch64_write(add, 0x91048c00);
    assert_int_equal(tools->displaced_size, 4);
    assert_true(tools->displaced(load, jump, ADDRESS, &to) && to == ADDRESS + 0x400);
    assert_false(tools->displaced(load, call, ADDRESS, &to) || tools->displaced(load, load, ADDRESS, &to) ||
                 tools->displaced(jump, jump, ADDRESS, &to) || tools->displaced(add, jump, ADDRESS, &to));
    memcpy(stub, load, 4);
    hf_aarch64_write(stub + 4, 0x17ffff00); /* from four bytes behind the stub to four behind the place */
    assert_true(tools->comes_back(stub, ADDRESS + 0x400, ADDRESS));
    assert_false(tools->comes_back(stub, ADDRESS + 0x404, ADDRESS));
    memcpy(stub + 4, load, 4);
    assert_false(tools->comes_back(stub, ADDRESS + 0x400, ADDRESS));
}

static void unknown_types_are_refused(void **state)
{
    const struct sample sample = {.type = R_AARCH64_COPY};
    struct hf_linked linked;

    (void)state;
    assert_int_equal(look(&sample, 4 * WORDS, &linked), HF_ARCH_UNKNOWN);
    assert_int_equal(hf_arch_tools_aarch64.relation(R_AARCH64_COPY), HF_RELATION_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_linkers_make_is_understood),
        cmocka_unit_test(other_instructions_are_not_what_linkers_make),
        cmocka_unit_test(pages_at_the_end_of_a_page_may_be_computed_by_adr),
        cmocka_unit_test(instructions_in_stubs_are_found),
        cmocka_unit_test(unknown_types_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
