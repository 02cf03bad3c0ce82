/* SPDX-License-Identifier: Apache-2.0 */
/* Redirecting the references of one new object while it is written anew (emit.h). */
#ifndef HF_REDIRECT_H
#define HF_REDIRECT_H

#include "link/emission.h"
#include "object/writer.h"
#include "reference/work.h"

/* A slot of the patch's own that replaces one in the target's global offset table. */
struct hf_own_slot {
    enum hf_fixup_kind kind;
    uint64_t value;
    bool constant; /* holds the value, known now, and needs no fix-up */
};

struct hf_redirect {
    struct hf_work *work;
    struct hf_pairing *pairing;
    struct hf_emission *emission;
    struct hf_writer writer;
    size_t *sections;     /* by section number of the object: handle in the writer; 0 is left out */
    size_t *symbols;      /* by symbol number: handle; 0 until it is needed */
    size_t *placeholders; /* by placeholder: handle; 0 until it is needed */
    size_t placeholder_room;
    struct hf_own_slot *slots; /* written at the end; a reference to one is to slot_section */
    size_t slot_count;
    size_t slot_section;
    size_t replacement_count; /* replacements that were gone through */
};

int hf_redirect_init(struct hf_redirect *redirect, struct hf_work *work, struct hf_pairing *pairing,
                     struct hf_emission *emission, struct hotfix_error *err);
void hf_redirect_deinit(struct hf_redirect *redirect);

/*
 * Adds to the section the relocation or constant that a reference of the part becomes. HOTFIX_INCOMPATIBLE when it has
 * no form in a patch.
 */
int hf_redirect_reference(struct hf_redirect *redirect, const struct hf_part *part, size_t section,
                          const struct hf_reference *reference, struct hotfix_error *err);

/* Writes the slots. */
int hf_redirect_finish(struct hf_redirect *redirect, struct hotfix_error *err);

#endif
