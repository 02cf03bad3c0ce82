/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which functions a bundle replaces: what a person picked, and for a patch made by `hotfix build`, what its records say
 * (build/record.h). Records alone mean all of them; picks choose among them, a whole group at a time.
 */
#ifndef HF_SELECTION_H
#define HF_SELECTION_H

#include <stddef.h>

#include "hotfix/error.h"
#include "program/pick.h"
#include "program/program.h"

struct hf_selection {
    struct hf_pair *pairs; /* ordered by address in the target; point into both programs and into the below */
    size_t pair_count;
    struct hf_function *made; /* functions that a record names and the symbols do not; own their texts */
    size_t made_count;
};

/*
 * HOTFIX_USAGE as hf_pick_resolve(), and for a pick that takes part of a group; HOTFIX_INCOMPATIBLE when the records
 * are for another target; HOTFIX_FORMAT.
 */
int hf_selection_init(const struct hf_pick *picks, size_t pick_count, const struct hf_program *target,
                      const struct hf_program *patch, struct hf_selection *selection, struct hotfix_error *err);
void hf_selection_deinit(struct hf_selection *selection);

#endif
