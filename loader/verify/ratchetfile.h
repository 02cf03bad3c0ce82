/* SPDX-License-Identifier: Apache-2.0 */
/* The text of the freshness state (ratchet.h): strict INI (inifile.h), described in hotfix-trust(5). */
#ifndef HF_RATCHETFILE_H
#define HF_RATCHETFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"
#include "key.h"

/* The highest sequence number of the bundles for targets of a name that a key signed. */
struct hf_ratchet_record {
    uint8_t key[HF_KEY_SIZE];
    char *target;
    uint64_t sequence;
};

struct hf_ratchet_records {
    struct hf_ratchet_record *items;
    size_t count;
};

/* Parses size bytes into records that are empty. HOTFIX_FORMAT, HOTFIX_MEMORY; on failure they stay empty. */
int hf_ratchet_parse(const char *text, size_t size, struct hf_ratchet_records *records, struct hotfix_error *err);

/* The text of the records: *text is malloc'ed. HOTFIX_MEMORY. */
int hf_ratchet_format(const struct hf_ratchet_records *records, char **text, size_t *size, struct hotfix_error *err);

/*
 * Makes the number for this key and target at least this one, and *changed true if it was not; else leaves *changed.
 * HOTFIX_REPLAYED when there are too many records, HOTFIX_MEMORY.
 */
int hf_ratchet_raise(struct hf_ratchet_records *records, const uint8_t key[HF_KEY_SIZE], const char *target,
                     uint64_t sequence, bool *changed, struct hotfix_error *err);

void hf_ratchet_records_deinit(struct hf_ratchet_records *records);

#endif
