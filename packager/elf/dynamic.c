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
    else if (entry->d_tag == DT_FINI)
        dynamic->fini = entry->d_un.d_ptr;
    else if (entry->d_tag == DT_FINI_ARRAY)
        dynamic->fini_array = entry->d_un.d_ptr;
    else if (entry->d_tag == DT_FINI_ARRAYSZ)
        dynamic->fini_array_size = entry->d_un.d_val;
    else if (entry->d_tag == DT_TEXTREL)
        dynamic->text_relocations = true;
    if (entry->d_tag == DT_FLAGS) {
        dynamic->text_relocations |= (entry->d_un.d_val & DF_TEXTREL) != 0;
        dynamic->static_tls |= (entry->d_un.d_val & DF_STATIC_TLS) != 0;
    }
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

/* Names of versions that an image defines or needs: a number, as in SHT_GNU_versym, and a text each. */
struct versions {
    struct version {
        GElf_Half number;
        const char *name;
    } * items;
    size_t count;
};

static int add_version(const struct hf_image *image, size_t strings, GElf_Half number, GElf_Word name,
                       struct versions *versions)
{
    struct version *grown = reallocarray(versions->items, versions->count + 1, sizeof(*grown));

    if (!grown)
        return -1;
    versions->items = grown;
    grown[versions->count++] = (struct version){number, elf_strptr(image->elf, strings, name)};
    return 0;
}

/* Those that are defined, without the base one, which is the file's own name. */
static int read_defined(const struct hf_image *image, struct versions *versions)
{
    GElf_Shdr header;
    GElf_Verdef entry;
    GElf_Verdaux name;
    Elf_Scn *section = find_section(image, SHT_GNU_verdef, &header);
    Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;

    for (int at = 0; data && gelf_getverdef(data, at, &entry); at += (int)entry.vd_next) {
        if (!(entry.vd_flags & VER_FLG_BASE) && entry.vd_aux <= data->d_size &&
            gelf_getverdaux(data, at + (int)entry.vd_aux, &name) &&
            add_version(image, header.sh_link, entry.vd_ndx, name.vda_name, versions) != 0)
            return -1;
        if (entry.vd_next == 0 || entry.vd_next > data->d_size)
            break;
    }
    return 0;
}

static int read_needed_of(const struct hf_image *image, size_t strings, Elf_Data *data, int at, size_t count,
                          struct versions *versions)
{
    GElf_Vernaux name;

    for (size_t i = 0; i < count && gelf_getvernaux(data, at, &name); i++) {
        if (add_version(image, strings, name.vna_other, name.vna_name, versions) != 0)
            return -1;
        if (name.vna_next == 0 || name.vna_next > data->d_size)
            break;
        at += (int)name.vna_next;
    }
    return 0;
}

static int read_needed(const struct hf_image *image, struct versions *versions)
{
    GElf_Shdr header;
    GElf_Verneed entry;
    Elf_Scn *section = find_section(image, SHT_GNU_verneed, &header);
    Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;

    for (int at = 0; data && gelf_getverneed(data, at, &entry); at += (int)entry.vn_next) {
        if (entry.vn_aux <= data->d_size &&
            read_needed_of(image, header.sh_link, data, at + (int)entry.vn_aux, entry.vn_cnt, versions) != 0)
            return -1;
        if (entry.vn_next == 0 || entry.vn_next > data->d_size)
            break;
    }
    return 0;
}

static const char *version_of(const struct versions *versions, Elf_Data *numbers, int symbol)
{
    GElf_Versym number;

    if (!numbers || !gelf_getversym(numbers, symbol, &number))
        return NULL;
    for (size_t i = 0; i < versions->count; i++)
        if (versions->items[i].number == (number & 0x7fff))
            return versions->items[i].name;
    return NULL;
}

static int read_symbols(const struct hf_image *image, const struct versions *versions, struct hf_dynamic *dynamic,
                        struct hotfix_error *err)
{
    GElf_Shdr header, numbers_header;
    GElf_Sym symbol;
    Elf_Scn *section = find_section(image, SHT_DYNSYM, &header);
    Elf_Scn *numbers_section = find_section(image, SHT_GNU_versym, &numbers_header);
    if (!section)
        return 0;

    Elf_Data *data = elf_getdata(section, NULL);
    Elf_Data *numbers = numbers_section ? elf_getdata(numbers_section, NULL) : NULL;
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
                                       .version = version_of(versions, numbers, (int)i),
                                       .defined = symbol.st_shndx != SHN_UNDEF,
                                       .weak = GELF_ST_BIND(symbol.st_info) == STB_WEAK,
                                       .unique = GELF_ST_BIND(symbol.st_info) == STB_GNU_UNIQUE,
                                       .type = GELF_ST_TYPE(symbol.st_info)};
    }
    return 0;
}

int hf_dynamic_read(const struct hf_image *image, struct hf_dynamic *dynamic, struct hotfix_error *err)
{
    struct hf_dynamic found = {0};
    struct versions versions = {0};

    int result = read_entries(image, &found, err);
    if (result == 0 && (read_defined(image, &versions) != 0 || read_needed(image, &versions) != 0))
        result = hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (result == 0)
        result = read_symbols(image, &versions, &found, err);
    free(versions.items);
    if (result != 0) {
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

const struct hf_dynamic_symbol *hf_dynamic_find(const struct hf_dynamic *dynamic, const char *name, const char *version)
{
    for (size_t i = 0; i < dynamic->symbol_count; i++) {
        const struct hf_dynamic_symbol *symbol = &dynamic->symbols[i];
        if (symbol->defined && strcmp(symbol->name, name) == 0 &&
            (!version || !symbol->version || strcmp(symbol->version, version) == 0))
            return symbol;
    }
    return NULL;
}
