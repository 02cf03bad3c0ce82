/* SPDX-License-Identifier: Apache-2.0 */
#include "elf/guard.h"

#include "cursor.h"
#include "elf/bytes.h"
#include "error.h"

/* One table: unit_length, version, address_size, segment_selector_size, offset_entry_count and the offsets (DWARF 5,
 * sections 7.28 and 7.29). False when it is damaged. */
static bool skip_table(struct hf_cursor *section)
{
    struct hf_cursor table;
    struct hf_bytes bytes;
    bool wide;

    if (!hf_bytes_part(section, &bytes, &wide))
        return false;
    hf_cursor_init(&table, bytes.begin, bytes.size);
    uint16_t version = hf_cursor_u16(&table);
    uint8_t address_size = hf_cursor_u8(&table), segment_size = hf_cursor_u8(&table);
    uint64_t offsets = hf_cursor_u32(&table);
    if (table.failed || version != 5 || (address_size != 4 && address_size != 8) || segment_size != 0)
        return false;
    uint64_t room = table.size - table.position; /* offsets count from here */
    if (offsets * (wide ? 8 : 4) > room)
        return false;
    for (uint64_t i = 0; i < offsets; i++)
        if ((wide ? hf_cursor_u64(&table) : hf_cursor_u32(&table)) >= room)
            return false;
    return true;
}

bool hf_guard_tables(const struct hf_bytes *bytes)
{
    struct hf_cursor section;

    hf_cursor_init(&section, bytes->begin, bytes->size);
    while (!hf_cursor_done(&section))
        if (!skip_table(&section))
            return false;
    return true;
}

static bool check_tables(Elf_Data *data)
{
    return !data || !data->d_buf || hf_guard_tables(&(struct hf_bytes){.begin = data->d_buf, .size = data->d_size});
}

/* libdwarf unpacks a section of the old form (.zdebug_) by its name, so that must be packed again. */
static bool check_section(Elf_Scn *section, bool old_form)
{
    if (old_form)
        return elf_compress_gnu(section, 0, 0) >= 0 && check_tables(elf_getdata(section, NULL)) &&
               elf_compress_gnu(section, 1, ELF_CHF_FORCE) >= 0;
    return check_tables(elf_getdata(section, NULL));
}

/* The others are unpacked here: libdwarf does not hear that they are compressed (see sections.h). */
static bool unpack_sections(const struct hf_image *image)
{
    GElf_Shdr header;

    for (Elf_Scn *section = NULL; (section = elf_nextscn(image->elf, section));)
        if (gelf_getshdr(section, &header) && (header.sh_flags & SHF_COMPRESSED) && elf_compress(section, 0, 0) < 0)
            return false;
    return true;
}

int hf_guard_check(const struct hf_image *image, struct hotfix_error *err)
{
    static const char *const names[] = {".debug_rnglists", ".debug_loclists", ".zdebug_rnglists", ".zdebug_loclists"};

    if (!unpack_sections(image))
        return hf_error(err, HOTFIX_FORMAT, "%s: damaged debug information: a compressed section cannot be unpacked",
                        image->path);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        GElf_Shdr header;
        Elf_Scn *section = hf_image_section(image, names[i], &header);
        if (section && header.sh_type != SHT_NOBITS && !check_section(section, names[i][1] == 'z'))
            return hf_error(err, HOTFIX_FORMAT, "%s: damaged debug information: %s holds no tables of lists",
                            image->path, names[i]);
    }
    return 0;
}
