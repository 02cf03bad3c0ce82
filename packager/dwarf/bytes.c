/* SPDX-License-Identifier: Apache-2.0 */
#include "dwarf/bytes.h"

#include <libdwarf/dwarf.h>

bool hf_bytes_load(const struct hf_image *image, const char *name, struct hf_bytes *bytes)
{
    static const uint8_t nothing[1];
    GElf_Shdr header;
    Elf_Scn *section = hf_image_section(image, name, &header);

    *bytes = (struct hf_bytes){.begin = nothing};
    if (!section || header.sh_type == SHT_NOBITS)
        return true;
    if ((header.sh_flags & SHF_COMPRESSED) && elf_compress(section, 0, 0) < 0)
        return false;
    Elf_Data *data = elf_getdata(section, NULL);
    if (!data)
        return false;
    if (data->d_buf)
        *bytes = (struct hf_bytes){.begin = data->d_buf, .size = data->d_size};
    return true;
}

bool hf_bytes_part(struct hf_cursor *section, struct hf_bytes *part, bool *wide)
{
    uint64_t size = hf_cursor_u32(section);
    bool is_wide = size == UINT32_MAX;

    if (is_wide)
        size = hf_cursor_u64(section);
    if (wide)
        *wide = is_wide;
    part->size = (size_t)size;
    part->begin = size <= section->size ? hf_cursor_bytes(section, (size_t)size) : NULL;
    return part->begin && !section->failed;
}

uint64_t hf_bytes_leb(struct hf_cursor *cursor)
{
    uint64_t value = 0;
    uint8_t byte;
    unsigned shift = 0;

    do {
        byte = hf_cursor_u8(cursor);
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    return value;
}

/* Its tag and whether it has children matter to nobody here. */
uint64_t hf_bytes_abbreviation(struct hf_cursor *cursor)
{
    uint64_t code = hf_bytes_leb(cursor);

    if (code == 0 || cursor->failed)
        return 0;
    hf_bytes_leb(cursor);
    hf_cursor_u8(cursor);
    return code;
}

bool hf_bytes_attribute(struct hf_cursor *cursor, struct hf_bytes_attribute *attribute)
{
    attribute->name = hf_bytes_leb(cursor);
    attribute->form_begin = cursor->position;
    attribute->form = hf_bytes_leb(cursor);
    attribute->form_end = cursor->position;
    if (attribute->form == DW_FORM_implicit_const)
        hf_bytes_leb(cursor);
    return !cursor->failed && (attribute->name || attribute->form);
}

/* Sizes of forms that are always the same, or the unit's; 0 for others (DWARF 5, section 7.5.6). */
static size_t fixed_size(uint64_t form, uint8_t address_size, uint8_t offset_size)
{
    switch (form) {
    case DW_FORM_data1:
    case DW_FORM_flag:
    case DW_FORM_ref1:
    case DW_FORM_strx1:
    case DW_FORM_addrx1:
        return 1;
    case DW_FORM_data2:
    case DW_FORM_ref2:
    case DW_FORM_strx2:
    case DW_FORM_addrx2:
        return 2;
    case DW_FORM_strx3:
    case DW_FORM_addrx3:
        return 3;
    case DW_FORM_data4:
    case DW_FORM_ref4:
    case DW_FORM_ref_sup4:
    case DW_FORM_strx4:
    case DW_FORM_addrx4:
        return 4;
    case DW_FORM_data8:
    case DW_FORM_ref8:
    case DW_FORM_ref_sig8:
        return 8;
    case DW_FORM_data16:
        return 16;
    case DW_FORM_addr:
        return address_size;
    case DW_FORM_GNU_ref_alt:
    case DW_FORM_GNU_strp_alt:
    case DW_FORM_strp_sup:
    case DW_FORM_ref_addr:
    case DW_FORM_strp:
    case DW_FORM_line_strp:
    case DW_FORM_sec_offset:
        return offset_size;
    default:
        return 0;
    }
}

/* Those that say their own size. False for forms that are not known. */
static bool skip_varying(struct hf_cursor *cursor, uint64_t form)
{
    switch (form) {
    case DW_FORM_flag_present:
    case DW_FORM_implicit_const:
        return true;
    case DW_FORM_string:
        while (hf_cursor_u8(cursor))
            ;
        return true;
    case DW_FORM_block1:
        return hf_cursor_bytes(cursor, hf_cursor_u8(cursor)) != NULL;
    case DW_FORM_block2:
        return hf_cursor_bytes(cursor, hf_cursor_u16(cursor)) != NULL;
    case DW_FORM_block4:
        return hf_cursor_bytes(cursor, hf_cursor_u32(cursor)) != NULL;
    case DW_FORM_block:
    case DW_FORM_exprloc:
        return hf_cursor_bytes(cursor, (size_t)hf_bytes_leb(cursor)) != NULL;
    case DW_FORM_sdata:
    case DW_FORM_udata:
    case DW_FORM_ref_udata:
    case DW_FORM_strx:
    case DW_FORM_addrx:
    case DW_FORM_loclistx:
    case DW_FORM_rnglistx:
        hf_bytes_leb(cursor);
        return true;
    default:
        return false;
    }
}

bool hf_bytes_skip(struct hf_cursor *cursor, uint64_t form, uint8_t address_size, uint8_t offset_size)
{
    size_t size = fixed_size(form, address_size, offset_size);

    return (size > 0 ? hf_cursor_bytes(cursor, size) != NULL : skip_varying(cursor, form)) && !cursor->failed;
}
