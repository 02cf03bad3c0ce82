/* SPDX-License-Identifier: Apache-2.0 */
/* Compiling recorded sources once more, with other options, as many at a time as there are processors. */
#ifndef HF_COMPILES_H
#define HF_COMPILES_H

#include <stdbool.h>
#include <stddef.h>

#include "hotfix/error.h"
#include "source/changes.h"

struct hf_compiles {
    const struct hf_change *changes;
    size_t count;
    bool after;       /* which state of the tree is in place */
    const char *tree; /* object paths below it keep their relative path */
    const char *log;
    bool lenient; /* what does not compile is left out */
};

/*
 * Without options, an object that is there as the build made it is taken as it is. Writes each object to `directory`,
 * which is made, under its path relative to the tree. Sources that the state does not have are passed over. HOTFIX_IO
 * naming the source that does not compile, and the log.
 */
int hf_compiles_run(const struct hf_compiles *compiles, const char *const *options, size_t option_count,
                    const char *directory, struct hotfix_error *err);

#endif
