/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entries of one unit as bytes (DWARF 5, sections 7.5.1 to 7.5.6): where each attribute's value is, for code that
 * changes values in place.
 */
#ifndef HF_ENTRIES_H
#define HF_ENTRIES_H

#include "dwarf/bytes.h"

/* Where an abbreviation's attributes are. */
struct hf_abbreviation {
    uint64_t code;
    size_t position;
};

struct hf_entries {
    struct hf_bytes unit;  /* behind its length */
    uint16_t version;      /* 3 to 5 */
    uint8_t type;          /* DW_UT_* */
    uint8_t address_size;  /* bytes */
    uint8_t offset_size;   /* bytes */
    uint64_t id;           /* of a skeleton and of the unit that was split off it; 0 else */
    size_t table_position; /* where the header has the offset of the table; from the unit's begin, like all positions */
    uint64_t table_offset; /* its abbreviations, in their section */
    size_t first;          /* where the first entry is */
    struct hf_bytes table; /* from its beginning to the section's end */
    size_t table_size;     /* up to the code that ends it */
    uint64_t last_code;    /* the largest */
    struct hf_abbreviation *abbreviations; /* owned */
    size_t abbreviation_count;
};

/* Reads a unit's header and its abbreviations. False when they are damaged, of DWARF 2, or memory is out. */
bool hf_entries_init(struct hf_entries *entries, const struct hf_bytes *unit, bool wide,
                     const struct hf_bytes *abbreviations);
void hf_entries_deinit(struct hf_entries *entries);

/* An attribute's value lies in size bytes at a position of the unit. False ends the walk. */
typedef bool (*hf_entries_fn)(const struct hf_entries *entries, const struct hf_bytes_attribute *attribute,
                              size_t position, size_t size, void *arg);

/*
 * Calls fn for each attribute of the entry at *position, and moves *position behind the entry. False when the entry is
 * damaged or has an unknown form, or fn returned false.
 */
bool hf_entries_visit(const struct hf_entries *entries, size_t *position, hf_entries_fn fn, void *arg);
/* The same for every entry from a position on. */
bool hf_entries_walk(const struct hf_entries *entries, size_t position, hf_entries_fn fn, void *arg);

#endif
