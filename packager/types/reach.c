/* SPDX-License-Identifier: Apache-2.0 */
#include "types/reach.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#define MAX_DEPTH 64 /* blocks and inlined functions within one another */

/* Types that are still to be looked at. */
struct stack {
    Dwarf_Die *items;
    size_t count;
};

static int compare_keys(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;

    return first < second ? -1 : first > second;
}

/* Adds a number to a set: true when it is new. */
static bool add_key(struct hf_reach *reach, void **set, uint64_t key)
{
    if (tfind(&key, set, compare_keys))
        return false;
    uint64_t *own = malloc(sizeof(*own));
    if (own)
        *own = key;
    if (own && tsearch(own, set, compare_keys))
        return true;
    free(own);
    reach->failed = true;
    return false;
}

/* Room for one more: the array doubles where its count reaches a power of two. */
static bool make_room(struct hf_reach *reach, void *items, size_t count, size_t size)
{
    void **array = items;

    if (count & (count - 1))
        return true;
    void *grown = reallocarray(*array, count ? 2 * count : 1, size);
    if (grown)
        *array = grown;
    else
        reach->failed = true;
    return grown;
}

void hf_reach_root(struct hf_reach *reach, uint64_t offset)
{
    if (make_room(reach, &reach->roots, reach->root_count, sizeof(*reach->roots)))
        reach->roots[reach->root_count++] = offset;
}

static void add_inner(struct hf_reach *reach, Dwarf_Die die, enum hf_name_space space, const char *function)
{
    const char *name = hf_die_text(die, DW_AT_name);

    if (name && make_room(reach, &reach->inner, reach->inner_count, sizeof(*reach->inner)))
        reach->inner[reach->inner_count++] = (struct hf_inner_name){
            .space = space, .name = name, .function = function ? function : "", .offset = hf_die_offset(die)};
}

/* A variable that is neither declared here alone nor another unit's business. */
static bool is_local(Dwarf_Die die)
{
    return hf_die_tag(die) == DW_TAG_variable && !hf_die_has(die, DW_AT_external) &&
           !hf_die_has(die, DW_AT_declaration);
}

static void add_local(struct hf_reach *reach, uint64_t offset)
{
    if (make_room(reach, &reach->locals, reach->local_count, sizeof(*reach->locals)))
        reach->locals[reach->local_count++] = offset;
}

/* An entry may leave its type to the one that it is a copy of. */
static void add_typed(struct hf_reach *reach, Dwarf_Die die)
{
    uint64_t offset = hf_die_offset(die);

    for (unsigned steps = 0; steps < MAX_DEPTH; steps++) {
        HF_DIE Dwarf_Die holder = hf_die_at(reach->dwarf, offset);
        if (!holder)
            break;
        if (hf_die_has(holder, DW_AT_type)) {
            hf_reach_root(reach, offset);
            if (is_local(holder))
                add_local(reach, offset);
            return;
        }
        offset = hf_die_reference(holder, DW_AT_abstract_origin);
        if (offset == HF_DIE_NONE)
            offset = hf_die_reference(holder, DW_AT_specification);
        if (offset == HF_DIE_NONE)
            return;
    }
    reach->unknown = true;
}

static void read_function(struct hf_reach *reach, uint64_t offset, unsigned depth);

static void read_block(struct hf_reach *reach, Dwarf_Die block, const char *function, unsigned depth)
{
    HF_DIE Dwarf_Die die = NULL;
    int more;

    while ((more = hf_die_next(reach->dwarf, block, &die)) > 0) {
        Dwarf_Half tag = hf_die_tag(die);
        enum hf_name_space space = hf_name_space(tag);
        if (space != HF_NAME_NONE)
            add_inner(reach, die, space, function);
        if (tag == DW_TAG_formal_parameter || tag == DW_TAG_variable)
            add_typed(reach, die);
        bool nested =
            tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine || tag == DW_TAG_GNU_formal_parameter_pack;
        if (nested && depth > MAX_DEPTH)
            reach->unknown = true;
        else if (nested)
            read_block(reach, die, function, depth + 1);
        uint64_t origin = tag == DW_TAG_inlined_subroutine ? hf_die_reference(die, DW_AT_abstract_origin) : HF_DIE_NONE;
        if (origin != HF_DIE_NONE)
            read_function(reach, origin, depth + 1);
    }
    if (more < 0)
        reach->unknown = true;
}

static void read_function(struct hf_reach *reach, uint64_t offset, unsigned depth)
{
    HF_DIE Dwarf_Die die = NULL;

    if (!add_key(reach, &reach->functions, offset))
        return;
    die = depth <= MAX_DEPTH ? hf_die_at(reach->dwarf, offset) : NULL;
    if (!die) {
        reach->unknown = true;
        return;
    }
    if (hf_die_has(die, DW_AT_type))
        hf_reach_root(reach, offset);
    read_block(reach, die, hf_die_text(die, DW_AT_name), depth + 1);
    uint64_t origin = hf_die_reference(die, DW_AT_abstract_origin);
    if (origin == HF_DIE_NONE)
        origin = hf_die_reference(die, DW_AT_specification);
    if (origin != HF_DIE_NONE)
        read_function(reach, origin, depth + 1);
}

void hf_reach_function(struct hf_reach *reach, uint64_t offset)
{
    read_function(reach, offset, 0);
}

const struct hf_inner_name *hf_reach_inner(const struct hf_reach *reach, uint64_t offset)
{
    for (size_t i = 0; i < reach->inner_count; i++)
        if (reach->inner[i].offset == offset)
            return &reach->inner[i];
    return NULL;
}

/* Puts what an entry's DW_AT_type refers to on the stack, unless it was there before. */
static void push(struct hf_reach *reach, struct stack *stack, Dwarf_Die holder)
{
    uint64_t offset = hf_die_reference(holder, DW_AT_type);
    bool plain = offset != HF_DIE_NONE && dwarf_get_die_infotypes_flag(holder);

    if (!hf_die_has(holder, DW_AT_type) || (plain && tfind(&offset, &reach->types, compare_keys)))
        return;
    HF_DIE Dwarf_Die type = hf_die_refer(reach->dwarf, holder, DW_AT_type);
    if (!type)
        reach->unknown = true;
    if (!type || !add_key(reach, &reach->types, hf_type_key(type)))
        return;
    if (make_room(reach, &stack->items, stack->count, sizeof(*stack->items)))
        stack->items[stack->count++] = hf_move(type);
}

/* Members, parameters and indices have types of their own. */
static void push_children(struct hf_reach *reach, struct stack *stack, Dwarf_Die type)
{
    HF_DIE Dwarf_Die child = NULL;
    int more;

    while ((more = hf_die_next(reach->dwarf, type, &child)) > 0) {
        Dwarf_Half tag = hf_die_tag(child);
        if (tag == DW_TAG_member || tag == DW_TAG_inheritance || tag == DW_TAG_formal_parameter)
            push(reach, stack, child);
    }
    if (more < 0)
        reach->unknown = true;
}

/* What an object holds within itself: no pointer is followed. */
static void add_made(struct hf_reach *reach, Dwarf_Die holder, unsigned depth)
{
    HF_DIE Dwarf_Die type = hf_die_refer(reach->dwarf, holder, DW_AT_type);
    HF_DIE Dwarf_Die child = NULL;

    for (unsigned steps = 0; type && steps < MAX_DEPTH; steps++) {
        Dwarf_Half tag = hf_die_tag(type);
        if (tag != DW_TAG_typedef && tag != DW_TAG_const_type && tag != DW_TAG_volatile_type &&
            tag != DW_TAG_array_type)
            break;
        Dwarf_Die next = hf_die_refer(reach->dwarf, type, DW_AT_type);
        dwarf_dealloc_die(type);
        type = next;
    }
    if (!type || hf_name_space(hf_die_tag(type)) != HF_NAME_TAG || depth > MAX_DEPTH ||
        !add_key(reach, &reach->made, hf_type_key(type)))
        return;
    while (hf_die_next(reach->dwarf, type, &child) > 0) {
        Dwarf_Half tag = hf_die_tag(child);
        if (tag == DW_TAG_member || tag == DW_TAG_inheritance)
            add_made(reach, child, depth + 1);
    }
}

bool hf_reach_makes(const struct hf_reach *reach, Dwarf_Die type)
{
    uint64_t key = hf_type_key(type);

    return tfind(&key, &reach->made, compare_keys) != NULL;
}

static bool has_parts(Dwarf_Half tag)
{
    return tag == DW_TAG_structure_type || tag == DW_TAG_class_type || tag == DW_TAG_union_type ||
           tag == DW_TAG_subroutine_type;
}

void hf_reach_types(struct hf_reach *reach, void (*fn)(Dwarf_Die type, void *arg), void *arg)
{
    struct stack stack = {.count = 0};

    for (size_t i = 0; i < reach->local_count; i++) {
        HF_DIE Dwarf_Die local = hf_die_at(reach->dwarf, reach->locals[i]);
        if (local)
            add_made(reach, local, 0);
    }
    reach->local_count = 0;
    for (size_t i = 0; i < reach->root_count; i++) {
        HF_DIE Dwarf_Die root = hf_die_at(reach->dwarf, reach->roots[i]);
        if (root)
            push(reach, &stack, root);
    }
    reach->root_count = 0;
    while (stack.count > 0) {
        HF_DIE Dwarf_Die type = stack.items[--stack.count];
        Dwarf_Half tag = hf_die_tag(type);
        if (hf_name_space(tag) != HF_NAME_NONE && hf_die_text(type, DW_AT_name))
            fn(type, arg);
        push(reach, &stack, type);
        if (has_parts(tag))
            push_children(reach, &stack, type);
    }
    free(stack.items);
}

void hf_reach_deinit(struct hf_reach *reach)
{
    free(reach->inner);
    free(reach->roots);
    free(reach->locals);
    tdestroy(reach->made, free);
    tdestroy(reach->functions, free);
    tdestroy(reach->types, free);
    *reach = (struct hf_reach){.dwarf = NULL};
}
