/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What linkers make of object code (AAELF64, 5.7; "Relaxations" in 5.7.13 and of the TLS sequences in 5.7.14). An
 * address takes two instructions, adrp and one that adds its low bits: the other one is looked for in the linked code,
 * by the register that adrp leaves the page in. If it is not found near, the reference gives no information.
 */
#include <elf.h>
#include <string.h>

#include "aarch64.h"

#define NEAR_WORDS  64 /* how far the two may be apart */
#define NO_REGISTER 32 /* hf_aarch64_low() of what leaves no address behind */

/* The code around a relocation: in the object and as linked. */
struct site {
    const uint8_t *object;
    const uint8_t *code;
    size_t size;
    size_t offset;
    uint64_t address; /* of the linked code */
    int64_t addend;
};

static enum hf_arch_status found(const struct site *site, size_t size, enum hf_linked_form form, uint64_t value,
                                 struct hf_linked *linked)
{
    *linked = (struct hf_linked){site->offset, site->offset + size, form, value};
    return HF_ARCH_OK;
}

/* A value that is known, its addend taken off. */
static enum hf_arch_status known(const struct site *site, enum hf_linked_form form, uint64_t value,
                                 struct hf_linked *linked)
{
    return found(site, HF_AARCH64_WORD, form, value - (uint64_t)site->addend, linked);
}

static uint32_t linked_word(const struct site *site, size_t offset)
{
    return hf_aarch64_read(site->code + offset);
}

/* Are the words equal but for these bits? */
static bool same_but(const struct site *site, uint32_t mask)
{
    return ((hf_aarch64_read(site->object + site->offset) ^ linked_word(site, site->offset)) & ~mask) == 0;
}

#define IMM12 UINT32_C(0x003ffc00)
#define IMM16 UINT32_C(0x001fffe0)
#define IMM19 UINT32_C(0x00ffffe0)
#define IMM14 UINT32_C(0x0007ffe0)
#define IMM26 UINT32_C(0x03ffffff)
#define ADR   UINT32_C(0x60ffffe0)
#define ADRP  UINT32_C(0x80000000) /* the bit that makes adrp of adr */

/* The page in the base register of the word at `offset`: what the nearest adrp of it in front says. */
static bool page_before(const struct site *site, size_t offset, unsigned base, uint64_t *page)
{
    for (size_t i = 1; i <= NEAR_WORDS && i * HF_AARCH64_WORD <= offset; i++) {
        size_t at = offset - i * HF_AARCH64_WORD;
        uint32_t word = linked_word(site, at);
        if ((word & 31) == base && hf_aarch64_page(word, site->address + at, page))
            return true;
    }
    return false;
}

/* adrp, of a variable or of its slot. The instruction that adds the rest shows which of the two it is. */
static enum hf_arch_status linked_page(const struct site *site, enum hf_linked_form form, struct hf_linked *linked)
{
    uint32_t word = linked_word(site, site->offset);
    uint64_t page;

    if (form == HF_LINKED_SLOT && word == HF_AARCH64_NOP) /* adrp and ldr became nop and adr */
        return found(site, HF_AARCH64_WORD, HF_LINKED_NOTHING, 0, linked);
    if (!same_but(site, ADR | ADRP) || !hf_aarch64_page(word, site->address + site->offset, &page))
        return HF_ARCH_UNKNOWN;
    return found(site, HF_AARCH64_WORD, HF_LINKED_NOTHING, 0, linked);
}

/* The word that adds the low bits to what adrp left. */
static enum hf_arch_status linked_low(const struct site *site, enum hf_linked_form form, struct hf_linked *linked)
{
    uint32_t word = linked_word(site, site->offset);
    unsigned base, to;
    uint64_t page, low;

    if (form == HF_LINKED_SLOT && !same_but(site, IMM12)) {
        /* ldr from a slot became add, or adr, of the variable itself: same register. */
        if ((word & 31) != (hf_aarch64_read(site->object + site->offset) & 31))
            return HF_ARCH_UNKNOWN;
        form = HF_LINKED_ADDRESS;
        if ((word & UINT32_C(0x9f000000)) == UINT32_C(0x10000000) &&
            hf_aarch64_literal(word, site->address + site->offset, &low))
            return known(site, form, low, linked);
        if ((word & UINT32_C(0xffc00000)) != UINT32_C(0x91000000))
            return HF_ARCH_UNKNOWN;
    } else if (!same_but(site, IMM12)) {
        return HF_ARCH_UNKNOWN;
    }
    if (!hf_aarch64_low(word, &base, &to, &low))
        return HF_ARCH_UNKNOWN;
    if (!page_before(site, site->offset, base, &page))
        return found(site, HF_AARCH64_WORD, HF_LINKED_NOTHING, 0, linked);
    return known(site, form, page + low, linked);
}

static enum hf_arch_status linked_branch(const struct site *site, uint32_t mask, struct hf_linked *linked)
{
    uint64_t target;

    if (!same_but(site, mask) ||
        !hf_aarch64_branch(linked_word(site, site->offset), site->address + site->offset, &target))
        return HF_ARCH_UNKNOWN;
    return known(site, HF_LINKED_ADDRESS, target, linked);
}

static enum hf_arch_status linked_literal(const struct site *site, uint32_t mask, enum hf_linked_form form,
                                          struct hf_linked *linked)
{
    uint64_t target;

    if (!same_but(site, mask) ||
        !hf_aarch64_literal(linked_word(site, site->offset), site->address + site->offset, &target))
        return HF_ARCH_UNKNOWN;
    return known(site, form, target, linked);
}

/* The offset that movz and movk load into x0. */
static enum hf_arch_status linked_wide(const struct site *site, struct hf_linked *linked)
{
    uint32_t word = linked_word(site, site->offset);
    uint64_t value = (word >> 5) & 0xffff;

    for (size_t i = 1; i <= NEAR_WORDS && i * HF_AARCH64_WORD <= site->offset; i++) {
        uint32_t high = linked_word(site, site->offset - i * HF_AARCH64_WORD);
        if ((high & UINT32_C(0xffe0001f)) == (UINT32_C(0xd2a00000) | (word & 31)))
            return known(site, HF_LINKED_TLS_DIRECT, value | (uint64_t)((high >> 5) & 0xffff) << 16, linked);
    }
    return found(site, HF_AARCH64_WORD, HF_LINKED_NOTHING, 0, linked);
}

/*
 * adrp x0, :tlsdesc:v; ldr x1, [x0, :tlsdesc_lo12:v]; add x0, x0, :tlsdesc_lo12:v; blr x1; of which linkers make adrp
 * and ldr of a slot with the offset, or movz and movk of the offset itself, and two nops.
 */
static enum hf_arch_status linked_descriptor(const struct site *site, uint32_t type, struct hf_linked *linked)
{
    uint32_t word = linked_word(site, site->offset);
    bool same = same_but(site, type == R_AARCH64_TLSDESC_ADR_PAGE21 ? ADR : type == R_AARCH64_TLSDESC_CALL ? 0 : IMM12);
    uint64_t page, low;
    unsigned base, to;

    if (type == R_AARCH64_TLSDESC_ADR_PAGE21)
        same = same || (word & UINT32_C(0xffe0001f)) == UINT32_C(0xd2a00000);
    else if (type != R_AARCH64_TLSDESC_LD64_LO12)
        same = same || word == HF_AARCH64_NOP;
    else if ((word & UINT32_C(0xffe0001f)) == UINT32_C(0xf2800000))
        return linked_wide(site, linked);
    else if ((word & UINT32_C(0xffc003ff)) == UINT32_C(0xf9400000))
        return page_before(site, site->offset, 0, &page) && hf_aarch64_low(word, &base, &to, &low)
                   ? known(site, HF_LINKED_TLS_SLOT, page + low, linked)
                   : HF_ARCH_UNKNOWN;
    else if (same && page_before(site, site->offset, 0, &page) && hf_aarch64_low(word, &base, &to, &low))
        return known(site, HF_LINKED_TLS_DESCRIPTOR, page + low, linked);
    return same ? found(site, HF_AARCH64_WORD, HF_LINKED_NOTHING, 0, linked) : HF_ARCH_UNKNOWN;
}

/* adrp x, :gottprel:v, and ldr x, [x, :gottprel_lo12:v]; of which linkers make movz and movk. */
static enum hf_arch_status linked_initial_exec(const struct site *site, bool page, struct hf_linked *linked)
{
    uint32_t word = linked_word(site, site->offset);
    bool wide = (word & UINT32_C(0xffe00000)) == (page ? UINT32_C(0xd2a00000) : UINT32_C(0xf2800000));

    if (!wide)
        return page ? linked_page(site, HF_LINKED_TLS_SLOT, linked) : linked_low(site, HF_LINKED_TLS_SLOT, linked);
    return page ? found(site, HF_AARCH64_WORD, HF_LINKED_NOTHING, 0, linked) : linked_wide(site, linked);
}

/* add x, x, #:tprel_hi12:v, lsl #12; add x, x, #:tprel_lo12_nc:v */
static enum hf_arch_status linked_local_exec(const struct site *site, bool high, struct hf_linked *linked)
{
    uint32_t word = linked_word(site, site->offset);
    unsigned base = (word >> 5) & 31;

    if (!same_but(site, IMM12))
        return HF_ARCH_UNKNOWN;
    uint64_t value = (word >> 10) & 0xfff;
    for (size_t i = 1; !high && i <= NEAR_WORDS && i * HF_AARCH64_WORD <= site->offset; i++) {
        uint32_t before = linked_word(site, site->offset - i * HF_AARCH64_WORD);
        if ((before & UINT32_C(0xffc0001f)) == (UINT32_C(0x91400000) | base))
            return known(site, HF_LINKED_TLS_DIRECT, value | (uint64_t)((before >> 10) & 0xfff) << 12, linked);
    }
    return found(site, HF_AARCH64_WORD, HF_LINKED_NOTHING, 0, linked);
}

static enum hf_arch_status linked_data(const struct site *site, size_t size, bool relative, struct hf_linked *linked)
{
    uint64_t value = 0;

    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)site->code[site->offset + i] << (8 * i);
    if (size == HF_AARCH64_WORD && relative)
        value = (uint64_t)hf_aarch64_signed(value, 32);
    value -= (uint64_t)site->addend;
    if (relative)
        return found(site, size, HF_LINKED_ADDRESS, value + site->address + site->offset, linked);
    return found(site, size, size == 8 ? HF_LINKED_WORD : HF_LINKED_ADDRESS, value, linked);
}

static enum hf_arch_status linked_other(uint32_t type, const struct site *site, struct hf_linked *linked)
{
    switch (type) {
    case R_AARCH64_TLSIE_ADR_GOTTPREL_PAGE21:
        return linked_initial_exec(site, true, linked);
    case R_AARCH64_TLSIE_LD64_GOTTPREL_LO12_NC:
        return linked_initial_exec(site, false, linked);
    case R_AARCH64_TLSDESC_ADR_PAGE21:
    case R_AARCH64_TLSDESC_LD64_LO12:
    case R_AARCH64_TLSDESC_ADD_LO12:
    case R_AARCH64_TLSDESC_CALL:
        return linked_descriptor(site, type, linked);
    case R_AARCH64_TLSLE_ADD_TPREL_HI12:
        return linked_local_exec(site, true, linked);
    case R_AARCH64_TLSLE_ADD_TPREL_LO12:
    case R_AARCH64_TLSLE_ADD_TPREL_LO12_NC:
        return linked_local_exec(site, false, linked);
    case R_AARCH64_MOVW_UABS_G0:
    case R_AARCH64_MOVW_UABS_G0_NC:
    case R_AARCH64_MOVW_UABS_G1:
    case R_AARCH64_MOVW_UABS_G1_NC:
    case R_AARCH64_MOVW_UABS_G2:
    case R_AARCH64_MOVW_UABS_G2_NC:
    case R_AARCH64_MOVW_UABS_G3:
        return same_but(site, IMM16) ? found(site, HF_AARCH64_WORD, HF_LINKED_NOTHING, 0, linked) : HF_ARCH_UNKNOWN;
    case R_AARCH64_ABS64:
        return linked_data(site, 8, false, linked);
    case R_AARCH64_ABS32:
        return linked_data(site, 4, false, linked);
    case R_AARCH64_PREL64:
        return linked_data(site, 8, true, linked);
    case R_AARCH64_PREL32:
        return linked_data(site, 4, true, linked);
    default:
        return HF_ARCH_UNKNOWN;
    }
}

static bool is_jump(uint32_t word)
{
    return (word & UINT32_C(0xfc000000)) == UINT32_C(0x14000000);
}

/* The load or store behind an adrp at the end of a page goes elsewhere where adr does not reach (erratum 843419). */
bool hf_aarch64_displaced(const uint8_t *object, const uint8_t *code, uint64_t address, uint64_t *stub)
{
    unsigned base, to;
    uint64_t low;

    return hf_aarch64_low(hf_aarch64_read(object), &base, &to, &low) && to == NO_REGISTER &&
           is_jump(hf_aarch64_read(code)) && hf_aarch64_branch(hf_aarch64_read(code), address, stub);
}

bool hf_aarch64_comes_back(const uint8_t *stub, uint64_t address, uint64_t place)
{
    uint32_t jump = hf_aarch64_read(stub + HF_AARCH64_WORD);
    uint64_t to;

    return is_jump(jump) && hf_aarch64_branch(jump, address + HF_AARCH64_WORD, &to) && to == place + HF_AARCH64_WORD;
}

enum hf_arch_status hf_aarch64_linked(uint32_t type, int64_t addend, size_t offset, const uint8_t *object,
                                      const uint8_t *code, size_t size, uint64_t address, struct hf_linked *linked)
{
    const struct site site = {object, code, size, offset, address, addend};
    size_t field = hf_aarch64_field_size(type);

    if (offset > size || field > size - offset)
        return HF_ARCH_UNKNOWN;
    switch (type) {
    case R_AARCH64_NONE:
        return found(&site, 0, HF_LINKED_NOTHING, 0, linked);
    case R_AARCH64_CALL26:
    case R_AARCH64_JUMP26:
        return linked_branch(&site, IMM26, linked);
    case R_AARCH64_CONDBR19:
        return linked_branch(&site, IMM19, linked);
    case R_AARCH64_TSTBR14:
        return linked_branch(&site, IMM14, linked);
    case R_AARCH64_LD_PREL_LO19:
        return linked_literal(&site, IMM19, HF_LINKED_ADDRESS, linked);
    case R_AARCH64_GOT_LD_PREL19:
        return linked_literal(&site, IMM19, HF_LINKED_SLOT, linked);
    case R_AARCH64_ADR_PREL_LO21:
        return linked_literal(&site, ADR, HF_LINKED_ADDRESS, linked);
    case R_AARCH64_ADR_PREL_PG_HI21:
    case R_AARCH64_ADR_PREL_PG_HI21_NC:
        return linked_page(&site, HF_LINKED_ADDRESS, linked);
    case R_AARCH64_ADR_GOT_PAGE:
        return linked_page(&site, HF_LINKED_SLOT, linked);
    case R_AARCH64_LD64_GOT_LO12_NC:
        return linked_low(&site, HF_LINKED_SLOT, linked);
    case R_AARCH64_ADD_ABS_LO12_NC:
    case R_AARCH64_LDST8_ABS_LO12_NC:
    case R_AARCH64_LDST16_ABS_LO12_NC:
    case R_AARCH64_LDST32_ABS_LO12_NC:
    case R_AARCH64_LDST64_ABS_LO12_NC:
    case R_AARCH64_LDST128_ABS_LO12_NC:
        return linked_low(&site, HF_LINKED_ADDRESS, linked);
    default:
        return linked_other(type, &site, linked);
    }
}
