/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding the words of this process's memory that point into a stretch of addresses. Other threads run during the
 * search, so a word that they move during it can be missed.
 *
 * The search reads aligned words in private pages (anonymous ones, and written pages of files) and in all shared
 * memory. It skips the stretch itself, and the stacks of known threads, which are scanned during a stop (stacks.h). It
 * reads a few GiB of such memory per second. A process that has more than 1 TiB mapped, used or not, is not searched.
 */
#ifndef HF_POINTERS_H
#define HF_POINTERS_H

#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"
#include "stop/request.h"

/* Words that do not count, by value and place. */
struct hf_exemption {
    struct hf_range values;
    struct hf_range places;
};
#define HF_ANYWHERE                                                                                                    \
    {                                                                                                                  \
        0, UINTPTR_MAX                                                                                                 \
    }

struct hf_pointers {
    struct hf_range to; /* the addresses that are searched for */
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
 * 1 with the first word found, 0 when there is none, -1 when the search failed: HOTFIX_IO when /proc cannot be read,
 * HOTFIX_MEMORY also when there is too much memory to search.
 */
int hf_pointers_find(const struct hf_pointers *pointers, struct hf_pointer *found, struct hotfix_error *err);

#endif
