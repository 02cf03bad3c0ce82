/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Following code from its entry to its return, with what is known of memory and no arguments: how it is told that
 * what the dynamic linker runs while it loads a file does nothing. One step is the CPU's; what is here is not.
 */
#ifndef HF_ARCH_INERT_H
#define HF_ARCH_INERT_H

#include "arch.h"

#define HF_WALK_REGISTERS 33
#define HF_WALK_CELLS     32
#define HF_WALK_RETURN    1              /* no code lies there: the entry's return address */
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
    enum hf_walk_zero zero; /* whether the last comparison was of equals */
    uint64_t at;            /* next instruction */
    uint64_t kept;          /* registers that must be at the return what they were, a bit each */
    uint64_t other;         /* where it may go as well; 0: nowhere else */
};

/* Executes the instruction at walk->at and sets walk->at to the next one; other where a branch may go either way. False
 * for all that is not known to change nothing. */
typedef bool hf_walk_step(struct hf_walk *walk);

/* Makes every register a word of its own that nothing is known of. */
void hf_walk_begin(struct hf_walk *walk);
/* Whether every way from the entry comes to the return address, within some steps, with what is kept as in before. */
bool hf_walk_returns(const struct hf_walk *entered, const struct hf_walk *before, hf_walk_step *step);

struct hf_arch_word hf_word_of(uint64_t number);
/* Loads, and stores into the stack or a byte of the file's own zeroed memory. False where that cannot be told. */
bool hf_walk_load(const struct hf_walk *walk, uint64_t address, size_t size, struct hf_arch_word *word);
bool hf_walk_store(struct hf_walk *walk, uint64_t address, size_t size, struct hf_arch_word word);
/* What a branch on the last comparison does: goes to `to` where it was of equals (or not). False when it is not known.
 */
bool hf_walk_branch(struct hf_walk *walk, bool if_zero, uint64_t to, uint64_t next);
/* What a word compares with zero as. An import that is weak may be nothing. */
enum hf_walk_zero hf_walk_test(const struct hf_arch_word *word);
/* Whether it is an import that may be called: what crt files call, of the C library or of the program's profiler. */
bool hf_walk_may_call(const struct hf_arch_word *word);

#endif
