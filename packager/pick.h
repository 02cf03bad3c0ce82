/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Picking functions, at three granularities that combine freely:
 *   --func NAME or NAME@source.c   one function, global or file-local
 *   --package DIR-or-source-file   every function of those translation units
 *   --class TYPE or '*TYPE'        functions whose first parameter is TYPE by value, or by pointer
 *   --exclude PATTERN              fnmatch(3) pattern on names, taken away from the above
 * The result holds each function once, ordered by address in the target.
 */
#ifndef HF_PICK_H
#define HF_PICK_H

#include <stddef.h>

#include "elf/program.h"
#include "hotfix/error.h"

enum hf_pick_kind { HF_PICK_FUNCTION, HF_PICK_PACKAGE, HF_PICK_CLASS, HF_PICK_EXCLUDE };

struct hf_pick {
    enum hf_pick_kind kind;
    const char *text;
};

/* A function of the target and its replacement in the patch. */
struct hf_pair {
    const struct hf_function *old_function; /* in the target program */
    const struct hf_function *new_function; /* in the patch program */
};

/*
 * Resolves picks against the target and the patch. Every function that --func names must be in both (HOTFIX_USAGE names
 * it and, where it is ambiguous, the candidates); --package and --class select what both have and must match something;
 * an empty selection is HOTFIX_USAGE. *pairs is malloc'ed and points into both programs.
 */
int hf_pick_resolve(const struct hf_pick *picks, size_t pick_count, const struct hf_program *target,
                    const struct hf_program *patch, struct hf_pair **pairs, size_t *pair_count,
                    struct hotfix_error *err);

#endif
