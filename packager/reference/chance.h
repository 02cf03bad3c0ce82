/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searches of the target's code go over bytes, and find instructions that begin in the middle of others. Where it is
 * known which instructions there are, such a find is nothing; elsewhere it must count.
 */
#ifndef HF_CHANCE_H
#define HF_CHANCE_H

#include "reference/work.h"

/*
 * Is what hf_arch_tools.mention() or takes() found at an address of the target certainly no reference to `to`? Only
 * in functions with a size of which debug information says that a compiler of C or C++ made just this code, and only
 * as far as direct branches lead from their entries. Not in assembler's functions, in which data may lie between
 * instructions; not behind a jump that may have a table. Inline assembly is taken to go on behind what it calls. False
 * when memory is out, too.
 */
bool hf_chance(const struct hf_work *work, uint64_t place, uint64_t to);

#endif
