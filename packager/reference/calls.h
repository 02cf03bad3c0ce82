/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls between functions of an object for which the compiler may have used facts about the callee in the caller's
 * code (facts.h). A function and its cold half count as one.
 */
#ifndef HF_CALLS_H
#define HF_CALLS_H

#include "arch.h"
#include "hotfix/error.h"
#include "object/object.h"
#include "prove/target.h"

struct hf_calls {
    const struct hf_object *object;
    const struct hf_arch_tools *arch;
    size_t *first; /* by section number: where its callees begin in `to`; one more marks the end */
    size_t *to;    /* section numbers of callees */
    size_t *queue; /* room for one search */
    bool direct;   /* facts about a function do not become facts about its callers */
};

/* Reads the calls of an object that goes into this target. HOTFIX_MEMORY. */
int hf_calls_read(const struct hf_object *object, const struct hf_target *target, struct hf_calls **calls,
                  struct hotfix_error *err);
/* NULL is fine. */
void hf_calls_destroy(struct hf_calls *calls);

/*
 * Sets reached[section number] for each function that this one calls, directly or through others; for itself when it
 * calls itself, or jumps back to its entry. Others are set to false.
 */
void hf_calls_reach(const struct hf_calls *calls, const struct hf_part *from, bool *reached);

/* Is this reference a direct call or jump, or an address that is only used for a call? */
bool hf_calls_branch(const struct hf_arch_tools *arch, const struct hf_part *from,
                     const struct hf_reference *reference);

/* The function that a part belongs to: for a cold half the other half, otherwise the part itself. */
static inline struct hf_part *hf_part_whole(struct hf_part *part)
{
    return part->family ? part->family : part;
}

static inline void hf_cleanup_calls(struct hf_calls **calls)
{
    hf_calls_destroy(*calls);
}
#define HF_CALLS __attribute__((cleanup(hf_cleanup_calls)))

#endif
