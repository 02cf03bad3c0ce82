/* SPDX-License-Identifier: Apache-2.0 */
/* What the dynamic linker writes at an address of a linked file. */
#ifndef HF_SLOT_H
#define HF_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elf/image.h"

struct hf_slot {
    uint32_t type; /* of the relocation */
    uint64_t addend;
    const char *name; /* of the symbol that it refers to, the image's; "" without one */
    uint64_t value;   /* st_value of it */
    uint8_t kind;     /* STT_* of it */
    bool defined;     /* in this file */
};

/* Receives a relocation and its table; true ends the iteration. */
typedef bool (*hf_slot_fn)(const GElf_Shdr *table, const GElf_Rela *entry, void *arg);

/*
 * Calls fn for each relocation that the dynamic linker applies, except those in short form (SHT_RELR), until fn returns
 * true. Returns whether it did.
 */
bool hf_slots_any(const struct hf_image *image, hf_slot_fn fn, void *arg);

/* How many relocations write to these bytes: if several write to one place, the last one counts. */
size_t hf_slot_count(const struct hf_image *image, uint64_t place, uint64_t size);

/* False when no relocation has this place. */
bool hf_slot_find(const struct hf_image *image, uint64_t place, struct hf_slot *slot);

#endif
