/* SPDX-License-Identifier: Apache-2.0 */
#include "prove/needed.h"

#include <fcntl.h>
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "elf/beside.h"
#include "error.h"

static const char *const system_directories[] = {"/lib64", "/usr/lib64", "/lib", "/usr/lib", NULL};

/* Takes over the path. */
static int add(struct hf_needed *needed, char *path, struct hotfix_error *err)
{
    struct hf_library *grown = reallocarray(needed->libraries, needed->count + 1, sizeof(*grown));
    if (!grown) {
        free(path);
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    }
    needed->libraries = grown;
    struct hf_library *library = &grown[needed->count++];
    *library = (struct hf_library){.path = path, .fd = open(path, O_RDONLY | O_CLOEXEC)};
    if (library->fd >= 0 && elf_version(EV_CURRENT) != EV_NONE)
        library->elf = elf_begin(library->fd, ELF_C_READ_MMAP, NULL);
    return 0;
}

static bool has(const struct hf_needed *needed, const char *name)
{
    for (size_t i = 0; i < needed->count; i++) {
        const char *slash = strrchr(needed->libraries[i].path, '/');
        if (strcmp(slash ? slash + 1 : needed->libraries[i].path, name) == 0)
            return true;
    }
    return false;
}

/* Is there a file for this machine? */
static bool is_for(const char *path, uint16_t machine)
{
    HF_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    Elf64_Ehdr header;

    return fd >= 0 && read(fd, &header, sizeof(header)) == (ssize_t)sizeof(header) && header.e_machine == machine;
}

/* The file in one directory; NULL when it is not there. origin replaces $ORIGIN. */
static char *in_directory(const struct hf_target *target, const char *directory, size_t size, const char *origin,
                          const char *name)
{
    static const char variable[] = "$ORIGIN";
    size_t skip = strncmp(directory, variable, strlen(variable)) == 0 ? strlen(variable) : 0;
    char *path;

    if (size < skip || asprintf(&path, "%s%.*s/%s", skip ? origin : "", (int)(size - skip), directory + skip, name) < 0)
        return NULL;
    if (is_for(path, target->image.header.e_machine))
        return path;
    free(path);
    return NULL;
}

/* The dynamic linker does not search beside the target: another user's library there proves nothing. */
static char *beside(const struct hf_target *target, const char *origin, const char *name)
{
    char *path = in_directory(target, origin, strlen(origin), "", name);
    HF_CLOSE int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;

    if (path && (fd < 0 || !hf_beside_believed(&target->image, fd))) {
        free(path);
        return NULL;
    }
    return path;
}

static char *in_directories(const struct hf_target *target, const char *const *directories, const char *name)
{
    char *found = NULL;

    for (; !found && *directories; directories++)
        found = in_directory(target, *directories, strlen(*directories), "", name);
    return found;
}

static char *find(const struct hf_target *target, const char *directory, const char *name)
{
    const char *slash = strrchr(target->image.path, '/');
    HF_FREE char *origin = slash ? strndup(target->image.path, (size_t)(slash - target->image.path)) : strdup(".");
    char *found = directory ? in_directory(target, directory, strlen(directory), "", name) : NULL;

    for (const char *at = target->run_path; !found && origin && *at;) {
        size_t size = strcspn(at, ":");
        if (size > 0)
            found = in_directory(target, at, size, origin, name);
        at += size + (at[size] == ':');
    }
    if (!found && origin)
        found = beside(target, origin, name);
    if (!found)
        found = in_directories(target, target->arch->library_directories, name);
    return found ? found : in_directories(target, system_directories, name);
}

/* The DT_NEEDED that an open library has at an index; NULL at the end. */
static const char *needed_by(Elf *elf, size_t index)
{
    for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
        const Elf64_Shdr *header = elf64_getshdr(section);
        Elf_Data *data = header && header->sh_type == SHT_DYNAMIC ? elf_getdata(section, NULL) : NULL;
        for (size_t i = 0; data && i < data->d_size / sizeof(Elf64_Dyn); i++) {
            const Elf64_Dyn *entry = (const Elf64_Dyn *)data->d_buf + i;
            if (entry->d_tag == DT_NEEDED && index-- == 0)
                return elf_strptr(elf, header->sh_link, entry->d_un.d_val);
        }
    }
    return NULL;
}

static int find_all(const struct hf_target *target, const char *directory, struct hf_needed *found,
                    struct hotfix_error *err)
{
    for (size_t i = 0; i < target->needed_count; i++) {
        char *path = has(found, target->needed[i]) ? NULL : find(target, directory, target->needed[i]);
        if (path && add(found, path, err) != 0)
            return -1;
    }
    for (size_t i = 0; i < found->count; i++) {
        const char *name;
        for (size_t k = 0; found->libraries[i].elf && (name = needed_by(found->libraries[i].elf, k)); k++) {
            char *path = has(found, name) ? NULL : find(target, directory, name);
            if (path && add(found, path, err) != 0)
                return -1;
        }
    }
    return 0;
}

static int add_host(const struct hf_target *target, const char *host, struct hf_needed *needed,
                    struct hotfix_error *err)
{
    if (!host)
        return 0;
    if (!is_for(host, target->image.header.e_machine))
        return hf_error(err, HOTFIX_INCOMPATIBLE, "--host: %s is no program for the CPU of %s", host,
                        target->image.path);
    char *path = strdup(host);
    if (!path)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (add(needed, path, err) != 0)
        return -1;
    needed->libraries[needed->count - 1].host = true;
    return 0;
}

int hf_needed_find(const struct hf_target *target, const char *directory, const char *host, struct hf_needed *needed,
                   struct hotfix_error *err)
{
    struct hf_needed found = {.count = 0};

    if (add_host(target, host, &found, err) != 0 || find_all(target, directory, &found, err) != 0) {
        hf_needed_deinit(&found);
        return -1;
    }
    *needed = found;
    return 0;
}

void hf_needed_deinit(struct hf_needed *needed)
{
    for (size_t i = 0; i < needed->count; i++) {
        struct hf_library *library = &needed->libraries[i];
        if (library->elf)
            elf_end(library->elf);
        if (library->fd >= 0)
            close(library->fd);
        free(library->path);
    }
    free(needed->libraries);
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

bool hf_needed_have(const struct hf_needed *needed, const char *name)
{
    for (size_t i = 0; i < needed->count; i++) {
        Elf *elf = needed->libraries[i].elf;
        if (elf && elf_kind(elf) == ELF_K_ELF && exports(elf, name))
            return true;
    }
    return false;
}
