/* SPDX-License-Identifier: Apache-2.0 */
/* The text of the freshness state (ratchet.h): strict INI (inifile.h), described in hotfix-trust(5). */
#ifndef HF_RATCHETFILE_H
#define HF_RATCHETFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "authority.h"
#include "hotfix/error.h"
#include "key.h"
#include "manifest.h"

#define HF_RATCHET_MAX_RECORDS 4096u

/* The highest sequence number of the bundles for this build of a target that a key signed. */
struct hf_ratchet_record {
    uint8_t key[HF_KEY_SIZE];        /* as in struct hf_trust_key; for an authority: a struct hf_key_owner */
    struct hf_certificate_mark mark; /* of the certificate, if the key is an authority's; serial_size 0: none */
    char *target;
    struct hf_build_id build_id; /* size 0: not known, as in a state of format 1 */
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
 * Raises the number for the key, certificate, target and build of this record to the record's number, and sets
 * *changed, if it was lower; otherwise leaves *changed. The caller keeps the record. HOTFIX_REPLAYED when there are too
 * many records, HOTFIX_MEMORY.
 */
int hf_ratchet_raise(struct hf_ratchet_records *records, const struct hf_ratchet_record *record, bool *changed,
                     struct hotfix_error *err);

void hf_ratchet_records_deinit(struct hf_ratchet_records *records);

#endif
