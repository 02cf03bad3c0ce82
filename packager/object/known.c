/* SPDX-License-Identifier: Apache-2.0 */
#include "object/known.h"

#include <string.h>

#define MAX_OPERATIONS 64 /* of an expression; a longer one is not read */

/* Somebody who asks, and what holds in a whole scope. */
struct question {
    hf_known_fn fn;
    void *arg;
    struct hf_known known;
};

static int tell_range(uint64_t begin, uint64_t end, void *arg)
{
    struct question *question = arg;

    question->known.begin = begin;
    question->known.end = end;
    return question->fn(&question->known, question->arg);
}

/* Operations that stand for a value that the program computes, or a place where it keeps one. */
static bool is_running(Dwarf_Small operation)
{
    return (operation >= DW_OP_reg0 && operation <= DW_OP_bregx) || operation == DW_OP_call_frame_cfa ||
           operation == DW_OP_entry_value || operation == DW_OP_GNU_entry_value || operation == DW_OP_deref ||
           operation == DW_OP_deref_size;
}

/* Does the expression stand for a value that is known? A place in memory is none. */
static bool is_known(Dwarf_Locdesc_c expression, Dwarf_Unsigned count, struct hf_known *known)
{
    bool value = false;

    known->plain = count == 2;
    for (Dwarf_Unsigned i = 0; i < count; i++) {
        Dwarf_Unsigned one, two, three, branch;
        Dwarf_Small operation;
        Dwarf_Error error;
        if (i == MAX_OPERATIONS || dwarf_get_location_op_value_c(expression, i, &operation, &one, &two, &three, &branch,
                                                                 &error) != DW_DLV_OK) {
            known->plain = false;
            return true;
        }
        if (is_running(operation))
            return false;
        value |= operation == DW_OP_stack_value || operation == DW_OP_implicit_value ||
                 operation == DW_OP_implicit_pointer || operation == DW_OP_GNU_implicit_pointer;
        if (i == 0 && operation >= DW_OP_lit0 && operation <= DW_OP_lit31)
            known->value = (uint64_t)operation - DW_OP_lit0;
        else if (i == 0 && operation >= DW_OP_const1u && operation <= DW_OP_consts)
            known->value = one;
        else if (i == 0)
            known->plain = false;
    }
    return value;
}

/* One entry of a list; its range is that of the scope where the attribute is no list. */
static int tell_entry(Dwarf_Loc_Head_c list, Dwarf_Unsigned index, struct question *question, bool *everywhere)
{
    Dwarf_Unsigned raw_begin, raw_end, count, at, place;
    Dwarf_Locdesc_c expression;
    Dwarf_Small kind, source;
    Dwarf_Addr begin, end;
    Dwarf_Bool missing;
    Dwarf_Error error;

    *everywhere = false;
    if (dwarf_get_locdesc_entry_d(list, index, &kind, &raw_begin, &raw_end, &missing, &begin, &end, &count, &expression,
                                  &source, &at, &place, &error) != DW_DLV_OK) {
        question->known.running = question->known.plain = false;
        *everywhere = true;
        return 0;
    }
    if (kind == DW_LLE_base_address || kind == DW_LLE_base_addressx || kind == DW_LLE_end_of_list || count == 0)
        return 0;
    question->known.running = !is_known(expression, count, &question->known);
    *everywhere = source == 0 || missing;
    return *everywhere ? 0 : tell_range(begin, end, question);
}

static int tell_location(Dwarf_Debug dwarf, Dwarf_Attribute location, Dwarf_Die parent, const struct hf_die_unit *unit,
                         struct question *question)
{
    Dwarf_Loc_Head_c list;
    Dwarf_Unsigned count;
    Dwarf_Error error;
    int failed = 0;

    if (dwarf_get_loclist_c(location, &list, &count, &error) != DW_DLV_OK) {
        question->known.plain = false;
        return hf_die_ranges(dwarf, parent, unit, tell_range, question);
    }
    for (Dwarf_Unsigned i = 0; i < count && failed == 0; i++) {
        bool everywhere;
        failed = tell_entry(list, i, question, &everywhere);
        if (failed == 0 && everywhere)
            failed = hf_die_ranges(dwarf, parent, unit, tell_range, question);
    }
    dwarf_loc_head_c_dealloc(list);
    return failed;
}

/* A number that is written down as bytes, as floating-point ones are. */
static bool read_block(Dwarf_Die holder, uint64_t *value)
{
    struct hf_die_block block;

    *value = 0;
    if (!hf_die_block(holder, DW_AT_const_value, &block) || block.size > sizeof(*value))
        return false;
    memcpy(value, block.bytes, block.size);
    return true;
}

int hf_known_values(Dwarf_Debug dwarf, Dwarf_Die die, Dwarf_Die parent, const struct hf_die_unit *unit, hf_known_fn fn,
                    void *arg)
{
    struct question question = {.fn = fn, .arg = arg};
    uint64_t origin = hf_die_reference(die, DW_AT_abstract_origin);
    HF_DIE Dwarf_Die abstract = origin == HF_DIE_NONE ? NULL : hf_die_at(dwarf, origin);
    Dwarf_Die holder = abstract && !hf_die_has(die, DW_AT_const_value) ? abstract : die;
    const char *name = hf_die_text(abstract ? abstract : die, DW_AT_name);
    Dwarf_Attribute location;
    Dwarf_Error error;

    question.known.name = name ? name : "";
    if (hf_die_has(holder, DW_AT_const_value)) {
        question.known.plain = hf_die_number(holder, DW_AT_const_value, &question.known.value) ||
                               read_block(holder, &question.known.value);
        return hf_die_ranges(dwarf, parent, unit, tell_range, &question);
    }
    if (dwarf_attr(die, DW_AT_location, &location, &error) != DW_DLV_OK)
        return 0;
    int failed = tell_location(dwarf, location, parent, unit, &question);
    dwarf_dealloc_attribute(location);
    return failed;
}
