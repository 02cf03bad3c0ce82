/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that differ only by line numbers, as assertions carry them: noise. */
#ifndef HF_LINES_H
#define HF_LINES_H

#include "object/object.h"

/*
 * True when two versions of a function differ in nothing but constants that are line numbers: their references are
 * equal, their code differs only in constants that it loads, and debug information gives each of these instructions
 * a line that moved by exactly as much as its constant did, and lies near it. Without debug information it is false.
 */
bool hf_lines_alone(const struct hf_part *before, const struct hf_part *after);

#endif
