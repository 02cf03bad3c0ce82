/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a reference of the patch is bound to: a part of the patch, the target's own copy, or a symbol of another
 * library.
 */
#ifndef HF_BINDING_H
#define HF_BINDING_H

#include "reference/work.h"

enum hf_binding_kind {
    HF_BINDING_OWN,      /* the patch brings it */
    HF_BINDING_TARGET,   /* lies at an address of the target */
    HF_BINDING_THREAD,   /* lies at an offset in the target's thread-local block */
    HF_BINDING_RESOLVER, /* a function that the resolver at an address of the target chooses (STT_GNU_IFUNC) */
    HF_BINDING_IMPORT,   /* another library has it, and the target imports it */
    HF_BINDING_OUTSIDE   /* another library has it: the dynamic linker will find it */
};

struct hf_binding {
    enum hf_binding_kind kind;
    struct hf_part *part; /* where a new object defines it; NULL when none does */
    uint64_t address; /* of the symbol, without the addend; or its offset in the thread-local block. For an import: the
                         address that the target uses for it, 0 when it asks the dynamic linker */
    uint64_t ahead;   /* for a literal: the part of the addend that leads from the symbol to it, already included in
                         `address` */
    uint64_t slot;    /* a slot of the target that holds its address (or offset), when has_slot */
    bool has_slot;
    bool has_pair;    /* slot is the first of two: TLS module and offset */
    uint64_t stub;    /* a linkage stub of the target that leads to it, 0 without */
    bool exported;    /* a library exports it and does not use it itself: which definition is used is decided in the
                         process */
    uint64_t symbol;  /* for an exported one: address of its dynamic symbol */
    bool must_be_own; /* for an exported one: any other definition than the library's must be refused */
};

/*
 * Binds a reference of a part of a new object. HOTFIX_INCOMPATIBLE or HOTFIX_UNPROVEN with the reason why it cannot be
 * bound.
 */
int hf_bind(struct hf_work *work, struct hf_pairing *pairing, const struct hf_part *from,
            const struct hf_reference *reference, struct hf_binding *binding, struct hotfix_error *err);

/*
 * The target's symbol of this name that other objects could refer to, NULL when it has none; *count of them at
 * different addresses.
 */
const struct hf_symbol *hf_binding_symbol(const struct hf_target *target, const char *text, size_t *count);

/* Where a part of the old object lies in the target: 0; 1 when the target does not have it; -1 HOTFIX_UNPROVEN. */
int hf_locate(struct hf_work *work, const struct hf_pairing *pairing, const struct hf_part *before,
              struct hf_anchor *anchor, struct hotfix_error *err);

#endif
