/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A visit to a process: one of its threads, held at a safe point, runs the library that this command loads into the
 * process. The library stays; memory, descriptors and the state of the thread are as before when the visit ends.
 */
#ifndef HF_VISIT_H
#define HF_VISIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enter/tracee.h"
#include "hotfix/error.h"
#include "process/image.h"
#include "process/target.h"

struct hf_visit {
    struct hf_target *target;
    struct hf_images *images;
    struct hf_tracee tracee;
    uint64_t deadline;
    uint64_t began;  /* when the thread was held (hf_now_ns()); 0: none was */
    uint64_t region; /* in the process: guard page, stack, context, then the data that is copied in; 0: none */
    size_t region_size;
    uint64_t cargo;         /* where the data that is copied in begins */
    uint64_t errno_address; /* of the thread's errno */
    int32_t saved_errno;
};

/*
 * Finds a thread at a safe point and holds it, trying all of them again and again until the deadline (hf_now_ns()).
 * HOTFIX_BUSY when no thread was: the message says where one of them was found. HOTFIX_STOP, HOTFIX_STAGE,
 * HOTFIX_NO_TARGET. Call hf_visit_close() in any case.
 */
int hf_visit_open(struct hf_target *target, struct hf_images *images, uint64_t deadline, struct hf_visit *visit,
                  struct hotfix_error *err);

/* Maps memory for size bytes of data and for a stack. HOTFIX_STAGE, HOTFIX_NO_TARGET. */
int hf_visit_furnish(struct hf_visit *visit, size_t size, struct hotfix_error *err);

/*
 * Makes the process load the library if it does not have it. HOTFIX_STAGE says which system call of the dynamic linker
 * failed.
 */
int hf_visit_bring(struct hf_visit *visit, struct hotfix_error *err);

/* The library that an earlier visit left in a process, or NULL. */
const struct hf_image *hf_visit_agent(const struct hf_images *images);

/* Calls the library's entry with the request at that address. */
int hf_visit_enter(struct hf_visit *visit, uint64_t request, struct hotfix_error *err);

void hf_visit_close(struct hf_visit *visit);

/* Set by a signal handler: no further thread is held, and a held one is released as soon as possible. */
extern volatile int hf_visit_interrupted;

#endif
