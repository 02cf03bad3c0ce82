/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that differ only in line numbers, for example of assertions: such differences are ignored. */
#ifndef HF_LINES_H
#define HF_LINES_H

#include "object/object.h"

/*
 * True when two versions of a function differ only in line numbers of assertions. Then their references are equal;
 * their code differs only in constants; each constant is moved directly into the line argument of a call for a failed
 * assertion (__assert_fail() and similar functions of a library: `is_own` says which names the target defines itself);
 * and debug information says that this call is on that line, before and after. Equal numbers alone would not be a
 * proof: a limit may grow by as much as a line moved.
 */
bool hf_lines_alone(const struct hf_part *before, const struct hf_part *after,
                    bool (*is_own)(const char *name, void *arg), void *arg);

/*
 * True when the code of two versions differs only in constants, and each constant is moved directly into an argument of
 * a call that debug information places on that line, before and after. References are not compared. Such a function may
 * have changed, but not in its use of variables.
 */
bool hf_lines_follow(const struct hf_part *before, const struct hf_part *after);

#endif
