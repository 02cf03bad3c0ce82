/* SPDX-License-Identifier: Apache-2.0 */
/* What relocations ask for (AAELF64, 5.7). */
#include <elf.h>

#include "aarch64.h"

/*
 * Every type here changes one instruction, or a field of data, of four bytes if nothing else is said. A pair such as
 * adrp and add is two references to one symbol, each of which says a part of its address: to the packager they are like
 * any other reference, as long as the type stays with it.
 */
struct kind {
    uint32_t type;
    uint8_t relation; /* enum hf_relation */
    uint32_t slot;    /* of a reference to a slot: the type that refers to the slot itself, as an ordinary variable */
};

static const struct kind kinds[] = {
    {R_AARCH64_NONE, HF_RELATION_NONE, 0},
    {R_AARCH64_ABS64, HF_RELATION_WORD, 0},
    {R_AARCH64_ABS32, HF_RELATION_SHORT, 0},
    {R_AARCH64_ABS16, HF_RELATION_SHORT, 0},
    {R_AARCH64_MOVW_UABS_G0, HF_RELATION_SHORT, 0},
    {R_AARCH64_MOVW_UABS_G0_NC, HF_RELATION_SHORT, 0},
    {R_AARCH64_MOVW_UABS_G1, HF_RELATION_SHORT, 0},
    {R_AARCH64_MOVW_UABS_G1_NC, HF_RELATION_SHORT, 0},
    {R_AARCH64_MOVW_UABS_G2, HF_RELATION_SHORT, 0},
    {R_AARCH64_MOVW_UABS_G2_NC, HF_RELATION_SHORT, 0},
    {R_AARCH64_MOVW_UABS_G3, HF_RELATION_SHORT, 0},
    {R_AARCH64_PREL64, HF_RELATION_NEAR, 0},
    {R_AARCH64_PREL32, HF_RELATION_NEAR, 0},
    {R_AARCH64_PREL16, HF_RELATION_NEAR, 0},
    {R_AARCH64_LD_PREL_LO19, HF_RELATION_NEAR, 0},
    {R_AARCH64_ADR_PREL_LO21, HF_RELATION_NEAR, 0},
    {R_AARCH64_ADR_PREL_PG_HI21, HF_RELATION_NEAR, 0},
    {R_AARCH64_ADR_PREL_PG_HI21_NC, HF_RELATION_NEAR, 0},
    {R_AARCH64_ADD_ABS_LO12_NC, HF_RELATION_NEAR, 0},
    {R_AARCH64_LDST8_ABS_LO12_NC, HF_RELATION_NEAR, 0},
    {R_AARCH64_LDST16_ABS_LO12_NC, HF_RELATION_NEAR, 0},
    {R_AARCH64_LDST32_ABS_LO12_NC, HF_RELATION_NEAR, 0},
    {R_AARCH64_LDST64_ABS_LO12_NC, HF_RELATION_NEAR, 0},
    {R_AARCH64_LDST128_ABS_LO12_NC, HF_RELATION_NEAR, 0},
    {R_AARCH64_TSTBR14, HF_RELATION_CALL, 0},
    {R_AARCH64_CONDBR19, HF_RELATION_CALL, 0},
    {R_AARCH64_JUMP26, HF_RELATION_CALL, 0},
    {R_AARCH64_CALL26, HF_RELATION_CALL, 0},
    {R_AARCH64_ADR_GOT_PAGE, HF_RELATION_SLOT, R_AARCH64_ADR_PREL_PG_HI21},
    {R_AARCH64_LD64_GOT_LO12_NC, HF_RELATION_SLOT, R_AARCH64_LDST64_ABS_LO12_NC},
    {R_AARCH64_GOT_LD_PREL19, HF_RELATION_SLOT, R_AARCH64_LD_PREL_LO19},
    {R_AARCH64_TLSIE_ADR_GOTTPREL_PAGE21, HF_RELATION_TLS_SLOT, R_AARCH64_ADR_PREL_PG_HI21},
    {R_AARCH64_TLSIE_LD64_GOTTPREL_LO12_NC, HF_RELATION_TLS_SLOT, R_AARCH64_LDST64_ABS_LO12_NC},
    {R_AARCH64_TLSIE_LD_GOTTPREL_PREL19, HF_RELATION_TLS_SLOT, R_AARCH64_LD_PREL_LO19},
    {R_AARCH64_TLSGD_ADR_PAGE21, HF_RELATION_TLS_PAIR, R_AARCH64_ADR_PREL_PG_HI21},
    {R_AARCH64_TLSGD_ADD_LO12_NC, HF_RELATION_TLS_PAIR, R_AARCH64_ADD_ABS_LO12_NC},
    {R_AARCH64_TLSGD_ADR_PREL21, HF_RELATION_TLS_PAIR, R_AARCH64_ADR_PREL_LO21},
    {R_AARCH64_TLSDESC_ADR_PAGE21, HF_RELATION_TLS_DESCRIPTOR, R_AARCH64_ADR_PREL_PG_HI21},
    {R_AARCH64_TLSDESC_LD64_LO12, HF_RELATION_TLS_DESCRIPTOR, R_AARCH64_LDST64_ABS_LO12_NC},
    {R_AARCH64_TLSDESC_ADD_LO12, HF_RELATION_TLS_DESCRIPTOR, R_AARCH64_ADD_ABS_LO12_NC},
    {R_AARCH64_TLSDESC_CALL, HF_RELATION_TLS_DESCRIPTOR, R_AARCH64_NONE},
    {R_AARCH64_TLSLE_ADD_TPREL_HI12, HF_RELATION_TLS_DIRECT, 0},
    {R_AARCH64_TLSLE_ADD_TPREL_LO12, HF_RELATION_TLS_DIRECT, 0},
    {R_AARCH64_TLSLE_ADD_TPREL_LO12_NC, HF_RELATION_TLS_DIRECT, 0},
    {R_AARCH64_TLSLE_MOVW_TPREL_G1, HF_RELATION_TLS_DIRECT, 0},
    {R_AARCH64_TLSLE_MOVW_TPREL_G0_NC, HF_RELATION_TLS_DIRECT, 0},
};

static const struct kind *find(uint32_t type)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (kinds[i].type == type)
            return &kinds[i];
    return NULL;
}

enum hf_relation hf_aarch64_relation(uint32_t type)
{
    const struct kind *kind = find(type);

    return kind ? (enum hf_relation)kind->relation : HF_RELATION_UNKNOWN;
}

uint32_t hf_aarch64_slot_type(uint32_t type)
{
    const struct kind *kind = find(type);

    return kind ? kind->slot : R_AARCH64_NONE;
}

/* adrp x0; ldr x1, [x0]; add x0, x0; blr x1 become movz x0, #high, lsl #16; movk x0, #low; nop; nop. */
enum hf_arch_status hf_aarch64_local_exec(uint32_t type, uint64_t offset, uint8_t *field)
{
    if (offset >> 32 != 0)
        return HF_ARCH_RANGE;
    switch (type) {
    case R_AARCH64_TLSDESC_ADR_PAGE21:
        hf_aarch64_write(field, UINT32_C(0xd2a00000) | (uint32_t)(offset >> 16) << 5);
        return HF_ARCH_OK;
    case R_AARCH64_TLSDESC_LD64_LO12:
        hf_aarch64_write(field, UINT32_C(0xf2800000) | (uint32_t)(offset & 0xffff) << 5);
        return HF_ARCH_OK;
    case R_AARCH64_TLSDESC_ADD_LO12:
    case R_AARCH64_TLSDESC_CALL:
        hf_aarch64_write(field, HF_AARCH64_NOP);
        return HF_ARCH_OK;
    default:
        return HF_ARCH_UNKNOWN;
    }
}

size_t hf_aarch64_field_size(uint32_t type)
{
    switch (type) {
    case R_AARCH64_NONE:
        return 0;
    case R_AARCH64_ABS64:
    case R_AARCH64_PREL64:
        return 8;
    case R_AARCH64_ABS16:
    case R_AARCH64_PREL16:
        return 2;
    default:
        return find(type) ? HF_AARCH64_WORD : 0;
    }
}

enum hf_dynamic_relation hf_aarch64_dynamic_relation(uint32_t type)
{
    switch (type) {
    case R_AARCH64_RELATIVE:
        return HF_DYNAMIC_BASE;
    case R_AARCH64_ABS64:
    case R_AARCH64_GLOB_DAT:
        return HF_DYNAMIC_SYMBOL;
    case R_AARCH64_JUMP_SLOT:
        return HF_DYNAMIC_LAZY;
    case R_AARCH64_IRELATIVE:
        return HF_DYNAMIC_RESOLVER;
    case R_AARCH64_COPY:
        return HF_DYNAMIC_COPY;
    case R_AARCH64_TLS_DTPMOD:
        return HF_DYNAMIC_TLS_MODULE;
    case R_AARCH64_TLS_DTPREL:
        return HF_DYNAMIC_TLS_OFFSET;
    case R_AARCH64_TLS_TPREL:
        return HF_DYNAMIC_TLS_DIRECT;
    case R_AARCH64_TLSDESC:
        return HF_DYNAMIC_TLS_DESCRIPTOR;
    default:
        return HF_DYNAMIC_OTHER;
    }
}
