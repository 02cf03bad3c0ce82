/* SPDX-License-Identifier: Apache-2.0 */
#include "elf/bytes.h"

#include <libdwarf/dwarf.h>

bool hf_bytes_load(const struct hf_image *image, const char *name, struct hf_bytes *bytes)
{
    GElf_Shdr header;
    Elf_Scn *section = hf_image_section(image, name, &header);

    *bytes = (struct hf_bytes){.size = 0};
    if (!section || header.sh_type == SHT_NOBITS)
        return true;
    if ((header.sh_flags & SHF_COMPRESSED) && elf_compress(section, 0, 0) < 0)
        return false;
    Elf_Data *data = elf_getdata(section, NULL);
    if (!data)
        return false;
    *bytes = (struct hf_bytes){.begin = data->d_buf, .size = data->d_buf ? data->d_size : 0};
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
