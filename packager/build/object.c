/* SPDX-License-Identifier: Apache-2.0 */
#include "build/object.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"

static int damaged(const struct hf_object *object, const char *what, struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_FORMAT, "%s: %s", object->path, what);
}

size_t hf_name_stem(const char *name)
{
    size_t length = strlen(name);
    size_t end = length;

    while (end > 0 && isdigit((unsigned char)name[end - 1]))
        end--;
    return end > 1 && end < length && name[end - 1] == '.' ? end - 1 : length;
}

static bool begins(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static enum hf_section_kind kind_of(const struct hf_section *section)
{
    if (!(section->flags & SHF_ALLOC) || section->type == SHT_NOTE || begins(section->name, ".eh_frame"))
        return HF_SECTION_OTHER;
    if (section->type == SHT_INIT_ARRAY || section->type == SHT_FINI_ARRAY || section->type == SHT_PREINIT_ARRAY ||
        begins(section->name, ".ctors") || begins(section->name, ".dtors"))
        return HF_SECTION_STARTUP;
    if (section->flags & SHF_EXECINSTR)
        return HF_SECTION_CODE;
    if (section->flags & SHF_MERGE)
        return HF_SECTION_MERGED;
    return HF_SECTION_DATA;
}

/* Names that compilers give to data of their own; their numbers and contents follow from the code that uses them. */
static bool is_compiled(const char *leader)
{
    static const char *const stems[] = {"CSWTCH", "__func__", "__FUNCTION__", "__PRETTY_FUNCTION__",
                                        "__compound_literal"};
    size_t stem = hf_name_stem(leader);

    if (!leader[0] || begins(leader, ".L") || begins(leader, "switch.table"))
        return true;
    for (size_t i = 0; i < sizeof(stems) / sizeof(stems[0]); i++)
        if (strlen(stems[i]) == stem && strncmp(leader, stems[i], stem) == 0)
            return true;
    return false;
}

/* clang names __func__ "__func__.NAME" and string-like constants ".str"; gcc numbers them. */
static bool is_named_after_function(const char *leader)
{
    return begins(leader, "__func__.") || begins(leader, "__PRETTY_FUNCTION__.") || begins(leader, "__FUNCTION__.");
}

static int read_section(struct hf_object *object, Elf_Scn *elf_section, size_t names, struct hotfix_error *err)
{
    GElf_Shdr header;
    size_t index = elf_ndxscn(elf_section);

    if (!gelf_getshdr(elf_section, &header) || index >= object->section_count)
        return damaged(object, "has a damaged section header", err);
    struct hf_section *section = &object->sections[index];
    section->name = elf_strptr(object->elf, names, header.sh_name);
    if (!section->name)
        return damaged(object, "has a section without a name", err);
    section->type = header.sh_type;
    section->flags = header.sh_flags;
    section->size = header.sh_size;
    section->align = header.sh_addralign;
    section->entry_size = header.sh_entsize;
    section->leader = "";
    section->kind = kind_of(section);
    if (section->kind == HF_SECTION_OTHER || header.sh_type == SHT_NOBITS)
        return 0;
    Elf_Data *data = elf_rawdata(elf_section, NULL);
    if (!data || data->d_size != header.sh_size || (header.sh_size && !data->d_buf))
        return damaged(object, "is cut off", err);
    section->bytes = header.sh_size ? data->d_buf : (const uint8_t *)"";
    return 0;
}

static int read_symbols(struct hf_object *object, Elf_Scn *elf_section, struct hotfix_error *err)
{
    GElf_Shdr header;
    Elf_Data *data = elf_getdata(elf_section, NULL);
    GElf_Sym symbol;

    if (!gelf_getshdr(elf_section, &header) || !data || header.sh_entsize == 0)
        return damaged(object, "has a damaged symbol table", err);
    object->symbol_count = data->d_size / header.sh_entsize;
    object->symbols = calloc(object->symbol_count + 1, sizeof(*object->symbols));
    if (!object->symbols)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", object->path);
    for (size_t i = 0; i < object->symbol_count; i++) {
        if (!gelf_getsym(data, (int)i, &symbol))
            return damaged(object, "has a damaged symbol table", err);
        const char *name = elf_strptr(object->elf, header.sh_link, symbol.st_name);
        bool reserved = symbol.st_shndx >= SHN_LORESERVE;
        if (!name || (!reserved && symbol.st_shndx >= object->section_count))
            return damaged(object, "has a symbol outside of its tables", err);
        if (symbol.st_shndx == SHN_XINDEX)
            return damaged(object, "has more than 65,000 sections, which are not supported", err);
        uint8_t type = GELF_ST_TYPE(symbol.st_info);
        if (type == STT_FILE && !object->source[0])
            object->source = name;
        object->symbols[i] = (struct hf_object_symbol){
            .name = type == STT_SECTION && !reserved ? object->sections[symbol.st_shndx].name : name,
            .value = symbol.st_value,
            .size = symbol.st_size,
            .type = type,
            .binding = GELF_ST_BIND(symbol.st_info),
            .visibility = GELF_ST_VISIBILITY(symbol.st_other),
            .section = symbol.st_shndx,
        };
    }
    return 0;
}

static int compare_relocations(const void *a, const void *b)
{
    const struct hf_relocation *first = a, *second = b;

    return first->offset < second->offset ? -1 : first->offset > second->offset;
}

static int read_relocations(struct hf_object *object, Elf_Scn *elf_section, struct hotfix_error *err)
{
    GElf_Shdr header;
    Elf_Data *data = elf_getdata(elf_section, NULL);
    GElf_Rela rela;

    if (!gelf_getshdr(elf_section, &header) || !data || header.sh_info >= object->section_count ||
        header.sh_entsize == 0)
        return damaged(object, "has a damaged relocation section", err);
    struct hf_section *section = &object->sections[header.sh_info];
    if (section->kind == HF_SECTION_OTHER)
        return 0;
    size_t count = data->d_size / header.sh_entsize;
    section->relocations = calloc(count + 1, sizeof(*section->relocations));
    if (!section->relocations)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", object->path);
    for (size_t i = 0; i < count; i++) {
        if (!gelf_getrela(data, (int)i, &rela) || GELF_R_SYM(rela.r_info) >= object->symbol_count ||
            rela.r_offset >= section->size)
            return damaged(object, "has a relocation outside of its section", err);
        section->relocations[i] = (struct hf_relocation){
            .offset = rela.r_offset,
            .type = GELF_R_TYPE(rela.r_info),
            .symbol = (uint32_t)GELF_R_SYM(rela.r_info),
            .addend = rela.r_addend,
        };
    }
    section->relocation_count = count;
    qsort(section->relocations, count, sizeof(*section->relocations), compare_relocations);
    return 0;
}

/* The symbol at a section's start names it; of several, a global one, then the larger: aliases come later in
 * importance. */
static void name_sections(struct hf_object *object)
{
    for (size_t i = 1; i < object->symbol_count; i++) {
        const struct hf_object_symbol *symbol = &object->symbols[i];
        if (!hf_symbol_defined(symbol) || symbol->value != 0 || symbol->type == STT_SECTION ||
            symbol->type == STT_FILE || !symbol->name[0])
            continue;
        struct hf_section *section = &object->sections[symbol->section];
        const struct hf_object_symbol *leader = &object->symbols[section->leader_index];
        bool better = !section->leader_index || (symbol->binding == STB_GLOBAL && leader->binding != STB_GLOBAL) ||
                      (leader->type == STT_NOTYPE && symbol->type != STT_NOTYPE);
        if (better) {
            section->leader_index = (uint32_t)i;
            section->leader = symbol->name;
        }
    }
    for (size_t i = 1; i < object->section_count; i++) {
        struct hf_section *section = &object->sections[i];
        if (section->kind == HF_SECTION_DATA && !(section->flags & (SHF_WRITE | SHF_TLS)) &&
            (is_compiled(section->leader) || is_named_after_function(section->leader)))
            section->kind = HF_SECTION_COMPILED;
        /* Relocated constants are writable until they are relocated; nobody names those of a switch. */
        if (section->kind == HF_SECTION_DATA && begins(section->name, ".data.rel.ro") && is_compiled(section->leader))
            section->kind = HF_SECTION_COMPILED;
    }
}

static int check_code(const struct hf_object *object, struct hotfix_error *err)
{
    bool lto = false, code = false;

    for (size_t i = 1; i < object->section_count; i++) {
        lto |= begins(object->sections[i].name, ".gnu.lto_");
        code |= object->sections[i].kind == HF_SECTION_CODE && object->sections[i].size > 0;
    }
    if (lto && !code)
        return hf_error(
            err, HOTFIX_INCOMPATIBLE,
            "%s: holds only link-time optimiser data, no code; compile it with -fno-lto or -ffat-lto-objects",
            object->path);
    return 0;
}

static int read_tables(struct hf_object *object, struct hotfix_error *err)
{
    size_t names;

    if (elf_getshdrnum(object->elf, &object->section_count) != 0 || elf_getshdrstrndx(object->elf, &names) != 0)
        return damaged(object, "has damaged ELF headers", err);
    object->sections = calloc(object->section_count + 1, sizeof(*object->sections));
    if (!object->sections)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", object->path);
    object->sections[0].name = object->sections[0].leader = "";
    for (Elf_Scn *section = NULL; (section = elf_nextscn(object->elf, section));)
        if (read_section(object, section, names, err) != 0)
            return -1;
    for (Elf_Scn *section = NULL; (section = elf_nextscn(object->elf, section));)
        if (object->sections[elf_ndxscn(section)].type == SHT_SYMTAB && read_symbols(object, section, err) != 0)
            return -1;
    for (Elf_Scn *section = NULL; (section = elf_nextscn(object->elf, section));)
        if (object->sections[elf_ndxscn(section)].type == SHT_RELA && read_relocations(object, section, err) != 0)
            return -1;
    if (!object->symbols)
        return damaged(object, "has no symbol table", err);
    name_sections(object);
    return check_code(object, err);
}

int hf_object_open(const char *path, const char *name, struct hf_object *object, struct hotfix_error *err)
{
    struct hf_object opened = {.fd = -1, .source = ""};

    opened.path = strdup(path);
    opened.name = strdup(name);
    int failed = opened.path && opened.name ? 0 : hf_error(err, HOTFIX_MEMORY, "%s: out of memory", path);
    if (!failed && elf_version(EV_CURRENT) == EV_NONE)
        failed = hf_error(err, HOTFIX_INTERNAL, "libelf: %s", elf_errmsg(-1));
    if (!failed) {
        opened.fd = open(path, O_RDONLY | O_CLOEXEC);
        if (opened.fd < 0)
            failed = hf_error_sys(err, HOTFIX_IO, "%s: cannot be opened", path);
    }
    if (!failed) {
        opened.elf = elf_begin(opened.fd, ELF_C_READ_MMAP, NULL);
        if (!opened.elf || elf_kind(opened.elf) != ELF_K_ELF || !gelf_getehdr(opened.elf, &opened.header) ||
            opened.header.e_type != ET_REL || opened.header.e_ident[EI_CLASS] != ELFCLASS64)
            failed = damaged(&opened, "is not a 64-bit object file", err);
    }
    if (!failed)
        failed = read_tables(&opened, err);
    if (failed) {
        hf_object_close(&opened);
        return -1;
    }
    *object = opened;
    return 0;
}

void hf_object_close(struct hf_object *object)
{
    for (size_t i = 0; object->sections && i < object->section_count; i++)
        free(object->sections[i].relocations);
    free(object->sections);
    free(object->symbols);
    elf_end(object->elf);
    if (object->fd >= 0)
        close(object->fd);
    free(object->path);
    free(object->name);
    memset(object, 0, sizeof(*object));
    object->fd = -1;
}
