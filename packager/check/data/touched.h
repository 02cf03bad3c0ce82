/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the code of a new function leads to, by its instructions: the target's variables that it refers to (through
 * slots that the dynamic linker fills in, or fix-ups of `hotfix build`), and the patch's other functions that it calls
 * or jumps to, with what these lead to in turn.
 */
#ifndef HF_TOUCHED_H
#define HF_TOUCHED_H

#include <stdbool.h>
#include <stddef.h>

#include "check/check.h"
#include "fixup.h"

#define HF_TOUCHED_MAX 65536 /* references of one function, and functions that one leads to */

struct hf_touched_variable {
    const struct hf_symbol *symbol; /* in the target */
    bool thread;                    /* the patch takes it for thread-local */
};

struct hf_touched {
    struct hf_touched_variable *variables;
    size_t variable_count;
    const struct hf_function **functions; /* in the patch; the new function itself is the first */
    size_t function_count;
    bool complete; /* false when code could not be read or decoded */
};

/* The fix-ups that a patch carries; empty when there are none. HOTFIX_FORMAT for damaged ones, HOTFIX_MEMORY. */
int hf_touched_fixups(const struct hf_image *patch, struct hf_fixups *fixups, struct hotfix_error *err);

/* Reads code of one subject, each function once. */
struct hf_toucher {
    const struct hf_check_subject *subject;
    struct hf_fixups fixups;
    void *entered;                  /* functions that were read; see tsearch(3) */
    const struct hf_symbol **named; /* the target's variables that other files see, by name */
    size_t named_count;
};

/* HOTFIX_FORMAT for damaged fix-ups, HOTFIX_MEMORY. */
int hf_toucher_init(const struct hf_check_subject *subject, struct hf_toucher *toucher, struct hotfix_error *err);
void hf_toucher_deinit(struct hf_toucher *toucher);
#define HF_TOUCHER __attribute__((cleanup(hf_toucher_deinit)))

/*
 * Functions that are picked themselves are not entered: they are pairs of their own. Nor are those that were for an
 * earlier pair. HOTFIX_MEMORY.
 */
int hf_toucher_read(struct hf_toucher *toucher, const struct hf_pair *pair, struct hf_touched *touched,
                    struct hotfix_error *err);
void hf_touched_deinit(struct hf_touched *touched);
#define HF_TOUCHED __attribute__((cleanup(hf_touched_deinit)))

#endif
