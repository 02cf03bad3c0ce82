/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which functions of an object call which, as far as their compiler may have used what it knew of the one in the code
 * of the other (facts.h). A function and its cold half are one.
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
    bool direct;   /* what is known of a function is not known of those that call it */
};

/* Reads the calls of an object that goes into this target. HOTFIX_MEMORY. */
int hf_calls_read(const struct hf_object *object, const struct hf_target *target, struct hf_calls **calls,
                  struct hotfix_error *err);
/* NULL is fine. */
void hf_calls_destroy(struct hf_calls *calls);

/*
 * Sets reached[section number] for each function that calls of this one lead to, whoever is in between; for itself when
 * it calls itself, or jumps back to its entry. Others are set to false.
 */
void hf_calls_reach(const struct hf_calls *calls, const struct hf_part *from, bool *reached);

/* Is this reference a direct call or jump, or an address that only a call is made of? */
bool hf_calls_branch(const struct hf_arch_tools *arch, const struct hf_part *from,
                     const struct hf_reference *reference);

/* The function that a part belongs to: itself, or of a cold half the other one. */
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
