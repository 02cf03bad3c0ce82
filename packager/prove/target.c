/* SPDX-License-Identifier: Apache-2.0 */
#include "prove/target.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "elf/debugfile.h"
#include "elf/room.h"
#include "error.h"

#define MAX_ALIGNMENT (UINT64_C(1) << 20) /* of a thread-local block */

static int refuse(const struct hf_target *target, const char *what, struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_INCOMPATIBLE, "%s: %s", target->image.path, what);
}

/* "stderr@GLIBC_2.2.5" is "stderr". */
static size_t name_size(const char *name)
{
    return strcspn(name, "@");
}

static int compare_names(const char *a, const char *b)
{
    size_t left = name_size(a);
    size_t right = name_size(b);
    int order = memcmp(a, b, left < right ? left : right);

    return order != 0 ? order : (left > right) - (left < right);
}

static int by_name(const void *a, const void *b)
{
    const struct hf_symbol *left = *(struct hf_symbol *const *)a;
    const struct hf_symbol *right = *(struct hf_symbol *const *)b;
    int order = compare_names(left->name, right->name);

    if (order != 0)
        return order;
    return (left->address > right->address) - (left->address < right->address);
}

static int index_symbols(struct hf_target *target, struct hotfix_error *err)
{
    const struct hf_image *image = target->symbols;

    target->by_name = calloc(image->symbol_count + 1, sizeof(struct hf_symbol *));
    if (!target->by_name)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", image->path);
    for (size_t i = 0; i < image->symbol_count; i++) {
        struct hf_symbol *symbol = &image->symbols[i];
        if (symbol->section != SHN_UNDEF && symbol->section != SHN_ABS && symbol->type != STT_FILE &&
            symbol->type != STT_SECTION && symbol->name[0] != '\0')
            target->by_name[target->symbol_count++] = symbol;
    }
    qsort(target->by_name, target->symbol_count, sizeof(struct hf_symbol *), by_name);
    return 0;
}

struct hf_symbol *const *hf_target_named(const struct hf_target *target, const char *name, size_t *count)
{
    size_t low = 0;
    for (size_t high = target->symbol_count; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (compare_names(target->by_name[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    size_t end = low;
    while (end < target->symbol_count && compare_names(target->by_name[end]->name, name) == 0)
        end++;
    *count = end - low;
    return target->by_name + low;
}

uint64_t hf_target_room(const struct hf_target *target, const char *name, uint64_t address, uint64_t size)
{
    size_t count;
    struct hf_symbol *const *named = hf_target_named(target, name, &count);

    for (size_t i = 0; i < count; i++)
        if (named[i]->type == STT_FUNC && named[i]->address == address && named[i]->size > 0)
            size = named[i]->size;
    return hf_room(&target->image, target->symbols, target->arch, address, size);
}

/* A dynamic relocation section and the symbols that it refers to. */
struct table {
    Elf_Data *relocations;
    Elf_Data *symbols;
    size_t strings;
};

static bool open_table(const struct hf_image *image, Elf_Scn *section, struct table *table)
{
    const Elf64_Shdr *header = elf64_getshdr(section);
    if (!header || header->sh_type != SHT_RELA || !(header->sh_flags & SHF_ALLOC) ||
        header->sh_entsize != sizeof(Elf64_Rela))
        return false;
    Elf_Scn *symbols = header->sh_link ? elf_getscn(image->elf, header->sh_link) : NULL;
    const Elf64_Shdr *symbol_header = symbols ? elf64_getshdr(symbols) : NULL;
    bool usable = symbol_header && symbol_header->sh_type == SHT_DYNSYM;

    table->relocations = elf_getdata(section, NULL);
    table->symbols = usable ? elf_getdata(symbols, NULL) : NULL;
    table->strings = usable ? symbol_header->sh_link : 0;
    return table->relocations != NULL;
}

static struct hf_dynamic read_dynamic(const struct hf_target *target, const struct table *table, size_t index)
{
    const Elf64_Rela *relocation = (const Elf64_Rela *)table->relocations->d_buf + index;
    size_t symbol = ELF64_R_SYM(relocation->r_info);
    struct hf_dynamic dynamic = {.place = relocation->r_offset,
                                 .addend = relocation->r_addend,
                                 .symbol = "",
                                 .own = true,
                                 .type = ELF64_R_TYPE(relocation->r_info)};

    dynamic.relation = target->arch->dynamic_relation(dynamic.type);
    if (symbol > 0 && table->symbols && symbol < table->symbols->d_size / sizeof(Elf64_Sym)) {
        const Elf64_Sym *found = (const Elf64_Sym *)table->symbols->d_buf + symbol;
        const char *name = elf_strptr(target->image.elf, table->strings, found->st_name);
        dynamic.symbol = name ? name : "";
        dynamic.value = found->st_value;
        dynamic.own = found->st_shndx != SHN_UNDEF;
        dynamic.function = ELF64_ST_TYPE(found->st_info) == STT_FUNC;
    }
    return dynamic;
}

static int by_place(const void *a, const void *b)
{
    const struct hf_dynamic *left = a;
    const struct hf_dynamic *right = b;

    return (left->place > right->place) - (left->place < right->place);
}

static int read_dynamics(struct hf_target *target, struct hotfix_error *err)
{
    size_t total = 0;
    struct table table;

    for (Elf_Scn *section = NULL; (section = elf_nextscn(target->image.elf, section));)
        if (open_table(&target->image, section, &table))
            total += table.relocations->d_size / sizeof(Elf64_Rela);
    target->dynamics = calloc(total + 1, sizeof(*target->dynamics));
    if (!target->dynamics)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", target->image.path);
    for (Elf_Scn *section = NULL; (section = elf_nextscn(target->image.elf, section));) {
        if (!open_table(&target->image, section, &table))
            continue;
        size_t count = table.relocations->d_size / sizeof(Elf64_Rela);
        for (size_t i = 0; i < count && target->dynamic_count < total; i++)
            target->dynamics[target->dynamic_count++] = read_dynamic(target, &table, i);
    }
    qsort(target->dynamics, target->dynamic_count, sizeof(*target->dynamics), by_place);
    return 0;
}

const struct hf_dynamic *hf_target_dynamic(const struct hf_target *target, uint64_t place)
{
    const struct hf_dynamic key = {.place = place};

    return bsearch(&key, target->dynamics, target->dynamic_count, sizeof(key), by_place);
}

bool hf_target_descriptor(const struct hf_target *target, uint64_t offset, uint64_t *place)
{
    for (size_t i = 0; i < target->dynamic_count; i++) {
        const struct hf_dynamic *dynamic = &target->dynamics[i];
        if (dynamic->relation == HF_DYNAMIC_TLS_DESCRIPTOR && dynamic->own &&
            dynamic->value + (uint64_t)dynamic->addend == offset) {
            *place = dynamic->place;
            return true;
        }
    }
    return false;
}

const struct hf_dynamic *hf_target_import(const struct hf_target *target, const char *name)
{
    const struct hf_dynamic *lazy = NULL;

    for (size_t i = 0; i < target->dynamic_count; i++) {
        const struct hf_dynamic *dynamic = &target->dynamics[i];
        if (dynamic->addend != 0 || compare_names(dynamic->symbol, name) != 0)
            continue;
        if (dynamic->relation == HF_DYNAMIC_SYMBOL && dynamic->type != target->arch->word_type)
            return dynamic;
        if (dynamic->relation == HF_DYNAMIC_LAZY)
            lazy = dynamic;
    }
    return lazy;
}

bool hf_target_exports(const struct hf_target *target, const char *name, uint64_t address, uint64_t *symbol)
{
    GElf_Shdr header;
    Elf_Scn *section = hf_image_section(&target->image, ".dynsym", &header);
    Elf_Data *data = section && !target->symbolic ? elf_getdata(section, NULL) : NULL;
    size_t found = 0;

    for (size_t i = 1; data && i < data->d_size / sizeof(Elf64_Sym); i++) {
        const Elf64_Sym *entry = (const Elf64_Sym *)data->d_buf + i;
        const char *text = elf_strptr(target->image.elf, header.sh_link, entry->st_name);
        if (entry->st_shndx == SHN_UNDEF || !text || compare_names(text, name) != 0)
            continue;
        found += entry->st_value == address && ELF64_ST_BIND(entry->st_info) != STB_LOCAL &&
                         ELF64_ST_VISIBILITY(entry->st_other) == STV_DEFAULT
                     ? 1
                     : 2;
        *symbol = header.sh_addr + i * sizeof(Elf64_Sym);
    }
    return found == 1;
}

bool hf_target_offers(const struct hf_target *target, uint64_t address)
{
    GElf_Shdr header;
    Elf_Scn *section = hf_image_section(&target->image, ".dynsym", &header);
    Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;

    for (size_t i = 1; data && i < data->d_size / sizeof(Elf64_Sym); i++) {
        const Elf64_Sym *entry = (const Elf64_Sym *)data->d_buf + i;
        if (entry->st_shndx != SHN_UNDEF && entry->st_value == address)
            return true;
    }
    return false;
}

bool hf_target_yields(const struct hf_target *target)
{
    for (size_t i = 0; i < target->dynamic_count; i++) {
        const struct hf_dynamic *dynamic = &target->dynamics[i];
        bool link = dynamic->relation == HF_DYNAMIC_LAZY ||
                    (dynamic->relation == HF_DYNAMIC_SYMBOL && dynamic->type != target->arch->word_type);
        if (link && dynamic->symbol[0] != '\0' && dynamic->own && dynamic->function)
            return true;
    }
    return false;
}

/* Linkage stubs are 8 or 16 bytes apart, in sections of their own. */
#define STUB_ROOM 16

static int read_stubs(struct hf_target *target, struct hotfix_error *err)
{
    static const char *const names[] = {".plt", ".plt.sec", ".plt.got", ".iplt"};
    size_t capacity = 0;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        GElf_Shdr header;
        if (!hf_image_section(&target->image, names[i], &header))
            continue;
        const uint8_t *code = hf_image_bytes(&target->image, header.sh_addr, header.sh_size);
        for (uint64_t at = 0; code && at < header.sh_size; at += 8) {
            uint64_t slot;
            size_t size = target->arch->stub(code + at, header.sh_size - at, header.sh_addr + at, &slot);
            if (size == 0)
                continue;
            if (target->stub_count == capacity) {
                capacity = capacity ? 2 * capacity : 256;
                struct hf_stub *grown = realloc(target->stubs, capacity * sizeof(*grown));
                if (!grown)
                    return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", target->image.path);
                target->stubs = grown;
            }
            uint64_t room = header.sh_size - at < STUB_ROOM ? header.sh_size - at : STUB_ROOM;
            target->stubs[target->stub_count++] = (struct hf_stub){header.sh_addr + at, size, room, slot};
        }
    }
    return 0;
}

const struct hf_stub *hf_target_stub(const struct hf_target *target, uint64_t address)
{
    for (size_t i = 0; i < target->stub_count; i++)
        if (target->stubs[i].address == address)
            return &target->stubs[i];
    return NULL;
}

bool hf_target_in_stub(const struct hf_target *target, uint64_t address)
{
    for (size_t i = 0; i < target->stub_count; i++)
        if (address - target->stubs[i].address < target->stubs[i].room)
            return true;
    return false;
}

const struct hf_stub *hf_target_stub_of(const struct hf_target *target, uint64_t slot)
{
    for (size_t i = 0; i < target->stub_count; i++)
        if (target->stubs[i].slot == slot)
            return &target->stubs[i];
    return NULL;
}

static int add_needed(struct hf_target *target, const char *name, struct hotfix_error *err)
{
    char **grown = realloc(target->needed, (target->needed_count + 1) * sizeof(char *));
    char *copy = grown ? strdup(name) : NULL;
    if (grown)
        target->needed = grown;
    if (!copy)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", target->image.path);
    target->needed[target->needed_count++] = copy;
    return 0;
}

static int read_dynamic_section(struct hf_target *target, bool *program, struct hotfix_error *err)
{
    GElf_Shdr header;
    Elf_Scn *section = hf_image_section(&target->image, ".dynamic", &header);
    Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;

    for (size_t i = 0; data && i < data->d_size / sizeof(Elf64_Dyn); i++) {
        const Elf64_Dyn *entry = (const Elf64_Dyn *)data->d_buf + i;
        if (entry->d_tag == DT_NULL)
            break;
        target->symbolic = target->symbolic || entry->d_tag == DT_SYMBOLIC ||
                           (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_SYMBOLIC));
        if (entry->d_tag == DT_FLAGS_1 && (entry->d_un.d_val & DF_1_PIE))
            *program = true;
        if (entry->d_tag != DT_NEEDED && entry->d_tag != DT_RUNPATH && entry->d_tag != DT_RPATH)
            continue;
        const char *text = elf_strptr(target->image.elf, header.sh_link, entry->d_un.d_val);
        if (!text)
            return refuse(target, "has a damaged dynamic section", err);
        if (entry->d_tag != DT_NEEDED)
            target->run_path = text;
        else if (add_needed(target, text, err) != 0)
            return -1;
    }
    return 0;
}

static int read_segments(struct hf_target *target, struct hotfix_error *err)
{
    size_t count = 0;
    bool program = target->fixed;

    elf_getphdrnum(target->image.elf, &count);
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr segment;
        if (!gelf_getphdr(target->image.elf, (int)i, &segment))
            return refuse(target, "has damaged program headers", err);
        if (segment.p_type == PT_INTERP)
            program = true;
        if (segment.p_type != PT_TLS)
            continue;
        target->tls_size = segment.p_memsz;
        target->tls_alignment = segment.p_align ? segment.p_align : 1;
        if (target->tls_alignment > MAX_ALIGNMENT || (target->tls_alignment & (target->tls_alignment - 1)))
            return refuse(target, "has a thread-local segment of absurd alignment", err);
        if (segment.p_vaddr & (target->tls_alignment - 1))
            return refuse(target, "has a thread-local segment that is not aligned", err);
    }
    if (read_dynamic_section(target, &program, err) != 0)
        return -1;
    target->executable = program;
    return 0;
}

bool hf_target_contains(const struct hf_target *target, uint64_t address)
{
    size_t count = 0;

    elf_getphdrnum(target->image.elf, &count);
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr segment;
        if (gelf_getphdr(target->image.elf, (int)i, &segment) && segment.p_type == PT_LOAD &&
            address >= segment.p_vaddr && address - segment.p_vaddr <= segment.p_memsz)
            return true;
    }
    return false;
}

int64_t hf_target_thread_offset(const struct hf_target *target, uint64_t offset)
{
    return target->arch->thread_offset(target->tls_size, target->tls_alignment) + (int64_t)offset;
}

/* Symbols of the debug file that is given; else, for a target that was stripped, of one that is found. */
static int open_symbols(struct hf_target *target, const char *debug_path, struct hotfix_error *err)
{
    HF_FREE char *note = NULL;
    int found = 0;

    target->symbols = &target->image;
    if (debug_path)
        found = hf_debugfile_open(&target->image, debug_path, &target->debug, err) == 0 ? 1 : -1;
    else if (target->image.stripped)
        found = hf_debugfile_find(&target->image, HF_DEBUG_ROOT, &target->debug, &note, err);
    if (found > 0 && !target->debug.stripped)
        target->symbols = &target->debug;
    return found < 0 ? -1 : 0;
}

static int open_target(const char *path, const char *debug_path, struct hf_target *target, struct hotfix_error *err)
{
    if (hf_image_open(path, &target->image, err) != 0)
        return -1;
    uint16_t type = target->image.header.e_type;
    if (type != ET_EXEC && type != ET_DYN)
        return refuse(target, "is neither a program nor a shared library", err);
    target->arch = hf_arch_tools_find(target->image.header.e_machine);
    if (!target->arch)
        return refuse(target, "is for a CPU that is not supported", err);
    if (target->image.build_id.size == 0)
        return refuse(target, "has no build-id: link it with -Wl,--build-id", err);
    target->fixed = type == ET_EXEC;
    target->run_path = "";
    if (open_symbols(target, debug_path, err) != 0 || index_symbols(target, err) != 0 ||
        read_segments(target, err) != 0 || read_dynamics(target, err) != 0)
        return -1;
    return read_stubs(target, err);
}

int hf_target_open(const char *path, const char *debug_path, struct hf_target **target, struct hotfix_error *err)
{
    struct hf_target *opened = calloc(1, sizeof(*opened));
    if (!opened)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", path);
    opened->image.fd = -1;
    opened->debug.fd = -1;
    if (open_target(path, debug_path, opened, err) != 0) {
        hf_target_close(opened);
        return -1;
    }
    *target = opened;
    return 0;
}

void hf_target_close(struct hf_target *target)
{
    if (!target)
        return;
    hf_image_close(&target->image);
    hf_image_close(&target->debug);
    free(target->by_name);
    free(target->dynamics);
    free(target->stubs);
    for (size_t i = 0; i < target->needed_count; i++)
        free(target->needed[i]);
    free(target->needed);
    free(target);
}
