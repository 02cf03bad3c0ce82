/* SPDX-License-Identifier: Apache-2.0 */
/* Code that names an address, and the stubs of the procedure linkage table. Packager only. */
#include "aarch64.h"

#define NEAR_WORDS 64 /* how far behind adrp what adds to its page is looked for */

bool hf_aarch64_is_branch(const uint8_t *code, size_t offset)
{
    uint64_t target;

    return hf_aarch64_branch(hf_aarch64_read(code + offset), 0, &target);
}

/* adrp of the address's page, and behind it something that adds the rest. */
static bool makes(const uint8_t *code, size_t size, size_t at, uint64_t page, uint64_t to)
{
    unsigned base = hf_aarch64_read(code + at) & 31, from, into;
    uint64_t low;

    if (page != (to & ~UINT64_C(0xfff)))
        return false;
    for (size_t i = 1; i <= NEAR_WORDS && at + (i + 1) * HF_AARCH64_WORD <= size; i++)
        if (hf_aarch64_low(hf_aarch64_read(code + at + i * HF_AARCH64_WORD), &from, &into, &low) && from == base &&
            low == (to & 0xfff))
            return true;
    return false;
}

static bool is_adrp(uint32_t word)
{
    return (word & UINT32_C(0x9f000000)) == UINT32_C(0x90000000);
}

/* It fetches into a cache, and hands the address to nobody; words of data often look like it. */
static bool is_prefetch(uint32_t word)
{
    return (word & UINT32_C(0xff000000)) == UINT32_C(0xd8000000); /* prfm (literal) */
}

/* Does the word at `at` name the address? */
static bool names(const uint8_t *code, size_t size, size_t at, uint64_t address, uint64_t to)
{
    uint32_t word = hf_aarch64_read(code + at);
    uint64_t target;

    if (hf_aarch64_branch(word, address + at, &target))
        return target == to;
    if (hf_aarch64_page(word, address + at, &target) && makes(code, size, at, target, to))
        return true;
    return !is_adrp(word) && !is_prefetch(word) && hf_aarch64_literal(word, address + at, &target) && target == to;
}

size_t hf_aarch64_branch_at(const uint8_t *code, size_t size, uint64_t address, size_t from, uint64_t *to)
{
    for (size_t at = (from + 3) & ~(size_t)3; at < size && size - at >= HF_AARCH64_WORD; at += HF_AARCH64_WORD)
        if (hf_aarch64_branch(hf_aarch64_read(code + at), address + at, to))
            return at;
    return size;
}

size_t hf_aarch64_mention(const uint8_t *code, size_t size, uint64_t address, uint64_t to, bool absolute, size_t from)
{
    (void)absolute; /* no instruction holds an address */
    for (size_t at = (from + 3) & ~(size_t)3; at < size && size - at >= HF_AARCH64_WORD; at += HF_AARCH64_WORD)
        if (names(code, size, at, address, to))
            return at;
    return size;
}

size_t hf_aarch64_takes(const uint8_t *code, size_t size, uint64_t address, uint64_t to, bool absolute, size_t from)
{
    size_t at = hf_aarch64_mention(code, size, address, to, absolute, from);

    while (at < size && hf_aarch64_is_branch(code, at))
        at = hf_aarch64_mention(code, size, address, to, absolute, at + HF_AARCH64_WORD);
    return at;
}

/* [bti c] adrp x16, page; ldr x17, [x16, #low]; add x16, x16, #low; br x17 (AAPCS64: x16 and x17 are the linker's) */
size_t hf_aarch64_stub(const uint8_t *code, size_t size, uint64_t address, uint64_t *slot)
{
    size_t at = hf_aarch64_landing_pad(code, size);
    unsigned base, to;
    uint64_t page, low;

    if (size < at + 4 * HF_AARCH64_WORD)
        return 0;
    uint32_t adrp = hf_aarch64_read(code + at), load = hf_aarch64_read(code + at + 4);
    uint32_t jump = hf_aarch64_read(code + at + 12);
    if ((adrp & UINT32_C(0x9f00001f)) != UINT32_C(0x90000010) ||
        (load & UINT32_C(0xffc003ff)) != UINT32_C(0xf9400211) || jump != UINT32_C(0xd61f0220) ||
        !hf_aarch64_literal(adrp, address + at, &page) || !hf_aarch64_low(load, &base, &to, &low))
        return 0;
    *slot = page + low;
    return at + 4 * HF_AARCH64_WORD;
}
