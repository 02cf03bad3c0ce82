/* SPDX-License-Identifier: Apache-2.0 */
#include "types/passing.h"

#include <string.h>

#include "cleanup.h"

#define MAX_DEPTH 32

/* What a class says of copying its objects. */
struct copying {
    bool own;     /* a destructor, copy or move constructor that somebody wrote */
    bool deleted; /* a copy or move constructor that may not be used */
    bool kept;    /* one that the compiler makes, and the class asks for */
};

/* The class that an entry refers to, elements of arrays too; NULL for what is none. */
static Dwarf_Die class_of(Dwarf_Debug dwarf, Dwarf_Die holder)
{
    HF_DIE Dwarf_Die type = hf_die_refer(dwarf, holder, DW_AT_type);

    for (unsigned steps = 0; type && steps < MAX_DEPTH; steps++) {
        Dwarf_Half tag = hf_die_tag(type);
        if (tag == DW_TAG_structure_type || tag == DW_TAG_class_type || tag == DW_TAG_union_type)
            return hf_move(type);
        if (tag != DW_TAG_typedef && tag != DW_TAG_const_type && tag != DW_TAG_volatile_type &&
            tag != DW_TAG_array_type)
            return NULL;
        Dwarf_Die next = hf_die_refer(dwarf, type, DW_AT_type);
        dwarf_dealloc_die(type);
        type = next;
    }
    return NULL;
}

/* Is a parameter a reference to the class itself? */
static bool refers_to(Dwarf_Debug dwarf, Dwarf_Die parameter, Dwarf_Die class)
{
    HF_DIE Dwarf_Die reference = hf_die_refer(dwarf, parameter, DW_AT_type);
    Dwarf_Half tag = reference ? hf_die_tag(reference) : 0;
    HF_DIE Dwarf_Die to =
        tag == DW_TAG_reference_type || tag == DW_TAG_rvalue_reference_type ? class_of(dwarf, reference) : NULL;

    return to && hf_die_offset(to) == hf_die_offset(class);
}

/* A constructor of one parameter, which is a reference to the class. */
static bool copies(Dwarf_Debug dwarf, Dwarf_Die constructor, Dwarf_Die class)
{
    HF_DIE Dwarf_Die child = NULL;
    unsigned count = 0;
    bool same = false;

    while (hf_die_next(dwarf, constructor, &child) > 0) {
        if (hf_die_tag(child) != DW_TAG_formal_parameter || hf_die_has(child, DW_AT_artificial))
            continue;
        count++;
        same = refers_to(dwarf, child, class);
    }
    return count == 1 && same;
}

static void read_method(Dwarf_Debug dwarf, Dwarf_Die method, Dwarf_Die class, struct copying *copying)
{
    const char *name = hf_die_text(method, DW_AT_name), *of = hf_die_text(class, DW_AT_name);
    size_t size = of ? strcspn(of, "<") : 0;
    uint64_t defaulted = 0;

    if (!name || size == 0 || hf_die_has(method, DW_AT_artificial))
        return;
    hf_die_number(method, DW_AT_defaulted, &defaulted);
    bool made = defaulted == DW_DEFAULTED_in_class;
    if (name[0] == '~') {
        copying->own |= !made;
    } else if (strcspn(name, "<") == size && strncmp(name, of, size) == 0 && copies(dwarf, method, class)) {
        bool deleted = hf_die_has(method, DW_AT_deleted);
        copying->own |= !made && !deleted;
        copying->deleted |= deleted;
        copying->kept |= made && !deleted;
    }
}

/* A class that nothing defines may be either; one reason to hand over by address is enough. */
static enum hf_passing either(enum hf_passing a, enum hf_passing b)
{
    if (a == HF_PASSED_BY_ADDRESS || b == HF_PASSED_BY_ADDRESS)
        return HF_PASSED_BY_ADDRESS;
    return a == HF_PASSED_UNKNOWN ? a : b;
}

enum hf_passing hf_passing_of_class(Dwarf_Debug dwarf, Dwarf_Die class, const struct hf_passing_elsewhere *elsewhere,
                                    unsigned depth)
{
    struct copying copying = {.own = hf_die_has(class, DW_AT_containing_type)};
    enum hf_passing parts = HF_PASSED_DIRECTLY;
    HF_DIE Dwarf_Die child = NULL;
    uint64_t convention;

    if (hf_die_number(class, DW_AT_calling_convention, &convention))
        return convention == DW_CC_pass_by_reference ? HF_PASSED_BY_ADDRESS : HF_PASSED_DIRECTLY;
    if (depth >= MAX_DEPTH)
        return HF_PASSED_UNKNOWN;
    if (hf_die_has(class, DW_AT_declaration))
        return elsewhere ? elsewhere->find(dwarf, class, depth + 1, elsewhere->arg) : HF_PASSED_UNKNOWN;
    while (!copying.own && hf_die_next(dwarf, class, &child) > 0) {
        Dwarf_Half tag = hf_die_tag(child);
        bool base = tag == DW_TAG_inheritance;
        if (tag == DW_TAG_subprogram)
            read_method(dwarf, child, class, &copying);
        copying.own |= (base || tag == DW_TAG_subprogram) && hf_die_has(child, DW_AT_virtuality);
        HF_DIE Dwarf_Die part =
            base || (tag == DW_TAG_member && !hf_die_has(child, DW_AT_external)) ? class_of(dwarf, child) : NULL;
        if (part)
            parts = either(parts, hf_passing_of_class(dwarf, part, elsewhere, depth + 1));
    }
    return copying.own || (copying.deleted && !copying.kept) ? HF_PASSED_BY_ADDRESS : parts;
}

enum hf_passing hf_passing_of(Dwarf_Debug dwarf, Dwarf_Die holder, const struct hf_passing_elsewhere *elsewhere)
{
    HF_DIE Dwarf_Die class = class_of(dwarf, holder);

    return class ? hf_passing_of_class(dwarf, class, elsewhere, 0) : HF_PASSED_DIRECTLY;
}
