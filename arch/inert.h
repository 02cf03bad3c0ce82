/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Follows code from its entry to its return, with the known content of memory and without arguments. This proves that
 * code which the dynamic linker runs while it loads a file has no effect. Executing one instruction depends on the CPU;
 * the code here does not.
 */
#ifndef HF_ARCH_INERT_H
#define HF_ARCH_INERT_H

#include "arch.h"

#define HF_WALK_REGISTERS 33
#define HF_WALK_CELLS     32
#define HF_WALK_RETURN    1              /* the entry's return address, at which there is no code */
#define HF_WALK_STACK     0x7ffffffff000 /* where its stack begins, downwards */
#define HF_WALK_STACK_MAX 4096

enum hf_walk_zero { HF_ZERO_UNKNOWN, HF_ZERO_NO, HF_ZERO_YES, HF_ZERO_EITHER };

/* What was stored. */
struct hf_walk_cell {
    uint64_t address;
    size_t size;
    struct hf_arch_word word;
};

struct hf_walk {
    const struct hf_arch_memory *memory;
    struct hf_arch_word registers[HF_WALK_REGISTERS];
    struct hf_walk_cell cells[HF_WALK_CELLS];
    size_t cell_count;
    enum hf_walk_zero zero; /* was the last comparison one of equal values? */
    uint64_t at;            /* next instruction */
    uint64_t kept;          /* registers that must be unchanged at the return, a bit each */
    uint64_t other;         /* another address where it may continue; 0: none */
};

/*
 * Executes the instruction at walk->at and sets walk->at to the next one; walk->other is set when a branch may go
 * either way. False for every instruction that is not known to have no effect.
 */
typedef bool hf_walk_step(struct hf_walk *walk);

/* Makes every register a different unknown word. */
void hf_walk_begin(struct hf_walk *walk);
/*
 * Does every path from the entry reach the return address, within a number of steps, with the kept registers unchanged?
 */
bool hf_walk_returns(const struct hf_walk *entered, const struct hf_walk *before, hf_walk_step *step);

struct hf_arch_word hf_word_of(uint64_t number);
/*
 * Loads, and stores into the stack or a byte of the file's own zeroed memory. False when the value or place is unknown.
 */
bool hf_walk_load(const struct hf_walk *walk, uint64_t address, size_t size, struct hf_arch_word *word);
bool hf_walk_store(struct hf_walk *walk, uint64_t address, size_t size, struct hf_arch_word word);
/*
 * Follows a branch on the last comparison: jumps to `to` if the values were equal (or not equal). False when this is
 * not known.
 */
bool hf_walk_branch(struct hf_walk *walk, bool if_zero, uint64_t to, uint64_t next);
/* The result of comparing a word with zero. A weak import may be zero. */
enum hf_walk_zero hf_walk_test(const struct hf_arch_word *word);
/* Is it an import that may be called, because crt files call it: of the C library or of the program's profiler? */
bool hf_walk_may_call(const struct hf_arch_word *word);

#endif
