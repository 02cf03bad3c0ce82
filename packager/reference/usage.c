/* SPDX-License-Identifier: Apache-2.0 */
#include "reference/usage.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "leak.h"
#include "reference/prototype.h"

struct offsets {
    uint64_t *items;
    size_t count;
};

static bool add(struct offsets *offsets, uint64_t offset)
{
    uint64_t *grown = reallocarray(offsets->items, offsets->count + 1, sizeof(*grown));

    if (!grown)
        return false;
    offsets->items = grown;
    grown[offsets->count++] = offset;
    return true;
}

static bool is_loaded(const struct hf_part *part)
{
    return part->kind != HF_PART_DEBUG && part->kind != HF_PART_UNWIND && part->kind != HF_PART_OTHER;
}

/* Where a reference of code points, its distance counted from where the CPU does. */
static const struct hf_part *leads_to(const struct hf_arch_tools *arch, const struct hf_part *from,
                                      const struct hf_reference *reference, int64_t *offset)
{
    const struct hf_part *to = hf_reference_part(reference, offset);
    enum hf_relation relation = arch->relation(reference->type);
    bool distance = relation == HF_RELATION_NEAR || relation == HF_RELATION_CALL || relation == HF_RELATION_SLOT;

    if (from->kind == HF_PART_CODE && distance && arch->from_behind)
        *offset += (int64_t)arch->field_size(reference->type);
    return relation == HF_RELATION_NONE ? NULL : to;
}

static bool is_jump(const struct hf_arch_tools *arch, const struct hf_part *from, const struct hf_reference *reference)
{
    enum hf_relation relation = arch->relation(reference->type);

    return from->kind == HF_PART_CODE && (relation == HF_RELATION_NEAR || relation == HF_RELATION_CALL) &&
           arch->is_branch(from->bytes, reference->offset);
}

static bool is_entry(const struct hf_part *part, int64_t offset)
{
    for (size_t i = 0; i < part->name_count; i++)
        if (part->names[i]->type != STT_NOTYPE && (int64_t)part->names[i]->value == offset)
            return true;
    return false;
}

bool hf_usage_enters(const struct hf_arch_tools *arch, const struct hf_part *from, const struct hf_reference *reference,
                     const struct hf_part *code)
{
    int64_t offset;

    /* Most refer to something else. */
    if (reference->name->part != code)
        return false;
    return is_loaded(from) && !is_jump(arch, from, reference) && leads_to(arch, from, reference, &offset) == code &&
           !is_entry(code, offset);
}

/* Does data lead into the middle of this code? */
static bool is_table_of(const struct hf_arch_tools *arch, const struct hf_part *data, const struct hf_part *code)
{
    for (size_t i = 0; data->kind != HF_PART_CODE && i < data->reference_count; i++)
        if (hf_usage_enters(arch, data, &data->references[i], code))
            return true;
    return false;
}

/*
 * Entries of a table that are distances from its begin: the relocation counts from the entry. Where in the part the
 * table begins, the code that uses it says; any of these places before the entry may be it.
 */
static bool add_distances(const struct hf_arch_tools *arch, const struct hf_part *data,
                          const struct hf_reference *reference, const struct hf_part *code, struct offsets *landings)
{
    const struct hf_object *object = code->object;
    int64_t target, begin;

    hf_reference_part(reference, &target);
    for (size_t i = 1; i < object->part_count; i++) {
        const struct hf_part *user = &object->parts[i];
        for (size_t k = 0; user->kind == HF_PART_CODE && k < user->reference_count; k++) {
            if (leads_to(arch, user, &user->references[k], &begin) != data || begin < 0 ||
                (uint64_t)begin > reference->offset)
                continue;
            int64_t landing = target - ((int64_t)reference->offset - begin);
            if (landing >= 0 && (uint64_t)landing < code->size && !add(landings, (uint64_t)landing))
                return false;
        }
    }
    return true;
}

/* Where indirect jumps of the code may go, and where other functions and its other parts enter it. */
static bool find_landings(const struct hf_arch_tools *arch, const struct hf_part *code, struct offsets *landings,
                          struct offsets *entries)
{
    const struct hf_object *object = code->object;

    if (!code->family && !add(entries, hf_part_function(code) ? hf_part_function(code)->value : 0))
        return false;
    for (size_t i = 1; i < object->part_count; i++) {
        const struct hf_part *from = &object->parts[i];
        for (size_t k = 0; is_loaded(from) && k < from->reference_count; k++) {
            const struct hf_reference *reference = &from->references[k];
            int64_t offset;
            if (leads_to(arch, from, reference, &offset) != code)
                continue;
            bool distance = from->kind != HF_PART_CODE && arch->relation(reference->type) == HF_RELATION_NEAR;
            bool fine = distance                         ? add_distances(arch, from, reference, code, landings)
                        : offset < 0                     ? true
                        : is_jump(arch, from, reference) ? add(entries, (uint64_t)offset)
                                                         : add(landings, (uint64_t)offset);
            if (!fine)
                return false;
        }
    }
    return true;
}

/* Functions of the C library that read what they are given, and neither keep nor return a pointer to it. */
static bool only_reads(const struct hf_name *name)
{
    static const char *const readers[] = {
        "memcmp",  "strcmp",       "strncmp",       "strcasecmp",    "strncasecmp",    "strlen",       "strnlen",
        "strspn",  "strcspn",      "memcpy",        "memmove",       "strcpy",         "strncpy",      "printf",
        "fprintf", "sprintf",      "snprintf",      "puts",          "fputs",          "fwrite",       "write",
        "perror",  "__printf_chk", "__fprintf_chk", "__sprintf_chk", "__snprintf_chk", "__memcpy_chk", "__strcpy_chk",
    };

    for (size_t i = 0; !name->part && i < sizeof(readers) / sizeof(readers[0]); i++)
        if (strcmp(name->text, readers[i]) == 0)
            return true;
    return false;
}

static struct hf_named_field *find_fields(const struct hf_arch_tools *arch, const struct hf_part *code,
                                          const struct hf_part *table, bool deep)
{
    struct hf_named_field *fields = calloc(code->reference_count + 1, sizeof(*fields));

    for (size_t i = 0; fields && i < code->reference_count; i++) {
        int64_t offset;
        const struct hf_part *to = leads_to(arch, code, &code->references[i], &offset);
        fields[i] = (struct hf_named_field){.offset = code->references[i].offset, .arguments = HF_NAMED_UNKNOWN};
        if (!deep && only_reads(code->references[i].name))
            fields[i].arguments = 0;
        if (to && to == table && arch->relation(code->references[i].type) == HF_RELATION_SLOT)
            fields[i].what = HF_NAMED_SLOT;
        else if (to && to == table)
            fields[i].what = is_table_of(arch, to, code) ? HF_NAMED_BOTH : HF_NAMED_THING;
        else if (to && is_table_of(arch, to, code))
            fields[i].what = HF_NAMED_TABLE;
    }
    return fields;
}

/* May a function of this prototype return a value in two registers? */
static bool is_wide(const char *prototype)
{
    const char *end = prototype ? strstr(prototype, " (") : NULL;

    if (!end)
        return true;
    HF_FREE char *result = strndup(prototype, (size_t)(end - prototype));
    if (!result || strchr(result, '('))
        return true;
    if (strchr(result, '*') || strchr(result, '&'))
        return false;
    static const char *const narrow[] = {"void", "char", "short", "int", "long", "_Bool", "bool", "enum"};
    for (size_t i = 0; i < sizeof(narrow) / sizeof(narrow[0]); i++)
        if (strstr(result, narrow[i]))
            return strstr(result, "int128") || strstr(result, "struct ") || strstr(result, "union ") ||
                   strstr(result, "class ");
    return true;
}

static bool has_parts(const struct hf_part *function)
{
    for (size_t i = 1; i < function->object->part_count; i++)
        if (function->object->parts[i].family == function)
            return true;
    return false;
}

/* 1 when what this code knows of the table stays in it. */
static int ask(const struct hf_arch_tools *arch, const struct hf_part *code, const struct hf_part *table, bool deep,
               struct hotfix_error *err)
{
    struct offsets landings = {.count = 0}, entries = {.count = 0};
    bool found = find_landings(arch, code, &landings, &entries);
    HF_FREE uint64_t *owned_landings = landings.items;
    HF_FREE uint64_t *owned_entries = entries.items;
    HF_FREE struct hf_named_field *fields = find_fields(arch, code, table, deep);
    HF_FREE char *prototype = NULL;
    uint64_t at;

    if (!found || !fields)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (hf_prototype_find(code->family ? code->family : code, &prototype, err) != 0)
        return -1;
    const struct hf_leak_question question = {
        .code = code->bytes,
        .size = code->size,
        .fields = fields,
        .field_count = code->reference_count,
        .entries = owned_entries,
        .entry_count = entries.count,
        .landings = owned_landings,
        .landing_count = landings.count,
        .deep = deep,
        .wide = is_wide(prototype),
        .apart = code->family || has_parts(code),
    };
    return code->object->has_exceptions ? 0 : hf_leak_kept(arch, &question, &at);
}

int hf_usage_kept(const struct hf_arch_tools *arch, const struct hf_part *table, bool deep, const char **where,
                  struct hotfix_error *err)
{
    const struct hf_object *object = table->object;

    for (size_t i = 1; i < object->part_count; i++) {
        const struct hf_part *part = &object->parts[i];
        if (part == table || !is_loaded(part) || !hf_part_refers(part, table))
            continue;
        *where = hf_part_title(part->family ? part->family : part);
        int kept = part->kind == HF_PART_CODE ? ask(arch, part, table, deep, err) : 0;
        if (kept <= 0)
            return kept;
    }
    return 1;
}

bool hf_usage_takes_own(const struct hf_arch_tools *arch, const struct hf_part *code)
{
    HF_FREE struct hf_named_field *fields = find_fields(arch, code, NULL, true);
    const struct hf_leak_question question = {
        .code = code->bytes, .size = code->size, .fields = fields, .field_count = code->reference_count};

    return !fields || hf_leak_takes_own(arch, &question);
}
