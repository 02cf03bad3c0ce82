/* SPDX-License-Identifier: Apache-2.0 */
/* What relocations ask for (System V psABI for x86-64, tables 4.9 and 4.10). */
#include <elf.h>

#include "x86_64.h"

struct kind {
    uint32_t type;
    uint8_t size;
    uint8_t relation; /* enum hf_relation */
};

static const struct kind kinds[] = {
    {R_X86_64_NONE, 0, HF_RELATION_NONE},
    {R_X86_64_64, 8, HF_RELATION_WORD},
    {R_X86_64_32, 4, HF_RELATION_SHORT},
    {R_X86_64_32S, 4, HF_RELATION_SHORT},
    {R_X86_64_PC32, 4, HF_RELATION_NEAR},
    {R_X86_64_PC64, 8, HF_RELATION_NEAR},
    {R_X86_64_PLT32, 4, HF_RELATION_CALL},
    {R_X86_64_GOTPCREL, 4, HF_RELATION_SLOT},
    {R_X86_64_GOTPCRELX, 4, HF_RELATION_SLOT},
    {R_X86_64_REX_GOTPCRELX, 4, HF_RELATION_SLOT},
    {R_X86_64_TLSGD, 4, HF_RELATION_TLS_PAIR},
    {R_X86_64_TLSLD, 4, HF_RELATION_TLS_MODULE},
    {R_X86_64_DTPOFF32, 4, HF_RELATION_TLS_OFFSET},
    {R_X86_64_DTPOFF64, 8, HF_RELATION_TLS_OFFSET},
    {R_X86_64_GOTTPOFF, 4, HF_RELATION_TLS_SLOT},
    {R_X86_64_TPOFF32, 4, HF_RELATION_TLS_DIRECT},
    {R_X86_64_TPOFF64, 8, HF_RELATION_TLS_DIRECT},
};

static const struct kind *find(uint32_t type)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (kinds[i].type == type)
            return &kinds[i];
    return NULL;
}

enum hf_relation hf_x86_64_relation(uint32_t type)
{
    const struct kind *kind = find(type);

    return kind ? (enum hf_relation)kind->relation : HF_RELATION_UNKNOWN;
}

size_t hf_x86_64_field_size(uint32_t type)
{
    const struct kind *kind = find(type);

    return kind ? kind->size : 0;
}

enum hf_dynamic_relation hf_x86_64_dynamic_relation(uint32_t type)
{
    switch (type) {
    case R_X86_64_RELATIVE:
        return HF_DYNAMIC_BASE;
    case R_X86_64_64:
    case R_X86_64_GLOB_DAT:
        return HF_DYNAMIC_SYMBOL;
    case R_X86_64_JUMP_SLOT:
        return HF_DYNAMIC_LAZY;
    case R_X86_64_IRELATIVE:
        return HF_DYNAMIC_RESOLVER;
    case R_X86_64_COPY:
        return HF_DYNAMIC_COPY;
    case R_X86_64_DTPMOD64:
        return HF_DYNAMIC_TLS_MODULE;
    case R_X86_64_DTPOFF64:
        return HF_DYNAMIC_TLS_OFFSET;
    case R_X86_64_TPOFF64:
        return HF_DYNAMIC_TLS_DIRECT;
    default:
        return HF_DYNAMIC_OTHER;
    }
}
