/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instruction sets that compilers may use. For x86-64 -march= and -mNAME give them: gcc writes -march=native as some
 * ninety of the latter. A CPU's own flags (-march) come first, the others in their order: -mavx2 brings AVX with it,
 * -mno-avx takes AVX2 away. For arm64 it is -march=BASE+NAME+noNAME, or -mcpu= with a CPU in the place of the base.
 */
#ifndef HF_INSTRUCTIONS_H
#define HF_INSTRUCTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum hf_instructions_relation {
    HF_INSTRUCTIONS_WITHIN, /* the patch's are all among the target's */
    HF_INSTRUCTIONS_BEYOND,
    HF_INSTRUCTIONS_UNKNOWN /* flags differ, and a CPU among them is not known here; -march=native as such */
};

/* Does this flag say which instructions may be used? */
bool hf_instructions_flag(const char *flag);

/*
 * Compares the flags for which hf_instructions_flag() holds, each side's in its order. *beyond gets the names of what
 * the patch has beyond the target, ", " between them, "" when nothing; malloc'ed, NULL when out of memory.
 */
enum hf_instructions_relation hf_instructions_compare(char *const *target, size_t target_count, char *const *patch,
                                                      size_t patch_count, char **beyond);

#endif
