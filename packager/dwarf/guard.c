/* SPDX-License-Identifier: Apache-2.0 */
#include "dwarf/guard.h"

#include <libdwarf/dwarf.h>

#include "cursor.h"
#include "dwarf/bytes.h"
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

bool hf_guard_lists(const struct hf_bytes *bytes)
{
    struct hf_cursor section;

    hf_cursor_init(&section, bytes->begin, bytes->size);
    while (!hf_cursor_done(&section))
        if (!skip_table(&section))
            return false;
    return true;
}

/* One of the two lists in a line table's header: the forms of what its entries tell, and these (DWARF 5,
 * section 6.2.4). None may name a directory that is not there, and there is a byte at least of each: libdwarf counts to
 * any number of empty ones. */
static bool skip_names(struct hf_cursor *table, uint8_t address_size, uint8_t offset_size, uint64_t directories,
                       uint64_t *count)
{
    uint64_t kinds[UINT8_MAX], forms[UINT8_MAX];
    uint8_t format = hf_cursor_u8(table);

    for (uint8_t i = 0; i < format; i++) {
        kinds[i] = hf_bytes_leb(table);
        forms[i] = hf_bytes_leb(table);
    }
    *count = hf_bytes_leb(table);
    if (table->failed || *count > table->size - table->position)
        return false;
    for (uint64_t k = 0; k < *count && !table->failed; k++)
        for (uint8_t i = 0; i < format; i++) {
            struct hf_cursor value = *table;
            if (!hf_bytes_skip(table, forms[i], address_size, offset_size))
                return false;
            if (kinds[i] != DW_LNCT_directory_index)
                continue;
            uint64_t index = forms[i] == DW_FORM_data1   ? hf_cursor_u8(&value)
                             : forms[i] == DW_FORM_data2 ? hf_cursor_u16(&value)
                                                         : hf_bytes_leb(&value);
            if (index >= directories)
                return false;
        }
    return !table->failed;
}

/* Other versions count directories from one, as libdwarf does. */
static bool check_line_table(const struct hf_bytes *bytes, bool wide)
{
    uint64_t directories, files;
    uint8_t offset_size = wide ? 8 : 4;
    struct hf_cursor table;

    hf_cursor_init(&table, bytes->begin, bytes->size);
    if (hf_cursor_u16(&table) != 5)
        return true;
    uint8_t address_size = hf_cursor_u8(&table);
    hf_cursor_u8(&table);                   /* size of segment selectors */
    hf_cursor_bytes(&table, offset_size);   /* length of the header */
    hf_cursor_bytes(&table, 5);             /* minimum_instruction_length to line_range */
    uint8_t opcodes = hf_cursor_u8(&table); /* and one more */
    hf_cursor_bytes(&table, opcodes > 0 ? opcodes - 1u : 0);
    return skip_names(&table, address_size, offset_size, UINT64_MAX, &directories) &&
           skip_names(&table, address_size, offset_size, directories, &files);
}

bool hf_guard_lines(const struct hf_bytes *bytes)
{
    struct hf_cursor section;
    struct hf_bytes part;
    bool wide;

    hf_cursor_init(&section, bytes->begin, bytes->size);
    while (!hf_cursor_done(&section))
        if (!hf_bytes_part(&section, &part, &wide) || !check_line_table(&part, wide))
            return false;
    return true;
}

typedef bool (*guard_fn)(const struct hf_bytes *bytes);

/* libdwarf unpacks a section of the old form (.zdebug_) by its name, so that must be packed again. */
static bool check_section(Elf_Scn *section, bool old_form, guard_fn guard)
{
    if (old_form && elf_compress_gnu(section, 0, 0) < 0)
        return false;
    Elf_Data *data = elf_getdata(section, NULL);
    bool passed = !data || !data->d_buf || guard(&(struct hf_bytes){.begin = data->d_buf, .size = data->d_size});
    return passed && (!old_form || elf_compress_gnu(section, 1, ELF_CHF_FORCE) >= 0);
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
    static const struct {
        const char *name;
        guard_fn guard;
    } guarded[] = {
        {".debug_rnglists", hf_guard_lists},  {".zdebug_rnglists", hf_guard_lists}, {".debug_loclists", hf_guard_lists},
        {".zdebug_loclists", hf_guard_lists}, {".debug_line", hf_guard_lines},      {".zdebug_line", hf_guard_lines},
    };

    if (!unpack_sections(image))
        return hf_error(err, HOTFIX_FORMAT, "%s: damaged debug information: a compressed section cannot be unpacked",
                        image->path);
    for (size_t i = 0; i < sizeof(guarded) / sizeof(guarded[0]); i++) {
        GElf_Shdr header;
        Elf_Scn *section = hf_image_section(image, guarded[i].name, &header);
        if (section && header.sh_type != SHT_NOBITS &&
            !check_section(section, guarded[i].name[1] == 'z', guarded[i].guard))
            return hf_error(err, HOTFIX_FORMAT, "%s: damaged debug information: %s is malformed", image->path,
                            guarded[i].name);
    }
    return 0;
}
