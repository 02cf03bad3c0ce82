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

#define WHERE      "the state"
#define VALUE_MAX  1024
#define FORMAT     "2"
#define FORMAT_OLD "1" /* without build-ids and certificates */
#define STATE      "state"
#define NEWEST     "newest"

static int bad(const struct hf_ini_section *section, const char *what, struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_FORMAT, WHERE " line %u: section [%s] %s", section->line, section->name, what);
}

/* Reads a section's keys one after the other. */
struct reader {
    const struct hf_ini_section *section;
    size_t place;
};

/* The value of the key if it is the next one, else NULL. */
static char *next(struct reader *reader, const char *key)
{
    const struct hf_ini_section *section = reader->section;

    if (reader->place >= section->count || strcmp(section->entries[reader->place].key, key) != 0)
        return NULL;
    return section->entries[reader->place++].value;
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

/* Bytes of lower-case hexadecimal digits, as many as there is room for; no value is empty. */
static int parse_bytes(const char *text, uint8_t *bytes, size_t room, size_t *size)
{
    size_t length = strlen(text) / 2;

    if (length > room || hf_hex_decode(text, bytes, length) != 0)
        return -1;
    *size = length;
    return 0;
}

/* Issuer and serial number of a certificate, both or neither. */
static int parse_mark(struct reader *reader, struct hf_certificate_mark *mark, struct hotfix_error *err)
{
    const char *issuer = next(reader, "issuer"), *serial = issuer ? next(reader, "serial") : NULL;

    if (!issuer)
        return 0;
    if (!serial || hf_hex_decode(issuer, mark->issuer, sizeof(mark->issuer)) != 0 ||
        parse_bytes(serial, mark->serial, sizeof(mark->serial), &mark->serial_size) != 0)
        return bad(reader->section, "does not have issuer and serial of a certificate as hexadecimal digits", err);
    return 0;
}

static int parse_record(const struct hf_ini_section *section, bool builds, struct hf_ratchet_record *record,
                        struct hotfix_error *err)
{
    struct reader reader = {.section = section};
    const char *key = next(&reader, "key");

    if (strcmp(section->name, NEWEST) != 0)
        return bad(section, "is unknown", err);
    if (builds && key && parse_mark(&reader, &record->mark, err) != 0)
        return -1;
    const char *target = next(&reader, "target"), *build_id = builds ? next(&reader, "build-id") : NULL;
    const char *sequence = next(&reader, "sequence");
    if (!key || !target || !sequence || reader.place != section->count)
        return bad(section, "does not have the keys key, target and sequence, and no others than it may have", err);
    if (hf_hex_decode(key, record->key, HF_KEY_SIZE) != 0)
        return bad(section, "does not have a key of 64 hexadecimal digits", err);
    if (build_id && parse_bytes(build_id, record->build_id.bytes, HF_BUILD_ID_MAX, &record->build_id.size) != 0)
        return bad(section, "does not have a build-id of hexadecimal digits", err);
    if (parse_sequence(sequence, &record->sequence) != 0)
        return bad(section, "does not have a positive decimal sequence", err);
    record->target = strdup(target);
    return record->target ? 0 : hf_error(err, HOTFIX_MEMORY, "out of memory");
}

static int parse_sections(const struct hf_inifile *ini, struct hf_ratchet_records *records, struct hotfix_error *err)
{
    const struct hf_ini_section *head = &ini->sections[0];
    struct reader reader = {.section = head};
    const char *format = next(&reader, "format");
    bool builds = format && strcmp(format, FORMAT) == 0;

    if (strcmp(head->name, STATE) != 0 || head->count != 1 || !format || (!builds && strcmp(format, FORMAT_OLD) != 0))
        return bad(head, "is not [" STATE "] with format = " FORMAT, err);
    if (ini->count - 1 > HF_RATCHET_MAX_RECORDS)
        return hf_error(err, HOTFIX_FORMAT, WHERE ": more than %u records", HF_RATCHET_MAX_RECORDS);
    records->items = calloc(ini->count, sizeof(*records->items));
    if (!records->items)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    for (size_t i = 1; i < ini->count; i++) {
        if (parse_record(&ini->sections[i], builds, &records->items[records->count], err) != 0)
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

static int append_hex(char **text, size_t *size, const char *key, const uint8_t *bytes, size_t count,
                      struct hotfix_error *err)
{
    char hex[2 * HF_BUILD_ID_MAX + 1];

    hf_hex_encode(bytes, count, hex);
    return hf_inifile_append(text, size, key, hex, err);
}

static int append_record(const struct hf_ratchet_record *record, char **text, size_t *size, struct hotfix_error *err)
{
    const struct hf_certificate_mark *mark = &record->mark;
    char sequence[24];

    snprintf(sequence, sizeof(sequence), "%" PRIu64, record->sequence);
    if (hf_inifile_append_section(text, size, NEWEST, err) != 0 ||
        append_hex(text, size, "key", record->key, HF_KEY_SIZE, err) != 0)
        return -1;
    if (mark->serial_size > 0 && (append_hex(text, size, "issuer", mark->issuer, sizeof(mark->issuer), err) != 0 ||
                                  append_hex(text, size, "serial", mark->serial, mark->serial_size, err) != 0))
        return -1;
    if (hf_inifile_append(text, size, "target", record->target, err) != 0 ||
        (record->build_id.size > 0 &&
         append_hex(text, size, "build-id", record->build_id.bytes, record->build_id.size, err) != 0))
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

static bool same_certificate(const struct hf_certificate_mark *a, const struct hf_certificate_mark *b)
{
    return a->serial_size == b->serial_size && memcmp(a->serial, b->serial, a->serial_size) == 0 &&
           (a->serial_size == 0 || memcmp(a->issuer, b->issuer, sizeof(a->issuer)) == 0);
}

static bool same_subject(const struct hf_ratchet_record *a, const struct hf_ratchet_record *b)
{
    return memcmp(a->key, b->key, HF_KEY_SIZE) == 0 && same_certificate(&a->mark, &b->mark) &&
           strcmp(a->target, b->target) == 0 && a->build_id.size == b->build_id.size &&
           memcmp(a->build_id.bytes, b->build_id.bytes, a->build_id.size) == 0;
}

int hf_ratchet_raise(struct hf_ratchet_records *records, const struct hf_ratchet_record *record, bool *changed,
                     struct hotfix_error *err)
{
    for (size_t i = 0; i < records->count; i++) {
        struct hf_ratchet_record *known = &records->items[i];
        if (!same_subject(known, record))
            continue;
        *changed |= known->sequence < record->sequence;
        if (known->sequence < record->sequence)
            known->sequence = record->sequence;
        return 0;
    }
    if (records->count == HF_RATCHET_MAX_RECORDS)
        return hf_error(err, HOTFIX_REPLAYED, "has %u records already; take out those of keys that are gone",
                        HF_RATCHET_MAX_RECORDS);
    struct hf_ratchet_record *items = reallocarray(records->items, records->count + 1, sizeof(*items));
    if (!items)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    records->items = items;
    struct hf_ratchet_record added = *record;
    added.target = strdup(record->target);
    if (!added.target)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    items[records->count++] = added;
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
