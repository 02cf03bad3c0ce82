/* SPDX-License-Identifier: Apache-2.0 */
#include "elf/prototype.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"

#define MAX_DEPTH      64 /* types behind types; deeper ones are damage or loops */
#define MAX_PARAMETERS 512

static char *type_at(Dwarf_Debug dwarf, uint64_t offset, const char *alias, unsigned depth);

__attribute__((format(printf, 1, 2))) static char *print(const char *format, ...)
{
    va_list arguments;
    char *text;

    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    va_end(arguments);
    return text;
}

static char *referred(Dwarf_Debug dwarf, Dwarf_Die die, unsigned depth)
{
    uint64_t offset = hf_die_reference(die, DW_AT_type);

    return offset == HF_DIE_NONE ? strdup("void") : type_at(dwarf, offset, NULL, depth + 1);
}

/* Parameter types in parentheses: "(int, char *, ...)", "(void)", "()" without a prototype. */
static char *parameter_list(Dwarf_Debug dwarf, Dwarf_Die function, unsigned depth)
{
    HF_FREE char *list = NULL;
    unsigned count = 0;
    HF_DIE Dwarf_Die child = hf_die_child(function);

    while (child && count < MAX_PARAMETERS) {
        Dwarf_Half tag = hf_die_tag(child);
        if (tag == DW_TAG_formal_parameter || tag == DW_TAG_unspecified_parameters) {
            HF_FREE char *type = tag == DW_TAG_formal_parameter ? referred(dwarf, child, depth) : strdup("...");
            char *longer = type ? print("%s%s%s", list ? list : "", list ? ", " : "", type) : NULL;
            if (!longer)
                return NULL;
            free(list);
            list = longer;
            count++;
        }
        Dwarf_Die next = hf_die_sibling(dwarf, child);
        dwarf_dealloc_die(child);
        child = next;
    }
    if (!list)
        return strdup(hf_die_has(function, DW_AT_prototyped) ? "(void)" : "()");
    return print("(%s)", list);
}

/* "int (*" + inner + ")(char)": a declarator goes into the middle of a function's or array's text. */
static char *pointer_to(Dwarf_Debug dwarf, Dwarf_Die die, const char *sign, unsigned depth)
{
    uint64_t offset = hf_die_reference(die, DW_AT_type);
    HF_DIE Dwarf_Die pointed = offset == HF_DIE_NONE ? NULL : hf_die_at(dwarf, offset);

    if (pointed && hf_die_tag(pointed) == DW_TAG_subroutine_type && depth < MAX_DEPTH) {
        HF_FREE char *result = referred(dwarf, pointed, depth + 1);
        HF_FREE char *parameters = parameter_list(dwarf, pointed, depth + 1);
        return result && parameters ? print("%s (%s)%s", result, sign, parameters) : NULL;
    }
    HF_FREE char *inner = referred(dwarf, die, depth);
    if (!inner)
        return NULL;
    bool stars = inner[0] && (inner[strlen(inner) - 1] == '*' || inner[strlen(inner) - 1] == '&');
    return print("%s%s%s", inner, stars ? "" : " ", sign);
}

/* A qualifier of a pointer stands behind it, that of anything else before it. */
static char *qualified(Dwarf_Debug dwarf, Dwarf_Die die, const char *qualifier, unsigned depth)
{
    HF_FREE char *inner = referred(dwarf, die, depth);

    if (!inner)
        return NULL;
    bool pointer = inner[0] && inner[strlen(inner) - 1] == '*';
    return pointer ? print("%s%s", inner, qualifier) : print("%s %s", qualifier, inner);
}

static char *array_of(Dwarf_Debug dwarf, Dwarf_Die die, unsigned depth)
{
    HF_FREE char *text = referred(dwarf, die, depth);
    HF_DIE Dwarf_Die child = hf_die_child(die);

    while (child && text) {
        uint64_t bound;
        if (hf_die_tag(child) == DW_TAG_subrange_type) {
            char *longer;
            if (hf_die_number(child, DW_AT_count, &bound) ||
                (hf_die_number(child, DW_AT_upper_bound, &bound) && ++bound))
                longer = print("%s[%" PRIu64 "]", text, bound);
            else
                longer = print("%s[]", text);
            free(text);
            text = longer;
        }
        Dwarf_Die next = hf_die_sibling(dwarf, child);
        dwarf_dealloc_die(child);
        child = next;
    }
    return hf_move(text);
}

static char *tagged(Dwarf_Die die, const char *keyword, const char *alias)
{
    const char *name = hf_die_text(die, DW_AT_name);

    if (name)
        return print("%s %s", keyword, name);
    return alias ? strdup(alias) : print("%s <unnamed>", keyword);
}

static char *function_type(Dwarf_Debug dwarf, Dwarf_Die die, unsigned depth)
{
    HF_FREE char *result = referred(dwarf, die, depth);
    HF_FREE char *parameters = parameter_list(dwarf, die, depth);

    return result && parameters ? print("%s %s", result, parameters) : NULL;
}

static char *type_of(Dwarf_Debug dwarf, Dwarf_Die die, const char *alias, unsigned depth)
{
    const char *name = hf_die_text(die, DW_AT_name);
    uint64_t offset = hf_die_reference(die, DW_AT_type);

    switch (hf_die_tag(die)) {
    case DW_TAG_base_type:
    case DW_TAG_unspecified_type:
        return strdup(name ? name : "<unnamed>");
    case DW_TAG_typedef:
        return offset == HF_DIE_NONE ? strdup("void") : type_at(dwarf, offset, name, depth + 1);
    case DW_TAG_pointer_type:
        return pointer_to(dwarf, die, "*", depth);
    case DW_TAG_reference_type:
        return pointer_to(dwarf, die, "&", depth);
    case DW_TAG_rvalue_reference_type:
        return pointer_to(dwarf, die, "&&", depth);
    case DW_TAG_const_type:
        return qualified(dwarf, die, "const", depth);
    case DW_TAG_volatile_type:
        return qualified(dwarf, die, "volatile", depth);
    case DW_TAG_restrict_type:
        return qualified(dwarf, die, "restrict", depth);
    case DW_TAG_atomic_type:
        return qualified(dwarf, die, "_Atomic", depth);
    case DW_TAG_array_type:
        return array_of(dwarf, die, depth);
    case DW_TAG_structure_type:
    case DW_TAG_class_type: /* C++: the two keywords name the same type */
        return tagged(die, "struct", alias);
    case DW_TAG_union_type:
        return tagged(die, "union", alias);
    case DW_TAG_enumeration_type:
        return tagged(die, "enum", alias);
    case DW_TAG_subroutine_type:
        return function_type(dwarf, die, depth);
    default:
        return print("<type of tag 0x%x>", hf_die_tag(die));
    }
}

static char *type_at(Dwarf_Debug dwarf, uint64_t offset, const char *alias, unsigned depth)
{
    HF_DIE Dwarf_Die die = depth < MAX_DEPTH ? hf_die_at(dwarf, offset) : NULL;

    return die ? type_of(dwarf, die, alias, depth) : strdup("<unreadable>");
}

char *hf_type_text(Dwarf_Debug dwarf, Dwarf_Die die)
{
    return referred(dwarf, die, 0);
}

static bool is_qualifier(Dwarf_Half tag)
{
    return tag == DW_TAG_const_type || tag == DW_TAG_volatile_type || tag == DW_TAG_restrict_type ||
           tag == DW_TAG_atomic_type;
}

/* What a picker may call the parameter's type: the first name behind at most one pointer, and the tag at the very end.
 */
static int name_parameter(Dwarf_Debug dwarf, Dwarf_Die die, struct hf_parameter *parameter)
{
    uint64_t offset = hf_die_reference(die, DW_AT_type);
    const char *named = NULL, *tag_name = NULL, *alias = NULL;
    unsigned pointers = 0, spelled_pointers = 0;

    for (unsigned depth = 0; offset != HF_DIE_NONE && depth < MAX_DEPTH; depth++) {
        HF_DIE Dwarf_Die type = hf_die_at(dwarf, offset);
        Dwarf_Half tag = type ? hf_die_tag(type) : 0;
        const char *name = type ? hf_die_text(type, DW_AT_name) : NULL;
        bool pointer =
            tag == DW_TAG_pointer_type || tag == DW_TAG_reference_type || tag == DW_TAG_rvalue_reference_type;
        if (pointer)
            pointers++;
        else if (name && !named && !is_qualifier(tag)) {
            named = name;
            spelled_pointers = pointers;
        }
        if (tag == DW_TAG_typedef)
            alias = name;
        else if (!pointer && !is_qualifier(tag)) {
            tag_name = name ? name : alias;
            break;
        }
        offset = hf_die_reference(type, DW_AT_type);
    }
    parameter->pointer = spelled_pointers == 1;
    parameter->named = strdup(named && spelled_pointers <= 1 ? named : "");
    parameter->tag_pointer = pointers == 1;
    parameter->tag = strdup(tag_name && pointers <= 1 ? tag_name : "");
    return parameter->named && parameter->tag ? 0 : -1;
}

static int add_parameter(Dwarf_Debug dwarf, Dwarf_Die die, struct hf_function *function)
{
    struct hf_parameter *parameters =
        reallocarray(function->parameters, function->parameter_count + 1, sizeof(*parameters));
    if (!parameters)
        return -1;
    function->parameters = parameters;
    struct hf_parameter *parameter = &parameters[function->parameter_count++];
    memset(parameter, 0, sizeof(*parameter));
    parameter->type = hf_type_text(dwarf, die);
    return parameter->type ? name_parameter(dwarf, die, parameter) : -1;
}

int hf_prototype_read(Dwarf_Debug dwarf, Dwarf_Die subprogram, struct hf_function *function, struct hotfix_error *err)
{
    HF_FREE char *result = hf_type_text(dwarf, subprogram);
    HF_FREE char *parameters = parameter_list(dwarf, subprogram, 0);
    int failed = !result || !parameters;

    if (!failed)
        function->prototype = print("%s %s", result, parameters);
    HF_DIE Dwarf_Die child = hf_die_child(subprogram);
    while (child && !failed && function->parameter_count < MAX_PARAMETERS) {
        if (hf_die_tag(child) == DW_TAG_formal_parameter)
            failed = add_parameter(dwarf, child, function);
        Dwarf_Die next = hf_die_sibling(dwarf, child);
        dwarf_dealloc_die(child);
        child = next;
    }
    if (failed || !function->prototype)
        return hf_error(err, HOTFIX_MEMORY, "out of memory for the prototype of %s", function->name);
    return 0;
}
