/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does the address of an object escape from the code that uses it? Code that computes the address of a table, reads
 * from it and discards it leaves no pointer behind. This is decided by following the registers and stack slots through
 * the function: an address that is stored in memory, passed to a call or returned has escaped. Every answer but "kept"
 * means that it is not proven.
 */
#ifndef HF_LEAK_H
#define HF_LEAK_H

#include "arch.h"

/* What a relocation of the code refers to. */
enum hf_named {
    HF_NAMED_OTHER,
    HF_NAMED_THING, /* the object in question */
    HF_NAMED_BOTH,  /* likewise, and it contains the targets of indirect jumps of this code */
    HF_NAMED_SLOT,  /* a word that contains the object's address */
    HF_NAMED_TABLE  /* a table with the targets of indirect jumps of this code */
};

#define HF_NAMED_UNKNOWN 255

struct hf_named_field {
    uint64_t offset;
    enum hf_named what;
    unsigned arguments; /* of a call: how many registers hold arguments; HF_NAMED_UNKNOWN */
};

struct hf_leak_question {
    const uint8_t *code; /* as in an object, without applied relocations */
    uint64_t size;
    const struct hf_named_field *fields; /* all of the code's relocations, by offset */
    size_t field_count;
    const uint64_t *entries; /* where it is entered from elsewhere */
    size_t entry_count;
    const uint64_t *landings; /* where its indirect jumps may go */
    size_t landing_count;
    bool deep;  /* values read from the object count like its address: labels */
    bool wide;  /* the function may return a value in two registers */
    bool apart; /* other parts of the function are elsewhere, and share its stack */
};

#define HF_STEP_OPERANDS 8

/* A register in an operand of an instruction. */
struct hf_step_operand {
    uint8_t number;
    bool read;
    bool written;
};

/* What one instruction does, as far as values are concerned. Registers are bits: general ones from 0 on. */
enum hf_step_kind {
    HF_STEP_PLAIN,
    HF_STEP_JUMP,     /* to target */
    HF_STEP_BRANCH,   /* to target, or not */
    HF_STEP_INDIRECT, /* to what it reads */
    HF_STEP_CALL,
    HF_STEP_RETURN,
    HF_STEP_STOP /* nothing runs behind it */
};

enum hf_step_base { HF_STEP_NO_BASE, HF_STEP_STACK, HF_STEP_FRAME };

struct hf_step {
    uint64_t offset;
    uint64_t target; /* HF_STEP_OUTSIDE: not in this code */
    uint32_t reads;  /* registers whose values affect the values that it writes */
    uint32_t writes;
    uint32_t address; /* that make up the address of its memory operand */
    int64_t displacement;
    int64_t stack_change;
    enum hf_step_kind kind;
    enum hf_step_base base;    /* the memory operand is on the stack, at `displacement`, and nothing is added */
    enum hf_named value_names; /* an operand is the address of something */
    enum hf_named memory_names;
    unsigned arguments;
    bool has_value; /* value_names is valid; likewise memory_names */
    bool has_memory;
    bool loads;
    bool stores;
    bool pair;         /* of two words, one behind the other */
    bool writes_other; /* a register that is not followed */
    bool takes_stack;  /* computes an address on the stack */
    bool takes_own;    /* computes the address of a place in this code */
    bool sets_frame;   /* the frame pointer becomes the stack pointer */
    bool from_frame;   /* the stack pointer becomes the frame pointer, then stack_change */
    bool loses_stack;  /* the change of the stack pointer is not known */
    bool loses_frame;
    bool idle; /* padding, or an instruction without effect */

    /* For the comparison of instructions. */
    uint64_t shape;   /* equal for instructions that differ in operands below, relocations, branches and places alone */
    uint64_t inverse; /* of a branch: the shape of the one that branches when this one does not; 0: not known */
    struct hf_step_operand operands[HF_STEP_OPERANDS]; /* registers that are followed, in their order */
    unsigned operand_count;
    int64_t place;    /* an operand is the stack or frame pointer and this many bytes: a place, or its address */
    bool has_place;   /* place is valid */
    bool frame_place; /* it counts from the frame pointer, which may be an ordinary register of this function */
    bool reads_other; /* a register that is not followed */
    bool copies;      /* does nothing but copy a register */
};

/* Adds a number to a shape. */
static inline uint64_t hf_step_mix(uint64_t shape, uint64_t number)
{
    return (shape ^ number) * UINT64_C(0x100000001b3) + (number >> 29);
}

/* Adds a register to the operands. */
static inline void hf_step_operand(struct hf_step *step, unsigned number, bool read, bool written)
{
    if (step->operand_count == HF_STEP_OPERANDS)
        step->shape = hf_step_mix(step->shape, step->offset); /* equal to no other */
    else
        step->operands[step->operand_count++] =
            (struct hf_step_operand){.number = (uint8_t)number, .read = read, .written = written};
}

#define HF_STEP_OUTSIDE UINT64_MAX

/* The steps of a piece of code, and how functions are called. */
struct hf_steps {
    struct hf_step *items;
    size_t count;
    uint32_t arguments[9]; /* registers that hold the arguments of a call: of 0, 1, ..., 8 that are known, else all */
    uint32_t result;
    uint32_t wide_result;
    uint32_t clobbered; /* by a call */
};

#define HF_STEPS_ALL 8

/* Is it proven that the address stays within the code? *at is the offset of an instruction that contradicts. */
bool hf_leak_kept(const struct hf_arch_tools *arch, const struct hf_leak_question *question, uint64_t *at);

/* Does the code compute the address of a place in itself, as for labels as values? Unknown counts as yes. */
bool hf_leak_takes_own(const struct hf_arch_tools *arch, const struct hf_leak_question *question);

/* What field begins in [begin, end); NULL when none does. */
const struct hf_named_field *hf_leak_field(const struct hf_leak_question *question, uint64_t begin, uint64_t end);

#endif
