/* SPDX-License-Identifier: Apache-2.0 */
#include "dwarf/sections.h"

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

/* What takes the place of a section of this name; HF_JOINED_COUNT: nothing does. */
static enum hf_joined_section find_joined(const struct hf_sections *sections, const char *name)
{
    enum hf_joined_section section = sections->joined ? HF_JOINED_INFO : HF_JOINED_COUNT;

    while (section < HF_JOINED_COUNT &&
           (!sections->joined->sections[section].bytes || strcmp(hf_joined_names[section], name) != 0))
        section++;
    return section;
}

static struct hf_bytes joined_bytes(const struct hf_sections *sections, enum hf_joined_section section)
{
    return (struct hf_bytes){.begin = sections->joined->sections[section].bytes,
                             .size = sections->joined->sections[section].size};
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
        enum hf_joined_section joined = name ? find_joined(sections, name) : HF_JOINED_COUNT;
        if (joined < HF_JOINED_COUNT)
            *bytes = joined_bytes(sections, joined);
        return name;
    }
    index -= count;
    if (!sections->joined || index >= HF_JOINED_COUNT || !sections->joined->sections[index].bytes ||
        hf_image_section(sections->image, hf_joined_names[index], NULL))
        return NULL;
    *bytes = joined_bytes(sections, (enum hf_joined_section)index);
    return hf_joined_names[index];
}

static Dwarf_Unsigned count_sections(void *arg)
{
    return own_count(arg) + HF_JOINED_COUNT;
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

int hf_sections_open(struct hf_sections *sections, const struct hf_image *image, const struct hf_joined *joined,
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

    *sections =
        (struct hf_sections){.access = {.object = sections, .methods = &methods}, .image = image, .joined = joined};
    return dwarf_object_init_b(&sections->access, NULL, NULL, DW_GROUPNUMBER_ANY, dwarf, error);
}
