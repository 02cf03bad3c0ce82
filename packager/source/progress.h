/* SPDX-License-Identifier: Apache-2.0 */
/* How far the build of a source tree is: one line on standard error that rewrites itself, on a terminal only. */
#ifndef HF_PROGRESS_H
#define HF_PROGRESS_H

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "source/tree.h"

struct hf_progress {
    FILE *terminal; /* NULL: nobody looks */
    size_t width;   /* of the line that is there */
    time_t begin;
};

/* The progress of standard error. */
void hf_progress_init(struct hf_progress *progress);

/* A hf_tree_progress_fn; arg is the progress. */
void hf_progress_show(enum hf_tree_phase phase, size_t done, void *arg);

/* Says that something else is being done, and for how long all of it. */
void hf_progress_say(struct hf_progress *progress, const char *doing);

/* Takes the line away. */
void hf_progress_end(struct hf_progress *progress);

#endif
