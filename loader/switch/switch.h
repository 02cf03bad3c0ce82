/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Switching functions through a patcher, in one stop of the process, or not at all. Open allocates all that the stop
 * needs; run stops, switches and resumes; close frees.
 *
 * An apply also removes, in the same stop, the applied bundles that the new one supersedes: their functions that the
 * new bundle does not replace are reverted first, then its own functions are switched.
 */
#ifndef HF_SWITCH_H
#define HF_SWITCH_H

#include <stdbool.h>

#include "applied/registry.h"
#include "applied/result.h"
#include "hotfix.h"
#include "process/code.h"
#include "stop/stop.h"

enum hf_direction { HF_SWITCH_APPLY, HF_SWITCH_REVERT };

/* What the patcher does for one bundle. */
struct hf_part {
    struct hf_applied *applied;
    enum hf_direction direction;
    struct hotfix_function *functions; /* those to switch, among the switch's */
    size_t function_count;
    struct hotfix_request request;
    void *state; /* the patcher's */
    bool prepared;
};

struct hf_switch {
    struct hf_applied *applied;
    struct hf_report *report;
    uint64_t deadline_ns; /* as in struct hotfix_apply_options */
    struct hf_applied *
        *superseded; /* newest first, then NULL; a caller that keeps the list takes it and sets this to NULL */
    size_t superseded_count;
    struct hf_part *parts; /* the superseded bundles, newest first, and at last the applied one's */
    size_t part_count;
    size_t current;                    /* the part that is or was last switched */
    struct hotfix_error unseen;        /* an error while undoing, which cannot be reported */
    struct hotfix_function *functions; /* of all parts, one after the other */
    size_t function_count;
    struct hf_range *ranges; /* bytes that no thread may be in */
    struct hf_busy *busy;    /* code that no thread may be inside: callers, and for a quiescent switch all code that is
                                taken out of use */
    size_t busy_count;
    bool torn;     /* the switch failed, and some code could not be restored */
    uint8_t *code; /* the functions' code as it was, one after the other */
    struct hf_code_writer writer;
};

/*
 * A revert contains only the functions for which this bundle is in effect. HOTFIX_MEMORY, or the error of the patcher's
 * prepare.
 */
int hf_switch_open(struct hf_switch *change, struct hf_applied *applied, enum hf_direction direction,
                   const struct hotfix_apply_options *options, struct hf_report *report);

/*
 * Switches, and in the same stop adds the bundle to the registry or removes it, as well as those that it supersedes.
 * HOTFIX_STOP, HOTFIX_BUSY, HOTFIX_SWITCH, or the error of the patcher: the code is then as before. HOTFIX_TORN when it
 * is not; then neither the patch nor its code may be unloaded.
 */
int hf_switch_run(struct hf_switch *change);

void hf_switch_close(struct hf_switch *change);

#endif
