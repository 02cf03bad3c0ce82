/* SPDX-License-Identifier: Apache-2.0 */
#include "object/object.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch.h"
#include "cleanup.h"
#include "elf/mapped.h"
#include "elf/packed.h"
#include "error.h"

static int damaged(const struct hf_object *object, const char *what, struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_FORMAT, "%s: %s", object->path, what);
}

static int no_memory(const struct hf_object *object, struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", object->path);
}

static bool begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

size_t hf_name_stem(const char *text)
{
    size_t size = strlen(text);
    size_t end = size;

    while (end > 0 && isdigit((unsigned char)text[end - 1]))
        end--;
    return end > 1 && end < size && text[end - 1] == '.' ? end - 1 : size;
}

bool hf_name_yields(const struct hf_name *name)
{
    return name->binding == STB_WEAK || name->binding == STB_GNU_UNIQUE;
}

bool hf_name_is_made_up(const char *text)
{
    static const char *const stems[] = {"__func__", "__FUNCTION__", "__PRETTY_FUNCTION__", "CSWTCH"};
    static const char *const prefixes[] = {
        ".L",       "DW.ref.",         "__func__.", "__FUNCTION__.", "__PRETTY_FUNCTION__.", "switch.table.",
        "__const.", "GCC_except_table"};
    size_t stem = hf_name_stem(text);

    for (size_t i = 0; i < sizeof(stems) / sizeof(stems[0]); i++)
        if (strlen(stems[i]) == stem && strncmp(text, stems[i], stem) == 0)
            return true;
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (begins(text, prefixes[i]))
            return true;
    return begins(text, "C.") && isdigit((unsigned char)text[2]);
}

static bool runs_by_itself(const char *name, uint32_t type)
{
    static const char *const names[] = {".ctors", ".dtors", ".init_array", ".fini_array", ".preinit_array"};

    if (type == SHT_INIT_ARRAY || type == SHT_FINI_ARRAY || type == SHT_PREINIT_ARRAY || strcmp(name, ".init") == 0 ||
        strcmp(name, ".fini") == 0)
        return true;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (begins(name, names[i]) && (name[strlen(names[i])] == '\0' || name[strlen(names[i])] == '.'))
            return true;
    return false;
}

static enum hf_part_kind classify(const struct hf_part *part)
{
    if (part->type == SHT_NOTE || part->type == SHT_GROUP || part->type == SHT_RELA || part->type == SHT_REL ||
        part->type == SHT_NULL)
        return HF_PART_OTHER;
    if (!(part->flags & SHF_ALLOC))
        return begins(part->name, ".debug") ? HF_PART_DEBUG : HF_PART_OTHER;
    if (strcmp(part->name, ".eh_frame") == 0)
        return HF_PART_UNWIND;
    if (runs_by_itself(part->name, part->type))
        return HF_PART_START;
    if (part->flags & SHF_TLS)
        return HF_PART_TLS;
    if (part->flags & SHF_EXECINSTR)
        return HF_PART_CODE;
    if ((part->flags & SHF_MERGE) && part->entry_size > 0 && !(part->flags & SHF_WRITE))
        return HF_PART_MERGE;
    if (part->type == SHT_NOBITS)
        return HF_PART_ZERO;
    if (!(part->flags & SHF_WRITE) || begins(part->name, ".data.rel.ro"))
        return HF_PART_CONST;
    return HF_PART_DATA;
}

static int read_part(struct hf_object *object, size_t index, size_t names, struct hotfix_error *err)
{
    struct hf_part *part = &object->parts[index];
    Elf_Scn *section = elf_getscn(object->elf, index);
    const Elf64_Shdr *header = section ? elf64_getshdr(section) : NULL;
    const char *name = header ? elf_strptr(object->elf, names, header->sh_name) : NULL;
    if (!name)
        return damaged(object, "has a damaged section header", err);

    *part = (struct hf_part){.object = object,
                             .index = index,
                             .name = name,
                             .flags = header->sh_flags,
                             .size = header->sh_size,
                             .alignment = header->sh_addralign,
                             .entry_size = header->sh_entsize,
                             .type = header->sh_type};
    part->kind = classify(part);
    if (part->kind == HF_PART_OTHER || part->kind == HF_PART_DEBUG)
        return 0;
    if (header->sh_flags & SHF_COMPRESSED)
        return damaged(object, "has a loaded section that is compressed", err);
    if (header->sh_type == SHT_NOBITS)
        return 0;
    Elf_Data *data = elf_rawdata(section, NULL);
    if (!data || data->d_size != header->sh_size || (data->d_size > 0 && !data->d_buf))
        return damaged(object, "has a section that lies outside the file", err);
    part->bytes = data->d_size > 0 ? data->d_buf : (const uint8_t *)"";
    return 0;
}

static int read_parts(struct hf_object *object, struct hotfix_error *err)
{
    size_t names;

    if (elf_getshdrnum(object->elf, &object->part_count) != 0 || elf_getshdrstrndx(object->elf, &names) != 0)
        return damaged(object, "has damaged ELF headers", err);
    if (object->part_count >= SHN_LORESERVE)
        return damaged(object, "has more sections than are supported", err);
    object->parts = calloc(object->part_count + 1, sizeof(*object->parts));
    if (!object->parts)
        return no_memory(object, err);
    for (size_t i = 1; i < object->part_count; i++)
        if (read_part(object, i, names, err) != 0)
            return -1;
    for (size_t i = 1; i < object->part_count; i++) {
        struct hf_part *part = &object->parts[i];
        if (part->kind == HF_PART_UNWIND && part->size > 0 && !object->unwind)
            object->unwind = part;
        object->has_exceptions = object->has_exceptions || begins(part->name, ".gcc_except_table");
    }
    return 0;
}

static int read_name(struct hf_object *object, const Elf64_Sym *symbol, size_t strings, struct hf_name *name,
                     struct hotfix_error *err)
{
    uint8_t type = ELF64_ST_TYPE(symbol->st_info);
    const char *text = elf_strptr(object->elf, strings, symbol->st_name);
    if (!text)
        return damaged(object, "has a symbol whose name lies outside the string table", err);

    const struct hf_arch_tools *arch = hf_arch_tools_find(object->machine);
    if (arch && ELF64_ST_BIND(symbol->st_info) == STB_LOCAL && arch->mapping_symbol(text)) {
        name->text = "";
        return 0;
    }
    name->text = type == STT_SECTION ? "" : text;
    name->value = symbol->st_value;
    name->size = symbol->st_size;
    name->section = symbol->st_shndx;
    name->type = type;
    name->binding = ELF64_ST_BIND(symbol->st_info);
    name->visibility = ELF64_ST_VISIBILITY(symbol->st_other);
    if (type == STT_FILE) {
        object->source = text;
        return 0;
    }
    if (symbol->st_shndx == SHN_UNDEF || symbol->st_shndx >= SHN_LORESERVE)
        return 0;
    if (symbol->st_shndx >= object->part_count)
        return damaged(object, "has a symbol in a section that does not exist", err);
    name->part = &object->parts[symbol->st_shndx];
    if (symbol->st_value > name->part->size || symbol->st_size > name->part->size - symbol->st_value)
        return damaged(object, "has a symbol that lies outside its section", err);
    return 0;
}

static int read_names(struct hf_object *object, struct hotfix_error *err)
{
    size_t table = 1;
    while (table < object->part_count && object->parts[table].type != SHT_SYMTAB)
        table++;
    if (table >= object->part_count)
        return damaged(object, "has no symbol table", err);

    Elf_Scn *section = elf_getscn(object->elf, table);
    const Elf64_Shdr *header = elf64_getshdr(section);
    Elf_Data *data = elf_getdata(section, NULL);
    if (!data || header->sh_entsize != sizeof(Elf64_Sym) || data->d_size % sizeof(Elf64_Sym) != 0)
        return damaged(object, "has a damaged symbol table", err);
    size_t count = data->d_size / sizeof(Elf64_Sym);
    object->names = calloc(count + 1, sizeof(*object->names));
    if (!object->names)
        return no_memory(object, err);
    object->name_count = count;
    for (size_t i = 0; i < count; i++) {
        object->names[i].index = (uint32_t)i;
        if (read_name(object, (const Elf64_Sym *)data->d_buf + i, header->sh_link, &object->names[i], err) != 0)
            return -1;
    }
    return 0;
}

static int by_offset(const void *a, const void *b)
{
    const struct hf_reference *left = a;
    const struct hf_reference *right = b;

    return (left->offset > right->offset) - (left->offset < right->offset);
}

int hf_object_references(const struct hf_part *part, struct hf_reference **references, size_t *count,
                         struct hotfix_error *err)
{
    const struct hf_object *object = part->object;
    Elf_Scn *section = part->relocations ? elf_getscn(object->elf, part->relocations) : NULL;
    const Elf64_Shdr *header = section ? elf64_getshdr(section) : NULL;
    Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;

    if (part->relocations && (!header || !data || header->sh_entsize != sizeof(Elf64_Rela)))
        return damaged(object, "has damaged relocations", err);
    size_t total = data ? data->d_size / sizeof(Elf64_Rela) : 0;
    HF_FREE struct hf_reference *found = calloc(total + 1, sizeof(*found));
    if (!found)
        return no_memory(object, err);
    bool ordered = true;
    for (size_t i = 0; i < total; i++) {
        const Elf64_Rela *relocation = (const Elf64_Rela *)data->d_buf + i;
        size_t symbol = ELF64_R_SYM(relocation->r_info);
        if (symbol >= object->name_count)
            return damaged(object, "has a relocation to a symbol that does not exist", err);
        found[i] = (struct hf_reference){.offset = relocation->r_offset,
                                         .addend = relocation->r_addend,
                                         .name = &object->names[symbol],
                                         .type = ELF64_R_TYPE(relocation->r_info)};
        ordered = ordered && (i == 0 || found[i - 1].offset <= found[i].offset);
    }
    if (!ordered)
        qsort(found, total, sizeof(*found), by_offset);
    *references = hf_move(found);
    *count = total;
    return 0;
}

static int read_relocations(struct hf_object *object, size_t index, struct hotfix_error *err)
{
    const struct hf_part *table = &object->parts[index];
    const Elf64_Shdr *header = elf64_getshdr(elf_getscn(object->elf, index));

    if (header->sh_info == 0 || header->sh_info >= object->part_count)
        return damaged(object, "has relocations for a section that does not exist", err);
    struct hf_part *part = &object->parts[header->sh_info];
    if (part->kind == HF_PART_OTHER)
        return 0;
    if (table->type == SHT_REL || part->relocations)
        return damaged(object, "has relocations of a kind that is not supported", err);
    part->relocations = index;
    if (part->kind == HF_PART_DEBUG)
        return 0;
    if (hf_object_references(part, &part->references, &part->reference_count, err) != 0)
        return -1;
    size_t last = part->reference_count;
    if (last > 0 && (!part->bytes || part->references[last - 1].offset >= part->size))
        return damaged(object, "has a relocation that lies outside its section", err);
    return 0;
}

static int read_references(struct hf_object *object, struct hotfix_error *err)
{
    for (size_t i = 1; i < object->part_count; i++) {
        uint32_t type = object->parts[i].type;
        if ((type == SHT_RELA || type == SHT_REL) && read_relocations(object, i, err) != 0)
            return -1;
    }
    return 0;
}

static int by_place(const void *a, const void *b)
{
    const struct hf_name *left = *(struct hf_name *const *)a;
    const struct hf_name *right = *(struct hf_name *const *)b;
    int left_rank = (left->type == STT_FUNC ? 0 : 2) + (left->binding == STB_LOCAL);
    int right_rank = (right->type == STT_FUNC ? 0 : 2) + (right->binding == STB_LOCAL);

    if (left->value != right->value)
        return left->value < right->value ? -1 : 1;
    if (left_rank != right_rank)
        return left_rank - right_rank;
    return (left->index > right->index) - (left->index < right->index);
}

static bool is_listed(const struct hf_name *name)
{
    return name->part && name->type != STT_SECTION && name->text[0] != '\0';
}

static int list_names(struct hf_object *object, struct hotfix_error *err)
{
    for (size_t i = 0; i < object->name_count; i++)
        if (is_listed(&object->names[i]))
            object->names[i].part->name_count++;
    for (size_t i = 1; i < object->part_count; i++) {
        struct hf_part *part = &object->parts[i];
        part->names = calloc(part->name_count + 1, sizeof(struct hf_name *));
        if (!part->names)
            return no_memory(object, err);
        part->name_count = 0;
    }
    for (size_t i = 0; i < object->name_count; i++) {
        struct hf_name *name = &object->names[i];
        if (is_listed(name))
            name->part->names[name->part->name_count++] = name;
    }
    for (size_t i = 1; i < object->part_count; i++) {
        struct hf_part *part = &object->parts[i];
        if (part->name_count > 1)
            qsort(part->names, part->name_count, sizeof(struct hf_name *), by_place);
    }
    return 0;
}

/* Does a table point into the middle of functions, as one for a computed goto does? Then it belongs to that code. */
static bool holds_labels(const struct hf_part *part)
{
    for (size_t i = 0; i < part->reference_count; i++) {
        int64_t offset;
        const struct hf_part *to = hf_reference_part(&part->references[i], &offset);
        if (!to || to->kind != HF_PART_CODE)
            continue;
        bool entry = false;
        for (size_t k = 0; k < to->name_count && !entry; k++)
            entry = to->names[k]->value == (uint64_t)offset;
        if (!entry)
            return true;
    }
    return false;
}

static bool is_anonymous(const struct hf_part *part)
{
    if (part->kind == HF_PART_MERGE)
        return true;
    if (part->kind != HF_PART_CONST && part->kind != HF_PART_DATA)
        return false;
    bool local = true;
    bool compilers = true;
    for (size_t i = 0; i < part->name_count; i++) {
        local = local && part->names[i]->binding == STB_LOCAL;
        compilers = compilers && hf_name_is_made_up(part->names[i]->text);
    }
    /* Variables have names; constants that need relocation may go to plain .data. */
    if (part->name_count == 0)
        return true;
    return compilers || (local && holds_labels(part));
}

/* "parse.cold" and "parse.cold.3" belong to "parse". */
static void join_families(struct hf_object *object)
{
    for (size_t i = 1; i < object->part_count; i++) {
        struct hf_part *part = &object->parts[i];
        const struct hf_name *name = part->kind == HF_PART_CODE ? hf_part_function(part) : NULL;
        size_t size = name ? hf_name_stem(name->text) : 0;
        if (size < 6 || strncmp(name->text + size - 5, ".cold", 5) != 0)
            continue;
        HF_FREE char *parent = strndup(name->text, size - 5);
        const struct hf_name *found = parent ? hf_object_find(object, parent) : NULL;
        if (found && found->part != part && found->part->kind == HF_PART_CODE)
            part->family = found->part;
    }
}

/* Objects made with -flto hold no code until the link. */
static int check_code(const struct hf_object *object, struct hotfix_error *err)
{
    bool lto = false;

    for (size_t i = 1; i < object->part_count; i++) {
        const struct hf_part *part = &object->parts[i];
        if (part->kind == HF_PART_CODE && part->size > 0)
            return 0;
        lto = lto || begins(part->name, ".gnu.lto_");
    }
    if (lto)
        return hf_error(err, HOTFIX_INCOMPATIBLE,
                        "%s: holds no code, only what link-time optimisation needs: compile it without -flto, or with "
                        "-ffat-lto-objects",
                        object->path);
    return 0;
}

static int open_elf(struct hf_object *object, struct hotfix_error *err)
{
    struct stat status;
    unsigned char magic[4] = {0};

    object->fd = open(object->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (object->fd < 0 || fstat(object->fd, &status) != 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be opened", object->path);
    if (!S_ISREG(status.st_mode))
        return hf_error(err, HOTFIX_IO, "%s: is not a regular file", object->path);
    if (pread(object->fd, magic, sizeof(magic), 0) == (ssize_t)sizeof(magic) && memcmp(magic, "BC\xc0\xde", 4) == 0)
        return hf_error(err, HOTFIX_INCOMPATIBLE, "%s: is LLVM bitcode and holds no code: compile it without -flto",
                        object->path);
    if (elf_version(EV_CURRENT) == EV_NONE)
        return hf_error(err, HOTFIX_INTERNAL, "libelf: %s", elf_errmsg(-1));
    object->elf = elf_begin(object->fd, ELF_C_READ_MMAP, NULL);
    size_t size;
    const char *bytes = object->elf ? elf_rawfile(object->elf, &size) : NULL;
    if (bytes)
        object->mapped = hf_mapped_add(bytes, size, object->path);
    const Elf64_Ehdr *header = object->elf && elf_kind(object->elf) == ELF_K_ELF ? elf64_getehdr(object->elf) : NULL;
    if (!header || header->e_ident[EI_DATA] != ELFDATA2LSB)
        return damaged(object, "is not a 64-bit little-endian ELF file", err);
    if (header->e_type != ET_REL)
        return damaged(object, "is not an object file (ET_REL)", err);
    if (hf_packed_check(object->elf, (uint64_t)status.st_size, object->path, err) != 0)
        return -1;
    object->machine = header->e_machine;
    return 0;
}

static int open_object(struct hf_object *object, struct hotfix_error *err)
{
    if (open_elf(object, err) != 0 || read_parts(object, err) != 0 || check_code(object, err) != 0 ||
        read_names(object, err) != 0 || read_references(object, err) != 0 || list_names(object, err) != 0)
        return -1;
    for (size_t i = 1; i < object->part_count; i++)
        object->parts[i].anonymous = is_anonymous(&object->parts[i]);
    join_families(object);
    return 0;
}

int hf_object_open(const char *path, const char *name, struct hf_object **object, struct hotfix_error *err)
{
    HF_OBJECT struct hf_object *opened = calloc(1, sizeof(*opened));
    if (!opened)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", path);
    opened->fd = -1;
    opened->source = "";
    opened->path = strdup(path);
    opened->name = strdup(name);
    if (!opened->path || !opened->name)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", path);
    if (open_object(opened, err) != 0)
        return -1;
    *object = hf_move(opened);
    return 0;
}

int hf_object_none(const struct hf_object *gone, struct hf_object **object, struct hotfix_error *err)
{
    HF_OBJECT struct hf_object *made = calloc(1, sizeof(*made));
    if (!made)
        return no_memory(gone, err);
    made->fd = -1;
    made->source = "";
    made->machine = gone->machine;
    made->path = strdup(gone->path);
    made->name = strdup(gone->name);
    made->parts = calloc(1, sizeof(*made->parts));
    made->names = calloc(1, sizeof(*made->names));
    if (!made->path || !made->name || !made->parts || !made->names)
        return no_memory(gone, err);
    *object = hf_move(made);
    return 0;
}

void hf_object_close(struct hf_object *object)
{
    if (!object)
        return;
    for (size_t i = 1; i < object->part_count && object->parts; i++) {
        free(object->parts[i].references);
        free(object->parts[i].names);
    }
    free(object->parts);
    free(object->names);
    free(object->lines);
    free(object->points);
    if (object->elf)
        elf_end(object->elf);
    hf_mapped_remove(object->mapped);
    if (object->fd >= 0)
        close(object->fd);
    free(object->path);
    free(object->name);
    free(object);
}

const struct hf_name *hf_object_find(const struct hf_object *object, const char *text)
{
    for (size_t i = 0; i < object->name_count; i++)
        if (is_listed(&object->names[i]) && strcmp(object->names[i].text, text) == 0)
            return &object->names[i];
    return NULL;
}

struct hf_part *hf_reference_part(const struct hf_reference *reference, int64_t *offset)
{
    struct hf_part *part = reference->name->part;

    /* The linker merges what a symbol names and keeps the addend; a section symbol's addend says what is meant. */
    if (part && part->kind == HF_PART_MERGE && reference->name->type != STT_SECTION)
        *offset = (int64_t)reference->name->value;
    else
        *offset = (int64_t)reference->name->value + reference->addend;
    return part;
}

bool hf_part_refers(const struct hf_part *from, const struct hf_part *to)
{
    int64_t offset;

    for (size_t i = 0; i < from->reference_count; i++)
        if (hf_reference_part(&from->references[i], &offset) == to)
            return true;
    return false;
}

const struct hf_name *hf_part_function(const struct hf_part *part)
{
    for (size_t i = 0; i < part->name_count; i++)
        if (part->names[i]->type == STT_FUNC || part->names[i]->type == STT_GNU_IFUNC)
            return part->names[i];
    return NULL;
}

const char *hf_part_title(const struct hf_part *part)
{
    const struct hf_name *function = hf_part_function(part);

    if (function)
        return function->text;
    for (size_t i = 0; i < part->name_count; i++)
        if (!begins(part->names[i]->text, ".L"))
            return part->names[i]->text;
    return part->name;
}

bool hf_part_piece(const struct hf_part *part, int64_t offset, uint64_t *start, uint64_t *end)
{
    static const uint8_t zeros[8];
    uint64_t unit = part->entry_size;

    if (offset < 0 || (uint64_t)offset >= part->size || unit == 0 || part->size % unit != 0)
        return false;
    uint64_t begin = (uint64_t)offset / unit * unit;
    uint64_t behind = begin;
    if (part->flags & SHF_STRINGS) {
        if (unit > sizeof(zeros))
            return false;
        while (begin > 0 && memcmp(part->bytes + begin - unit, zeros, unit) != 0)
            begin -= unit;
        while (behind < part->size && memcmp(part->bytes + behind, zeros, unit) != 0)
            behind += unit;
        if (behind >= part->size)
            return false;
    }
    *start = begin;
    *end = behind + unit;
    return true;
}
