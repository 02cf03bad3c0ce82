/* SPDX-License-Identifier: Apache-2.0 */
#include "elf/die.h"

#include <stddef.h>

static void cleanup_attribute(Dwarf_Attribute *attribute)
{
    if (*attribute)
        dwarf_dealloc_attribute(*attribute);
}
#define HF_ATTRIBUTE __attribute__((cleanup(cleanup_attribute)))

/* libdwarf keeps errors until the debug information is closed; they are few, and say nothing that "unknown" does not.
 */
static Dwarf_Attribute attribute_of(Dwarf_Die die, Dwarf_Half name)
{
    Dwarf_Attribute attribute;
    Dwarf_Error error;

    return dwarf_attr(die, name, &attribute, &error) == DW_DLV_OK ? attribute : NULL;
}

Dwarf_Die hf_die_at(Dwarf_Debug dwarf, uint64_t offset)
{
    Dwarf_Die die;
    Dwarf_Error error;

    return dwarf_offdie_b(dwarf, offset, true, &die, &error) == DW_DLV_OK ? die : NULL;
}

uint64_t hf_die_offset(Dwarf_Die die)
{
    Dwarf_Off offset;
    Dwarf_Error error;

    return dwarf_dieoffset(die, &offset, &error) == DW_DLV_OK ? offset : HF_DIE_NONE;
}

Dwarf_Half hf_die_tag(Dwarf_Die die)
{
    Dwarf_Half tag;
    Dwarf_Error error;

    return dwarf_tag(die, &tag, &error) == DW_DLV_OK ? tag : 0;
}

Dwarf_Die hf_die_child(Dwarf_Die die)
{
    Dwarf_Die child;
    Dwarf_Error error;

    return dwarf_child(die, &child, &error) == DW_DLV_OK ? child : NULL;
}

Dwarf_Die hf_die_sibling(Dwarf_Debug dwarf, Dwarf_Die die)
{
    Dwarf_Die sibling;
    Dwarf_Error error;

    return dwarf_siblingof_b(dwarf, die, true, &sibling, &error) == DW_DLV_OK ? sibling : NULL;
}

bool hf_die_has(Dwarf_Die die, Dwarf_Half attribute)
{
    Dwarf_Bool has;
    Dwarf_Error error;

    return dwarf_hasattr(die, attribute, &has, &error) == DW_DLV_OK && has;
}

const char *hf_die_text(Dwarf_Die die, Dwarf_Half attribute)
{
    char *text;
    Dwarf_Error error;

    return dwarf_die_text(die, attribute, &text, &error) == DW_DLV_OK ? text : NULL;
}

bool hf_die_number(Dwarf_Die die, Dwarf_Half name, uint64_t *number)
{
    HF_ATTRIBUTE Dwarf_Attribute attribute = attribute_of(die, name);
    Dwarf_Unsigned value;
    Dwarf_Signed negative;
    Dwarf_Error error;

    if (!attribute)
        return false;
    if (dwarf_formudata(attribute, &value, &error) == DW_DLV_OK) {
        *number = value;
        return true;
    }
    if (dwarf_formsdata(attribute, &negative, &error) != DW_DLV_OK)
        return false;
    *number = (uint64_t)negative;
    return true;
}

uint64_t hf_die_reference(Dwarf_Die die, Dwarf_Half name)
{
    HF_ATTRIBUTE Dwarf_Attribute attribute = attribute_of(die, name);
    Dwarf_Off offset;
    Dwarf_Error error;

    return attribute && dwarf_global_formref(attribute, &offset, &error) == DW_DLV_OK ? offset : HF_DIE_NONE;
}

/* First address of a DWARF 5 range list. */
static uint64_t first_in_rnglist(Dwarf_Attribute attribute, Dwarf_Half form, uint64_t value)
{
    Dwarf_Rnglists_Head head;
    Dwarf_Unsigned count, offset, raw1, raw2, begin, end;
    Dwarf_Error error;
    uint64_t first = HF_DIE_NONE;

    if (dwarf_rnglists_get_rle_head(attribute, form, value, &head, &count, &offset, &error) != DW_DLV_OK)
        return HF_DIE_NONE;
    for (Dwarf_Unsigned i = 0; i < count && first == HF_DIE_NONE; i++) {
        unsigned length, code;
        Dwarf_Bool unavailable;
        if (dwarf_get_rnglists_entry_fields_a(head, i, &length, &code, &raw1, &raw2, &unavailable, &begin, &end,
                                              &error) != DW_DLV_OK)
            break;
        if (!unavailable && code != DW_RLE_end_of_list && code != DW_RLE_base_address && code != DW_RLE_base_addressx)
            first = begin;
    }
    dwarf_dealloc_rnglists_head(head);
    return first;
}

/* The base that offsets in .debug_ranges count from (DWARF 4, section 2.17.3). */
static uint64_t unit_base(Dwarf_Debug dwarf, Dwarf_Die die)
{
    Dwarf_Off header, length;
    Dwarf_Off root;
    Dwarf_Error error;
    Dwarf_Addr base;

    if (dwarf_die_CU_offset_range(die, &header, &length, &error) != DW_DLV_OK ||
        dwarf_get_cu_die_offset_given_cu_header_offset_b(dwarf, header, true, &root, &error) != DW_DLV_OK)
        return 0;
    HF_DIE Dwarf_Die unit = hf_die_at(dwarf, root);
    return unit && dwarf_lowpc(unit, &base, &error) == DW_DLV_OK ? base : 0;
}

static uint64_t first_in_ranges(Dwarf_Debug dwarf, Dwarf_Die die, uint64_t offset)
{
    Dwarf_Ranges *ranges;
    Dwarf_Signed count;
    Dwarf_Unsigned bytes;
    Dwarf_Off real;
    Dwarf_Error error;
    uint64_t first = HF_DIE_NONE;

    if (dwarf_get_ranges_b(dwarf, offset, die, &real, &ranges, &count, &bytes, &error) != DW_DLV_OK)
        return HF_DIE_NONE;
    uint64_t base = unit_base(dwarf, die);
    for (Dwarf_Signed i = 0; i < count && first == HF_DIE_NONE; i++) {
        if (ranges[i].dwr_type == DW_RANGES_ADDRESS_SELECTION)
            base = ranges[i].dwr_addr2;
        else if (ranges[i].dwr_type == DW_RANGES_ENTRY)
            first = base + ranges[i].dwr_addr1;
    }
    dwarf_ranges_dealloc(dwarf, ranges, count);
    return first;
}

uint64_t hf_die_address(Dwarf_Debug dwarf, Dwarf_Die die)
{
    Dwarf_Addr address;
    Dwarf_Error error;
    Dwarf_Half version, offset_size, form;
    uint64_t value;

    if (dwarf_lowpc(die, &address, &error) == DW_DLV_OK)
        return address;
    HF_ATTRIBUTE Dwarf_Attribute entry = attribute_of(die, DW_AT_entry_pc);
    if (entry && dwarf_formaddr(entry, &address, &error) == DW_DLV_OK)
        return address;
    HF_ATTRIBUTE Dwarf_Attribute ranges = attribute_of(die, DW_AT_ranges);
    if (!ranges || dwarf_get_version_of_die(die, &version, &offset_size) != DW_DLV_OK ||
        dwarf_whatform(ranges, &form, &error) != DW_DLV_OK)
        return HF_DIE_NONE;
    Dwarf_Off global;
    Dwarf_Unsigned index;
    if (dwarf_global_formref(ranges, &global, &error) == DW_DLV_OK)
        value = global;
    else if (dwarf_formudata(ranges, &index, &error) == DW_DLV_OK)
        value = index;
    else
        return HF_DIE_NONE;
    return version >= 5 ? first_in_rnglist(ranges, form, value) : first_in_ranges(dwarf, die, value);
}

uint64_t hf_die_size(Dwarf_Die die)
{
    Dwarf_Addr low, high;
    Dwarf_Half form;
    enum Dwarf_Form_Class class;
    Dwarf_Error error;

    if (dwarf_lowpc(die, &low, &error) != DW_DLV_OK || dwarf_highpc_b(die, &high, &form, &class, &error) != DW_DLV_OK)
        return 0;
    if (class == DW_FORM_CLASS_CONSTANT)
        return high;
    return high > low ? high - low : 0;
}
