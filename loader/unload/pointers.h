/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding the words of this process's memory that point into a stretch of addresses. While other threads run: a word
 * that is moved about meanwhile can be missed.
 *
 * Looked at are aligned words in pages that are the process's own (anonymous, or a file's that were written to) and in
 * all that is shared; not in the stretch itself, nor on the stacks of known threads, which a stop sees (stacks.h). It
 * takes about a second for each few GiB of such memory. A process that has more than 1 TiB mapped, used or not, is not
 * searched.
 */
#ifndef HF_POINTERS_H
#define HF_POINTERS_H

#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"
#include "stop/request.h"

/* Words that do not count: these values at these places. */
struct hf_exemption {
    struct hf_range values;
    struct hf_range places;
};
#define HF_ANYWHERE                                                                                                    \
    {                                                                                                                  \
        0, UINTPTR_MAX                                                                                                 \
    }

struct hf_pointers {
    struct hf_range to; /* what words are to point into */
    const struct hf_exemption *exemptions;
    size_t exemption_count;
    const struct hf_stopped *stacks; /* the threads whose stacks are left out */
    size_t stack_count;
};

struct hf_pointer {
    uintptr_t at;
    uintptr_t value;
};

/*
 * 1 with the first word found, 0 when there is none, -1 when it cannot be told: HOTFIX_IO where
 * /proc cannot be read, HOTFIX_MEMORY also where there is too much to search.
 */
int hf_pointers_find(const struct hf_pointers *pointers, struct hf_pointer *found, struct hotfix_error *err);

#endif
