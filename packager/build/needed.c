/* SPDX-License-Identifier: Apache-2.0 */
#include "build/needed.h"

#include <fcntl.h>
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"

static const char *const system_directories[] = {
    "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib",
};

static int add(struct hf_needed *needed, char *path, struct hotfix_error *err)
{
    needed->paths[needed->count] = path;
    needed->fds[needed->count] = -1;
    needed->count++;
    return path ? 0 : hf_error(err, HOTFIX_MEMORY, "out of memory");
}

/* The file in one directory; NULL when it is not there. origin replaces $ORIGIN. */
static char *in_directory(const char *directory, size_t size, const char *origin, const char *name)
{
    static const char variable[] = "$ORIGIN";
    size_t skip = strncmp(directory, variable, strlen(variable)) == 0 ? strlen(variable) : 0;
    char *path;

    if (size < skip || asprintf(&path, "%s%.*s/%s", skip ? origin : "", (int)(size - skip), directory + skip, name) < 0)
        return NULL;
    if (access(path, R_OK) == 0)
        return path;
    free(path);
    return NULL;
}

static char *find(const struct hf_target *target, const char *directory, const char *name)
{
    const char *slash = strrchr(target->image.path, '/');
    HF_FREE char *origin = slash ? strndup(target->image.path, (size_t)(slash - target->image.path)) : strdup(".");
    char *found = directory ? in_directory(directory, strlen(directory), "", name) : NULL;

    for (const char *at = target->run_path; !found && origin && *at;) {
        size_t size = strcspn(at, ":");
        if (size > 0)
            found = in_directory(at, size, origin, name);
        at += size + (at[size] == ':');
    }
    if (!found && origin)
        found = in_directory(origin, strlen(origin), "", name);
    for (size_t i = 0; !found && i < sizeof(system_directories) / sizeof(system_directories[0]); i++)
        found = in_directory(system_directories[i], strlen(system_directories[i]), "", name);
    return found;
}

int hf_needed_find(const struct hf_target *target, const char *directory, struct hf_needed *needed,
                   struct hotfix_error *err)
{
    struct hf_needed found = {.paths = calloc(target->needed_count + 1, sizeof(char *)),
                              .elves = calloc(target->needed_count + 1, sizeof(void *)),
                              .fds = calloc(target->needed_count + 1, sizeof(int))};
    int failed = 0;

    if (!found.paths || !found.elves || !found.fds)
        failed = hf_error(err, HOTFIX_MEMORY, "out of memory");
    for (size_t i = 0; !failed && i < target->needed_count; i++) {
        char *path = find(target, directory, target->needed[i]);
        if (path)
            failed = add(&found, path, err);
    }
    if (failed) {
        hf_needed_deinit(&found);
        return -1;
    }
    *needed = found;
    return 0;
}

void hf_needed_deinit(struct hf_needed *needed)
{
    for (size_t i = 0; i < needed->count; i++) {
        if (needed->elves[i])
            elf_end(needed->elves[i]);
        if (needed->fds[i] >= 0)
            close(needed->fds[i]);
        free(needed->paths[i]);
    }
    free(needed->paths);
    free(needed->elves);
    free(needed->fds);
    *needed = (struct hf_needed){.count = 0};
}

static bool exports(Elf *elf, const char *name)
{
    for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
        const Elf64_Shdr *header = elf64_getshdr(section);
        Elf_Data *data = header && header->sh_type == SHT_DYNSYM ? elf_getdata(section, NULL) : NULL;
        for (size_t i = 0; data && i < data->d_size / sizeof(Elf64_Sym); i++) {
            const Elf64_Sym *symbol = (const Elf64_Sym *)data->d_buf + i;
            const char *text = elf_strptr(elf, header->sh_link, symbol->st_name);
            if (symbol->st_shndx != SHN_UNDEF && ELF64_ST_BIND(symbol->st_info) != STB_LOCAL && text &&
                strcmp(text, name) == 0)
                return true;
        }
    }
    return false;
}

bool hf_needed_have(struct hf_needed *needed, const char *name)
{
    for (size_t i = 0; i < needed->count; i++) {
        if (!needed->elves[i]) {
            needed->fds[i] = open(needed->paths[i], O_RDONLY | O_CLOEXEC);
            if (needed->fds[i] >= 0)
                needed->elves[i] = elf_begin(needed->fds[i], ELF_C_READ_MMAP, NULL);
        }
        if (needed->elves[i] && elf_kind(needed->elves[i]) == ELF_K_ELF && exports(needed->elves[i], name))
            return true;
    }
    return false;
}
