/* SPDX-License-Identifier: Apache-2.0 */
#include "object/scope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "dwarf/die.h"
#include "error.h"
#include "object/debuginfo.h"

#define MAX_DEPTH 256 /* scopes within scopes */

struct scope {
    const struct hf_part *part;
    uint64_t offset;
    char *text;
};

struct hf_scopes {
    const struct hf_object *object;
    struct scope *items;
    size_t count;
};

/* The address that a location of one DW_OP_addr gives. */
static bool static_address(Dwarf_Die die, uint64_t *address)
{
    Dwarf_Attribute attribute;
    Dwarf_Unsigned size;
    Dwarf_Ptr bytes;
    Dwarf_Error error;

    if (dwarf_attr(die, DW_AT_location, &attribute, &error) != DW_DLV_OK)
        return false;
    bool found = dwarf_formexprloc(attribute, &size, &bytes, &error) == DW_DLV_OK && size == 9 &&
                 *(const uint8_t *)bytes == DW_OP_addr;
    if (found)
        memcpy(address, (const uint8_t *)bytes + 1, 8);
    dwarf_dealloc_attribute(attribute);
    return found;
}

/* The variable, or the declaration that it completes. */
static const char *name_of(Dwarf_Debug dwarf, Dwarf_Die die)
{
    uint64_t origin = hf_die_reference(die, DW_AT_abstract_origin);
    if (origin == HF_DIE_NONE)
        origin = hf_die_reference(die, DW_AT_specification);
    HF_DIE Dwarf_Die declaration = origin == HF_DIE_NONE ? NULL : hf_die_at(dwarf, origin);

    return hf_die_text(declaration ? declaration : die, DW_AT_name);
}

static int add(struct hf_scopes *scopes, uint64_t address, const char *function, const char *name, unsigned ordinal)
{
    uint64_t offset;
    const struct hf_part *part = hf_debuginfo_part(scopes->object, address, &offset);
    struct scope *grown = part ? reallocarray(scopes->items, scopes->count + 1, sizeof(*grown)) : scopes->items;

    if (!part)
        return 0;
    if (!grown)
        return -1;
    scopes->items = grown;
    struct scope *scope = &grown[scopes->count];
    *scope = (struct scope){.part = part, .offset = offset};
    if (asprintf(&scope->text, "%s/%s/%u", function, name, ordinal) < 0)
        return -1;
    scopes->count++;
    return 0;
}

/* The number of static variables of this name that the function declares earlier, by the order of the source. */
static unsigned earlier(const struct hf_scopes *scopes, const char *function, const char *name)
{
    HF_FREE char *prefix = NULL;
    unsigned count = 0;

    if (asprintf(&prefix, "%s/%s/", function, name) < 0) {
        prefix = NULL;
        return 0;
    }
    for (size_t i = 0; i < scopes->count; i++)
        count += strncmp(scopes->items[i].text, prefix, strlen(prefix)) == 0;
    return count;
}

static bool known(const struct hf_scopes *scopes, uint64_t address)
{
    uint64_t offset;
    const struct hf_part *part = hf_debuginfo_part(scopes->object, address, &offset);

    for (size_t i = 0; i < scopes->count; i++)
        if (scopes->items[i].part == part && scopes->items[i].offset == offset)
            return true;
    return false;
}

static int walk_scope(struct hf_scopes *scopes, Dwarf_Debug dwarf, Dwarf_Die parent, const char *function, int depth)
{
    Dwarf_Die child = NULL;
    int more;

    while ((more = hf_die_next(dwarf, parent, &child)) > 0) {
        Dwarf_Half tag = hf_die_tag(child);
        uint64_t address;
        int failed = 0;
        if (tag == DW_TAG_variable && static_address(child, &address) && !known(scopes, address)) {
            const char *name = name_of(dwarf, child);
            failed = name ? add(scopes, address, function, name, earlier(scopes, function, name)) : 0;
        } else if (tag == DW_TAG_lexical_block && depth < MAX_DEPTH) {
            failed = walk_scope(scopes, dwarf, child, function, depth + 1);
        }
        if (failed) {
            dwarf_dealloc_die(child);
            return -1;
        }
    }
    return more;
}

/* Abstract instances hold the static variables of functions that are inlined; copies of them repeat those. */
static int read_unit(Dwarf_Debug dwarf, Dwarf_Die unit, void *arg)
{
    struct hf_scopes *scopes = arg;
    Dwarf_Die child = NULL;
    int more;

    while ((more = hf_die_next(dwarf, unit, &child)) > 0) {
        const char *name = hf_die_tag(child) == DW_TAG_subprogram ? name_of(dwarf, child) : NULL;
        if (name && walk_scope(scopes, dwarf, child, name, 0) != 0) {
            dwarf_dealloc_die(child);
            return -1;
        }
    }
    return more;
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
    if (hf_debuginfo_units(info, read_unit, read) != 0) {
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
    for (size_t i = 0; i < scopes->count; i++)
        free(scopes->items[i].text);
    free(scopes->items);
    free(scopes);
}

const char *hf_scope_of(const struct hf_scopes *scopes, const struct hf_name *name)
{
    for (size_t i = 0; i < scopes->count; i++)
        if (scopes->items[i].part == name->part && scopes->items[i].offset == name->value)
            return scopes->items[i].text;
    return NULL;
}
