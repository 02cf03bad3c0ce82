/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searches of the target's code look at every byte, and also find instructions that begin in the middle of others. If
 * the real instructions are known there, such a match is ignored; otherwise it must count.
 */
#ifndef HF_CHANCE_H
#define HF_CHANCE_H

#include "reference/work.h"

/*
 * Is the match of hf_arch_tools.mention() or takes() at an address of the target certainly not a reference to `to`?
 * This can be true only in functions with a size for which debug information says that a C or C++ compiler made exactly
 * this code, and only in code that direct branches from their entries reach. It is false in assembler functions, where
 * data may lie between instructions, and behind a jump that may have a table. Inline assembly is assumed to continue
 * after a call. False also when out of memory.
 */
bool hf_chance(const struct hf_work *work, uint64_t place, uint64_t to);

#endif
