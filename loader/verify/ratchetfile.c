/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/ratchetfile.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "digest.h"
#include "error.h"
#include "inifile.h"
#include "verify/ratchet.h"

#define WHERE       "the state"
#define VALUE_MAX   1024
#define FORMAT      "1"
#define STATE       "state"
#define NEWEST      "newest"
#define RECORD_KEYS 3

static int bad(const struct hf_ini_section *section, const char *what, struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_FORMAT, WHERE " line %u: section [%s] %s", section->line, section->name, what);
}

/* The value of the key that must stand at this place of the section, or NULL. */
static char *value_at(const struct hf_ini_section *section, size_t place, const char *key)
{
    if (place >= section->count || strcmp(section->entries[place].key, key) != 0)
        return NULL;
    return section->entries[place].value;
}

/* In the one spelling that is written. */
static int parse_sequence(const char *text, uint64_t *sequence)
{
    char again[24];
    uint64_t number = strtoull(text, NULL, 10);

    snprintf(again, sizeof(again), "%" PRIu64, number);
    if (number == 0 || number > INT64_MAX || strcmp(again, text) != 0)
        return -1;
    *sequence = number;
    return 0;
}

static int parse_record(const struct hf_ini_section *section, struct hf_ratchet_record *record,
                        struct hotfix_error *err)
{
    const char *key = value_at(section, 0, "key");
    const char *target = value_at(section, 1, "target");
    const char *sequence = value_at(section, 2, "sequence");

    if (strcmp(section->name, NEWEST) != 0)
        return bad(section, "is unknown", err);
    if (section->count != RECORD_KEYS || !key || !target || !sequence)
        return bad(section, "does not have the keys key, target and sequence", err);
    if (hf_hex_decode(key, record->key, HF_KEY_SIZE) != 0)
        return bad(section, "does not have a key of 64 hexadecimal digits", err);
    if (parse_sequence(sequence, &record->sequence) != 0)
        return bad(section, "does not have a positive decimal sequence", err);
    record->target = strdup(target);
    return record->target ? 0 : hf_error(err, HOTFIX_MEMORY, "out of memory");
}

static int parse_sections(const struct hf_inifile *ini, struct hf_ratchet_records *records, struct hotfix_error *err)
{
    const struct hf_ini_section *head = &ini->sections[0];
    const char *format = value_at(head, 0, "format");

    if (strcmp(head->name, STATE) != 0 || head->count != 1 || !format || strcmp(format, FORMAT) != 0)
        return bad(head, "is not [" STATE "] with format = " FORMAT, err);
    if (ini->count - 1 > HF_RATCHET_MAX_RECORDS)
        return hf_error(err, HOTFIX_FORMAT, WHERE ": more than %u records", HF_RATCHET_MAX_RECORDS);
    records->items = calloc(ini->count, sizeof(*records->items));
    if (!records->items)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    for (size_t i = 1; i < ini->count; i++) {
        if (parse_record(&ini->sections[i], &records->items[records->count], err) != 0)
            return -1;
        records->count++;
    }
    return 0;
}

int hf_ratchet_parse(const char *text, size_t size, struct hf_ratchet_records *records, struct hotfix_error *err)
{
    struct hf_inifile ini;

    if (hf_inifile_parse(WHERE, text, size, VALUE_MAX, &ini, err) != 0)
        return -1;
    int failed = parse_sections(&ini, records, err);
    hf_inifile_deinit(&ini);
    if (failed)
        hf_ratchet_records_deinit(records);
    return failed;
}

static int append_record(const struct hf_ratchet_record *record, char **text, size_t *size, struct hotfix_error *err)
{
    char key[2 * HF_KEY_SIZE + 1], sequence[24];

    hf_hex_encode(record->key, HF_KEY_SIZE, key);
    snprintf(sequence, sizeof(sequence), "%" PRIu64, record->sequence);
    if (hf_inifile_append_section(text, size, NEWEST, err) != 0 ||
        hf_inifile_append(text, size, "key", key, err) != 0 ||
        hf_inifile_append(text, size, "target", record->target, err) != 0)
        return -1;
    return hf_inifile_append(text, size, "sequence", sequence, err);
}

int hf_ratchet_format(const struct hf_ratchet_records *records, char **text, size_t *size, struct hotfix_error *err)
{
    HF_FREE char *written = NULL;
    size_t length = 0;

    if (hf_inifile_append_section(&written, &length, STATE, err) != 0 ||
        hf_inifile_append(&written, &length, "format", FORMAT, err) != 0)
        return -1;
    for (size_t i = 0; i < records->count; i++)
        if (append_record(&records->items[i], &written, &length, err) != 0)
            return -1;
    *text = hf_move(written);
    *size = length;
    return 0;
}

int hf_ratchet_raise(struct hf_ratchet_records *records, const uint8_t key[HF_KEY_SIZE], const char *target,
                     uint64_t sequence, bool *changed, struct hotfix_error *err)
{
    for (size_t i = 0; i < records->count; i++) {
        struct hf_ratchet_record *record = &records->items[i];
        if (memcmp(record->key, key, HF_KEY_SIZE) != 0 || strcmp(record->target, target) != 0)
            continue;
        *changed |= record->sequence < sequence;
        if (record->sequence < sequence)
            record->sequence = sequence;
        return 0;
    }
    if (records->count == HF_RATCHET_MAX_RECORDS)
        return hf_error(err, HOTFIX_REPLAYED, "has %u records already; take out those of keys that are gone",
                        HF_RATCHET_MAX_RECORDS);
    struct hf_ratchet_record *items = reallocarray(records->items, records->count + 1, sizeof(*items));
    if (!items)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    records->items = items;
    struct hf_ratchet_record record = {.target = strdup(target), .sequence = sequence};
    if (!record.target)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    memcpy(record.key, key, HF_KEY_SIZE);
    items[records->count++] = record;
    *changed = true;
    return 0;
}

void hf_ratchet_records_deinit(struct hf_ratchet_records *records)
{
    for (size_t i = 0; i < records->count; i++)
        free(records->items[i].target);
    free(records->items);
    *records = (struct hf_ratchet_records){0};
}
