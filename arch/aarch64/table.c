/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables of indirect jumps. Compilers write them as distances, in bytes or instructions, from a label in the code:
 *
 *     adrp x1, table; add x1, x1, :lo12:table      somewhere, once for several jumps
 *     adr  x2, label
 *     ldrb w3, [x1, x0]                            or ldrh, ldr, ldrsw, ...
 *     add  x3, x2, w3, sxtb #2
 *     br   x3
 *
 * Packager only.
 */
#include "aarch64.h"

#define REGISTERS 32
#define WINDOW    16 /* instructions in front of a jump that compute where it goes */

/* Goes through the addresses that code computes, in its order. */
struct walk {
    const uint8_t *code;
    size_t size;
    uint64_t address;          /* of the code */
    size_t at;                 /* offset behind the instruction that was looked at last */
    uint64_t pages[REGISTERS]; /* what adrp left there, and bit 0 */
};

/* What a jump takes its target from: entries of `table`, whose address is in a register, as is what they count from. */
struct dispatch {
    struct hf_jump_table table;
    unsigned table_register;
    unsigned base_register;
};

/* The next address that ends up in a register; false behind the last one. */
static bool next_address(struct walk *walk, unsigned *to, uint64_t *value)
{
    unsigned base;

    while (walk->at + HF_AARCH64_WORD <= walk->size) {
        uint32_t word = hf_aarch64_read(walk->code + walk->at);
        uint64_t address = walk->address + walk->at, low;
        walk->at += HF_AARCH64_WORD;
        *to = word & 31;
        if (hf_aarch64_page(word, address, value)) {
            walk->pages[*to] = *value | 1;
        } else if ((word & UINT32_C(0x9f000000)) == UINT32_C(0x10000000)) { /* adr */
            return hf_aarch64_literal(word, address, value);
        } else if (hf_aarch64_low(word, &base, to, &low) && *to < REGISTERS && (walk->pages[base] & 1)) {
            *value = walk->pages[base] - 1 + low;
            return true;
        }
    }
    return false;
}

/* ldr, ldrb, ldrh, ldrsb, ldrsh, ldrsw (register) into `to` */
static bool is_entry(uint32_t word, unsigned to, struct dispatch *dispatch)
{
    unsigned operation = (word >> 22) & 3;

    if ((word & UINT32_C(0x3f200c00)) != UINT32_C(0x38200800) || operation == 0 || (word & 31) != to)
        return false;
    dispatch->table.width = 1u << (word >> 30);
    dispatch->table.is_signed |= operation != 1;
    dispatch->table_register = (word >> 5) & 31;
    return true;
}

/* add x, x, w or x, extended or shifted, into `to`: *entry is the register with what was read from the table. */
static bool is_sum(uint32_t word, unsigned to, struct dispatch *dispatch, unsigned *entry)
{
    bool extended = (word & UINT32_C(0xffe00000)) == UINT32_C(0x8b200000);
    bool shifted = (word & UINT32_C(0xffe00000)) == UINT32_C(0x8b000000);

    if ((!extended && !shifted) || (word & 31) != to)
        return false;
    dispatch->table.shift = (word >> 10) & (extended ? 7 : 63);
    dispatch->table.is_signed = extended && (word >> 15 & 1);
    dispatch->base_register = (word >> 5) & 31;
    *entry = (word >> 16) & 31;
    return true;
}

/* Looks at the code in front of the jump at `offset` through the register `to`, backwards. */
static bool read_dispatch(const uint8_t *code, size_t offset, unsigned to, struct dispatch *dispatch)
{
    size_t first = offset > WINDOW * HF_AARCH64_WORD ? offset - WINDOW * HF_AARCH64_WORD : 0;

    *dispatch = (struct dispatch){.base_register = REGISTERS};
    for (size_t i = offset; i > first; i -= HF_AARCH64_WORD) {
        uint32_t word = hf_aarch64_read(code + i - HF_AARCH64_WORD);
        if (is_entry(word, to, dispatch))
            return true;
        if (dispatch->base_register == REGISTERS)
            is_sum(word, to, dispatch, &to);
    }
    return false;
}

/* The label that entries count from is computed in front of the jump at `offset`. */
static void find_base(const uint8_t *code, size_t offset, uint64_t address, struct dispatch *dispatch)
{
    struct walk walk = {.code = code, .size = offset, .address = address};
    uint64_t value;
    unsigned to;

    while (next_address(&walk, &to, &value))
        if (to == dispatch->base_register)
            dispatch->table.base = value;
}

/* Where the table may be: any address that is ever in the register; if that is read back from a stack, any at all. */
static size_t find_tables(const uint8_t *code, size_t size, uint64_t address, const struct dispatch *dispatch,
                          bool any_register, struct hf_jump_table *found, size_t limit)
{
    struct walk walk = {.code = code, .size = size, .address = address};
    struct hf_jump_table table = dispatch->table;
    size_t count = 0;
    unsigned to;

    while (next_address(&walk, &to, &table.address))
        if ((any_register || to == dispatch->table_register) && table.address != table.base && count++ < limit)
            found[count - 1] = table;
    return count;
}

size_t hf_aarch64_tables(const uint8_t *code, size_t size, uint64_t address, struct hf_jump_table *found, size_t limit)
{
    struct dispatch dispatch;
    size_t count = 0;

    for (size_t i = 0; i + HF_AARCH64_WORD <= size; i += HF_AARCH64_WORD) {
        uint32_t word = hf_aarch64_read(code + i);
        if ((word & UINT32_C(0xfffffc1f)) != UINT32_C(0xd61f0000) || /* br */
            !read_dispatch(code, i, (word >> 5) & 31, &dispatch))
            continue;
        size_t before = count < limit ? count : limit, more = 0;
        find_base(code, i, address, &dispatch);
        for (int any = 0; any < 2 && more == 0; any++)
            more = find_tables(code, size, address, &dispatch, any, found + before, limit - before);
        count += more;
    }
    return count;
}
