/* SPDX-License-Identifier: Apache-2.0 */
#include "manifest.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "inifile.h"
#include "timestamp.h"
#include "words.h"

#define WHERE "manifest.ini"

#define ARCH_MAX 32 /* bytes of a machine's name */

/* How a field stands as text. One table a section drives parsing and formatting alike, so that they cannot disagree. */
enum field_kind {
    FIELD_FORMAT,   /* the number HF_MANIFEST_FORMAT; stored nowhere */
    FIELD_NAME,     /* char[HF_NAME_MAX + 1], hf_name_valid() */
    FIELD_ID,       /* uint8_t[HF_ID_SIZE] */
    FIELD_TIME,     /* int64_t; optional ones are HF_TIME_NEVER when absent */
    FIELD_TEXT,     /* char *; optional ones are "" when absent */
    FIELD_BUILD_ID, /* struct hf_build_id */
    FIELD_DIGEST,   /* struct hf_digest */
    FIELD_SIZE,     /* uint64_t, decimal; 0 only when optional, then absent */
    FIELD_OFFSET,   /* uint64_t, 0x and hexadecimal; 0 only when optional, then absent */
    FIELD_SKIP,     /* uint32_t, decimal, 0 to 64 */
    FIELD_VERDICT,  /* enum hf_verdict */
    FIELD_IDS,      /* struct hf_id_list; empty only when optional, then absent */
    FIELD_YES,      /* bool, "yes"; false only when optional, then absent */
    FIELD_RANGES,   /* struct hf_code_ranges; empty only when optional, then absent */
};

struct field {
    const char *key;
    enum field_kind kind;
    bool optional;
    size_t offset; /* in the section's struct */
};

#define MANIFEST(member)   offsetof(struct hf_manifest, member)
#define FUNCTION(member)   offsetof(struct hf_manifest_function, member)
#define CHECK(member)      offsetof(struct hf_manifest_check, member)
#define WAIVER(member)     offsetof(struct hf_manifest_waiver, member)
#define CALLER(member)     offsetof(struct hf_manifest_caller, member)
#define ASSUMPTION(member) offsetof(struct hf_manifest_assumption, member)

static const struct field hotfix_fields[] = {{"format", FIELD_FORMAT, false, 0}, {0}};

static const struct field bundle_fields[] = {
    {"name", FIELD_NAME, false, MANIFEST(name)},
    {"version", FIELD_NAME, false, MANIFEST(version)},
    {"id", FIELD_ID, false, MANIFEST(id)},
    {"created", FIELD_TIME, false, MANIFEST(created)},
    {"expires", FIELD_TIME, true, MANIFEST(expires)},
    {"sequence", FIELD_SIZE, true, MANIFEST(sequence)},
    {"advisory", FIELD_TEXT, true, MANIFEST(advisory)},
    {"description", FIELD_TEXT, true, MANIFEST(description)},
    {"supersedes", FIELD_IDS, true, MANIFEST(supersedes)},
    {"built-on", FIELD_IDS, true, MANIFEST(built_on)},
    {"quiescent", FIELD_YES, true, MANIFEST(quiescent)},
    {0},
};

static const struct field target_fields[] = {
    {"name", FIELD_TEXT, false, MANIFEST(target_name)},
    {"build-id", FIELD_BUILD_ID, false, MANIFEST(target_build_id)},
    {"arch", FIELD_TEXT, false, MANIFEST(arch)},
    {"host-name", FIELD_TEXT, true, MANIFEST(host_name)},
    {"host-build-id", FIELD_BUILD_ID, true, MANIFEST(host_build_id)},
    {"host-symbols", FIELD_TEXT, true, MANIFEST(host_symbols)},
    {0},
};

static const struct field compiler_fields[] = {
    {"producer", FIELD_TEXT, false, MANIFEST(compiler)},
    {"flags", FIELD_TEXT, true, MANIFEST(flags)},
    {0},
};

static const struct field payload_fields[] = {
    {"size", FIELD_SIZE, false, MANIFEST(payload_size)},
    {"sha256", FIELD_DIGEST, false, MANIFEST(payload_digest)},
    {"soname", FIELD_TEXT, false, MANIFEST(soname)},
    {"fixups-offset", FIELD_OFFSET, true, MANIFEST(fixups_offset)},
    {"fixups-size", FIELD_SIZE, true, MANIFEST(fixups_size)},
    {"on-apply", FIELD_OFFSET, true, MANIFEST(on_apply)},
    {"on-revert", FIELD_OFFSET, true, MANIFEST(on_revert)},
    {0},
};

static const struct field check_fields[] = {
    {"id", FIELD_TEXT, false, CHECK(id)},
    {"verdict", FIELD_VERDICT, false, CHECK(verdict)},
    {"evidence", FIELD_TEXT, false, CHECK(evidence)},
    {"waiver", FIELD_TEXT, true, CHECK(waiver)},
    {0},
};

static const struct field waiver_fields[] = {
    {"check", FIELD_TEXT, false, WAIVER(check)},
    {"scope", FIELD_TEXT, true, WAIVER(scope)},
    {"reason", FIELD_TEXT, false, WAIVER(reason)},
    {"expires", FIELD_TIME, true, WAIVER(expires)},
    {0},
};

static const struct field function_fields[] = {
    {"name", FIELD_TEXT, false, FUNCTION(name)},
    {"source", FIELD_TEXT, true, FUNCTION(source)},
    {"offset", FIELD_OFFSET, false, FUNCTION(offset)},
    {"size", FIELD_SIZE, false, FUNCTION(size)},
    {"sha256", FIELD_DIGEST, false, FUNCTION(digest)},
    {"replacement", FIELD_OFFSET, false, FUNCTION(replacement)},
    {"replacement-size", FIELD_SIZE, false, FUNCTION(replacement_size)},
    {"detour-skip", FIELD_SKIP, false, FUNCTION(detour_skip)},
    {"cold", FIELD_RANGES, true, FUNCTION(cold)},
    {"replacement-cold", FIELD_RANGES, true, FUNCTION(replacement_cold)},
    {0},
};

static const struct field caller_fields[] = {
    {"name", FIELD_TEXT, false, CALLER(name)},
    {"code", FIELD_RANGES, true, CALLER(code)},
    {"replacement-code", FIELD_RANGES, true, CALLER(replacement_code)},
    {0},
};

static const struct field assumption_fields[] = {
    {"name", FIELD_TEXT, false, ASSUMPTION(name)},
    {"offset", FIELD_OFFSET, false, ASSUMPTION(offset)},
    {"size", FIELD_SIZE, false, ASSUMPTION(size)},
    {0},
};

/* What must hold between the fields of a section, and what is narrower than the kind of a field. */
static int check_bundle(const struct hf_ini_section *section, const struct hf_manifest *manifest,
                        struct hotfix_error *err);
static int check_target(const struct hf_ini_section *section, const struct hf_manifest *manifest,
                        struct hotfix_error *err);
static int check_payload(const struct hf_ini_section *section, const struct hf_manifest *manifest,
                         struct hotfix_error *err);

/* The sections that stand once, in their order. */
static const struct {
    const char *name;
    const struct field *fields;
    int (*check)(const struct hf_ini_section *section, const struct hf_manifest *manifest, struct hotfix_error *err);
} sections[] = {
    {"hotfix", hotfix_fields, NULL},
    {"bundle", bundle_fields, check_bundle},
    {"target", target_fields, check_target},
    {"compiler", compiler_fields, NULL},
    {"payload", payload_fields, check_payload},
};
#define SECTION_COUNT (sizeof(sections) / sizeof(sections[0]))

const char *hf_verdict_name(enum hf_verdict verdict)
{
    static const char *const names[] = {"compatible", "incompatible", "unproven"};

    return (size_t)verdict < 3 ? names[verdict] : "unknown";
}

void hf_manifest_init(struct hf_manifest *manifest)
{
    memset(manifest, 0, sizeof(*manifest));
    manifest->expires = HF_TIME_NEVER;
}

/* Frees what a struct owns by the field table that describes it. */
static void free_fields(const struct field *fields, void *object)
{
    for (; fields->key; fields++) {
        void *where = (char *)object + fields->offset;
        if (fields->kind == FIELD_TEXT)
            free(*(char **)where);
        else if (fields->kind == FIELD_RANGES)
            hf_code_ranges_deinit(where);
    }
}

void hf_manifest_deinit(struct hf_manifest *manifest)
{
    for (size_t i = 0; i < SECTION_COUNT; i++)
        free_fields(sections[i].fields, manifest);
    for (size_t i = 0; i < manifest->check_count; i++)
        free_fields(check_fields, &manifest->checks[i]);
    for (size_t i = 0; i < manifest->waiver_count; i++)
        free_fields(waiver_fields, &manifest->waivers[i]);
    for (size_t i = 0; i < manifest->function_count; i++)
        free_fields(function_fields, &manifest->functions[i]);
    for (size_t i = 0; i < manifest->caller_count; i++)
        free_fields(caller_fields, &manifest->callers[i]);
    for (size_t i = 0; i < manifest->assumption_count; i++)
        free_fields(assumption_fields, &manifest->assumptions[i]);
    free(manifest->callers);
    free(manifest->assumptions);
    free(manifest->supersedes.items);
    free(manifest->built_on.items);
    free(manifest->checks);
    free(manifest->waivers);
    free(manifest->functions);
    hf_manifest_init(manifest);
}

static int bad_value(const struct hf_ini_entry *entry, const char *expected, struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_FORMAT, WHERE " line %u: %s is not %s", entry->line, entry->key, expected);
}

static int bad_section(const struct hf_ini_section *section, const char *what, struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_FORMAT, WHERE " line %u: section [%s]: %s", section->line, section->name, what);
}

static int out_of_memory(struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_MEMORY, WHERE ": out of memory");
}

/* The one spelling of a number: no sign, no leading zeros, no capitals. */
static int parse_number(const char *text, int base, uint64_t max, uint64_t *number)
{
    char again[32];
    char *end;

    errno = 0;
    uint64_t value = strtoull(text, &end, base);
    if (*end || errno || value > max)
        return -1;
    snprintf(again, sizeof(again), base == 16 ? "0x%" PRIx64 : "%" PRIu64, value);
    if (strcmp(again, text) != 0)
        return -1;
    *number = value;
    return 0;
}

static int parse_build_id(const struct hf_ini_entry *entry, struct hf_build_id *build_id, struct hotfix_error *err)
{
    size_t size = entry->size / 2;

    if (size == 0 || size > HF_BUILD_ID_MAX || hf_hex_decode(entry->value, build_id->bytes, size) != 0)
        return bad_value(entry, "a build-id of 1 to 64 bytes in lower-case hexadecimal", err);
    build_id->size = size;
    return 0;
}

static int parse_ids(const struct hf_ini_entry *entry, struct hf_id_list *ids, struct hotfix_error *err)
{
    int failed = hf_ids_parse(entry->value, ids);

    if (failed < 0)
        return out_of_memory(err);
    return failed ? bad_value(entry, "a list of bundle ids of 32 lower-case hexadecimal digits, separated by one blank",
                              err)
                  : 0;
}

static int parse_verdict(const struct hf_ini_entry *entry, enum hf_verdict *verdict, struct hotfix_error *err)
{
    for (int v = HF_COMPATIBLE; v <= HF_UNPROVEN; v++)
        if (strcmp(entry->value, hf_verdict_name(v)) == 0) {
            *verdict = v;
            return 0;
        }
    return bad_value(entry, "compatible, incompatible or unproven", err);
}

static int parse_ranges(const struct hf_ini_entry *entry, struct hf_code_ranges *ranges, struct hotfix_error *err)
{
    int failed = hf_code_ranges_parse(entry->value, ranges);

    if (failed < 0)
        return out_of_memory(err);
    return failed ? bad_value(entry, "a list of ranges like 0x12ab+34, ascending, separated by one blank", err) : 0;
}

static int parse_counted(const struct hf_ini_entry *entry, int base, uint64_t *number, struct hotfix_error *err)
{
    if (parse_number(entry->value, base, INT64_MAX, number) != 0 || *number == 0)
        return bad_value(entry, base == 16 ? "a positive number like 0x12ab" : "a positive decimal number", err);
    return 0;
}

static int parse_format(const struct hf_ini_entry *entry, struct hotfix_error *err)
{
    uint64_t number;

    if (parse_number(entry->value, 10, UINT32_MAX, &number) != 0)
        return bad_value(entry, "a decimal number", err);
    if (number != HF_MANIFEST_FORMAT)
        return hf_error(err, HOTFIX_FORMAT, WHERE " line %u: format %" PRIu64 " is not known, only format %d",
                        entry->line, number, HF_MANIFEST_FORMAT);
    return 0;
}

static int parse_field(const struct field *field, struct hf_ini_entry *entry, void *object, struct hotfix_error *err)
{
    void *where = (char *)object + field->offset;
    uint64_t number;

    switch (field->kind) {
    case FIELD_FORMAT:
        return parse_format(entry, err);
    case FIELD_NAME:
        if (!hf_name_valid(entry->value))
            return bad_value(entry, "1 to 64 letters, digits and ._+~- that begin with a letter or digit", err);
        strcpy(where, entry->value);
        return 0;
    case FIELD_ID:
        if (hf_hex_decode(entry->value, where, HF_ID_SIZE) != 0)
            return bad_value(entry, "32 lower-case hexadecimal digits", err);
        return 0;
    case FIELD_TIME:
        if (hf_time_parse(entry->value, where) != 0)
            return bad_value(entry, "a time like 2026-01-31T12:00:00Z", err);
        return 0;
    case FIELD_TEXT:
        *(char **)where = hf_move(entry->value);
        return 0;
    case FIELD_BUILD_ID:
        return parse_build_id(entry, where, err);
    case FIELD_DIGEST:
        if (hf_hex_decode(entry->value, where, HF_DIGEST_SIZE) != 0)
            return bad_value(entry, "64 lower-case hexadecimal digits", err);
        return 0;
    case FIELD_SIZE:
        return parse_counted(entry, 10, where, err);
    case FIELD_OFFSET:
        return parse_counted(entry, 16, where, err);
    case FIELD_SKIP:
        if (parse_number(entry->value, 10, 64, &number) != 0)
            return bad_value(entry, "a decimal number from 0 to 64", err);
        *(uint32_t *)where = (uint32_t)number;
        return 0;
    case FIELD_VERDICT:
        return parse_verdict(entry, where, err);
    case FIELD_IDS:
        return parse_ids(entry, where, err);
    case FIELD_YES:
        if (strcmp(entry->value, "yes") != 0)
            return bad_value(entry, "yes, or absent", err);
        *(bool *)where = true;
        return 0;
    case FIELD_RANGES:
        return parse_ranges(entry, where, err);
    }
    return hf_error(err, HOTFIX_INTERNAL, "manifest field %s has no kind", field->key);
}

/* Optional fields that a section leaves out. */
static int parse_absent(const struct field *field, const struct hf_ini_section *section, void *object,
                        struct hotfix_error *err)
{
    if (!field->optional)
        return hf_error(err, HOTFIX_FORMAT, WHERE " line %u: section [%s] lacks the key %s", section->line,
                        section->name, field->key);
    if (field->kind != FIELD_TEXT)
        return 0;
    char **text = (char **)((char *)object + field->offset);
    *text = strdup("");
    return *text ? 0 : out_of_memory(err);
}

/* Every key is known and follows those that stand before it in the table. */
static int check_keys(const struct hf_ini_section *section, const struct field *fields, struct hotfix_error *err)
{
    const struct field *next = fields;

    for (size_t i = 0; i < section->count; i++) {
        const struct hf_ini_entry *entry = &section->entries[i];
        const struct field *field = fields;
        while (field->key && strcmp(field->key, entry->key) != 0)
            field++;
        if (!field->key)
            return hf_error(err, HOTFIX_FORMAT, WHERE " line %u: unknown key '%s' in section [%s]", entry->line,
                            entry->key, section->name);
        if (field < next)
            return hf_error(err, HOTFIX_FORMAT, WHERE " line %u: key %s of section [%s] is out of order", entry->line,
                            entry->key, section->name);
        next = field + 1;
    }
    return 0;
}

/* Fills the object from the section. */
static int parse_section(const struct hf_ini_section *section, const struct field *fields, void *object,
                         struct hotfix_error *err)
{
    size_t used = 0;

    if (check_keys(section, fields, err) != 0)
        return -1;
    for (const struct field *field = fields; field->key; field++) {
        struct hf_ini_entry *entry = NULL;
        if (used < section->count && strcmp(section->entries[used].key, field->key) == 0)
            entry = &section->entries[used++];
        if (entry ? parse_field(field, entry, object, err) : parse_absent(field, section, object, err))
            return -1;
    }
    return 0;
}

/* before is the function of the section before, or NULL. */
static int check_function(const struct hf_ini_section *section, const struct hf_manifest_function *function,
                          const struct hf_manifest_function *before, struct hotfix_error *err)
{
    if (function->size > INT64_MAX - function->offset || function->replacement_size > INT64_MAX - function->replacement)
        return bad_section(section, "a function ends beyond every address", err);
    if (function->detour_skip >= function->size)
        return bad_section(section, "detour-skip leaves nothing of the function", err);
    if (before && function->offset < before->offset + before->size)
        return bad_section(section, "the function overlaps or precedes the one of the section before", err);
    return 0;
}

/* How many sections from `first` on are called kind.1, kind.2 and so on. */
static size_t count_numbered(const struct hf_inifile *ini, size_t first, const char *kind)
{
    char name[HF_INI_SECTION_MAX + 1];
    size_t count = 0;

    for (; first + count < ini->count; count++) {
        snprintf(name, sizeof(name), "%s.%zu", kind, count + 1);
        if (strcmp(ini->sections[first + count].name, name) != 0)
            break;
    }
    return count;
}

static int check_waiver(const struct hf_ini_section *section, const struct hf_manifest *manifest,
                        const struct hf_manifest_waiver *waiver, struct hotfix_error *err)
{
    for (size_t i = 0; i < manifest->check_count; i++)
        if (strcmp(manifest->checks[i].id, waiver->check) == 0)
            return 0;
    return bad_section(section, "check is not the id of a check", err);
}

static int parse_checks(const struct hf_ini_section *section, size_t count, struct hf_manifest *manifest,
                        struct hotfix_error *err)
{
    manifest->checks = calloc(count + 1, sizeof(*manifest->checks));
    if (!manifest->checks)
        return out_of_memory(err);
    for (; manifest->check_count < count; section++)
        if (parse_section(section, check_fields, &manifest->checks[manifest->check_count++], err) != 0)
            return -1;
    return 0;
}

static int parse_waivers(const struct hf_ini_section *section, size_t count, struct hf_manifest *manifest,
                         struct hotfix_error *err)
{
    manifest->waivers = calloc(count + 1, sizeof(*manifest->waivers));
    if (!manifest->waivers)
        return out_of_memory(err);
    for (; manifest->waiver_count < count; section++) {
        struct hf_manifest_waiver *waiver = &manifest->waivers[manifest->waiver_count++];
        waiver->expires = HF_TIME_NEVER;
        if (parse_section(section, waiver_fields, waiver, err) != 0 ||
            check_waiver(section, manifest, waiver, err) != 0)
            return -1;
    }
    return 0;
}

static int parse_functions(const struct hf_ini_section *section, size_t count, struct hf_manifest *manifest,
                           struct hotfix_error *err)
{
    manifest->functions = calloc(count, sizeof(*manifest->functions));
    if (!manifest->functions)
        return out_of_memory(err);
    for (size_t i = 0; i < count; i++, section++) {
        struct hf_manifest_function *function = &manifest->functions[manifest->function_count++];
        if (parse_section(section, function_fields, function, err) != 0 ||
            check_function(section, function, i ? function - 1 : NULL, err) != 0)
            return -1;
    }
    return 0;
}

static int parse_callers(const struct hf_ini_section *section, size_t count, struct hf_manifest *manifest,
                         struct hotfix_error *err)
{
    manifest->callers = calloc(count + 1, sizeof(*manifest->callers));
    if (!manifest->callers)
        return out_of_memory(err);
    for (; manifest->caller_count < count; section++) {
        struct hf_manifest_caller *caller = &manifest->callers[manifest->caller_count++];
        if (parse_section(section, caller_fields, caller, err) != 0)
            return -1;
        if (caller->code.count == 0 && caller->replacement_code.count == 0)
            return bad_section(section, "it has neither code nor replacement-code", err);
    }
    return 0;
}

static int parse_assumptions(const struct hf_ini_section *section, size_t count, struct hf_manifest *manifest,
                             struct hotfix_error *err)
{
    manifest->assumptions = calloc(count + 1, sizeof(*manifest->assumptions));
    if (!manifest->assumptions)
        return out_of_memory(err);
    for (size_t i = 0; i < count; i++, section++) {
        struct hf_manifest_assumption *assumption = &manifest->assumptions[manifest->assumption_count++];
        if (parse_section(section, assumption_fields, assumption, err) != 0)
            return -1;
        if (assumption->size > INT64_MAX - assumption->offset)
            return bad_section(section, "a function ends beyond every address", err);
        if (i > 0 && assumption->offset <= assumption[-1].offset)
            return bad_section(section, "the function does not follow the one of the section before", err);
    }
    return 0;
}

static int parse_numbered(const struct hf_inifile *ini, struct hf_manifest *manifest, struct hotfix_error *err)
{
    size_t checks = count_numbered(ini, SECTION_COUNT, "check");
    size_t waivers = count_numbered(ini, SECTION_COUNT + checks, "waiver");
    size_t functions = count_numbered(ini, SECTION_COUNT + checks + waivers, "function");
    size_t callers = count_numbered(ini, SECTION_COUNT + checks + waivers + functions, "caller");
    size_t assumptions = count_numbered(ini, SECTION_COUNT + checks + waivers + functions + callers, "assumption");
    const struct hf_ini_section *first = ini->sections + SECTION_COUNT;
    const struct hf_ini_section *behind = first + checks + waivers + functions;
    const struct hf_ini_section *rest = behind + callers + assumptions;

    if (rest < ini->sections + ini->count)
        return hf_error(err, HOTFIX_FORMAT, WHERE " line %u: section [%s] is unknown, repeated or out of order",
                        rest->line, rest->name);
    if (checks > HF_MANIFEST_MAX_CHECKS || waivers > HF_MANIFEST_MAX_CHECKS || functions > HF_MANIFEST_MAX_FUNCTIONS)
        return hf_error(err, HOTFIX_FORMAT, WHERE ": more than %u checks or waivers, or %u functions",
                        HF_MANIFEST_MAX_CHECKS, HF_MANIFEST_MAX_FUNCTIONS);
    if (callers > HF_MANIFEST_MAX_WORLDS || assumptions > HF_MANIFEST_MAX_WORLDS)
        return hf_error(err, HOTFIX_FORMAT, WHERE ": more than %u callers or assumptions", HF_MANIFEST_MAX_WORLDS);
    if (functions == 0)
        return hf_error(err, HOTFIX_FORMAT, WHERE ": names no function");
    return parse_checks(first, checks, manifest, err) != 0 ||
                   parse_waivers(first + checks, waivers, manifest, err) != 0 ||
                   parse_functions(first + checks + waivers, functions, manifest, err) != 0 ||
                   parse_callers(behind, callers, manifest, err) != 0 ||
                   parse_assumptions(behind + callers, assumptions, manifest, err) != 0
               ? -1
               : 0;
}

static int check_bundle(const struct hf_ini_section *section, const struct hf_manifest *manifest,
                        struct hotfix_error *err)
{
    if (manifest->created > HF_TIME_CREATED_MAX)
        return bad_section(section, "created is later than a bundle's archive can say", err);
    return 0;
}

/* Names end up in paths, in file lookups and in messages. */
static bool is_file_name(const char *name)
{
    return !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && strlen(name) <= NAME_MAX;
}

static int check_target(const struct hf_ini_section *section, const struct hf_manifest *manifest,
                        struct hotfix_error *err)
{
    size_t arch = strspn(manifest->arch, "abcdefghijklmnopqrstuvwxyz0123456789_");

    if (!is_file_name(manifest->target_name))
        return bad_section(section, "name is not a file name without directories", err);
    if (manifest->arch[arch] || arch > ARCH_MAX)
        return bad_section(section, "arch is not the name of a machine", err);

    bool has_host = manifest->host_build_id.size > 0;
    if ((manifest->host_name[0] != '\0') != has_host || (manifest->host_symbols[0] != '\0') != has_host)
        return bad_section(section, "host-name, host-build-id and host-symbols go together", err);
    if (has_host && !is_file_name(manifest->host_name))
        return bad_section(section, "host-name is not a file name without directories", err);
    if (has_host && !hf_words_valid(manifest->host_symbols))
        return bad_section(section, "host-symbols is no ordered list of names with one blank between them", err);
    return 0;
}

static int check_payload(const struct hf_ini_section *section, const struct hf_manifest *manifest,
                         struct hotfix_error *err)
{
    char soname[HF_SONAME_MAX];

    if (manifest->payload_size > HF_PAYLOAD_MAX_SIZE)
        return bad_section(section, "size is more than a bundle carries", err);
    if ((manifest->fixups_offset == 0) != (manifest->fixups_size == 0))
        return bad_section(section, "fixups-offset and fixups-size go together", err);
    if (manifest->fixups_size > manifest->payload_size ||
        manifest->fixups_offset > manifest->payload_size - manifest->fixups_size)
        return bad_section(section, "the fix-up table lies outside patch.so", err);
    hf_stamp_soname(manifest->id, soname);
    if (strcmp(manifest->soname, soname) != 0)
        return bad_section(section, "soname is not the one that belongs to the bundle's id", err);
    return 0;
}

static int parse_sections(const struct hf_inifile *ini, struct hf_manifest *manifest, struct hotfix_error *err)
{
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        if (i >= ini->count)
            return hf_error(err, HOTFIX_FORMAT, WHERE ": section [%s] is missing", sections[i].name);
        if (strcmp(ini->sections[i].name, sections[i].name) != 0)
            return hf_error(err, HOTFIX_FORMAT, WHERE " line %u: section [%s] where [%s] must be",
                            ini->sections[i].line, ini->sections[i].name, sections[i].name);
        if (parse_section(&ini->sections[i], sections[i].fields, manifest, err) != 0)
            return -1;
        if (sections[i].check && sections[i].check(&ini->sections[i], manifest, err) != 0)
            return -1;
    }
    return parse_numbered(ini, manifest, err);
}

/* The text of a field, or "" when it is absent. NULL when out of memory. */
static char *field_text(const struct field *field, const void *object)
{
    const void *where = (const char *)object + field->offset;
    const struct hf_build_id *build_id = where;
    const char *text = where;
    char buffer[2 * HF_BUILD_ID_MAX + 1] = "";
    uint64_t number = 0;

    switch (field->kind) {
    case FIELD_FORMAT:
        snprintf(buffer, sizeof(buffer), "%d", HF_MANIFEST_FORMAT);
        break;
    case FIELD_NAME:
        return strdup(text);
    case FIELD_ID:
        hf_hex_encode(where, HF_ID_SIZE, buffer);
        break;
    case FIELD_TIME:
        if (*(const int64_t *)where != HF_TIME_NEVER)
            hf_time_format(*(const int64_t *)where, buffer);
        break;
    case FIELD_TEXT:
        text = *(char *const *)where;
        return strdup(text ? text : "");
    case FIELD_BUILD_ID:
        hf_hex_encode(build_id->bytes, build_id->size <= HF_BUILD_ID_MAX ? build_id->size : 0, buffer);
        break;
    case FIELD_DIGEST:
        hf_hex_encode(where, HF_DIGEST_SIZE, buffer);
        break;
    case FIELD_SIZE:
    case FIELD_OFFSET:
        number = *(const uint64_t *)where;
        if (number)
            snprintf(buffer, sizeof(buffer), field->kind == FIELD_OFFSET ? "0x%" PRIx64 : "%" PRIu64, number);
        break;
    case FIELD_SKIP:
        snprintf(buffer, sizeof(buffer), "%" PRIu32, *(const uint32_t *)where);
        break;
    case FIELD_VERDICT:
        snprintf(buffer, sizeof(buffer), "%s", hf_verdict_name(*(const enum hf_verdict *)where));
        break;
    case FIELD_IDS:
        return hf_ids_format(where);
    case FIELD_YES:
        return strdup(*(const bool *)where ? "yes" : "");
    case FIELD_RANGES:
        return hf_code_ranges_format(where);
    }
    return strdup(buffer);
}

static int format_section(char **text, size_t *size, const char *name, const struct field *fields, const void *object,
                          struct hotfix_error *err)
{
    if (hf_inifile_append_section(text, size, name, err) != 0)
        return -1;
    for (const struct field *field = fields; field->key; field++) {
        HF_FREE char *value = field_text(field, object);
        if (!value)
            return out_of_memory(err);
        if (!value[0] && field->optional)
            continue;
        if (!value[0])
            return hf_error(err, HOTFIX_INTERNAL, WHERE ": %s of section [%s] has no value", field->key, name);
        if (strlen(value) > HF_MANIFEST_MAX_VALUE)
            return hf_error(err, HOTFIX_INTERNAL, WHERE ": %s of section [%s] is longer than %u bytes", field->key,
                            name, HF_MANIFEST_MAX_VALUE);
        if (hf_inifile_append(text, size, field->key, value, err) != 0)
            return -1;
    }
    return 0;
}

static int format_numbered(char **text, size_t *size, const char *kind, size_t number, const struct field *fields,
                           const void *object, struct hotfix_error *err)
{
    char name[HF_INI_SECTION_MAX + 1];

    snprintf(name, sizeof(name), "%s.%zu", kind, number);
    return format_section(text, size, name, fields, object, err);
}

/* Writes whatever the struct holds; whether that is a manifest, parsing says. */
static int write_text(const struct hf_manifest *manifest, char **text, size_t *size, struct hotfix_error *err)
{
    HF_FREE char *formatted = NULL;
    size_t length = 0;

    for (size_t i = 0; i < SECTION_COUNT; i++)
        if (format_section(&formatted, &length, sections[i].name, sections[i].fields, manifest, err) != 0)
            return -1;
    for (size_t i = 0; i < manifest->check_count; i++)
        if (format_numbered(&formatted, &length, "check", i + 1, check_fields, &manifest->checks[i], err) != 0)
            return -1;
    for (size_t i = 0; i < manifest->waiver_count; i++)
        if (format_numbered(&formatted, &length, "waiver", i + 1, waiver_fields, &manifest->waivers[i], err) != 0)
            return -1;
    for (size_t i = 0; i < manifest->function_count; i++)
        if (format_numbered(&formatted, &length, "function", i + 1, function_fields, &manifest->functions[i], err) != 0)
            return -1;
    for (size_t i = 0; i < manifest->caller_count; i++)
        if (format_numbered(&formatted, &length, "caller", i + 1, caller_fields, &manifest->callers[i], err) != 0)
            return -1;
    for (size_t i = 0; i < manifest->assumption_count; i++)
        if (format_numbered(&formatted, &length, "assumption", i + 1, assumption_fields, &manifest->assumptions[i],
                            err) != 0)
            return -1;
    *text = hf_move(formatted);
    *size = length;
    return 0;
}

/* Two texts for one manifest would be two bundles that say the same: only the text that formatting writes is accepted.
 */
static int check_canonical(const struct hf_manifest *manifest, const char *text, size_t size, struct hotfix_error *err)
{
    HF_FREE char *again = NULL;
    size_t again_size, same = 0;
    unsigned line = 1;

    if (write_text(manifest, &again, &again_size, err) != 0)
        return -1;
    for (; same < size && same < again_size && text[same] == again[same]; same++)
        line += text[same] == '\n';
    if (same == size && same == again_size)
        return 0;
    return hf_error(err, HOTFIX_FORMAT, WHERE " line %u: not written in the one way that bundles use", line);
}

int hf_manifest_parse(const void *text, size_t size, struct hf_manifest *manifest, struct hotfix_error *err)
{
    struct hf_inifile ini;
    struct hf_manifest parsed;

    if (size > HF_MANIFEST_MAX_SIZE)
        return hf_error(err, HOTFIX_FORMAT, WHERE ": larger than %u bytes", HF_MANIFEST_MAX_SIZE);
    if (hf_inifile_parse(WHERE, text, size, HF_MANIFEST_MAX_VALUE, &ini, err) != 0)
        return -1;
    hf_manifest_init(&parsed);
    int failed = parse_sections(&ini, &parsed, err);
    hf_inifile_deinit(&ini);
    if (!failed)
        failed = check_canonical(&parsed, text, size, err);
    if (failed) {
        hf_manifest_deinit(&parsed);
        return -1;
    }
    *manifest = parsed;
    return 0;
}

int hf_manifest_format(const struct hf_manifest *manifest, char **text, size_t *size, struct hotfix_error *err)
{
    struct hf_manifest again;
    struct hotfix_error reason;
    HF_FREE char *formatted = NULL;
    size_t length;

    if (write_text(manifest, &formatted, &length, err) != 0)
        return -1;
    if (hf_manifest_parse(formatted, length, &again, &reason) != 0)
        return hf_error(err, reason.code == HOTFIX_FORMAT ? HOTFIX_INTERNAL : reason.code,
                        "manifest that was to be written: %s", reason.message);
    hf_manifest_deinit(&again);
    *text = hf_move(formatted);
    *size = length;
    return 0;
}
