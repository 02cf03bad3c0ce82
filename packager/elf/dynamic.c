/* SPDX-License-Identifier: Apache-2.0 */
#include "elf/dynamic.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"

static int damaged(const struct hf_image *image, struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_FORMAT, "%s: has a damaged dynamic section", image->path);
}

static Elf_Scn *find_section(const struct hf_image *image, GElf_Word type, GElf_Shdr *header)
{
    for (Elf_Scn *section = NULL; (section = elf_nextscn(image->elf, section));)
        if (gelf_getshdr(section, header) && header->sh_type == type)
            return section;
    return NULL;
}

static int take_entry(const struct hf_image *image, size_t strings, const GElf_Dyn *entry, struct hf_dynamic *dynamic)
{
    bool is_text = entry->d_tag == DT_NEEDED || entry->d_tag == DT_RPATH || entry->d_tag == DT_RUNPATH;
    const char *text = is_text ? elf_strptr(image->elf, strings, entry->d_un.d_val) : NULL;

    if (is_text && !text)
        return -1;
    if (entry->d_tag == DT_NEEDED)
        dynamic->needed[dynamic->needed_count++] = text;
    else if (entry->d_tag == DT_RUNPATH || (entry->d_tag == DT_RPATH && !dynamic->run_path))
        dynamic->run_path = text;
    else if (entry->d_tag == DT_INIT)
        dynamic->init = entry->d_un.d_ptr;
    else if (entry->d_tag == DT_INIT_ARRAY)
        dynamic->init_array = entry->d_un.d_ptr;
    else if (entry->d_tag == DT_INIT_ARRAYSZ)
        dynamic->init_array_size = entry->d_un.d_val;
    else if (entry->d_tag == DT_TEXTREL || (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL)))
        dynamic->text_relocations = true;
    return 0;
}

static int read_entries(const struct hf_image *image, struct hf_dynamic *dynamic, struct hotfix_error *err)
{
    GElf_Shdr header;
    GElf_Dyn entry;
    Elf_Scn *section = find_section(image, SHT_DYNAMIC, &header);
    if (!section)
        return 0;

    Elf_Data *data = elf_getdata(section, NULL);
    size_t count = data ? data->d_size / sizeof(Elf64_Dyn) : 0;
    dynamic->needed = calloc(count + 1, sizeof(*dynamic->needed));
    if (!dynamic->needed)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    for (size_t i = 0; i < count && gelf_getdyn(data, (int)i, &entry) && entry.d_tag != DT_NULL; i++)
        if (take_entry(image, header.sh_link, &entry, dynamic) != 0)
            return damaged(image, err);
    return 0;
}

static int read_symbols(const struct hf_image *image, struct hf_dynamic *dynamic, struct hotfix_error *err)
{
    GElf_Shdr header;
    GElf_Sym symbol;
    Elf_Scn *section = find_section(image, SHT_DYNSYM, &header);
    if (!section)
        return 0;

    Elf_Data *data = elf_getdata(section, NULL);
    size_t count = data ? data->d_size / sizeof(Elf64_Sym) : 0;
    dynamic->symbols = calloc(count + 1, sizeof(*dynamic->symbols));
    if (!dynamic->symbols)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    for (size_t i = 1; i < count && gelf_getsym(data, (int)i, &symbol); i++) {
        const char *name = elf_strptr(image->elf, header.sh_link, symbol.st_name);
        if (!name)
            return damaged(image, err);
        dynamic->symbols[dynamic->symbol_count++] =
            (struct hf_dynamic_symbol){.name = name,
                                       .defined = symbol.st_shndx != SHN_UNDEF,
                                       .weak = GELF_ST_BIND(symbol.st_info) == STB_WEAK,
                                       .type = GELF_ST_TYPE(symbol.st_info)};
    }
    return 0;
}

int hf_dynamic_read(const struct hf_image *image, struct hf_dynamic *dynamic, struct hotfix_error *err)
{
    struct hf_dynamic found = {0};

    if (read_entries(image, &found, err) != 0 || read_symbols(image, &found, err) != 0) {
        hf_dynamic_deinit(&found);
        return -1;
    }
    *dynamic = found;
    return 0;
}

void hf_dynamic_deinit(struct hf_dynamic *dynamic)
{
    free(dynamic->needed);
    free(dynamic->symbols);
    *dynamic = (struct hf_dynamic){0};
}

bool hf_dynamic_defines(const struct hf_dynamic *dynamic, const char *name)
{
    for (size_t i = 0; i < dynamic->symbol_count; i++)
        if (dynamic->symbols[i].defined && strcmp(dynamic->symbols[i].name, name) == 0)
            return true;
    return false;
}
