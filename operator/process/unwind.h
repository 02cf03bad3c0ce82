/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unwinds from a frame of a stopped thread to its caller's, with the exception tables (.eh_frame, DWARF 5 section 6.4,
 * in the form of the x86-64 psABI). Not supported, and reported as unknown: code without tables, rules that are DWARF
 * expressions (procedure linkage tables have them), tables in other encodings than GNU ld, gold, lld and mold write.
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
    HF_UNWOUND_SIGNAL,  /* it is the frame that the kernel made for a signal handler */
    HF_UNWOUND_UNKNOWN, /* it cannot be unwound */
};

/* innermost: the frame's pc is an instruction that is to run, not a return address. */
enum hf_unwound hf_unwind(const struct hf_target *target, const struct hf_images *images, bool innermost,
                          struct hf_frame *frame);

/* The begin of the function that contains an address, from the tables; 0 when they do not have it. */
uint64_t hf_unwind_function(const struct hf_target *target, const struct hf_images *images, uint64_t pc);

#endif
