/* SPDX-License-Identifier: Apache-2.0 */
#include "object/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <libelf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"

/* Makes room for one more item; capacity grows when the count is a power of two. */
static void *grow(void *items, size_t count, size_t size)
{
    if (items && (count & (count - 1)) != 0)
        return items;
    return reallocarray(items, count ? 2 * count : 1, size);
}

int hf_writer_init(struct hf_writer *writer, uint16_t machine, struct hotfix_error *err)
{
    *writer = (struct hf_writer){.machine = machine, .section_count = 1, .symbol_count = 1};
    writer->sections = calloc(1, sizeof(*writer->sections));
    writer->symbols = calloc(1, sizeof(*writer->symbols));
    if (writer->sections && writer->symbols)
        return 0;
    hf_writer_deinit(writer);
    return hf_error(err, HOTFIX_MEMORY, "out of memory");
}

void hf_writer_deinit(struct hf_writer *writer)
{
    for (size_t i = 0; writer->sections && i < writer->section_count; i++) {
        free(writer->sections[i].name);
        free(writer->sections[i].bytes);
        free(writer->sections[i].relocations);
    }
    for (size_t i = 0; writer->symbols && i < writer->symbol_count; i++)
        free(writer->symbols[i].name);
    free(writer->sections);
    free(writer->symbols);
    *writer = (struct hf_writer){.section_count = 0};
}

size_t hf_writer_symbol(struct hf_writer *writer, const struct hf_writer_symbol *symbol)
{
    struct hf_writer_symbol *grown = grow(writer->symbols, writer->symbol_count, sizeof(*grown));
    if (!grown)
        return 0;
    writer->symbols = grown;
    struct hf_writer_symbol *added = &grown[writer->symbol_count];
    *added = *symbol;
    added->name = strdup(symbol->name);
    return added->name ? writer->symbol_count++ : 0;
}

size_t hf_writer_section(struct hf_writer *writer, const struct hf_writer_section *section)
{
    struct hf_writer_section *grown = grow(writer->sections, writer->section_count, sizeof(*grown));
    if (!grown)
        return 0;
    writer->sections = grown;
    struct hf_writer_section *added = &grown[writer->section_count];
    *added = *section;
    added->relocations = NULL;
    added->relocation_count = 0;
    added->name = strdup(section->name);
    added->bytes = section->bytes ? malloc(section->size + 1) : NULL;
    const struct hf_writer_symbol symbol = {
        .name = (char *)"", .section = writer->section_count, .type = STT_SECTION, .binding = STB_LOCAL};
    added->symbol = hf_writer_symbol(writer, &symbol);
    if (!added->name || (section->bytes && !added->bytes) || added->symbol == 0) {
        free(added->name);
        free(added->bytes);
        return 0;
    }
    if (section->bytes)
        memcpy(added->bytes, section->bytes, section->size);
    return writer->section_count++;
}

int hf_writer_relocation(struct hf_writer *writer, size_t section, const struct hf_writer_relocation *relocation)
{
    struct hf_writer_section *to = &writer->sections[section];
    struct hf_writer_relocation *grown = grow(to->relocations, to->relocation_count, sizeof(*grown));

    if (!grown)
        return -1;
    to->relocations = grown;
    grown[to->relocation_count++] = *relocation;
    return 0;
}

/* The file while it is made. libelf keeps pointers to all of it until elf_update(). */
struct file {
    Elf *elf;
    char *strings;
    size_t strings_size;
    Elf64_Sym *symbols;
    size_t local_count;
    Elf64_Rela **relocations; /* one table a section */
};

static size_t add_string(struct file *file, const char *text)
{
    size_t at = file->strings_size;

    if (text[0] == '\0')
        return 0;
    strcpy(file->strings + at, text);
    file->strings_size += strlen(text) + 1;
    return at;
}

/* All texts in one table: symbol names, section names, ".rela" before each, and the names of the three tables. */
static bool make_strings(const struct hf_writer *writer, struct file *file)
{
    size_t size = 64;

    for (size_t i = 1; i < writer->section_count; i++)
        size += 2 * strlen(writer->sections[i].name) + 16;
    for (size_t i = 1; i < writer->symbol_count; i++)
        size += strlen(writer->symbols[i].name) + 1;
    file->strings = calloc(1, size);
    file->strings_size = 1;
    return file->strings != NULL;
}

/* Local symbols go first (gABI). Section handles are the section numbers. */
static bool make_symbols(struct hf_writer *writer, struct file *file)
{
    file->symbols = calloc(writer->symbol_count + 1, sizeof(*file->symbols));
    if (!file->symbols)
        return false;
    uint32_t next = 1;
    for (int global = 0; global <= 1; global++) {
        for (size_t i = 1; i < writer->symbol_count; i++) {
            struct hf_writer_symbol *symbol = &writer->symbols[i];
            if ((symbol->binding != STB_LOCAL) != global)
                continue;
            symbol->index = next;
            file->symbols[next++] = (Elf64_Sym){
                .st_name = (Elf64_Word)add_string(file, symbol->name),
                .st_info = ELF64_ST_INFO(symbol->binding, symbol->type),
                .st_other = symbol->visibility,
                .st_shndx = symbol->special ? symbol->special : (Elf64_Half)symbol->section,
                .st_value = symbol->value,
                .st_size = symbol->size,
            };
        }
        if (!global)
            file->local_count = next;
    }
    return true;
}

static bool add_section(struct file *file, const Elf64_Shdr *wanted, void *bytes, Elf_Type type)
{
    Elf_Scn *section = elf_newscn(file->elf);
    Elf64_Shdr *header = section ? elf64_getshdr(section) : NULL;
    Elf_Data *data = header ? elf_newdata(section) : NULL;
    if (!data)
        return false;
    *header = *wanted;
    data->d_buf = bytes;
    data->d_size = wanted->sh_size;
    data->d_align = wanted->sh_addralign ? wanted->sh_addralign : 1;
    data->d_type = type;
    data->d_version = EV_CURRENT;
    return true;
}

static bool add_sections(const struct hf_writer *writer, struct file *file)
{
    for (size_t i = 1; i < writer->section_count; i++) {
        const struct hf_writer_section *section = &writer->sections[i];
        const Elf64_Shdr header = {.sh_name = (Elf64_Word)add_string(file, section->name),
                                   .sh_type = section->type,
                                   .sh_flags = section->flags,
                                   .sh_size = section->size,
                                   .sh_addralign = section->alignment,
                                   .sh_entsize = section->entry_size};
        if (!add_section(file, &header, section->bytes, ELF_T_BYTE))
            return false;
    }
    return true;
}

static bool add_relocations(const struct hf_writer *writer, struct file *file, size_t symbol_table)
{
    for (size_t i = 1; i < writer->section_count; i++) {
        const struct hf_writer_section *section = &writer->sections[i];
        if (section->relocation_count == 0)
            continue;
        Elf64_Rela *table = calloc(section->relocation_count, sizeof(*table));
        file->relocations[i] = table;
        HF_FREE char *name = malloc(strlen(section->name) + sizeof(".rela"));
        if (!table || !name)
            return false;
        stpcpy(stpcpy(name, ".rela"), section->name);
        for (size_t k = 0; k < section->relocation_count; k++) {
            const struct hf_writer_relocation *relocation = &section->relocations[k];
            table[k].r_offset = relocation->offset;
            table[k].r_addend = relocation->addend;
            table[k].r_info = ELF64_R_INFO((uint64_t)writer->symbols[relocation->symbol].index, relocation->type);
        }
        const Elf64_Shdr header = {.sh_name = (Elf64_Word)add_string(file, name),
                                   .sh_type = SHT_RELA,
                                   .sh_flags = SHF_INFO_LINK,
                                   .sh_size = section->relocation_count * sizeof(*table),
                                   .sh_link = (Elf64_Word)symbol_table,
                                   .sh_info = (Elf64_Word)i,
                                   .sh_addralign = 8,
                                   .sh_entsize = sizeof(*table)};
        if (!add_section(file, &header, table, ELF_T_RELA))
            return false;
    }
    return true;
}

static bool add_tables(struct hf_writer *writer, struct file *file)
{
    size_t relocated = 0;
    for (size_t i = 1; i < writer->section_count; i++)
        relocated += writer->sections[i].relocation_count > 0;
    size_t symbol_table = writer->section_count + relocated;

    if (!add_sections(writer, file) || !add_relocations(writer, file, symbol_table))
        return false;
    const Elf64_Shdr symbols = {.sh_name = (Elf64_Word)add_string(file, ".symtab"),
                                .sh_type = SHT_SYMTAB,
                                .sh_size = writer->symbol_count * sizeof(Elf64_Sym),
                                .sh_link = (Elf64_Word)symbol_table + 1,
                                .sh_info = (Elf64_Word)file->local_count,
                                .sh_addralign = 8,
                                .sh_entsize = sizeof(Elf64_Sym)};
    if (!add_section(file, &symbols, file->symbols, ELF_T_SYM))
        return false;
    Elf64_Shdr strings = {.sh_name = (Elf64_Word)add_string(file, ".strtab"), .sh_type = SHT_STRTAB, .sh_addralign = 1};
    strings.sh_size = file->strings_size;
    if (!add_section(file, &strings, file->strings, ELF_T_BYTE))
        return false;
    elf64_getehdr(file->elf)->e_shstrndx = (Elf64_Half)(symbol_table + 1);
    return true;
}

static int write_file(struct hf_writer *writer, struct file *file, const char *path, struct hotfix_error *err)
{
    Elf64_Ehdr *header = elf64_newehdr(file->elf);
    if (!header)
        return hf_error(err, HOTFIX_INTERNAL, "libelf: %s", elf_errmsg(-1));
    header->e_ident[EI_DATA] = ELFDATA2LSB;
    header->e_type = ET_REL;
    header->e_machine = writer->machine;
    header->e_version = EV_CURRENT;
    file->relocations = calloc(writer->section_count + 1, sizeof(*file->relocations));
    if (!file->relocations || !make_strings(writer, file) || !make_symbols(writer, file) || !add_tables(writer, file))
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", path);
    if (elf_update(file->elf, ELF_C_WRITE) < 0)
        return hf_error(err, HOTFIX_IO, "%s: cannot be written: %s", path, elf_errmsg(-1));
    return 0;
}

int hf_writer_write(struct hf_writer *writer, const char *path, struct hotfix_error *err)
{
    struct file file = {.elf = NULL};

    if (writer->section_count >= SHN_LORESERVE / 2)
        return hf_error(err, HOTFIX_INCOMPATIBLE, "%s: more sections than are supported", path);
    HF_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be written", path);
    file.elf = elf_version(EV_CURRENT) != EV_NONE ? elf_begin(fd, ELF_C_WRITE, NULL) : NULL;
    int failed =
        file.elf ? write_file(writer, &file, path, err) : hf_error(err, HOTFIX_INTERNAL, "libelf: %s", elf_errmsg(-1));
    if (file.elf)
        elf_end(file.elf);
    for (size_t i = 0; file.relocations && i < writer->section_count; i++)
        free(file.relocations[i]);
    free(file.relocations);
    free(file.symbols);
    free(file.strings);
    return failed;
}
