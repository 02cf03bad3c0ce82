/* SPDX-License-Identifier: Apache-2.0 */
#include "types/methods.h"

#include <stdlib.h>
#include <string.h>

/* DW_OP_constu and a number. */
static bool read_slot(Dwarf_Die die, uint64_t *slot)
{
    struct hf_die_block block;
    unsigned shift = 0;

    *slot = HF_METHOD_ANYWHERE;
    if (!hf_die_has(die, DW_AT_vtable_elem_location))
        return true;
    if (!hf_die_block(die, DW_AT_vtable_elem_location, &block) || block.size < 2 || block.bytes[0] != DW_OP_constu)
        return hf_die_number(die, DW_AT_vtable_elem_location, slot);
    *slot = 0;
    for (size_t i = 1; i < block.size && shift < 63; i++, shift += 7)
        *slot |= (uint64_t)(block.bytes[i] & 0x7f) << shift;
    return true;
}

static int add(struct hf_methods *methods, Dwarf_Die die)
{
    const char *name = hf_die_text(die, DW_AT_name), *linkage = hf_die_text(die, DW_AT_linkage_name);
    struct hf_method method = {
        .name = name, .linkage = linkage ? linkage : name, .implicit = hf_die_has(die, DW_AT_artificial)};
    struct hf_method *grown = reallocarray(methods->items, methods->count + 1, sizeof(*grown));

    if (!grown)
        return -1;
    methods->items = grown;
    if (!name || !read_slot(die, &method.slot))
        methods->unknown = true;
    else
        grown[methods->count++] = method;
    return 0;
}

int hf_methods_read(Dwarf_Debug dwarf, Dwarf_Die class, struct hf_methods *methods)
{
    HF_DIE Dwarf_Die child = NULL;
    int more;

    *methods = (struct hf_methods){.count = 0};
    while ((more = hf_die_next(dwarf, class, &child)) > 0) {
        uint64_t virtuality = DW_VIRTUALITY_none;
        if (hf_die_tag(child) != DW_TAG_subprogram)
            continue;
        hf_die_number(child, DW_AT_virtuality, &virtuality);
        if (virtuality != DW_VIRTUALITY_none && add(methods, child) != 0)
            return -1;
    }
    if (more < 0)
        methods->unknown = true;
    return 0;
}

const struct hf_method *hf_methods_find(const struct hf_methods *methods, const char *linkage)
{
    for (size_t i = 0; i < methods->count; i++)
        if (strcmp(methods->items[i].linkage, linkage) == 0)
            return &methods->items[i];
    return NULL;
}

void hf_methods_deinit(struct hf_methods *methods)
{
    free(methods->items);
    *methods = (struct hf_methods){.count = 0};
}
