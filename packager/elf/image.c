/* SPDX-License-Identifier: Apache-2.0 */
#include "elf/image.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "arch.h"
#include "cleanup.h"
#include "elf/mapped.h"
#include "elf/packed.h"
#include "error.h"

static int format_error(const struct hf_image *image, const char *what, struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_FORMAT, "%s: %s", image->path, what);
}

static int open_file(const char *path, struct hf_image *image, struct hotfix_error *err)
{
    image->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (image->fd < 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be opened", path);
    if (fstat(image->fd, &image->status) != 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be examined", path);
    if (!S_ISREG(image->status.st_mode))
        return hf_error(err, HOTFIX_IO, "%s: is not a regular file", path);
    return 0;
}

static int open_elf(struct hf_image *image, struct hotfix_error *err)
{
    if (elf_version(EV_CURRENT) == EV_NONE)
        return hf_error(err, HOTFIX_INTERNAL, "libelf: %s", elf_errmsg(-1));
    image->elf = elf_begin(image->fd, ELF_C_READ_MMAP, NULL);
    size_t headers, size;
    /* Where it cannot be mapped, the whole file is read first: libelf leaks what it read in pieces once it is asked for
     * all. */
    const char *bytes = image->elf ? elf_rawfile(image->elf, &size) : NULL;
    if (bytes)
        image->mapped = hf_mapped_add(bytes, size, image->path);
    if (!bytes || elf_kind(image->elf) != ELF_K_ELF || !gelf_getehdr(image->elf, &image->header))
        return format_error(image, "is not an ELF file, or is cut off", err);
    if (image->header.e_ident[EI_CLASS] != ELFCLASS64)
        return format_error(image, "is not a 64-bit ELF file; others are not supported", err);
    if (image->header.e_ident[EI_DATA] != ELFDATA2LSB)
        return format_error(image, "is not a little-endian ELF file; others are not supported", err);
    if (elf_getphdrnum(image->elf, &headers) != 0 || elf_getshdrnum(image->elf, &headers) != 0)
        return format_error(image, "has damaged ELF headers", err);
    return hf_packed_check(image->elf, size, image->path, err);
}

Elf_Scn *hf_image_section(const struct hf_image *image, const char *name, GElf_Shdr *header)
{
    size_t names;
    GElf_Shdr found;

    if (elf_getshdrstrndx(image->elf, &names) != 0)
        return NULL;
    for (Elf_Scn *section = NULL; (section = elf_nextscn(image->elf, section));) {
        const char *text = gelf_getshdr(section, &found) ? elf_strptr(image->elf, names, found.sh_name) : NULL;
        if (!text || strcmp(text, name) != 0)
            continue;
        if (header)
            *header = found;
        return section;
    }
    return NULL;
}

/* The build-id among the notes of one block, as gABI lays notes out. */
static bool find_build_id(Elf_Data *notes, struct hf_build_id *build_id)
{
    GElf_Nhdr note;
    size_t name, description;

    for (size_t at = 0; at < notes->d_size;) {
        size_t next = gelf_getnote(notes, at, &note, &name, &description);
        if (next == 0)
            return false;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
            memcmp((char *)notes->d_buf + name, ELF_NOTE_GNU, 4) == 0 && note.n_descsz > 0 &&
            note.n_descsz <= HF_BUILD_ID_MAX) {
            memcpy(build_id->bytes, (char *)notes->d_buf + description, note.n_descsz);
            build_id->size = note.n_descsz;
            return true;
        }
        at = next;
    }
    return false;
}

/* Segments first: they are what the loader will see. Debug files and objects keep the note in a section only. */
static void read_build_id(struct hf_image *image)
{
    size_t count = 0;
    GElf_Phdr segment;
    GElf_Shdr header;

    elf_getphdrnum(image->elf, &count);
    for (size_t i = 0; i < count; i++) {
        if (!gelf_getphdr(image->elf, (int)i, &segment) || segment.p_type != PT_NOTE)
            continue;
        Elf_Data *notes = elf_getdata_rawchunk(image->elf, (int64_t)segment.p_offset, segment.p_filesz, ELF_T_NHDR);
        if (notes && find_build_id(notes, &image->build_id))
            return;
    }
    for (Elf_Scn *section = NULL; (section = elf_nextscn(image->elf, section));) {
        if (!gelf_getshdr(section, &header) || header.sh_type != SHT_NOTE)
            continue;
        Elf_Data *notes = elf_getdata(section, NULL);
        if (notes && find_build_id(notes, &image->build_id))
            return;
    }
}

static Elf_Scn *symbol_section(const struct hf_image *image, GElf_Word type, GElf_Shdr *header)
{
    for (Elf_Scn *section = NULL; (section = elf_nextscn(image->elf, section));)
        if (gelf_getshdr(section, header) && header->sh_type == type)
            return section;
    return NULL;
}

static int read_symbols(struct hf_image *image, struct hotfix_error *err)
{
    const struct hf_arch_tools *arch = hf_arch_tools_find(image->header.e_machine);
    GElf_Shdr header;
    Elf_Scn *section = symbol_section(image, SHT_SYMTAB, &header);

    image->stripped = !section;
    if (!section)
        section = symbol_section(image, SHT_DYNSYM, &header);
    if (!section || header.sh_type == SHT_NOBITS)
        return 0;
    Elf_Data *data = elf_getdata(section, NULL);
    size_t entry = gelf_fsize(image->elf, ELF_T_SYM, 1, EV_CURRENT);
    if (!data || !data->d_buf || header.sh_entsize != entry)
        return format_error(image, "has a damaged symbol table", err);

    size_t count = data->d_size / entry;
    const char *file = "";
    image->symbols = calloc(count + 1, sizeof(*image->symbols));
    if (!image->symbols)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory for %zu symbols", image->path, count);
    for (size_t i = 0; i < count; i++) {
        GElf_Sym symbol;
        if (!gelf_getsym(data, (int)i, &symbol))
            return format_error(image, "has a damaged symbol table", err);
        const char *name = elf_strptr(image->elf, header.sh_link, symbol.st_name);
        if (!name)
            return format_error(image, "has a symbol whose name lies outside the string table", err);
        if (arch && GELF_ST_BIND(symbol.st_info) == STB_LOCAL && arch->mapping_symbol(name))
            continue;
        bool local = GELF_ST_BIND(symbol.st_info) == STB_LOCAL;
        if (GELF_ST_TYPE(symbol.st_info) == STT_FILE)
            file = name;
        image->symbols[image->symbol_count++] = (struct hf_symbol){
            .name = name,
            .file = local ? file : "",
            .address = symbol.st_value,
            .size = symbol.st_size,
            .type = GELF_ST_TYPE(symbol.st_info),
            .binding = GELF_ST_BIND(symbol.st_info),
            .visibility = GELF_ST_VISIBILITY(symbol.st_other),
            .section = symbol.st_shndx,
        };
    }
    return 0;
}

int hf_image_open(const char *path, struct hf_image *image, struct hotfix_error *err)
{
    struct hf_image opened = {.fd = -1};

    opened.path = strdup(path);
    int failed = opened.path ? 0 : hf_error(err, HOTFIX_MEMORY, "%s: out of memory", path);
    if (!failed)
        failed = open_file(path, &opened, err);
    if (!failed)
        failed = open_elf(&opened, err);
    if (!failed) {
        read_build_id(&opened);
        failed = read_symbols(&opened, err);
    }
    if (failed) {
        hf_image_close(&opened);
        return -1;
    }
    *image = opened;
    return 0;
}

void hf_image_close(struct hf_image *image)
{
    free(image->symbols);
    elf_end(image->elf);
    hf_mapped_remove(image->mapped);
    if (image->fd >= 0)
        close(image->fd);
    free(image->path);
    memset(image, 0, sizeof(*image));
    image->fd = -1;
}

int hf_image_check_unchanged(const struct hf_image *image, struct hotfix_error *err)
{
    const struct stat *before = &image->status;
    struct stat now;

    if (fstat(image->fd, &now) != 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be examined", image->path);
    if (now.st_size == before->st_size && now.st_mtim.tv_sec == before->st_mtim.tv_sec &&
        now.st_mtim.tv_nsec == before->st_mtim.tv_nsec)
        return 0;
    return hf_error(err, HOTFIX_IO, "%s: was changed while it was read; try again when nobody changes it", image->path);
}

int hf_image_copy(const struct hf_image *image, size_t limit, uint8_t **data, size_t *size, struct hotfix_error *err)
{
    size_t length = 0;
    const char *bytes = elf_rawfile(image->elf, &length);

    if (!bytes)
        return hf_error(err, HOTFIX_IO, "%s: cannot be read: %s", image->path, elf_errmsg(-1));
    if (length > limit)
        return hf_error(err, HOTFIX_FORMAT, "%s: %zu bytes, more than the %zu that are read", image->path, length,
                        limit);
    HF_FREE uint8_t *copy = malloc(length + 1);
    if (!copy)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory for %zu bytes", image->path, length);
    memcpy(copy, bytes, length);
    copy[length] = '\0';
    if (hf_image_check_unchanged(image, err) != 0)
        return -1;
    *data = hf_move(copy);
    *size = length;
    return 0;
}

int hf_image_file_offset(const struct hf_image *image, uint64_t address, uint64_t *offset)
{
    size_t count = 0;
    GElf_Phdr segment;

    elf_getphdrnum(image->elf, &count);
    for (size_t i = 0; i < count; i++) {
        if (!gelf_getphdr(image->elf, (int)i, &segment) || segment.p_type != PT_LOAD || address < segment.p_vaddr ||
            address - segment.p_vaddr >= segment.p_filesz)
            continue;
        *offset = segment.p_offset + (address - segment.p_vaddr);
        return 0;
    }
    return -1;
}

const uint8_t *hf_image_bytes(const struct hf_image *image, uint64_t address, uint64_t size)
{
    size_t count = 0, file_size;
    GElf_Phdr segment;
    const char *file = elf_rawfile(image->elf, &file_size);

    elf_getphdrnum(image->elf, &count);
    for (size_t i = 0; file && i < count; i++) {
        if (!gelf_getphdr(image->elf, (int)i, &segment) || segment.p_type != PT_LOAD || address < segment.p_vaddr ||
            address - segment.p_vaddr >= segment.p_filesz)
            continue;
        uint64_t within = address - segment.p_vaddr;
        if (size > segment.p_filesz - within || segment.p_offset > file_size || within > file_size - segment.p_offset ||
            size > file_size - segment.p_offset - within)
            return NULL;
        return (const uint8_t *)file + segment.p_offset + within;
    }
    return NULL;
}

bool hf_image_is_library(const struct hf_image *image)
{
    size_t count = 0;
    GElf_Phdr segment;

    elf_getphdrnum(image->elf, &count);
    for (size_t i = 0; i < count && gelf_getphdr(image->elf, (int)i, &segment); i++)
        if (segment.p_type == PT_INTERP)
            return false;
    return image->header.e_type == ET_DYN;
}
