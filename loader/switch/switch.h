/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Switching functions through a patcher, in one stop of the process, or not at all. Open allocates all that the stop
 * needs; run stops, switches and resumes; close frees.
 *
 * An apply also takes out, in the same stop, the applied bundles that the new one supersedes: their functions that it
 * does not replace go back first, then its own are switched.
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
    uint64_t deadline_ns;           /* as in struct hotfix_apply_options */
    struct hf_applied **superseded; /* newest first, then NULL; whoever wants to keep the list moves it out */
    size_t superseded_count;
    struct hf_part *parts; /* the superseded bundles, newest first, and at last the applied one's */
    size_t part_count;
    size_t current;                    /* the part that is or was last switched */
    struct hotfix_error unseen;        /* of undoing: nobody can be told */
    struct hotfix_function *functions; /* of all parts, one after the other */
    size_t function_count;
    struct hf_range *ranges; /* bytes that no thread may be in */
    struct hf_busy *busy;    /* code that no thread may be in: of callers, when quiescent of all that goes out of use */
    size_t busy_count;
    bool torn;     /* the switch failed, and some code could not be put back */
    uint8_t *code; /* the functions' code as it was, one after the other */
    struct hf_code_writer writer;
};

/*
 * A revert takes in only the functions for which this bundle counts. HOTFIX_MEMORY, or what the patcher's prepare says.
 */
int hf_switch_open(struct hf_switch *change, struct hf_applied *applied, enum hf_direction direction,
                   const struct hotfix_apply_options *options, struct hf_report *report);

/*
 * Switches, and in the same stop adds the bundle to the registry or removes it, as well as those that it supersedes.
 * HOTFIX_STOP, HOTFIX_BUSY, HOTFIX_SWITCH, or what the patcher says; the code is as before then. HOTFIX_TORN when it is
 * not, and neither the patch nor its code may go away.
 */
int hf_switch_run(struct hf_switch *change);

void hf_switch_close(struct hf_switch *change);

#endif
