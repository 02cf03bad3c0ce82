/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this CPU share: A64 instructions (Arm ARM, chapter C6) as 32-bit little-endian words. */
#ifndef HF_ARCH_AARCH64_H
#define HF_ARCH_AARCH64_H

#include "arch.h"

#define HF_AARCH64_WORD   4u /* bytes of an instruction */
#define HF_AARCH64_VENEER (2 * HF_AARCH64_WORD + 8)

#define HF_AARCH64_BTI_C   UINT32_C(0xd503245f)
#define HF_AARCH64_BTI_JC  UINT32_C(0xd50324df)
#define HF_AARCH64_PACIASP UINT32_C(0xd503233f)
#define HF_AARCH64_PACIBSP UINT32_C(0xd503237f)
#define HF_AARCH64_NOP     UINT32_C(0xd503201f)

static inline uint32_t hf_aarch64_read(const uint8_t *code)
{
    return (uint32_t)code[0] | (uint32_t)code[1] << 8 | (uint32_t)code[2] << 16 | (uint32_t)code[3] << 24;
}

static inline void hf_aarch64_write(uint8_t *code, uint32_t word)
{
    for (unsigned i = 0; i < HF_AARCH64_WORD; i++)
        code[i] = (uint8_t)(word >> (8 * i));
}

/* The low `bits` of a word as a two's complement number. */
static inline int64_t hf_aarch64_signed(uint64_t value, unsigned bits)
{
    uint64_t sign = UINT64_C(1) << (bits - 1);

    value &= (sign << 1) - 1;
    return (int64_t)((value ^ sign) - sign);
}

/* Does the code begin with an instruction at which an indirect call may arrive in guarded pages? */
bool hf_aarch64_lands(const uint8_t *code, size_t size);
size_t hf_aarch64_landing_pad(const uint8_t *code, size_t size);
size_t hf_aarch64_detour_size(const uint8_t *code, size_t size);
enum hf_arch_status hf_aarch64_detour(uint64_t from, uint64_t to, size_t size, uint8_t *bytes);
bool hf_aarch64_detour_target(uint64_t from, const uint8_t *bytes, size_t size, uint64_t *to);
enum hf_arch_status hf_aarch64_veneer(uint64_t to, const uint8_t *code, bool guarded, uint8_t *bytes);
bool hf_aarch64_veneer_target(const uint8_t *bytes, uint64_t *to);
bool hf_aarch64_relocation_branches(uint32_t type);
size_t hf_aarch64_relocation_size(uint32_t type);
enum hf_arch_status hf_aarch64_relocate(uint32_t type, uint64_t place, uint64_t value, uint8_t *field);

/* Packager only. */
enum hf_relation hf_aarch64_relation(uint32_t type);
enum hf_dynamic_relation hf_aarch64_dynamic_relation(uint32_t type);
uint32_t hf_aarch64_slot_type(uint32_t type);
enum hf_arch_status hf_aarch64_local_exec(uint32_t type, uint64_t offset, uint8_t *field);
size_t hf_aarch64_field_size(uint32_t type);
enum hf_arch_status hf_aarch64_linked(uint32_t type, int64_t addend, size_t offset, const uint8_t *object,
                                      const uint8_t *code, size_t size, uint64_t address, struct hf_linked *linked);
bool hf_aarch64_displaced(const uint8_t *object, const uint8_t *code, uint64_t address, uint64_t *stub);
bool hf_aarch64_comes_back(const uint8_t *stub, uint64_t address, uint64_t place);
enum hf_arch_status hf_aarch64_constants(const uint8_t *before, const uint8_t *after, size_t size,
                                         struct hf_arch_constant *found, size_t limit, size_t *count);
enum hf_arch_status hf_aarch64_flow(const uint8_t *code, size_t size, struct hf_flow *flow);
enum hf_arch_status hf_aarch64_run(const uint8_t *code, size_t size, size_t at, size_t *begin, size_t *end);
enum hf_arch_status hf_aarch64_stretch(const uint8_t *code, size_t size, size_t at, size_t *begin, size_t *end);
size_t hf_aarch64_branch_at(const uint8_t *code, size_t size, uint64_t address, size_t from, uint64_t *to);
size_t hf_aarch64_mention(const uint8_t *code, size_t size, uint64_t address, uint64_t to, bool absolute, size_t from);
size_t hf_aarch64_takes(const uint8_t *code, size_t size, uint64_t address, uint64_t to, bool absolute, size_t from);
bool hf_aarch64_steps(const struct hf_leak_question *question, struct hf_steps *steps);
size_t hf_aarch64_tables(const uint8_t *code, size_t size, uint64_t address, struct hf_jump_table *found, size_t limit);
bool hf_aarch64_guarded(const uint8_t *code, size_t size);
bool hf_aarch64_is_branch(const uint8_t *code, size_t offset);
size_t hf_aarch64_stub(const uint8_t *code, size_t size, uint64_t address, uint64_t *slot);

/* Where a direct branch (b, bl, b.cond, cbz, tbz and their kin) at `address` goes; false for other instructions. */
bool hf_aarch64_branch(uint32_t word, uint64_t address, uint64_t *target);
/* The same for adr, adrp and ldr (literal): the address, or the page, that it computes or reads. */
bool hf_aarch64_literal(uint32_t word, uint64_t address, uint64_t *target);
/*
 * Does the instruction load a page address into a register, to which another instruction adds the rest: adrp, or adr
 * instead?
 */
bool hf_aarch64_page(uint32_t word, uint64_t address, uint64_t *page);
/*
 * Does the instruction add an offset to the page address that adrp loaded into register *base: add, or a load or store?
 * *to is the register into which add writes the address, 32 when there is none.
 */
bool hf_aarch64_low(uint32_t word, unsigned *base, unsigned *to, uint64_t *low);
bool hf_aarch64_inert(const struct hf_arch_memory *memory, uint64_t address);

#endif
