/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a frame of a stopped thread to its caller's, by the tables that compilers write for exceptions (.eh_frame, DWARF
 * 5 section 6.4, as the x86-64 psABI has it). Not supported, and told as unknown: code without tables, rules that are
 * DWARF expressions (procedure linkage tables have them), tables in other encodings than GNU ld, gold, lld and mold
 * write.
 */
#ifndef HF_UNWIND_H
#define HF_UNWIND_H

#include <stdint.h>

#include "process/image.h"
#include "process/target.h"

/* Numbers of the x86-64 psABI, figure 3.36. */
enum { HF_DWARF_RBP = 6, HF_DWARF_RSP = 7, HF_DWARF_PC = 16, HF_DWARF_REGS = 17 };

struct hf_frame {
    uint64_t regs[HF_DWARF_REGS];
    uint32_t known; /* a bit for each register whose value is known */
};

enum hf_unwound {
    HF_UNWOUND_CALLER,  /* the frame is the caller's now */
    HF_UNWOUND_END,     /* it was the outermost: its return address is undefined */
    HF_UNWOUND_SIGNAL,  /* it is where the kernel put a signal handler's return address */
    HF_UNWOUND_UNKNOWN, /* nothing is known of it */
};

/* innermost: the frame's pc is an instruction that is to run, not a return address. */
enum hf_unwound hf_unwind(const struct hf_target *target, const struct hf_images *images, bool innermost,
                          struct hf_frame *frame);

/* Where the function begins that an address lies in, as the tables have it; 0 when they do not. */
uint64_t hf_unwind_function(const struct hf_target *target, const struct hf_images *images, uint64_t pc);

#endif
