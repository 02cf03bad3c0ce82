/* SPDX-License-Identifier: Apache-2.0 */
/* Where functions loop and leave. Packager only. */
#include "aarch64.h"

static bool returns(uint32_t word)
{
    return (word & UINT32_C(0xfffffc1f)) == UINT32_C(0xd65f0000) || /* ret */
           (word & UINT32_C(0xfffffbff)) == UINT32_C(0xd65f0bff);   /* retaa, retab */
}

/* br, braa...: to an unknown address */
static bool jumps_anywhere(uint32_t word)
{
    return (word & UINT32_C(0xfffffc1f)) == UINT32_C(0xd61f0000) ||
           (word & UINT32_C(0xfefff800)) == UINT32_C(0xd61f0800);
}

static bool calls(uint32_t word)
{
    return (word & UINT32_C(0xfc000000)) == UINT32_C(0x94000000) || /* bl */
           (word & UINT32_C(0xfffffc1f)) == UINT32_C(0xd63f0000) || /* blr */
           (word & UINT32_C(0xfefff800)) == UINT32_C(0xd63f0800);   /* blraa... */
}

static bool calls_between(const uint8_t *code, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i += HF_AARCH64_WORD)
        if (calls(hf_aarch64_read(code + i)))
            return true;
    return false;
}

enum hf_arch_status hf_aarch64_flow(const uint8_t *code, size_t size, struct hf_flow *flow)
{
    uint64_t target;

    if (size % HF_AARCH64_WORD != 0)
        return HF_ARCH_DECODE;
    *flow = (struct hf_flow){.leaves = false};
    for (size_t i = 0; i < size; i += HF_AARCH64_WORD) {
        uint32_t word = hf_aarch64_read(code + i);
        if (returns(word) || jumps_anywhere(word)) {
            flow->leaves = true;
            flow->jumps_anywhere = flow->jumps_anywhere || jumps_anywhere(word);
        } else if (!calls(word) && hf_aarch64_branch(word, i, &target)) {
            flow->leaves = flow->leaves || target >= size;
            flow->loops = flow->loops || target <= i;
            flow->loops_over_calls = flow->loops_over_calls || (target <= i && calls_between(code, target, i));
        }
    }
    return HF_ARCH_OK;
}

static bool goes_elsewhere(const uint8_t *code, size_t at)
{
    uint32_t word = hf_aarch64_read(code + at);
    uint64_t target;

    return returns(word) || jumps_anywhere(word) || calls(word) || hf_aarch64_branch(word, at, &target);
}

enum hf_arch_status hf_aarch64_run(const uint8_t *code, size_t size, size_t at, size_t *begin, size_t *end)
{
    if (size % HF_AARCH64_WORD != 0 || at >= size)
        return HF_ARCH_DECODE;
    *begin = at - at % HF_AARCH64_WORD;
    *end = *begin + HF_AARCH64_WORD;
    if (goes_elsewhere(code, *begin))
        return HF_ARCH_OK;
    while (*begin > 0 && !goes_elsewhere(code, *begin - HF_AARCH64_WORD))
        *begin -= HF_AARCH64_WORD;
    while (*end < size && !goes_elsewhere(code, *end))
        *end += HF_AARCH64_WORD;
    return HF_ARCH_OK;
}

enum hf_arch_status hf_aarch64_stretch(const uint8_t *code, size_t size, size_t at, size_t *begin, size_t *end)
{
    uint64_t target;

    if (hf_aarch64_run(code, size, at, begin, end) != HF_ARCH_OK)
        return HF_ARCH_DECODE;
    for (size_t i = 0; i < size; i += HF_AARCH64_WORD) {
        uint32_t word = hf_aarch64_read(code + i);
        if (calls(word) || !hf_aarch64_branch(word, i, &target))
            continue;
        if (target > *begin && target <= at)
            *begin = target;
        else if (target > at && target < *end)
            *end = target;
    }
    return HF_ARCH_OK;
}
