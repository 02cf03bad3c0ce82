/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Picking functions, at three granularities that combine freely:
 *   --func NAME or NAME@source.c   one function, global or file-local, by its symbol name; source.c is the end of the
 * path of its source file or of the translation unit that it was compiled in. Of C++ also by the name that people
 * write, as far as it is unique (scoped.h), and all instantiations of a template: 'max<*>'
 *   --package DIR-or-source-file   every function of those translation units, headers' functions among them; or every
 * function of a C++ namespace and of what is in it
 *   --class TYPE or '*TYPE'        functions whose first parameter is TYPE by value, or by pointer or reference; TYPE
 * is a tag or a typedef. Without the asterisk and where it is a C++ class: its methods, and what is local to these
 *   --follow-inlines               what the above was inlined into in the target, and so on, as far as the patch has it
 *   --exclude PATTERN              fnmatch(3) pattern on names and symbols, taken away from all of the above
 * The result holds each function once, ordered by address in the target.
 *
 * What compilers split off or specialise (foo.cold, foo.part.0, foo.constprop.0, foo.isra.0) is no function of the
 * source: --package and --class ignore it, and a name means exactly the symbol of that name.
 */
#ifndef HF_PICK_H
#define HF_PICK_H

#include <stddef.h>

#include "hotfix/error.h"
#include "program/program.h"

enum hf_pick_kind {
    HF_PICK_FUNCTION,
    HF_PICK_PACKAGE,
    HF_PICK_CLASS,
    HF_PICK_EXCLUDE,
    HF_PICK_INLINES,
    HF_PICK_PLACE /* "NAME@0xADDRESS": no option, but what a manifest says */
};

struct hf_pick {
    enum hf_pick_kind kind;
    const char *text; /* "" for HF_PICK_INLINES */
};

/* A function of the target and its replacement in the patch. */
struct hf_pair {
    const struct hf_function *old_function; /* in the target program */
    const struct hf_function *new_function; /* in the patch program */
};

/*
 * Resolves picks against the target and the patch. Every function that --func names must be in both (HOTFIX_USAGE names
 * it and, where it is ambiguous, the candidates); --package and --class select what both have and must match something;
 * an empty selection is HOTFIX_USAGE and says what each pick matched. File-local functions pair with those from a
 * source file of the same name; of several, with the one whose path agrees most. *pairs is malloc'ed and points into
 * both programs.
 */
int hf_pick_resolve(const struct hf_pick *picks, size_t pick_count, const struct hf_program *target,
                    const struct hf_program *patch, struct hf_pair **pairs, size_t *pair_count,
                    struct hotfix_error *err);

#endif
