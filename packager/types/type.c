/* SPDX-License-Identifier: Apache-2.0 */
#include "types/type.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CHAIN 64 /* typedefs and qualifiers one behind another; more are a loop */

static unsigned qualifier_of(Dwarf_Half tag)
{
    switch (tag) {
    case DW_TAG_const_type:
        return HF_TYPE_CONST;
    case DW_TAG_volatile_type:
        return HF_TYPE_VOLATILE;
    case DW_TAG_atomic_type:
        return HF_TYPE_ATOMIC;
    default:
        return 0;
    }
}

static bool is_transparent(Dwarf_Half tag)
{
    return tag == DW_TAG_typedef || tag == DW_TAG_restrict_type || qualifier_of(tag) != 0;
}

static int fail(struct hf_type *type)
{
    hf_type_deinit(type);
    *type = (struct hf_type){.die = NULL};
    return -1;
}

/* From an entry on to the type that it stands for. */
static int look_through(Dwarf_Debug dwarf, struct hf_type *type)
{
    const char *alias = NULL;

    for (unsigned steps = 0; type->die; steps++) {
        Dwarf_Half tag = hf_die_tag(type->die);
        if (!is_transparent(tag)) {
            type->tag = tag == DW_TAG_class_type ? DW_TAG_structure_type : tag;
            break;
        }
        type->qualifiers |= qualifier_of(tag);
        if (tag == DW_TAG_typedef)
            alias = hf_die_text(type->die, DW_AT_name);
        bool more = hf_die_has(type->die, DW_AT_type);
        Dwarf_Die next = more ? hf_die_refer(dwarf, type->die, DW_AT_type) : NULL;
        dwarf_dealloc_die(type->die);
        type->die = next;
        if (steps >= MAX_CHAIN || (more && !next))
            return fail(type);
    }
    if (type->die && type->tag == 0)
        return fail(type);
    type->name = type->die ? hf_die_text(type->die, DW_AT_name) : NULL;
    type->alias = !type->name && alias;
    if (type->alias)
        type->name = alias;
    return 0;
}

int hf_type_from(Dwarf_Debug dwarf, Dwarf_Die die, struct hf_type *type)
{
    Dwarf_Error error;

    *type = (struct hf_type){.die = NULL};
    if (dwarf_offdie_b(dwarf, hf_die_offset(die), dwarf_get_die_infotypes_flag(die), &type->die, &error) != DW_DLV_OK)
        return fail(type);
    return look_through(dwarf, type);
}

int hf_type_of(Dwarf_Debug dwarf, Dwarf_Die holder, struct hf_type *type)
{
    *type = (struct hf_type){.die = NULL};
    if (!hf_die_has(holder, DW_AT_type))
        return 0;
    type->die = hf_die_refer(dwarf, holder, DW_AT_type);
    return type->die ? look_through(dwarf, type) : -1;
}

void hf_type_deinit(struct hf_type *type)
{
    if (type->die)
        dwarf_dealloc_die(type->die);
    type->die = NULL;
}

bool hf_type_is_aggregate(const struct hf_type *type)
{
    return type->tag == DW_TAG_structure_type || type->tag == DW_TAG_union_type || type->tag == DW_TAG_enumeration_type;
}

bool hf_type_is_definition(const struct hf_type *type)
{
    return !hf_die_has(type->die, DW_AT_declaration);
}

uint64_t hf_type_key(Dwarf_Die die)
{
    return hf_die_offset(die) | (dwarf_get_die_infotypes_flag(die) ? 0 : 1ull << 63);
}

char *hf_type_label(const struct hf_type *type)
{
    const char *keyword = type->tag == DW_TAG_union_type         ? "union "
                          : type->tag == DW_TAG_enumeration_type ? "enum "
                          : type->tag == DW_TAG_structure_type   ? "struct "
                                                                 : "";
    char *label;

    if (asprintf(&label, "%s%s", type->alias ? "" : keyword, type->name ? type->name : "<unnamed>") < 0)
        return NULL;
    return label;
}

bool hf_type_length(Dwarf_Die range, uint64_t *length)
{
    if (hf_die_number(range, DW_AT_count, length))
        return true;
    if (!hf_die_number(range, DW_AT_upper_bound, length))
        return false;
    ++*length;
    return true;
}

/* The size of what a member's type is, in bytes; 0 when it does not say. */
static uint64_t storage_size(Dwarf_Debug dwarf, Dwarf_Die member)
{
    HF_TYPE struct hf_type type = {.die = NULL};
    uint64_t size;

    if (hf_die_number(member, DW_AT_byte_size, &size))
        return size;
    return hf_type_of(dwarf, member, &type) == 0 && type.die && hf_die_number(type.die, DW_AT_byte_size, &size) ? size
                                                                                                                : 0;
}

/* DWARF 5, section 5.7.6, and what DWARF 2 and 3 said: DW_AT_bit_offset counts from the highest bit of the storage. */
static bool find_place(Dwarf_Debug dwarf, struct hf_member *member)
{
    uint64_t location = 0, bit;

    if (hf_die_has(member->die, DW_AT_data_member_location) &&
        !hf_die_number(member->die, DW_AT_data_member_location, &location))
        return hf_die_block(member->die, DW_AT_data_member_location, &member->finder);
    member->bit = location * 8;
    if (!hf_die_number(member->die, DW_AT_bit_size, &member->bits)) {
        member->bits = 0;
        return true;
    }
    if (hf_die_number(member->die, DW_AT_data_bit_offset, &bit)) {
        member->bit += bit;
        return true;
    }
    if (!hf_die_number(member->die, DW_AT_bit_offset, &bit))
        return true;
    uint64_t size = storage_size(dwarf, member->die) * 8;
    if (size < member->bits || bit > size - member->bits)
        return false;
    member->bit += size - member->bits - bit;
    return true;
}

static const char *member_name(Dwarf_Debug dwarf, Dwarf_Die die)
{
    HF_TYPE struct hf_type type = {.die = NULL};

    if (hf_die_tag(die) != DW_TAG_inheritance)
        return hf_die_text(die, DW_AT_name);
    return hf_type_of(dwarf, die, &type) == 0 ? type.name : NULL;
}

static int add_member(Dwarf_Debug dwarf, Dwarf_Die die, struct hf_members *members)
{
    struct hf_member *grown = reallocarray(members->items, members->count + 1, sizeof(*grown));
    const char *name = member_name(dwarf, die);

    if (!grown) {
        dwarf_dealloc_die(die);
        return -1;
    }
    members->items = grown;
    struct hf_member *member = &grown[members->count++];
    *member = (struct hf_member){.die = die, .name = name ? name : "", .base = hf_die_tag(die) == DW_TAG_inheritance};
    if (!find_place(dwarf, member))
        members->unknown = true;
    return 0;
}

int hf_members_read(Dwarf_Debug dwarf, Dwarf_Die aggregate, struct hf_members *members)
{
    Dwarf_Die before = NULL, child;
    bool owned = true; /* the member before belongs to the list */
    int more;

    *members = (struct hf_members){.count = 0};
    while ((more = hf_die_follow(dwarf, aggregate, before, &child)) > 0) {
        Dwarf_Half tag = hf_die_tag(child);
        if (!owned)
            dwarf_dealloc_die(before);
        before = child;
        owned = tag == DW_TAG_inheritance ||
                (tag == DW_TAG_member && !hf_die_has(child, DW_AT_external)); /* not a static one of C++ */
        if (owned && add_member(dwarf, child, members) != 0)
            return -1;
    }
    if (!owned)
        dwarf_dealloc_die(before);
    if (more < 0)
        members->unknown = true;
    return 0;
}

static bool same_name(const struct hf_member *a, const struct hf_member *b)
{
    return a->base == b->base && strcmp(a->name, b->name) == 0;
}

const struct hf_member *hf_members_twin(const struct hf_members *members, size_t index, const struct hf_members *others)
{
    const struct hf_member *member = &members->items[index];
    size_t same = 0;

    /* Nearly always where it was. */
    if (index < others->count && member->name[0] && same_name(member, &others->items[index]))
        return &others->items[index];
    for (size_t i = 0; i < index && !member->name[0]; i++)
        same += same_name(member, &members->items[i]);
    for (size_t i = 0; i < others->count; i++)
        if (same_name(member, &others->items[i]) && same-- == 0)
            return &others->items[i];
    return NULL;
}

bool hf_member_same_place(const struct hf_member *a, const struct hf_member *b)
{
    return a->bit == b->bit && a->bits == b->bits && hf_die_block_equal(&a->finder, &b->finder);
}

void hf_members_deinit(struct hf_members *members)
{
    for (size_t i = 0; i < members->count; i++)
        dwarf_dealloc_die(members->items[i].die);
    free(members->items);
    *members = (struct hf_members){.count = 0};
}
