/* SPDX-License-Identifier: Apache-2.0 */
#include "dwarf/die.h"

#include <stddef.h>
#include <string.h>

#define MAX_DEPTH 256 /* entries within entries that do not say where their siblings are */

static void cleanup_attribute(Dwarf_Attribute *attribute)
{
    if (*attribute)
        dwarf_dealloc_attribute(*attribute);
}
#define HF_ATTRIBUTE __attribute__((cleanup(cleanup_attribute)))

/* libdwarf keeps its errors until the debug information is closed; they say nothing that "unknown" does not. */
static Dwarf_Attribute attribute_of(Dwarf_Die die, Dwarf_Half name)
{
    Dwarf_Attribute attribute;
    Dwarf_Error error;

    return dwarf_attr(die, name, &attribute, &error) == DW_DLV_OK ? attribute : NULL;
}

static Dwarf_Die entry_at(Dwarf_Debug dwarf, uint64_t offset, Dwarf_Bool is_info)
{
    Dwarf_Die die;
    Dwarf_Error error;

    return dwarf_offdie_b(dwarf, offset, is_info, &die, &error) == DW_DLV_OK ? die : NULL;
}

Dwarf_Die hf_die_at(Dwarf_Debug dwarf, uint64_t offset)
{
    return entry_at(dwarf, offset, true);
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

static int next_entry(Dwarf_Debug dwarf, Dwarf_Die parent, Dwarf_Die before, Dwarf_Die *next, unsigned depth);

/* libdwarf goes through the children of an entry that does not say where its sibling is, and for ever round one that
 * says that it is its own. So they are gone through here before. */
static bool is_sound(Dwarf_Debug dwarf, Dwarf_Die die, unsigned depth)
{
    Dwarf_Half children = 0;
    Dwarf_Die before = NULL, child;
    int more;

    if (dwarf_die_abbrev_children_flag(die, &children) == DW_DLV_OK && (!children || hf_die_has(die, DW_AT_sibling)))
        return true;
    if (depth == MAX_DEPTH)
        return false;
    while ((more = next_entry(dwarf, die, before, &child, depth + 1)) > 0) {
        if (before)
            dwarf_dealloc_die(before);
        before = child;
    }
    if (before)
        dwarf_dealloc_die(before);
    return more == 0;
}

static int next_entry(Dwarf_Debug dwarf, Dwarf_Die parent, Dwarf_Die before, Dwarf_Die *next, unsigned depth)
{
    Dwarf_Error error;

    if (before && !is_sound(dwarf, before, depth))
        return -1;
    int status = before ? dwarf_siblingof_b(dwarf, before, dwarf_get_die_infotypes_flag(before), next, &error)
                        : dwarf_child(parent, next, &error);
    if (status != DW_DLV_OK)
        return status == DW_DLV_NO_ENTRY ? 0 : -1;
    uint64_t after = hf_die_offset(before ? before : parent), offset = hf_die_offset(*next);
    if (after != HF_DIE_NONE && offset != HF_DIE_NONE && offset > after)
        return 1;
    dwarf_dealloc_die(*next);
    return -1;
}

int hf_die_follow(Dwarf_Debug dwarf, Dwarf_Die parent, Dwarf_Die before, Dwarf_Die *next)
{
    return next_entry(dwarf, parent, before, next, 0);
}

int hf_die_next(Dwarf_Debug dwarf, Dwarf_Die parent, Dwarf_Die *child)
{
    Dwarf_Die before = *child;

    int more = next_entry(dwarf, parent, before, child, 0);
    if (before)
        dwarf_dealloc_die(before);
    if (more <= 0)
        *child = NULL;
    return more;
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

bool hf_die_block(Dwarf_Die die, Dwarf_Half name, struct hf_die_block *block)
{
    HF_ATTRIBUTE Dwarf_Attribute attribute = attribute_of(die, name);
    Dwarf_Unsigned size;
    Dwarf_Ptr bytes;
    Dwarf_Block *older;
    Dwarf_Error error;

    if (!attribute)
        return false;
    if (dwarf_formexprloc(attribute, &size, &bytes, &error) == DW_DLV_OK) {
        *block = (struct hf_die_block){.bytes = bytes, .size = size};
        return true;
    }
    if (dwarf_formblock(attribute, &older, &error) != DW_DLV_OK)
        return false;
    *block = (struct hf_die_block){.bytes = older->bl_data, .size = older->bl_len};
    return true;
}

bool hf_die_block_equal(const struct hf_die_block *a, const struct hf_die_block *b)
{
    return a->size == b->size && (a->size == 0 || memcmp(a->bytes, b->bytes, a->size) == 0);
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

/* The entry of a type unit that a signature names. */
static Dwarf_Die signed_entry(Dwarf_Debug dwarf, Dwarf_Attribute attribute)
{
    Dwarf_Sig8 signature;
    Dwarf_Die entry;
    Dwarf_Bool is_info;
    Dwarf_Error error;

    if (dwarf_formsig8(attribute, &signature, &error) != DW_DLV_OK ||
        dwarf_find_die_given_sig8(dwarf, &signature, &entry, &is_info, &error) != DW_DLV_OK)
        return NULL;
    return entry;
}

Dwarf_Die hf_die_refer(Dwarf_Debug dwarf, Dwarf_Die die, Dwarf_Half name)
{
    HF_ATTRIBUTE Dwarf_Attribute attribute = attribute_of(die, name);
    Dwarf_Error error;
    Dwarf_Half form;

    if (!attribute || dwarf_whatform(attribute, &form, &error) != DW_DLV_OK)
        return NULL;
    if (form == DW_FORM_ref_sig8)
        return signed_entry(dwarf, attribute);
    Dwarf_Off offset;
    if (dwarf_global_formref(attribute, &offset, &error) != DW_DLV_OK)
        return NULL;
    /* Only DW_FORM_ref_addr leaves its own section, .debug_types, for .debug_info. */
    Dwarf_Die entry = entry_at(dwarf, offset, form == DW_FORM_ref_addr || dwarf_get_die_infotypes_flag(die));
    if (!entry || !hf_die_has(entry, DW_AT_signature))
        return entry;
    /* A declaration that stands for what a type unit defines. */
    HF_ATTRIBUTE Dwarf_Attribute signature = attribute_of(entry, DW_AT_signature);
    Dwarf_Die definition = signature ? signed_entry(dwarf, signature) : NULL;
    dwarf_dealloc_die(entry);
    return definition;
}

static bool is_thread(uint8_t operation)
{
    return operation == DW_OP_GNU_push_tls_address || operation == DW_OP_form_tls_address;
}

bool hf_die_place(Dwarf_Die die, uint64_t *address, bool *thread)
{
    struct hf_die_block block;
    Dwarf_Addr found;
    Dwarf_Error error;
    uint64_t index = 0;
    size_t at = 1;

    if (!hf_die_block(die, DW_AT_location, &block) || block.size < 2)
        return false;
    *thread = block.size == 2 + sizeof(*address) && is_thread(block.bytes[1 + sizeof(*address)]);
    if (block.size == 1 + sizeof(*address) + *thread && block.bytes[0] == (*thread ? DW_OP_const8u : DW_OP_addr)) {
        memcpy(address, block.bytes + 1, sizeof(*address));
        return true;
    }
    if (block.bytes[0] != DW_OP_addrx && block.bytes[0] != DW_OP_GNU_addr_index)
        return false;
    for (unsigned shift = 0; at < block.size && shift < 64; shift += 7) {
        index |= (uint64_t)(block.bytes[at] & 0x7f) << shift;
        if (!(block.bytes[at++] & 0x80))
            break;
    }
    if (at != block.size || dwarf_debug_addr_index_to_addr(die, index, &found, &error) != DW_DLV_OK)
        return false;
    *address = found;
    return true;
}

uint64_t hf_die_entry(Dwarf_Die die)
{
    HF_ATTRIBUTE Dwarf_Attribute entry = attribute_of(die, DW_AT_entry_pc);
    Dwarf_Addr address;
    Dwarf_Error error;

    if (dwarf_lowpc(die, &address, &error) == DW_DLV_OK)
        return address;
    return entry && dwarf_formaddr(entry, &address, &error) == DW_DLV_OK ? address : HF_DIE_NONE;
}

/* libdwarf reads wherever the offset of a list leads. */
static bool in_section(Dwarf_Debug dwarf, const char *section, uint64_t offset)
{
    Dwarf_Addr address;
    Dwarf_Unsigned size;
    Dwarf_Error error;

    return dwarf_get_section_info_by_name(dwarf, section, &address, &size, &error) == DW_DLV_OK && offset < size;
}

/* A range list of DWARF 5, section 2.17.3. */
static int ranges_5(Dwarf_Attribute attribute, Dwarf_Half form, uint64_t value, hf_die_range_fn fn, void *arg)
{
    Dwarf_Rnglists_Head head;
    Dwarf_Unsigned count, offset;
    Dwarf_Error error;
    int result = 0;

    if (dwarf_rnglists_get_rle_head(attribute, form, value, &head, &count, &offset, &error) != DW_DLV_OK)
        return -1;
    for (Dwarf_Unsigned i = 0; i < count && result == 0; i++) {
        unsigned length, code;
        Dwarf_Bool unavailable;
        Dwarf_Unsigned raw1, raw2, begin, end;
        if (dwarf_get_rnglists_entry_fields_a(head, i, &length, &code, &raw1, &raw2, &unavailable, &begin, &end,
                                              &error) != DW_DLV_OK)
            result = -1;
        else if (code == DW_RLE_end_of_list || code == DW_RLE_base_address || code == DW_RLE_base_addressx)
            continue;
        else if (unavailable)
            result = -1;
        else if (begin < end)
            result = fn(begin, end, arg);
    }
    dwarf_dealloc_rnglists_head(head);
    return result;
}

/* A range list of DWARF 4, section 2.17.3. */
static int ranges_4(Dwarf_Debug dwarf, Dwarf_Die die, uint64_t base, uint64_t value, hf_die_range_fn fn, void *arg)
{
    Dwarf_Ranges *ranges;
    Dwarf_Signed count;
    Dwarf_Unsigned bytes;
    Dwarf_Off real;
    Dwarf_Error error;
    int result = 0;

    if (dwarf_get_ranges_b(dwarf, value, die, &real, &ranges, &count, &bytes, &error) != DW_DLV_OK)
        return -1;
    for (Dwarf_Signed i = 0; i < count && result == 0; i++) {
        if (ranges[i].dwr_type == DW_RANGES_ADDRESS_SELECTION)
            base = ranges[i].dwr_addr2;
        else if (ranges[i].dwr_type == DW_RANGES_ENTRY && ranges[i].dwr_addr1 < ranges[i].dwr_addr2)
            result = fn(base + ranges[i].dwr_addr1, base + ranges[i].dwr_addr2, arg);
    }
    dwarf_ranges_dealloc(dwarf, ranges, count);
    return result;
}

static int one_range(Dwarf_Die die, uint64_t low, hf_die_range_fn fn, void *arg)
{
    Dwarf_Addr high;
    Dwarf_Half form;
    enum Dwarf_Form_Class class;
    Dwarf_Error error;

    if (dwarf_highpc_b(die, &high, &form, &class, &error) != DW_DLV_OK)
        return 0;
    if (class == DW_FORM_CLASS_CONSTANT)
        high += low;
    return low < high ? fn(low, high, arg) : 0;
}

int hf_die_ranges(Dwarf_Debug dwarf, Dwarf_Die die, const struct hf_die_unit *unit, hf_die_range_fn fn, void *arg)
{
    HF_ATTRIBUTE Dwarf_Attribute ranges = attribute_of(die, DW_AT_ranges);
    Dwarf_Addr low;
    Dwarf_Error error;
    Dwarf_Half form;

    if (!ranges)
        return dwarf_lowpc(die, &low, &error) == DW_DLV_OK ? one_range(die, low, fn, arg) : 0;
    if (dwarf_whatform(ranges, &form, &error) != DW_DLV_OK)
        return -1;
    /* An index into the unit's lists, or an offset; libdwarf misreads the former as an offset. */
    Dwarf_Unsigned value = 0;
    Dwarf_Off offset = 0;
    int status = form == DW_FORM_rnglistx ? dwarf_formudata(ranges, &value, &error)
                                          : dwarf_global_formref(ranges, &offset, &error);
    if (status != DW_DLV_OK)
        return -1;
    value += offset;
    if (unit->version >= 5 && form != DW_FORM_rnglistx && !in_section(dwarf, ".debug_rnglists", value))
        return -1;
    return unit->version >= 5 ? ranges_5(ranges, form, value, fn, arg)
                              : ranges_4(dwarf, die, unit->base, value, fn, arg);
}
