/* SPDX-License-Identifier: Apache-2.0 */
#include "object/scope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "digest.h"
#include "dwarf/die.h"
#include "error.h"
#include "object/debuginfo.h"
#include "object/known.h"
#include "types/prototype.h"

#define MAX_DEPTH 256 /* scopes within scopes */

struct hf_scopes {
    const struct hf_object *object;
    struct hf_scope *items;
    size_t count;
    size_t capacity;
    struct hf_scope_code *codes;
    size_t code_count;
    struct hf_scope_known *knowns;
    size_t known_count;
    struct hf_scope_coded *coded;
    size_t coded_count;
    struct hf_scope *lost; /* declared, and nowhere; function is "" where it is not known */
    size_t lost_count;
    bool abstract; /* reading what is inlined: there alone all blocks are kept */
};

/* One location expression (DWARF 5, 2.5 and 2.6), byte by byte. */
struct expression {
    const uint8_t *next;
    const uint8_t *end;
    bool failed;
};

static uint64_t take_fixed(struct expression *expression, size_t size)
{
    uint64_t value = 0;

    if ((size_t)(expression->end - expression->next) < size) {
        expression->failed = true;
        return 0;
    }
    memcpy(&value, expression->next, size);
    expression->next += size;
    return value;
}

static uint64_t take_leb(struct expression *expression)
{
    uint64_t value = 0;

    for (unsigned shift = 0; expression->next < expression->end && shift < 64; shift += 7) {
        uint8_t byte = *expression->next++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    expression->failed = true;
    return 0;
}

/* A constant that is the address of a thread-local variable when the next operation says so. */
static bool take_thread(struct expression *expression, uint64_t *address)
{
    *address = take_fixed(expression, 8);
    if (expression->failed || expression->next == expression->end ||
        (*expression->next != DW_OP_GNU_push_tls_address && *expression->next != DW_OP_form_tls_address))
        return false;
    expression->next++;
    return true;
}

/* The next address; false when the expression goes on with anything else. */
static bool take_address(struct expression *expression, Dwarf_Die die, uint64_t *address)
{
    Dwarf_Addr indexed;
    Dwarf_Error error;

    switch (take_fixed(expression, 1)) {
    case DW_OP_addr:
        *address = take_fixed(expression, 8);
        break;
    case DW_OP_const8u:
        if (!take_thread(expression, address))
            return false;
        break;
    case DW_OP_addrx:
    case DW_OP_GNU_addr_index:
        if (dwarf_debug_addr_index_to_addr(die, take_leb(expression), &indexed, &error) != DW_DLV_OK)
            return false;
        *address = indexed;
        break;
    default:
        return false;
    }
    if (expression->next < expression->end && *expression->next == DW_OP_plus_uconst) {
        expression->next++;
        *address += take_leb(expression);
    }
    return !expression->failed;
}

static bool known(const struct hf_scopes *scopes, const struct hf_part *part, uint64_t offset)
{
    for (size_t i = 0; i < scopes->count; i++)
        if (scopes->items[i].part == part && scopes->items[i].offset == offset)
            return true;
    return false;
}

/* clang calls a static variable of a C function "FUNCTION.VARIABLE", "FUNCTION.VARIABLE.1". *size: of the function's
 * name, at the begin of the symbol; NULL when no symbol at the place is one of that form. */
static const char *function_in_symbol(const struct hf_part *part, uint64_t offset, const char *variable, size_t *size)
{
    size_t length = strlen(variable);

    for (size_t i = 0; i < part->name_count; i++) {
        const char *text = part->names[i]->text;
        size_t stem = hf_name_stem(text);
        if (part->names[i]->value != offset || part->names[i]->binding != STB_LOCAL || stem < length + 2 ||
            text[stem - length - 1] != '.' || strncmp(text + stem - length, variable, length) != 0)
            continue;
        *size = stem - length - 1;
        return text;
    }
    return NULL;
}

static int add(struct hf_scopes *scopes, uint64_t address, const struct hf_scope *like)
{
    uint64_t offset;
    const struct hf_part *part = hf_debuginfo_part(scopes->object, address, &offset);
    const char *function = like->function;
    size_t size = function ? strlen(function) : 0;

    if (!part || known(scopes, part, offset) ||
        (!function && !(function = function_in_symbol(part, offset, like->name, &size))))
        return 0;
    if (scopes->count == scopes->capacity) {
        size_t capacity = scopes->capacity ? 2 * scopes->capacity : 64;
        struct hf_scope *grown = reallocarray(scopes->items, capacity, sizeof(*grown));
        if (!grown)
            return -1;
        scopes->items = grown;
        scopes->capacity = capacity;
    }
    struct hf_scope *scope = &scopes->items[scopes->count++];
    *scope = *like;
    scope->part = part;
    scope->offset = offset;
    scope->function = strndup(function, size);
    scope->name = strdup(like->name);
    scope->type = strdup(like->type);
    scope->coding = strdup(like->coding ? like->coding : "");
    return scope->function && scope->name && scope->type && scope->coding ? 0 : -1;
}

/* The rest of the expression makes a value of what lies there. */
static int add_coded(struct hf_scopes *scopes, const struct expression *expression, uint64_t address,
                     const struct hf_scope *like)
{
    size_t size = (size_t)(expression->end - expression->next);
    struct hf_scope_coded *grown = reallocarray(scopes->coded, scopes->coded_count + 1, sizeof(*grown));

    if (!grown)
        return -1;
    scopes->coded = grown;
    struct hf_scope_coded *coded = &grown[scopes->coded_count++];
    *coded = (struct hf_scope_coded){.function = strdup(like->function ? like->function : ""),
                                     .name = strdup(like->name),
                                     .operations = malloc(2 * size + 1)};
    if (!coded->function || !coded->name || !coded->operations)
        return -1;
    hf_hex_encode(expression->next, size, coded->operations);
    struct hf_scope stored = *like;
    stored.coding = coded->operations;
    stored.whole = true;
    return like->piece == 0 ? add(scopes, address, &stored) : 0;
}

/* Adds a variable at one address, or each of its pieces that has one. */
static int add_located(struct hf_scopes *scopes, Dwarf_Die die, struct expression *expression, struct hf_scope *like)
{
    while (expression->next < expression->end) {
        uint64_t address = 0;
        bool here = *expression->next != DW_OP_piece;
        if (here && !take_address(expression, die, &address))
            return 0;
        like->whole = expression->next == expression->end;
        if (!like->whole && *expression->next != DW_OP_piece)
            return add_coded(scopes, expression, address, like);
        if (!like->whole)
            take_fixed(expression, 1);
        uint64_t size = like->whole ? 0 : take_leb(expression);
        if (expression->failed)
            return 0;
        if (here && add(scopes, address, like) != 0)
            return -1;
        like->piece += size;
    }
    return 0;
}

/* The variable or function, or the declaration that it completes. */
static Dwarf_Die origin_of(Dwarf_Debug dwarf, Dwarf_Die die)
{
    uint64_t origin = hf_die_reference(die, DW_AT_abstract_origin);

    if (origin == HF_DIE_NONE)
        origin = hf_die_reference(die, DW_AT_specification);
    return origin == HF_DIE_NONE ? NULL : hf_die_at(dwarf, origin);
}

/* Methods of different classes have equal names; what the linker calls them tells them apart. */
static const char *function_name(Dwarf_Debug dwarf, Dwarf_Die die)
{
    HF_DIE Dwarf_Die origin = origin_of(dwarf, die);
    Dwarf_Die holder = origin ? origin : die;
    const char *linkage = hf_die_text(holder, DW_AT_linkage_name);

    return linkage ? linkage : hf_die_text(holder, DW_AT_name);
}

/* What a function declares and has no place for. */
static int add_lost(struct hf_scopes *scopes, Dwarf_Debug dwarf, Dwarf_Die die, const char *function, uint64_t block,
                    bool inner)
{
    const char *name = hf_die_text(die, DW_AT_name);

    if (!name || hf_die_has(die, DW_AT_const_value) || hf_die_has(die, DW_AT_external) ||
        hf_die_has(die, DW_AT_declaration) || (function && !*function))
        return 0;
    if ((scopes->lost_count & (scopes->lost_count - 1)) == 0) {
        size_t capacity = scopes->lost_count ? 2 * scopes->lost_count : 1;
        struct hf_scope *grown = reallocarray(scopes->lost, capacity, sizeof(*grown));
        if (!grown)
            return -1;
        scopes->lost = grown;
    }
    struct hf_scope *scope = &scopes->lost[scopes->lost_count++];
    *scope = (struct hf_scope){.function = strdup(function ? function : ""),
                               .name = strdup(name),
                               .block = block,
                               .inner = inner,
                               .entry = hf_die_offset(die)};
    scope->type = hf_type_text(dwarf, die);
    return scope->function && scope->name && scope->type ? 0 : -1;
}

static int add_variable(struct hf_scopes *scopes, Dwarf_Debug dwarf, Dwarf_Die die, const char *function,
                        uint64_t block, bool inner)
{
    HF_DIE Dwarf_Die origin = origin_of(dwarf, die);
    Dwarf_Die holder = origin ? origin : die;
    const char *name = hf_die_text(holder, DW_AT_name);
    Dwarf_Attribute attribute;
    Dwarf_Unsigned size;
    Dwarf_Ptr bytes;
    Dwarf_Error error;
    uint64_t line = 0;

    if (name && !origin && !hf_die_has(die, DW_AT_location))
        return add_lost(scopes, dwarf, die, function, block, inner);
    if (!name || dwarf_attr(die, DW_AT_location, &attribute, &error) != DW_DLV_OK)
        return 0;
    int failed = 0;
    if (dwarf_formexprloc(attribute, &size, &bytes, &error) == DW_DLV_OK) {
        HF_FREE char *type = hf_type_text(dwarf, holder);
        struct hf_scope like = {.function = (char *)function, .name = (char *)name, .type = type ? type : (char *)""};
        struct expression expression = {.next = bytes, .end = (const uint8_t *)bytes + size};
        like.block = block;
        like.entry = hf_die_offset(die);
        like.inner = inner;
        like.file = HF_DIE_NONE;
        hf_die_number(holder, DW_AT_decl_file, &like.file);
        hf_die_number(holder, DW_AT_decl_line, &line);
        like.line = (unsigned)line;
        failed = add_located(scopes, die, &expression, &like);
    }
    dwarf_dealloc_attribute(attribute);
    return failed;
}

/* function: NULL where debug information does not name it. */
static int walk_scope(struct hf_scopes *scopes, Dwarf_Debug dwarf, Dwarf_Die parent, const char *function, int depth)
{
    HF_DIE Dwarf_Die child = NULL;
    int more;

    while ((more = hf_die_next(dwarf, parent, &child)) > 0) {
        Dwarf_Half tag = hf_die_tag(child);
        int failed = 0;
        if (tag == DW_TAG_variable)
            failed = add_variable(scopes, dwarf, child, function, hf_die_offset(parent), depth > 0);
        else if (tag == DW_TAG_lexical_block && depth < MAX_DEPTH)
            failed = walk_scope(scopes, dwarf, child, function, depth + 1);
        if (failed)
            return -1;
    }
    return more;
}

/* clang puts the static variables of a function that has no code of its own into an entry without a name. */
static bool is_nameless(Dwarf_Die die)
{
    return !hf_die_has(die, DW_AT_abstract_origin) && !hf_die_has(die, DW_AT_specification) &&
           !hf_die_has(die, DW_AT_name) && !hf_die_has(die, DW_AT_linkage_name);
}

/* What stands at file scope, or in a namespace. */
static int walk_unit(struct hf_scopes *scopes, Dwarf_Debug dwarf, Dwarf_Die parent, int depth)
{
    HF_DIE Dwarf_Die child = NULL;
    int more;

    while ((more = hf_die_next(dwarf, parent, &child)) > 0) {
        Dwarf_Half tag = hf_die_tag(child);
        int failed = 0;
        if (tag == DW_TAG_subprogram && hf_die_has(child, DW_AT_inline) == scopes->abstract) {
            const char *name = function_name(dwarf, child);
            failed = name || is_nameless(child) ? walk_scope(scopes, dwarf, child, name, 0) : 0;
        } else if (tag == DW_TAG_variable && !scopes->abstract) {
            failed = add_variable(scopes, dwarf, child, "", hf_die_offset(parent), false);
        } else if (tag == DW_TAG_namespace && depth < MAX_DEPTH) {
            failed = walk_unit(scopes, dwarf, child, depth + 1);
        }
        if (failed)
            return -1;
    }
    return more;
}

/* A block whose code is read. */
struct coded {
    struct hf_scopes *scopes;
    uint64_t block;
};

static int add_code(uint64_t begin, uint64_t end, void *arg)
{
    const struct coded *coded = arg;
    struct hf_scopes *scopes = coded->scopes;
    uint64_t offset;
    const struct hf_part *part = hf_debuginfo_part(scopes->object, begin, &offset);

    if (!part)
        return 0;
    if ((scopes->code_count & (scopes->code_count - 1)) == 0) {
        size_t capacity = scopes->code_count ? 2 * scopes->code_count : 1;
        struct hf_scope_code *grown = reallocarray(scopes->codes, capacity, sizeof(*grown));
        if (!grown)
            return -1;
        scopes->codes = grown;
    }
    scopes->codes[scopes->code_count++] =
        (struct hf_scope_code){.block = coded->block, .part = part, .begin = offset, .end = offset + (end - begin)};
    return 0;
}

static int add_known(const struct hf_known *known, void *arg)
{
    struct hf_scopes *scopes = arg;
    uint64_t offset;
    const struct hf_part *part = hf_debuginfo_part(scopes->object, known->begin, &offset);

    if (!part || known->running || known->begin >= known->end)
        return 0;
    if ((scopes->known_count & (scopes->known_count - 1)) == 0) {
        size_t capacity = scopes->known_count ? 2 * scopes->known_count : 1;
        struct hf_scope_known *grown = reallocarray(scopes->knowns, capacity, sizeof(*grown));
        if (!grown)
            return -1;
        scopes->knowns = grown;
    }
    struct hf_scope_known *added = &scopes->knowns[scopes->known_count];
    *added = (struct hf_scope_known){.part = part,
                                     .begin = offset,
                                     .end = offset + (known->end - known->begin),
                                     .name = strdup(known->name),
                                     .value = known->plain ? known->value : 0,
                                     .plain = known->plain};
    scopes->known_count += added->name != NULL;
    return added->name ? 0 : -1;
}

/* Blocks have code where they are, or where they were inlined. */
static int walk_code(struct hf_scopes *scopes, Dwarf_Debug dwarf, Dwarf_Die parent, const struct hf_die_unit *unit,
                     int depth)
{
    HF_DIE Dwarf_Die child = NULL;
    int more;

    while ((more = hf_die_next(dwarf, parent, &child)) > 0) {
        Dwarf_Half tag = hf_die_tag(child);
        if (tag == DW_TAG_lexical_block) {
            uint64_t origin = hf_die_reference(child, DW_AT_abstract_origin);
            struct coded coded = {scopes, origin == HF_DIE_NONE ? hf_die_offset(child) : origin};
            if (hf_die_ranges(dwarf, child, unit, add_code, &coded) != 0)
                return -1;
        }
        if ((tag == DW_TAG_variable || tag == DW_TAG_formal_parameter) && depth > 0 &&
            hf_known_values(dwarf, child, parent, unit, add_known, scopes) != 0)
            return -1;
        bool holds = tag == DW_TAG_lexical_block || tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine ||
                     tag == DW_TAG_namespace;
        if (holds && depth < MAX_DEPTH && walk_code(scopes, dwarf, child, unit, depth + 1) != 0)
            return -1;
    }
    return more;
}

static int read_unit(Dwarf_Debug dwarf, Dwarf_Die unit, void *arg)
{
    struct hf_scopes *scopes = arg;
    struct hf_die_unit about = {.base = 0};
    Dwarf_Half offset_size;
    Dwarf_Addr base;
    Dwarf_Error error;

    if (walk_unit(scopes, dwarf, unit, 0) != 0)
        return -1;
    if (scopes->abstract)
        return 0;
    if (dwarf_get_version_of_die(unit, &about.version, &offset_size) != DW_DLV_OK)
        return -1;
    if (dwarf_lowpc(unit, &base, &error) == DW_DLV_OK)
        about.base = base;
    return walk_code(scopes, dwarf, unit, &about, 0);
}

int hf_scopes_read(const struct hf_object *object, struct hf_scopes **scopes, struct hotfix_error *err)
{
    HF_DEBUGINFO struct hf_debuginfo *info = NULL;

    *scopes = NULL;
    if (hf_debuginfo_open(object, &info, err) != 0)
        return -1;
    if (!info)
        return 0;
    struct hf_scopes *read = calloc(1, sizeof(*read));
    if (!read)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", object->path);
    read->object = object;
    /* Twice: of a variable that both have, the one in the inlined function counts. */
    for (int pass = 0; pass < 2; pass++) {
        read->abstract = pass == 0;
        if (hf_debuginfo_units(info, read_unit, read) == 0)
            continue;
        hf_scopes_destroy(read);
        return hf_error(err, HOTFIX_FORMAT, "%s: its debug information is damaged", object->path);
    }
    *scopes = read;
    return 0;
}

void hf_scopes_destroy(struct hf_scopes *scopes)
{
    if (!scopes)
        return;
    for (size_t i = 0; i < scopes->count; i++) {
        free(scopes->items[i].function);
        free(scopes->items[i].name);
        free(scopes->items[i].type);
        free(scopes->items[i].coding);
    }
    free(scopes->items);
    free(scopes->codes);
    for (size_t i = 0; i < scopes->lost_count; i++) {
        free(scopes->lost[i].function);
        free(scopes->lost[i].name);
        free(scopes->lost[i].type);
    }
    free(scopes->lost);
    for (size_t i = 0; i < scopes->coded_count; i++) {
        free(scopes->coded[i].function);
        free(scopes->coded[i].name);
        free(scopes->coded[i].operations);
    }
    free(scopes->coded);
    for (size_t i = 0; i < scopes->known_count; i++)
        free(scopes->knowns[i].name);
    free(scopes->knowns);
    free(scopes);
}

const struct hf_scope *hf_scope_of(const struct hf_scopes *scopes, const struct hf_name *name)
{
    for (size_t i = 0; scopes && i < scopes->count; i++)
        if (scopes->items[i].part == name->part && scopes->items[i].offset == name->value)
            return &scopes->items[i];
    return NULL;
}

const struct hf_scope *hf_scopes_lost(const struct hf_scopes *scopes, size_t *count)
{
    *count = scopes ? scopes->lost_count : 0;
    return scopes ? scopes->lost : NULL;
}

const struct hf_scope_code *hf_scopes_code(const struct hf_scopes *scopes, size_t *count)
{
    *count = scopes ? scopes->code_count : 0;
    return scopes ? scopes->codes : NULL;
}

const struct hf_scope_coded *hf_scopes_coded(const struct hf_scopes *scopes, size_t *count)
{
    *count = scopes ? scopes->coded_count : 0;
    return scopes ? scopes->coded : NULL;
}

const struct hf_scope_known *hf_scopes_known(const struct hf_scopes *scopes, size_t *count)
{
    *count = scopes ? scopes->known_count : 0;
    return scopes ? scopes->knowns : NULL;
}

const struct hf_scope *hf_scopes_find(const struct hf_scopes *scopes, const char *function, const char *name)
{
    for (size_t i = 0; scopes && i < scopes->count; i++)
        if (strcmp(scopes->items[i].function, function) == 0 && strcmp(scopes->items[i].name, name) == 0)
            return &scopes->items[i];
    return NULL;
}

bool hf_scope_same(const struct hf_scope *a, const struct hf_scope *b)
{
    return a && b && strcmp(a->function, b->function) == 0 && strcmp(a->name, b->name) == 0 &&
           strcmp(a->type, b->type) == 0 && strcmp(a->coding, b->coding) == 0 && a->piece == b->piece &&
           a->whole == b->whole;
}

bool hf_scope_like_lost(const struct hf_scope *lost, const struct hf_scope *like)
{
    return strcmp(lost->name, like->name) == 0 && strcmp(lost->type, like->type) == 0 &&
           (!lost->function[0] || strcmp(lost->function, like->function) == 0);
}
