/* SPDX-License-Identifier: Apache-2.0 */
#include "trustpolicy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "digest.h"
#include "error.h"
#include "inifile.h"
#include "timestamp.h"

#define VALUE_MAX       1024
#define KEY_PREFIX      "key."
#define REVOKED_PREFIX  "revoked."
#define ROLE_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789-"

/* What one section is parsed into. */
struct reader {
    const char *where;
    struct hf_trust *trust;
    struct hf_trust_key *key; /* of a section [key.NAME] */
    struct hotfix_error *err;
};

typedef int value_fn(const struct reader *reader, struct hf_ini_entry *entry);

struct value {
    const char *key;
    value_fn *parse;
};

static int bad_value(const struct reader *reader, const struct hf_ini_entry *entry, const char *expected)
{
    return hf_error(reader->err, HOTFIX_FORMAT, "%s line %u: %s is not %s", reader->where, entry->line, entry->key,
                    expected);
}

/* Decimal from 1 to max, with no leading zero or sign; no value is empty. */
static int parse_number(const char *text, uint64_t max, uint64_t *number)
{
    uint64_t value = 0;

    if (text[0] == '0' || strspn(text, "0123456789") != strlen(text) || strlen(text) > 18)
        return -1;
    for (; *text; text++)
        value = value * 10 + (uint64_t)(*text - '0');
    if (value > max)
        return -1;
    *number = value;
    return 0;
}

static int parse_roles(const struct reader *reader, struct hf_ini_entry *entry, char **roles)
{
    for (const char *role = entry->value;; role++) {
        size_t length = strspn(role, ROLE_CHARACTERS);
        if (length == 0 || length > HF_TRUST_ROLE_MAX || (role[length] && role[length] != ' ') ||
            hf_trust_listed(role + length + (role[length] == ' '), role, length))
            return bad_value(reader, entry, "a list of different roles, of a-z, 0-9 and -, separated by one blank");
        role += length;
        if (!*role)
            break;
    }
    free(*roles);
    *roles = hf_move(entry->value);
    return 0;
}

static int policy_keys(const struct reader *reader, struct hf_ini_entry *entry)
{
    uint64_t keys;

    if (parse_number(entry->value, HF_TRUST_MAX_KEYS, &keys) != 0)
        return bad_value(reader, entry, "a number from 1 to 256");
    reader->trust->policy.keys = (size_t)keys;
    return 0;
}

static int policy_roles(const struct reader *reader, struct hf_ini_entry *entry)
{
    return parse_roles(reader, entry, &reader->trust->policy.roles);
}

static int policy_certificate_time(const struct reader *reader, struct hf_ini_entry *entry)
{
    reader->trust->policy.at_signing = strcmp(entry->value, "signing") == 0;
    if (!reader->trust->policy.at_signing && strcmp(entry->value, "now") != 0)
        return bad_value(reader, entry, "now or signing");
    return 0;
}

static int freshness_max_step(const struct reader *reader, struct hf_ini_entry *entry)
{
    if (parse_number(entry->value, INT64_MAX, &reader->trust->policy.max_step) != 0)
        return bad_value(reader, entry, "a positive decimal number");
    return 0;
}

static int freshness_start(const struct reader *reader, struct hf_ini_entry *entry)
{
    if (parse_number(entry->value, INT64_MAX, &reader->trust->policy.start) != 0)
        return bad_value(reader, entry, "a positive decimal number");
    return 0;
}

static int freshness_lost_state(const struct reader *reader, struct hf_ini_entry *entry)
{
    bool accepted = strcmp(entry->value, "accept") == 0;

    if (!accepted && strcmp(entry->value, "refuse") != 0)
        return bad_value(reader, entry, "refuse or accept");
    reader->trust->policy.lost_state_accepted = accepted;
    return 0;
}

static int key_role(const struct reader *reader, struct hf_ini_entry *entry)
{
    return parse_roles(reader, entry, &reader->key->roles);
}

/* Nothing but yes: a key that is not revoked does not say so, and "no" or a typing error must not pass for either. */
static int key_revoked(const struct reader *reader, struct hf_ini_entry *entry)
{
    if (strcmp(entry->value, "yes") != 0)
        return bad_value(reader, entry, "yes; leave it out for a key that is not revoked");
    reader->key->revoked = true;
    return 0;
}

static int key_expires(const struct reader *reader, struct hf_ini_entry *entry)
{
    if (hf_time_parse_end(entry->value, &reader->key->expires) != 0 || reader->key->expires <= 0)
        return bad_value(reader, entry, "a date like 2026-12-31 or a time like 2026-12-31T12:00:00Z");
    return 0;
}

/* The key itself was taken when the section began. */
static int key_public(const struct reader *reader, struct hf_ini_entry *entry)
{
    (void)reader;
    (void)entry;
    return 0;
}

static int revoked_reason(const struct reader *reader, struct hf_ini_entry *entry)
{
    struct hf_trust_policy *policy = &reader->trust->policy;

    policy->revoked[policy->revoked_count - 1].reason = hf_move(entry->value);
    return 0;
}

static const struct value policy_values[] = {
    {"keys", policy_keys}, {"roles", policy_roles}, {"certificate-time", policy_certificate_time}, {0}};
static const struct value freshness_values[] = {
    {"start", freshness_start}, {"max-step", freshness_max_step}, {"lost-state", freshness_lost_state}, {0}};
static const struct value key_values[] = {
    {"public", key_public}, {"role", key_role}, {"expires", key_expires}, {"revoked", key_revoked}, {0}};
static const struct value revoked_values[] = {{"reason", revoked_reason}, {0}};

static int parse_values(const struct reader *reader, const struct hf_ini_section *section, const struct value *values)
{
    for (size_t i = 0; i < section->count; i++) {
        const struct value *value = values;
        while (value->key && strcmp(value->key, section->entries[i].key) != 0)
            value++;
        if (!value->key)
            return hf_error(reader->err, HOTFIX_FORMAT, "%s line %u: unknown key '%s' in section [%s]", reader->where,
                            section->entries[i].line, section->entries[i].key, section->name);
        if (value->parse(reader, &section->entries[i]) != 0)
            return -1;
    }
    return 0;
}

/* A key that the policy file itself holds: the text between the first and the last line of its PEM file. */
static int add_key(const struct reader *reader, const struct hf_ini_section *section, const struct hf_ini_entry *entry)
{
    struct hf_public_key key;
    HF_FREE char *pem = NULL, *where = NULL;

    if (asprintf(&pem, "-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n", entry->value) < 0) {
        pem = NULL;
        return hf_error(reader->err, HOTFIX_MEMORY, "%s: out of memory", reader->where);
    }
    if (asprintf(&where, "%s line %u", reader->where, entry->line) < 0) {
        where = NULL;
        return hf_error(reader->err, HOTFIX_MEMORY, "%s: out of memory", reader->where);
    }
    if (hf_public_key_parse(pem, strlen(pem), where, &key, reader->err) != 0)
        return -1;
    if (hf_trust_add(reader->trust, section->name + strlen(KEY_PREFIX), &key, reader->err) != 0)
        return hf_error_prefix(reader->err, "%s", where);
    return 0;
}

static int parse_key(struct reader *reader, const struct hf_ini_section *section)
{
    const char *name = section->name + strlen(KEY_PREFIX);

    for (size_t i = 0; i < section->count; i++)
        if (strcmp(section->entries[i].key, "public") == 0 && add_key(reader, section, &section->entries[i]) != 0)
            return -1;
    reader->key = hf_trust_named(reader->trust, name);
    if (!reader->key)
        return hf_error(
            reader->err, HOTFIX_TRUST,
            "%s line %u: there is no key %s: neither a file %s.pub or %s.ca.pem beside this one nor 'public' here",
            reader->where, section->line, name, name, name);
    return parse_values(reader, section, key_values);
}

static int parse_revoked(const struct reader *reader, const struct hf_ini_section *section)
{
    struct hf_trust_policy *policy = &reader->trust->policy;
    struct hf_revocation revocation = {.reason = NULL};

    if (hf_hex_decode(section->name + strlen(REVOKED_PREFIX), revocation.id, HF_ID_SIZE) != 0)
        return hf_error(reader->err, HOTFIX_FORMAT,
                        "%s line %u: [%s] does not name a bundle's id, 32 lower-case hexadecimal digits", reader->where,
                        section->line, section->name);
    struct hf_revocation *revoked = reallocarray(policy->revoked, policy->revoked_count + 1, sizeof(*revoked));
    if (!revoked)
        return hf_error(reader->err, HOTFIX_MEMORY, "%s: out of memory", reader->where);
    policy->revoked = revoked;
    revoked[policy->revoked_count++] = revocation;
    return parse_values(reader, section, revoked_values);
}

static bool begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0 && text[strlen(prefix)];
}

static int parse_section(struct reader *reader, const struct hf_ini_section *section)
{
    if (strcmp(section->name, "policy") == 0)
        return parse_values(reader, section, policy_values);
    if (strcmp(section->name, "freshness") == 0) {
        reader->trust->policy.fresh = true;
        return parse_values(reader, section, freshness_values);
    }
    if (begins(section->name, KEY_PREFIX))
        return parse_key(reader, section);
    if (begins(section->name, REVOKED_PREFIX))
        return parse_revoked(reader, section);
    return hf_error(reader->err, HOTFIX_FORMAT,
                    "%s line %u: section [%s] is unknown: [policy], [key.NAME], [revoked.ID] and [freshness] are not",
                    reader->where, section->line, section->name);
}

/* Bounded by the size of the text: the sections are compared in the order of their names. */
static int compare_sections(const void *a, const void *b)
{
    const struct hf_ini_section *const *one = a, *const *other = b;
    int order = strcmp((*one)->name, (*other)->name);

    return order ? order : ((*one)->line > (*other)->line) - ((*one)->line < (*other)->line);
}

static int check_repeated(const struct reader *reader, const struct hf_inifile *ini)
{
    HF_FREE const struct hf_ini_section **sorted = calloc(ini->count, sizeof(*sorted));

    if (!sorted)
        return hf_error(reader->err, HOTFIX_MEMORY, "%s: out of memory", reader->where);
    for (size_t i = 0; i < ini->count; i++)
        sorted[i] = &ini->sections[i];
    qsort(sorted, ini->count, sizeof(*sorted), compare_sections);
    for (size_t i = 1; i < ini->count; i++)
        if (strcmp(sorted[i]->name, sorted[i - 1]->name) == 0)
            return hf_error(reader->err, HOTFIX_FORMAT, "%s line %u: section [%s] stands in line %u already",
                            reader->where, sorted[i]->line, sorted[i]->name, sorted[i - 1]->line);
    return 0;
}

int hf_trust_policy_parse(const char *where, const char *text, size_t size, struct hf_trust *trust,
                          struct hotfix_error *err)
{
    struct reader reader = {.where = where, .trust = trust, .err = err};
    struct hf_inifile ini;

    if (hf_inifile_parse(where, text, size, VALUE_MAX, &ini, err) != 0)
        return -1;
    int failed = check_repeated(&reader, &ini);
    for (size_t i = 0; !failed && i < ini.count; i++)
        failed = parse_section(&reader, &ini.sections[i]);
    hf_inifile_deinit(&ini);
    return failed;
}

static bool has_key_of_role(const struct hf_trust *trust, const char *role, size_t length)
{
    for (size_t i = 0; i < trust->count; i++)
        if (!trust->keys[i].revoked && hf_trust_listed(trust->keys[i].roles, role, length))
            return true;
    return false;
}

int hf_trust_policy_check(const struct hf_trust *trust, struct hotfix_error *err)
{
    size_t usable = 0, needed = trust->policy.keys ? trust->policy.keys : 1;

    for (size_t i = 0; i < trust->count; i++)
        usable += !trust->keys[i].revoked;
    if (usable < needed)
        return hf_error(err, HOTFIX_TRUST, "%zu different keys must agree, but only %zu are there that are not revoked",
                        needed, usable);
    for (const char *role = trust->policy.roles; role && *role;) {
        size_t length = strcspn(role, " ");
        if (!has_key_of_role(trust, role, length))
            return hf_error(err, HOTFIX_TRUST, "a key with role '%.*s' must agree, but none is there", (int)length,
                            role);
        role += length + (role[length] == ' ');
    }
    return 0;
}

const struct hf_revocation *hf_trust_policy_revoked(const struct hf_trust_policy *policy, const uint8_t id[HF_ID_SIZE])
{
    for (size_t i = 0; i < policy->revoked_count; i++)
        if (memcmp(policy->revoked[i].id, id, HF_ID_SIZE) == 0)
            return &policy->revoked[i];
    return NULL;
}
