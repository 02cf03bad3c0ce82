/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The proof that the target was linked from an object, and the facts that it gives.
 *
 * Each function of the object is searched in the target and compared byte for byte, except for relocation fields;
 * relaxations of the linker are understood. The linked values of those fields then show where everything lies to which
 * the function refers: file-local variables whose name occurs twice, static locals, imported functions. Symbols of the
 * target are used only for a starting point, and for items to which nothing refers. Two functions that disagree refute
 * the proof.
 */
#ifndef HF_PROOF_H
#define HF_PROOF_H

#include "object/object.h"
#include "prove/target.h"

enum hf_proof_state {
    HF_PROOF_OPEN,   /* not examined, or several places fit */
    HF_PROOF_PROVEN, /* found, equal */
    HF_PROOF_ABSENT, /* the target has no function of this name */
    HF_PROOF_DIFFERS /* the target has one, but its code is another */
};

/* Where something lies in the target. */
struct hf_anchor {
    bool known;
    bool thread;      /* address is an offset in the thread-local block */
    bool has_slot;    /* slot is the address of a slot that holds it */
    bool imported;    /* another module has it: address has no meaning */
    uint64_t address; /* of a part: where its first byte lies */
    uint64_t slot;
    uint64_t stub; /* a linkage stub that leads to it, 0 when none was seen */
};

struct hf_proof {
    const struct hf_object *object;
    const struct hf_target *target;
    struct hf_anchor *parts; /* by section number */
    struct hf_anchor *names; /* by symbol number: of undefined, common and weak ones, which another object may define */
    enum hf_proof_state *states; /* by symbol number: of functions */
    size_t proven_count;
    size_t differing_count;
    const struct hf_name *differing; /* the first function that differs */
    uint64_t differing_at;           /* its first byte that does */
    const char *conflict;            /* two functions disagree on where this lies; NULL */
};

/* Looks for an object in a target. *proof holds what was found, which may be nothing. HOTFIX_MEMORY. */
int hf_proof_create(const struct hf_object *object, const struct hf_target *target, struct hf_proof **proof,
                    struct hotfix_error *err);
void hf_proof_destroy(struct hf_proof *proof);

/*
 * Was the target linked from this object? 0, also for an object without functions, in which nothing can differ;
 * HOTFIX_INCOMPATIBLE naming the first function and byte that differ, or what two functions disagree on;
 * HOTFIX_UNPROVEN when nothing of it was found, or when the function that differs holds a relocation that is not
 * supported, which is named.
 */
int hf_proof_check(const struct hf_proof *proof, struct hotfix_error *err);

#endif
