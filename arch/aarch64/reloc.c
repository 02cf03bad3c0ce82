/* SPDX-License-Identifier: Apache-2.0 */
/* Relocations (ELF for the Arm 64-bit Architecture, AAELF64, 5.7): which field a type changes, and how. */
#include <elf.h>

#include "aarch64.h"

enum overflow {
    WRAP,     /* any value */
    SIGNED,   /* must survive sign extension */
    UNSIGNED, /* must survive zero extension */
    EITHER    /* one of the two */
};

enum operation {
    ABSOLUTE, /* S + A */
    RELATIVE, /* S + A - P */
    PAGE,     /* Page(S + A) - Page(P) */
    LOW       /* (S + A) in its page: the low 12 bits */
};

/* Where the bits lie in the instruction; DATA is a field of whole bytes. */
enum place { DATA, IMM26, IMM19, IMM14, IMM16, IMM12, ADR };

struct howto {
    uint32_t type;
    uint8_t size;      /* bytes of the field */
    uint8_t operation; /* enum operation */
    uint8_t shift;     /* low bits that are dropped; for branches and scaled loads they must be 0 */
    uint8_t bits;      /* how many are kept, before overflow is looked at */
    uint8_t overflow;  /* enum overflow */
    uint8_t place;     /* enum place */
    bool aligned;      /* dropped bits must be 0 */
};

static const struct howto howtos[] = {
    {R_AARCH64_ABS64, 8, ABSOLUTE, 0, 64, WRAP, DATA, false},
    {R_AARCH64_ABS32, 4, ABSOLUTE, 0, 32, EITHER, DATA, false},
    {R_AARCH64_ABS16, 2, ABSOLUTE, 0, 16, EITHER, DATA, false},
    {R_AARCH64_PREL64, 8, RELATIVE, 0, 64, WRAP, DATA, false},
    {R_AARCH64_PREL32, 4, RELATIVE, 0, 32, SIGNED, DATA, false},
    {R_AARCH64_PREL16, 2, RELATIVE, 0, 16, EITHER, DATA, false},
    {R_AARCH64_GLOB_DAT, 8, ABSOLUTE, 0, 64, WRAP, DATA, false},
    {R_AARCH64_JUMP_SLOT, 8, ABSOLUTE, 0, 64, WRAP, DATA, false},
    {R_AARCH64_TLS_DTPMOD, 8, ABSOLUTE, 0, 64, WRAP, DATA, false},
    {R_AARCH64_TLS_DTPREL, 8, ABSOLUTE, 0, 64, WRAP, DATA, false},
    {R_AARCH64_TLS_TPREL, 8, ABSOLUTE, 0, 64, WRAP, DATA, false},
    {R_AARCH64_MOVW_UABS_G0, 4, ABSOLUTE, 0, 16, UNSIGNED, IMM16, false},
    {R_AARCH64_MOVW_UABS_G0_NC, 4, ABSOLUTE, 0, 16, WRAP, IMM16, false},
    {R_AARCH64_MOVW_UABS_G1, 4, ABSOLUTE, 16, 16, UNSIGNED, IMM16, false},
    {R_AARCH64_MOVW_UABS_G1_NC, 4, ABSOLUTE, 16, 16, WRAP, IMM16, false},
    {R_AARCH64_MOVW_UABS_G2, 4, ABSOLUTE, 32, 16, UNSIGNED, IMM16, false},
    {R_AARCH64_MOVW_UABS_G2_NC, 4, ABSOLUTE, 32, 16, WRAP, IMM16, false},
    {R_AARCH64_MOVW_UABS_G3, 4, ABSOLUTE, 48, 16, WRAP, IMM16, false},
    {R_AARCH64_LD_PREL_LO19, 4, RELATIVE, 2, 19, SIGNED, IMM19, true},
    {R_AARCH64_ADR_PREL_LO21, 4, RELATIVE, 0, 21, SIGNED, ADR, false},
    {R_AARCH64_ADR_PREL_PG_HI21, 4, PAGE, 12, 21, SIGNED, ADR, true},
    {R_AARCH64_ADR_PREL_PG_HI21_NC, 4, PAGE, 12, 21, WRAP, ADR, true},
    {R_AARCH64_ADD_ABS_LO12_NC, 4, LOW, 0, 12, WRAP, IMM12, false},
    {R_AARCH64_LDST8_ABS_LO12_NC, 4, LOW, 0, 12, WRAP, IMM12, false},
    {R_AARCH64_LDST16_ABS_LO12_NC, 4, LOW, 1, 12, WRAP, IMM12, true},
    {R_AARCH64_LDST32_ABS_LO12_NC, 4, LOW, 2, 12, WRAP, IMM12, true},
    {R_AARCH64_LDST64_ABS_LO12_NC, 4, LOW, 3, 12, WRAP, IMM12, true},
    {R_AARCH64_LDST128_ABS_LO12_NC, 4, LOW, 4, 12, WRAP, IMM12, true},
    {R_AARCH64_TSTBR14, 4, RELATIVE, 2, 14, SIGNED, IMM14, true},
    {R_AARCH64_CONDBR19, 4, RELATIVE, 2, 19, SIGNED, IMM19, true},
    {R_AARCH64_JUMP26, 4, RELATIVE, 2, 26, SIGNED, IMM26, true},
    {R_AARCH64_CALL26, 4, RELATIVE, 2, 26, SIGNED, IMM26, true},
    /* Offsets from the thread pointer. */
    {R_AARCH64_TLSLE_ADD_TPREL_HI12, 4, ABSOLUTE, 12, 12, UNSIGNED, IMM12, false},
    {R_AARCH64_TLSLE_ADD_TPREL_LO12, 4, ABSOLUTE, 0, 12, UNSIGNED, IMM12, false},
    {R_AARCH64_TLSLE_ADD_TPREL_LO12_NC, 4, LOW, 0, 12, WRAP, IMM12, false},
    {R_AARCH64_TLSLE_MOVW_TPREL_G1, 4, ABSOLUTE, 16, 16, UNSIGNED, IMM16, false},
    {R_AARCH64_TLSLE_MOVW_TPREL_G0_NC, 4, ABSOLUTE, 0, 16, WRAP, IMM16, false},
};

static const struct howto *find(uint32_t type)
{
    for (size_t i = 0; i < sizeof(howtos) / sizeof(howtos[0]); i++)
        if (howtos[i].type == type)
            return &howtos[i];
    return NULL;
}

static uint64_t compute(const struct howto *howto, uint64_t place, uint64_t value)
{
    const uint64_t page = ~UINT64_C(0xfff);

    switch (howto->operation) {
    case RELATIVE:
        return value - place;
    case PAGE:
        return (value & page) - (place & page);
    case LOW:
        return value & ~page;
    default:
        return value;
    }
}

static bool fits(const struct howto *howto, uint64_t value)
{
    unsigned bits = howto->bits + howto->shift;

    if (howto->aligned && (value & ((UINT64_C(1) << howto->shift) - 1)) != 0)
        return false;
    if (howto->overflow == WRAP || bits >= 64)
        return true;
    uint64_t limit = UINT64_C(1) << (bits - 1);
    bool is_signed = value < limit || value >= -limit;
    bool is_unsigned = value >> bits == 0;
    if (howto->overflow == SIGNED)
        return is_signed;
    return is_unsigned || (howto->overflow == EITHER && is_signed);
}

/* The bits into the instruction's immediate. */
static uint32_t insert(uint32_t word, enum place place, uint32_t bits)
{
    static const struct {
        uint8_t width;
        uint8_t shift;
    } fields[] = {[IMM26] = {26, 0}, [IMM19] = {19, 5}, [IMM14] = {14, 5}, [IMM16] = {16, 5}, [IMM12] = {12, 10}};

    if (place == ADR) /* immlo in bits 29 and 30, immhi in 5 to 23 */
        return (word & UINT32_C(0x9f00001f)) | (bits & 3) << 29 | ((bits >> 2) & UINT32_C(0x7ffff)) << 5;
    uint32_t mask = ((UINT32_C(1) << fields[place].width) - 1) << fields[place].shift;
    return (word & ~mask) | ((bits << fields[place].shift) & mask);
}

size_t hf_aarch64_relocation_size(uint32_t type)
{
    const struct howto *howto = find(type);

    return howto ? howto->size : 0;
}

bool hf_aarch64_relocation_branches(uint32_t type)
{
    return type == R_AARCH64_CALL26 || type == R_AARCH64_JUMP26;
}

enum hf_arch_status hf_aarch64_relocate(uint32_t type, uint64_t place, uint64_t value, uint8_t *field)
{
    const struct howto *howto = find(type);
    if (!howto)
        return HF_ARCH_UNKNOWN;

    value = compute(howto, place, value);
    if (!fits(howto, value))
        return HF_ARCH_RANGE;
    if (howto->place == DATA)
        for (size_t i = 0; i < howto->size; i++)
            field[i] = (uint8_t)(value >> (8 * i));
    else
        hf_aarch64_write(field,
                         insert(hf_aarch64_read(field), (enum place)howto->place, (uint32_t)(value >> howto->shift)));
    return HF_ARCH_OK;
}
