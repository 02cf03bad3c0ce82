/* SPDX-License-Identifier: Apache-2.0 */
#include "elf/sections.h"

#include <string.h>

static size_t own_count(const struct hf_sections *sections)
{
    size_t count = 0;

    return elf_getshdrnum(sections->image->elf, &count) == 0 ? count : 0;
}

/* The image's own section at an index, where it is one of debug information: its name, else NULL. */
static const char *own_section(const struct hf_sections *sections, size_t index, struct hf_bytes *bytes)
{
    Elf *elf = sections->image->elf;
    Elf_Scn *section = elf_getscn(elf, index);
    GElf_Shdr header;
    size_t names;

    *bytes = (struct hf_bytes){.size = 0};
    if (!section || !gelf_getshdr(section, &header) || elf_getshdrstrndx(elf, &names) != 0)
        return NULL;
    const char *name = elf_strptr(elf, names, header.sh_name);
    if (!name ||
        (strncmp(name, ".debug_", strlen(".debug_")) != 0 && strncmp(name, ".zdebug_", strlen(".zdebug_")) != 0))
        return NULL;
    Elf_Data *data = header.sh_type == SHT_NOBITS ? NULL : elf_getdata(section, NULL);
    if (data && data->d_buf)
        *bytes = (struct hf_bytes){.begin = data->d_buf, .size = data->d_size};
    return name;
}

/* What takes the place of a section of this name; false when nothing does. */
static bool find_joined(const struct hf_sections *sections, const char *name, struct hf_bytes *bytes)
{
    const char *joined = NULL;
    struct hf_bytes found;

    for (size_t i = 0; sections->supplement && (joined = hf_supplement_section(sections->supplement, i, &found)); i++)
        if (strcmp(joined, name) == 0 && found.begin) {
            *bytes = found;
            return true;
        }
    return false;
}

/*
 * The image's sections in their order, what was joined in the place of its own; then what was joined, where the image
 * has no section of that name. NULL for what is no debug information.
 */
static const char *section_at(const struct hf_sections *sections, size_t index, struct hf_bytes *bytes)
{
    size_t count = own_count(sections);

    if (index < count) {
        const char *name = own_section(sections, index, bytes);
        if (name)
            find_joined(sections, name, bytes);
        return name;
    }
    const char *joined =
        sections->supplement ? hf_supplement_section(sections->supplement, index - count, bytes) : NULL;
    return joined && bytes->begin && !hf_image_section(sections->image, joined, NULL) ? joined : NULL;
}

static Dwarf_Unsigned count_sections(void *arg)
{
    const struct hf_sections *sections = arg;
    struct hf_bytes bytes;
    size_t more = 0;

    while (sections->supplement && hf_supplement_section(sections->supplement, more, &bytes))
        more++;
    return own_count(sections) + more;
}

static int describe_section(void *arg, Dwarf_Half index, Dwarf_Obj_Access_Section *section, int *error)
{
    struct hf_bytes bytes;
    const char *name = section_at(arg, index, &bytes);

    (void)error;
    *section = (Dwarf_Obj_Access_Section){.name = name ? name : "", .type = SHT_PROGBITS};
    if (name)
        section->size = bytes.size;
    return DW_DLV_OK;
}

static int load_section(void *arg, Dwarf_Half index, Dwarf_Small **data, int *error)
{
    struct hf_bytes bytes;
    const char *name = section_at(arg, index, &bytes);

    (void)error;
    *data = name ? (Dwarf_Small *)bytes.begin : NULL;
    return *data ? DW_DLV_OK : DW_DLV_NO_ENTRY;
}

static Dwarf_Endianness tell_order(void *arg)
{
    (void)arg;
    return DW_OBJECT_LSB;
}

static Dwarf_Small tell_size(void *arg)
{
    (void)arg;
    return sizeof(uint64_t);
}

int hf_sections_open(struct hf_sections *sections, const struct hf_image *image, const struct hf_supplement *supplement,
                     Dwarf_Debug *dwarf, Dwarf_Error *error)
{
    static const struct Dwarf_Obj_Access_Methods_s methods = {
        .get_section_info = describe_section,
        .get_byte_order = tell_order,
        .get_length_size = tell_size,
        .get_pointer_size = tell_size,
        .get_section_count = count_sections,
        .load_section = load_section,
    };

    *sections = (struct hf_sections){
        .access = {.object = sections, .methods = &methods}, .image = image, .supplement = supplement};
    return dwarf_object_init_b(&sections->access, NULL, NULL, DW_GROUPNUMBER_ANY, dwarf, error);
}
