/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that differ only by line numbers, as assertions carry them: noise. */
#ifndef HF_LINES_H
#define HF_LINES_H

#include "object/object.h"

/*
 * True when two versions of a function differ in nothing but the lines that assertions are told: their references are
 * equal, their code differs only in constants, each of these goes straight into the argument of a call that is the line
 * of a failed assertion (__assert_fail() and its like, of a library: `is_own` says which names the target defines
 * itself), and debug information says that this call is on that very line, before and after. Equal numbers alone are no
 * such proof: a limit may grow by as much as a line moved.
 */
bool hf_lines_alone(const struct hf_part *before, const struct hf_part *after,
                    bool (*is_own)(const char *name, void *arg), void *arg);

/*
 * True when the code of two versions differs only in constants, each of which goes straight into an argument of a call
 * that debug information places on that very line, before and after. What they refer to is not compared. Such a
 * function may well have changed, but not in what it does with its variables.
 */
bool hf_lines_follow(const struct hf_part *before, const struct hf_part *after);

#endif
