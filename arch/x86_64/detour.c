/* SPDX-License-Identifier: Apache-2.0 */
/* The detour is one direct jump, which needs no landing pad at its destination and touches no register. */
#include <string.h>

#include "x86_64.h"

#define OPCODE_JMP_REL32 0xe9

size_t hf_x86_64_landing_pad(const uint8_t *code, size_t size)
{
    static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};

    return size >= sizeof(endbr64) && memcmp(code, endbr64, sizeof(endbr64)) == 0 ? sizeof(endbr64) : 0;
}

size_t hf_x86_64_detour_size(const uint8_t *code, size_t size)
{
    (void)code;
    (void)size;
    return HF_X86_64_DETOUR_SIZE;
}

enum hf_arch_status hf_x86_64_detour(uint64_t from, uint64_t to, size_t size, uint8_t *bytes)
{
    (void)size;
    int64_t distance = (int64_t)(to - (from + HF_X86_64_DETOUR_SIZE));
    if (distance < INT32_MIN || distance > INT32_MAX)
        return HF_ARCH_RANGE;

    uint32_t field = (uint32_t)distance;
    bytes[0] = OPCODE_JMP_REL32;
    for (int i = 0; i < 4; i++)
        bytes[1 + i] = (uint8_t)(field >> (8 * i));
    return HF_ARCH_OK;
}

bool hf_x86_64_detour_target(uint64_t from, const uint8_t *bytes, size_t size, uint64_t *to)
{
    (void)size;
    uint32_t field = 0;

    if (bytes[0] != OPCODE_JMP_REL32)
        return false;
    for (int i = 0; i < 4; i++)
        field |= (uint32_t)bytes[1 + i] << (8 * i);
    *to = from + HF_X86_64_DETOUR_SIZE + (uint64_t)(int64_t)(int32_t)field;
    return true;
}
