/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/host.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "digest.h"
#include "error.h"
#include "process/linker.h"
#include "process/module.h"
#include "verify/exported.h"
#include "words.h"

/* This thread's copy of a module's thread-local variables. */
struct block {
    size_t module;
    uintptr_t begin;
    uintptr_t end;
};

static int find_block(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct block *block = arg;

    (void)size;
    if (info->dlpi_tls_modid != block->module || !info->dlpi_tls_data)
        return 0;
    for (size_t i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_TLS) {
            block->begin = (uintptr_t)info->dlpi_tls_data;
            block->end = block->begin + info->dlpi_phdr[i].p_memsz;
        }
    return 1;
}

/* In its memory, or a variable of its that each thread has. */
static bool has(const struct hf_module *host, uintptr_t address)
{
    struct block block = {.module = host->tls_module};

    if (address >= host->base && hf_module_contains(host, address - host->base, 0, 0))
        return true;
    if (host->tls_module != 0)
        hf_linker_iterate(find_block, &block);
    return address >= block.begin && address < block.end;
}

/* The first module that defines a name, the program aside. */
struct first {
    const char *name;
    bool passed_program;
    uintptr_t base;
    bool found;
};

static int find_first(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct first *first = arg;
    struct hf_exported exported;

    (void)size;
    if (!first->passed_program) {
        first->passed_program = true;
        return 0;
    }
    for (size_t i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_DYNAMIC &&
            hf_exported_read(info->dlpi_addr, info->dlpi_addr + info->dlpi_phdr[i].p_vaddr, &exported) &&
            hf_exported_defines(&exported, first->name)) {
            first->found = true;
            first->base = info->dlpi_addr;
        }
    return first->found;
}

/*
 * Programs that refer to a library's symbols directly have the library's variable in their own memory, and a stub that
 * is the address of its function. Both stand for what the next module defines.
 */
static bool stands_in(const char *name, const void *found, const struct hf_module *host)
{
    struct first first = {.name = name};
    struct hf_exported exported;
    struct link_map *map = NULL;
    Dl_info info;

    if (dladdr1(found, &info, (void **)&map, RTLD_DL_LINKMAP) == 0 || !map || map->l_name[0] != '\0' ||
        !hf_exported_read(map->l_addr, (uintptr_t)map->l_ld, &exported) ||
        (!hf_exported_copies(&exported, (uintptr_t)found - map->l_addr) && hf_exported_defines(&exported, name)))
        return false;
    hf_linker_iterate(find_first, &first);
    return first.found && first.base == host->base;
}

static int check_name(const char *name, const struct hf_manifest *manifest, const struct hf_module *host,
                      struct hotfix_error *err)
{
    const void *found = hf_linker_symbol(name);
    Dl_info info = {.dli_fname = NULL};

    if (!found)
        return hf_error(err, HOTFIX_INCOMPATIBLE, "the patch uses '%s' of %s, which this process does not export", name,
                        manifest->host_name);
    if (has(host, (uintptr_t)found) || stands_in(name, found, host))
        return 0;
    bool known = dladdr(found, &info) != 0 && info.dli_fname && info.dli_fname[0];
    return hf_error(err, HOTFIX_INCOMPATIBLE,
                    "the patch uses '%s' of %s, and in this process that name is taken from %s, which was loaded first",
                    name, manifest->host_name, known ? info.dli_fname : "another module");
}

static int check_names(const struct hf_manifest *manifest, const struct hf_module *host, struct hotfix_error *err)
{
    const char *next = manifest->host_symbols, *word;

    for (size_t size; (size = hf_words_next(&next, &word)) > 0;) {
        HF_FREE char *name = strndup(word, size);
        if (!name)
            return hf_error(err, HOTFIX_MEMORY, "out of memory");
        if (check_name(name, manifest, host, err) != 0)
            return -1;
    }
    return 0;
}

int hf_check_host(const struct hf_manifest *manifest, struct hotfix_error *err)
{
    struct hotfix_error reason = {.code = HOTFIX_OK};
    char build_id[2 * HF_BUILD_ID_MAX + 1];
    struct hf_module host;

    if (manifest->host_build_id.size == 0)
        return 0;
    if (hf_module_find(&manifest->host_build_id, &host, &reason) != 0) {
        hf_hex_encode(manifest->host_build_id.bytes, manifest->host_build_id.size, build_id);
        if (reason.code != HOTFIX_NO_TARGET)
            return hf_error(err, reason.code, "%s", reason.message);
        return hf_error(err, HOTFIX_INCOMPATIBLE,
                        "the patch uses what %s with build-id %s exports, and this process is of another program or "
                        "another build: build and pack the fix with --host for this one",
                        manifest->host_name, build_id);
    }
    int result = check_names(manifest, &host, err);
    hf_module_deinit(&host);
    return result;
}
