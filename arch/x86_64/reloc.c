/* SPDX-License-Identifier: Apache-2.0 */
/* Relocations (System V psABI for x86-64, table 4.9): which field a type changes, and how. */
#include <elf.h>

#include "x86_64.h"

enum overflow {
    WRAP,     /* any value: the field is as wide as an address */
    SIGNED,   /* must survive sign extension */
    UNSIGNED, /* must survive zero extension */
    EITHER    /* one of the two: what assemblers accept in 8- and 16-bit data */
};

struct howto {
    uint32_t type;
    uint8_t size;
    uint8_t relative; /* the place is subtracted */
    uint8_t overflow; /* enum overflow */
};

static const struct howto howtos[] = {
    {R_X86_64_64, 8, 0, WRAP},        {R_X86_64_PC32, 4, 1, SIGNED},    {R_X86_64_PLT32, 4, 1, SIGNED},
    {R_X86_64_GLOB_DAT, 8, 0, WRAP},  {R_X86_64_JUMP_SLOT, 8, 0, WRAP}, {R_X86_64_32, 4, 0, UNSIGNED},
    {R_X86_64_32S, 4, 0, SIGNED},     {R_X86_64_16, 2, 0, EITHER},      {R_X86_64_PC16, 2, 1, SIGNED},
    {R_X86_64_8, 1, 0, EITHER},       {R_X86_64_PC8, 1, 1, SIGNED},     {R_X86_64_DTPMOD64, 8, 0, WRAP},
    {R_X86_64_DTPOFF64, 8, 0, WRAP},  {R_X86_64_TPOFF64, 8, 0, WRAP},   {R_X86_64_DTPOFF32, 4, 0, SIGNED},
    {R_X86_64_TPOFF32, 4, 0, SIGNED}, {R_X86_64_PC64, 8, 1, WRAP},
};

static const struct howto *find(uint32_t type)
{
    for (size_t i = 0; i < sizeof(howtos) / sizeof(howtos[0]); i++)
        if (howtos[i].type == type)
            return &howtos[i];
    return NULL;
}

static int fits_signed(uint64_t value, unsigned bits)
{
    uint64_t limit = UINT64_C(1) << (bits - 1);

    return value < limit || value >= -limit;
}

static int fits_unsigned(uint64_t value, unsigned bits)
{
    return value >> bits == 0;
}

static int fits(const struct howto *howto, uint64_t value)
{
    unsigned bits = howto->size * 8u;

    switch (howto->overflow) {
    case SIGNED:
        return fits_signed(value, bits);
    case UNSIGNED:
        return fits_unsigned(value, bits);
    case EITHER:
        return fits_signed(value, bits) || fits_unsigned(value, bits);
    default:
        return 1;
    }
}

size_t hf_x86_64_relocation_size(uint32_t type)
{
    const struct howto *howto = find(type);

    return howto ? howto->size : 0;
}

enum hf_arch_status hf_x86_64_relocate(uint32_t type, uint64_t place, uint64_t value, uint8_t *field)
{
    const struct howto *howto = find(type);
    if (!howto)
        return HF_ARCH_UNKNOWN;

    if (howto->relative)
        value -= place;
    if (!fits(howto, value))
        return HF_ARCH_RANGE;

    for (size_t i = 0; i < howto->size; i++)
        field[i] = (uint8_t)(value >> (8 * i));
    return HF_ARCH_OK;
}
