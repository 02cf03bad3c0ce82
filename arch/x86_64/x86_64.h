/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this CPU share. */
#ifndef HF_ARCH_X86_64_H
#define HF_ARCH_X86_64_H

#include "arch.h"

#define HF_X86_64_DETOUR_SIZE 5 /* jmp rel32 (Intel SDM volume 2, JMP: opcode E9) */

size_t hf_x86_64_landing_pad(const uint8_t *code, size_t size);
size_t hf_x86_64_detour_size(const uint8_t *code, size_t size);
enum hf_arch_status hf_x86_64_detour(uint64_t from, uint64_t to, size_t size, uint8_t *bytes);
bool hf_x86_64_detour_target(uint64_t from, const uint8_t *bytes, size_t size, uint64_t *to);
size_t hf_x86_64_relocation_size(uint32_t type);
enum hf_arch_status hf_x86_64_relocate(uint32_t type, uint64_t place, uint64_t value, uint8_t *field);

/* Packager only. */
enum hf_relation hf_x86_64_relation(uint32_t type);
enum hf_dynamic_relation hf_x86_64_dynamic_relation(uint32_t type);
size_t hf_x86_64_field_size(uint32_t type);
enum hf_arch_status hf_x86_64_linked(uint32_t type, int64_t addend, size_t offset, const uint8_t *object,
                                     const uint8_t *code, size_t size, uint64_t address, struct hf_linked *linked);
enum hf_arch_status hf_x86_64_constants(const uint8_t *before, const uint8_t *after, size_t size,
                                        struct hf_arch_constant *found, size_t limit, size_t *count);
enum hf_arch_status hf_x86_64_immediates(const uint8_t *code, size_t size, uint64_t *found, size_t limit,
                                         size_t *count);
/* Is it a jump, call or return? engine and insn are Capstone's. */
struct cs_insn;
bool hf_x86_64_goes_elsewhere(size_t engine, const struct cs_insn *insn);
enum hf_arch_status hf_x86_64_flow(const uint8_t *code, size_t size, struct hf_flow *flow);
enum hf_arch_status hf_x86_64_run(const uint8_t *code, size_t size, size_t at, size_t *begin, size_t *end);
bool hf_x86_64_decide_alike(const uint8_t *before, size_t before_size, const uint8_t *after, size_t after_size);
enum hf_arch_status hf_x86_64_stretch(const uint8_t *code, size_t size, size_t at, size_t *begin, size_t *end);
size_t hf_x86_64_mention(const uint8_t *code, size_t size, uint64_t address, uint64_t to, bool absolute, size_t from);
size_t hf_x86_64_branch(const uint8_t *code, size_t size, uint64_t address, size_t from, uint64_t *to);
bool hf_x86_64_steps(const struct hf_leak_question *question, struct hf_steps *steps);
size_t hf_x86_64_takes(const uint8_t *code, size_t size, uint64_t address, uint64_t to, bool absolute, size_t from);
bool hf_x86_64_by_chance(const struct hf_arch_function *function, size_t at, uint64_t to);
bool hf_x86_64_guarded(const uint8_t *code, size_t size);
bool hf_x86_64_is_branch(const uint8_t *code, size_t offset);
size_t hf_x86_64_stub(const uint8_t *code, size_t size, uint64_t address, uint64_t *slot);
bool hf_x86_64_inert(const struct hf_arch_memory *memory, uint64_t address);

/*
 * The number of a general register that Capstone names, HF_X86_64_REGISTERS for another one; *part: only some of its
 * low 32 bits are named.
 */
#define HF_X86_64_REGISTERS 32
unsigned hf_x86_64_register(unsigned name, bool *part);
enum hf_arch_status hf_x86_64_stores(const uint8_t *code, size_t size, const size_t *fields, size_t count,
                                     struct hf_arch_store *stores);

#endif
