/* SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cursor.h"
#include "digest.h"
#include "error.h"
#include "process/linker.h"
#include "process/module.h"

bool hf_module_contains(const struct hf_module *module, uint64_t offset, uint64_t size, uint32_t flags)
{
    for (size_t i = 0; i < module->phnum; i++) {
        const ElfW(Phdr) *segment = &module->phdr[i];
        if (segment->p_type == PT_LOAD && (segment->p_flags & flags) == flags && offset >= segment->p_vaddr &&
            size <= segment->p_memsz && offset - segment->p_vaddr <= segment->p_memsz - size)
            return true;
    }
    return false;
}

/* 1 when the range lies in the pages that become read-only after relocation, 0 when outside, -1 when across. */
static int in_relro(const struct hf_module *module, uint64_t offset, uint64_t size)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

    for (size_t i = 0; i < module->phnum; i++) {
        if (module->phdr[i].p_type != PT_GNU_RELRO)
            continue;
        /* As ld.so counts them: only whole pages are protected. */
        uint64_t begin = module->phdr[i].p_vaddr & -page;
        uint64_t end = (module->phdr[i].p_vaddr + module->phdr[i].p_memsz) & -page;
        if (offset >= begin && offset + size <= end)
            return 1;
        if (offset < end && offset + size > begin)
            return -1;
    }
    return 0;
}

int hf_module_protection(const struct hf_module *module, uint64_t offset, uint64_t size)
{
    static const uint32_t flags[] = {PF_R | PF_W | PF_X, PF_R | PF_W, PF_R | PF_X, PF_R};
    static const int protections[] = {PROT_READ | PROT_WRITE | PROT_EXEC, PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC,
                                      PROT_READ};

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (!hf_module_contains(module, offset, size, flags[i]))
            continue;
        int relro = in_relro(module, offset, size);
        if (relro < 0)
            return -1;
        return relro ? protections[i] & ~PROT_WRITE : protections[i];
    }
    return -1;
}

/* Walks the notes of one segment (gABI chapter 5, note section): alignment is 4 unless the segment says 8. */
static const uint8_t *find_note(const uint8_t *bytes, size_t size, size_t alignment, const char *owner, uint32_t type,
                                size_t *desc_size)
{
    struct hf_cursor cursor;
    hf_cursor_init(&cursor, bytes, size);

    while (!cursor.failed && cursor.position < cursor.size) {
        uint32_t name_size = hf_cursor_u32(&cursor);
        uint32_t note_size = hf_cursor_u32(&cursor);
        uint32_t note_type = hf_cursor_u32(&cursor);
        const uint8_t *name = hf_cursor_bytes(&cursor, name_size);
        hf_cursor_bytes(&cursor, -cursor.position & (alignment - 1));
        const uint8_t *desc = hf_cursor_bytes(&cursor, note_size);
        if (!name || !desc || cursor.failed)
            return NULL;
        if (note_type == type && name_size == strlen(owner) + 1 && memcmp(name, owner, name_size) == 0) {
            *desc_size = note_size;
            return desc;
        }
        /* The last note of a segment may come without its padding. */
        size_t padding = -cursor.position & (alignment - 1);
        hf_cursor_bytes(&cursor, padding < cursor.size - cursor.position ? padding : cursor.size - cursor.position);
    }
    return NULL;
}

const uint8_t *hf_module_note(const struct hf_module *module, const char *owner, uint32_t type, size_t *size)
{
    for (size_t i = 0; i < module->phnum; i++) {
        const ElfW(Phdr) *segment = &module->phdr[i];
        if (segment->p_type != PT_NOTE || !hf_module_contains(module, segment->p_vaddr, segment->p_memsz, PF_R))
            continue;
        const uint8_t *desc = find_note((const uint8_t *)(module->base + segment->p_vaddr), segment->p_memsz,
                                        segment->p_align == 8 ? 8 : 4, owner, type, size);
        if (desc)
            return desc;
    }
    return NULL;
}

/* Everything but path and handle. False for a module without segments, and for the vdso, which is the kernel's. */
static bool describe(const struct dl_phdr_info *info, struct hf_module *module)
{
    *module = (struct hf_module){.base = info->dlpi_addr,
                                 .begin = UINTPTR_MAX,
                                 .phdr = info->dlpi_phdr,
                                 .phnum = info->dlpi_phnum,
                                 .tls_module = info->dlpi_tls_modid};

    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (size_t i = 0; i < module->phnum; i++) {
        const ElfW(Phdr) *segment = &module->phdr[i];
        if (segment->p_type == PT_DYNAMIC)
            module->dynamic = module->base + segment->p_vaddr;
        if (segment->p_type != PT_LOAD || segment->p_memsz == 0)
            continue;
        uintptr_t begin = (module->base + segment->p_vaddr) & -page;
        uintptr_t end = (module->base + segment->p_vaddr + segment->p_memsz + page - 1) & -page;
        module->begin = begin < module->begin ? begin : module->begin;
        module->end = end > module->end ? end : module->end;
    }
    return module->begin < module->end && module->begin != getauxval(AT_SYSINFO_EHDR);
}

struct search {
    const struct hf_build_id *build_id; /* what to look for, or */
    const struct link_map *map;         /* whose dynamic section */
    struct hf_module module;
    size_t found;
    bool out_of_memory;
};

static bool is_map(const struct hf_module *module, const struct link_map *map)
{
    return module->base == map->l_addr && module->dynamic == (uintptr_t)map->l_ld;
}

static bool matches(const struct search *search, const struct hf_module *module)
{
    if (search->build_id) {
        size_t size;
        const uint8_t *id = hf_module_note(module, ELF_NOTE_GNU, NT_GNU_BUILD_ID, &size);
        return id && size > 0 && size == search->build_id->size && memcmp(id, search->build_id->bytes, size) == 0;
    }
    return is_map(module, search->map);
}

static int visit(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct search *search = arg;
    struct hf_module module;

    (void)size;
    if (!describe(info, &module) || !matches(search, &module))
        return 0;
    if (search->found++ > 0)
        return 0;

    module.path = strdup(info->dlpi_name ? info->dlpi_name : "");
    if (!module.path) {
        search->out_of_memory = true;
        return 1;
    }
    search->module = module;
    return 0;
}

struct sighting {
    struct search search;
    const char *name;
    enum hf_presence presence;
};

static int visit_presence(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct sighting *sighting = arg;
    struct hf_module module;

    (void)size;
    if (!describe(info, &module))
        return 0;
    if (matches(&sighting->search, &module)) {
        sighting->presence = HF_PRESENCE_LOADED;
        return 1;
    }
    const char *path = info->dlpi_name ? info->dlpi_name : "";
    const char *slash = strrchr(path, '/');
    if (strcmp(slash ? slash + 1 : path, sighting->name) == 0)
        sighting->presence = HF_PRESENCE_OTHER;
    return 0;
}

enum hf_presence hf_module_presence(const struct hf_build_id *build_id, const char *name)
{
    struct sighting sighting = {.search = {.build_id = build_id}, .name = name, .presence = HF_PRESENCE_NONE};

    hf_linker_iterate(visit_presence, &sighting);
    return sighting.presence;
}

int hf_module_open(void *handle, struct hf_module *module, struct hotfix_error *err)
{
    struct link_map *map;
    if (dlinfo(handle, RTLD_DI_LINKMAP, &map) != 0)
        return hf_error(err, HOTFIX_STAGE, "the dynamic linker does not know the library it just opened: %s",
                        dlerror());

    struct search search = {.map = map};
    hf_linker_iterate(visit, &search);
    if (search.out_of_memory)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (search.found == 0)
        return hf_error(err, HOTFIX_STAGE, "the dynamic linker does not list the library it just opened");

    *module = search.module;
    module->handle = handle;
    return 0;
}

/* Adds a reference to the module, and makes sure that it is still the one that was found. */
static int keep(struct hf_module *module, struct hotfix_error *err)
{
    void *handle = hf_linker_open(module->path[0] ? module->path : NULL, RTLD_LAZY | RTLD_NOLOAD);
    if (!handle)
        return hf_error(err, HOTFIX_NO_TARGET, "%s was unloaded while it was being looked at", module->path);

    struct link_map *map;
    if (dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 && is_map(module, map)) {
        module->handle = handle;
        return 0;
    }
    hf_linker_close(handle);
    return hf_error(err, HOTFIX_NO_TARGET, "another library was loaded as %s while it was being looked at",
                    module->path);
}

int hf_module_find(const struct hf_build_id *build_id, struct hf_module *module, struct hotfix_error *err)
{
    char text[2 * HF_BUILD_ID_MAX + 1];
    hf_hex_encode(build_id->bytes, build_id->size, text);

    struct search search = {.build_id = build_id};
    hf_linker_iterate(visit, &search);
    if (search.out_of_memory)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (search.found == 0)
        return hf_error(err, HOTFIX_NO_TARGET, "no module with build-id %s is loaded in this process", text);
    if (search.found > 1) {
        free(search.module.path);
        return hf_error(err, HOTFIX_NO_TARGET,
                        "%zu modules with build-id %s are loaded; it is not clear which to patch", search.found, text);
    }
    if (keep(&search.module, err) != 0) {
        free(search.module.path);
        return -1;
    }
    *module = search.module;
    return 0;
}

void hf_module_deinit(struct hf_module *module)
{
    if (module->handle)
        hf_linker_close(module->handle);
    free(module->path);
    *module = (struct hf_module){0};
}
