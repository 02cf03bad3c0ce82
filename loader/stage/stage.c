/* SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch.h"
#include "cleanup.h"
#include "error.h"
#include "file.h"
#include "fixup.h"
#include "process/linker.h"
#include "stage/patchfile.h"
#include "stage/payload.h"
#include "stage/place.h"
#include "stage/rebind.h"
#include "stage/stage.h"
#include "stamp.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3 */
#endif

#define ATTEMPTS       4
#define LINK_MAP_WORDS 120
#define PATH_SIZE      192

/* What the dynamic linker opens: the file of that path, or (NULL) the memfd; fd is open on either. */
struct source {
    const char *path;
    int fd;
};

/* A sealed memfd with the payload: nobody can change it between here and the dlopen. */
static int create_memfd(const char *name, const uint8_t *payload, size_t size, struct hotfix_error *err)
{
    HF_CLOSE int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
    if (fd < 0 && errno == EINVAL)
        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return hf_error_sys(
            err, HOTFIX_STAGE,
            "cannot create an executable memfd; sysctl vm.memfd_noexec or a seccomp filter may forbid it: give a "
            "staging directory");

    for (size_t written = 0; written < size;) {
        ssize_t got = write(fd, payload + written, size - written);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return hf_error_sys(err, HOTFIX_STAGE, "cannot write the patch into a memfd");
        written += (size_t)got;
    }
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
        return hf_error_sys(err, HOTFIX_STAGE, "cannot seal the memfd of the patch");

    int result = fd;
    fd = -1;
    return result;
}

/* May code be mapped from it? The dynamic linker would say no more than that it cannot map a segment. */
static int check_executable(int fd, const char *advice, struct hotfix_error *err)
{
    void *page = mmap(NULL, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);

    if (page == MAP_FAILED && errno == EAGAIN)
        return hf_error_sys(err, HOTFIX_STAGE,
                            "the patch cannot be mapped: this process locks what it maps (mlockall), and has locked as "
                            "much as it may; raise RLIMIT_MEMLOCK");
    if (page == MAP_FAILED)
        return hf_error_sys(err, HOTFIX_STAGE, "code may not be mapped from %s", advice);
    munmap(page, 1);
    return 0;
}

/*
 * A path that was not used before: the bits of a counter become path elements without meaning ("/." for 1, a doubled
 * "/" for 0) before the descriptor's number. The path contains the process's id, since an attached debugger opens the
 * file, too, and /proc/self would be the debugger's own.
 */
static void unique_path(int fd, char path[PATH_SIZE])
{
    static atomic_uint_fast64_t counter;
    uint64_t number = atomic_fetch_add(&counter, 1);

    size_t length = (size_t)snprintf(path, PATH_SIZE, "/proc/%d/fd", (int)getpid());
    for (; number > 0; number >>= 1)
        length += (size_t)snprintf(path + length, PATH_SIZE - length, number & 1 ? "/." : "/");
    snprintf(path + length, PATH_SIZE - length, "/%d", fd);
}

/* Would the dynamic linker find the written and sealed file under this path? */
static int check_same(const char *path, int fd, struct hotfix_error *err)
{
    struct stat written, found;

    if (fstat(fd, &written) != 0 || stat(path, &found) != 0)
        return hf_error_sys(err, HOTFIX_STAGE, "cannot look at the patch under %s", path);
    if (written.st_dev != found.st_dev || written.st_ino != found.st_ino)
        return hf_error(err, HOTFIX_STAGE, "%s is another file than the patch that was written", path);
    return 0;
}

static void *open_library(const struct source *source, struct hotfix_error *err)
{
    char unique[PATH_SIZE];
    const char *path = source->path;

    if (!path) {
        path = unique;
        unique_path(source->fd, unique);
        /* Another copy of libhotfix in this process may have used the same number. */
        for (void *stranger; (stranger = hf_linker_open(path, RTLD_LAZY | RTLD_NOLOAD));
             unique_path(source->fd, unique))
            hf_linker_close(stranger);
    }
    if (check_same(path, source->fd, err) != 0)
        return NULL;
    void *handle = hf_linker_open(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        hf_error(err, HOTFIX_STAGE, "the dynamic linker refuses the patch: %s", dlerror());
    return handle;
}

/*
 * Debuggers search a library's symbols in the file of its name. By then the descriptor's number may belong to a pipe,
 * on which they would block for ever. So the library gets the name of its mapping, through which root can read the
 * memfd. The dynamic linker also knows the library by the old name. If there is no memory, it keeps the old name.
 */
static void name_after_mapping(struct hf_stage *stage)
{
    struct link_map *map;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

    if (dlinfo(stage->patch.handle, RTLD_DI_LINKMAP, &map) != 0)
        return;
    for (size_t i = 0; i < stage->patch.phnum; i++) {
        const ElfW(Phdr) *segment = &stage->patch.phdr[i];
        if (segment->p_type != PT_LOAD || segment->p_offset != 0 || segment->p_filesz == 0)
            continue;
        uintptr_t begin = (stage->patch.base + segment->p_vaddr) & -page;
        uintptr_t end = (stage->patch.base + segment->p_vaddr + segment->p_filesz + page - 1) & -page;
        if (asprintf(&stage->name, "/proc/%d/map_files/%zx-%zx", (int)getpid(), (size_t)begin, (size_t)end) < 0) {
            stage->name = NULL;
            return;
        }
        stage->opened_as = map->l_name;
        map->l_name = stage->name;
        return;
    }
}

/* The dynamic linker frees the name that it gave the library itself. */
static void name_as_opened(struct hf_stage *stage)
{
    struct link_map *map;

    if (stage->name && dlinfo(stage->patch.handle, RTLD_DI_LINKMAP, &map) == 0)
        map->l_name = stage->opened_as;
    free(stage->name);
    stage->name = NULL;
}

/* Is it the requested library, and in the right place? */
static int verify_patch(const struct hf_module *patch, const struct hf_window *window, const uint8_t id[HF_ID_SIZE],
                        struct hotfix_error *err)
{
    size_t size;
    const uint8_t *stamp = hf_module_note(patch, HF_NOTE_OWNER, HF_NOTE_STAMP, &size);
    if (!stamp || size < HF_ID_SIZE || memcmp(stamp, id, HF_ID_SIZE) != 0)
        return hf_error(err, HOTFIX_STAGE, "the loaded library does not carry the stamp of this bundle");
    if (patch->begin < window->begin || patch->end > window->end)
        return hf_error(err, HOTFIX_STAGE, "the patch was mapped at %#zx, out of reach of its target",
                        (size_t)patch->begin);
    return 0;
}

enum { FAILED = -1, LOADED, MISPLACED, NO_ROOM };

/* MISPLACED: retry in the same window; NO_ROOM: use a larger window. */
static int try_load(const struct source *source, size_t span, const struct hf_window *window,
                    const uint8_t id[HF_ID_SIZE], struct hf_module *patch, struct hotfix_error *err)
{
    struct hf_place place;
    int status = hf_place_open(window, span, &place, err);
    if (status != 0)
        return status > 0 ? NO_ROOM : FAILED;
    void *handle = open_library(source, err);
    hf_place_close(&place);
    if (!handle)
        return FAILED;

    struct hf_module module = {0};
    if (hf_module_open(handle, &module, err) != 0) {
        hf_linker_close(handle);
        return FAILED;
    }
    if (verify_patch(&module, window, id, err) != 0) {
        hf_module_deinit(&module);
        return MISPLACED;
    }
    *patch = module;
    return LOADED;
}

/* Loads it near, so that every branch reaches the target directly; else within the reach of other references. */
static int load_library(const struct source *source, size_t span, const struct hf_module *target,
                        const uint8_t id[HF_ID_SIZE], struct hf_module *patch, struct hotfix_error *err)
{
    const uint64_t reaches[] = {hf_arch_host.reach, hf_arch_host.far};
    struct hotfix_error failure = {.code = HOTFIX_OK};
    int status = NO_ROOM;

    for (size_t i = 0; i < sizeof(reaches) / sizeof(reaches[0]) && status == NO_ROOM; i++) {
        struct hf_window window = hf_window_around(target->begin, target->end, reaches[i]);
        status = MISPLACED;
        for (int attempt = 0; attempt < ATTEMPTS && status == MISPLACED; attempt++)
            status = try_load(source, span, &window, id, patch, &failure);
    }
    if (status != LOADED && err)
        *err = failure;
    return status == LOADED ? 0 : -1;
}

/* The payload becomes a file in the directory, or (NULL) a memfd. *fd is the caller's to close. */
static int write_source(const struct hf_manifest *manifest, const uint8_t *payload, const char *directory, int *fd,
                        struct hf_patchfile *file, struct hotfix_error *err)
{
    char name[HF_SONAME_MAX];

    if (hf_file_check_size("the staged patch", manifest->payload_size, HOTFIX_STAGE, err) != 0)
        return -1;
    hf_stamp_soname(manifest->id, name);
    if (!directory) {
        *fd = create_memfd(name, payload, manifest->payload_size, err);
        if (*fd < 0)
            return -1;
        return check_executable(*fd, "a memfd: give a staging directory", err);
    }
    *fd = hf_patchfile_create(directory, name, payload, manifest->payload_size, file, err);
    if (*fd < 0)
        return -1;
    return check_executable(*fd, "files of the staging directory: give one whose file system is not mounted noexec",
                            err);
}

static int load(const struct hf_manifest *manifest, const uint8_t *payload, const struct hf_module *target,
                const char *directory, struct hf_stage *stage, struct hotfix_error *err)
{
    struct hf_payload_traits traits;
    if (hf_payload_inspect(payload, manifest->payload_size, &traits, err) != 0)
        return -1;
    if (traits.constructors && manifest->fixups_size > 0)
        return hf_error(err, HOTFIX_FORMAT,
                        "patch.so has constructors, which would run before its references are bound to the target");

    HF_CLOSE int fd = -1;
    if (write_source(manifest, payload, directory, &fd, &stage->file, err) != 0)
        return -1;
    struct source source = {.path = stage->file.path, .fd = fd};

    return load_library(&source, traits.span, target, manifest->id, &stage->patch, err);
}

/* Finds the modules of the fix-up table; modules[0] is the target's, borrowed. */
static int find_modules(const struct hf_fixups *fixups, const struct hf_manifest *manifest,
                        const struct hf_module *target, struct hf_module *modules, struct hotfix_error *err)
{
    const struct hf_build_id *wanted = &manifest->target_build_id;

    if (fixups->module_count == 0 || fixups->modules[0].size != wanted->size ||
        memcmp(fixups->modules[0].bytes, wanted->bytes, wanted->size) != 0)
        return hf_error(err, HOTFIX_FORMAT, "the first module of the fix-up table is not the bundle's target");

    modules[0] = *target;
    for (size_t i = 1; i < fixups->module_count; i++)
        if (hf_module_find(&fixups->modules[i], &modules[i], err) != 0)
            return hf_error_prefix(err, "the patch refers to another module");
    return 0;
}

static void fixups_cleanup(struct hf_fixups *fixups)
{
    hf_fixups_deinit(fixups);
}

static int rebind(const struct hf_manifest *manifest, const uint8_t *payload, const struct hf_module *target,
                  struct hf_stage *stage, struct hotfix_error *err)
{
    if (manifest->fixups_size == 0)
        return 0;
    if (manifest->fixups_offset > manifest->payload_size ||
        manifest->fixups_size > manifest->payload_size - manifest->fixups_offset)
        return hf_error(err, HOTFIX_FORMAT, "the fix-up table lies outside patch.so");

    __attribute__((cleanup(fixups_cleanup))) struct hf_fixups fixups = {0};
    if (hf_fixups_parse(payload + manifest->fixups_offset, manifest->fixups_size, &fixups, err) != 0)
        return -1;

    HF_FREE struct hf_module *modules = calloc(fixups.module_count + 1, sizeof(*modules));
    if (!modules)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    int status = find_modules(&fixups, manifest, target, modules, err);
    if (status == 0)
        status = hf_rebind(&fixups, modules, &stage->patch, err);
    if (status != 0 || fixups.module_count <= 1) {
        for (size_t i = 1; i < fixups.module_count; i++)
            hf_module_deinit(&modules[i]);
        return status;
    }

    modules[0] = (struct hf_module){0};
    stage->other_count = fixups.module_count;
    stage->others = hf_move(modules);
    return 0;
}

int hf_stage_open(const struct hf_manifest *manifest, const uint8_t *payload, const struct hf_module *target,
                  const char *directory, struct hf_stage *stage, struct hotfix_error *err)
{
    struct hf_stage staged = {0};

    if (load(manifest, payload, target, directory, &staged, err) != 0 ||
        rebind(manifest, payload, target, &staged, err) != 0) {
        hf_stage_close(&staged);
        return -1;
    }
    if (!directory)
        name_after_mapping(&staged);
    *stage = staged;
    return 0;
}

void hf_stage_abandon(struct hf_stage *stage)
{
    for (size_t i = 0; i < stage->other_count; i++)
        hf_module_deinit(&stage->others[i]);
    free(stage->others);
    stage->patch.handle = NULL;
    hf_module_deinit(&stage->patch);
    hf_patchfile_deinit(&stage->file);
    *stage = (struct hf_stage){0};
}

uintptr_t *hf_stage_code_end(const struct hf_stage *stage)
{
    const struct hf_module *patch = &stage->patch;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t end = 0;
    struct link_map *map = NULL;

    for (size_t i = 0; i < patch->phnum; i++) {
        const ElfW(Phdr) *segment = &patch->phdr[i];
        if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X))
            end = (patch->base + segment->p_vaddr + segment->p_memsz + page - 1) & -page;
    }
    if (end >= patch->end || dlinfo(patch->handle, RTLD_DI_LINKMAP, &map) != 0)
        return NULL;
    uintptr_t *words = (uintptr_t *)(void *)&map->l_ld;
    for (size_t i = 1; i < LINK_MAP_WORDS; i++)
        if (words[i] == end)
            return &words[i];
    return NULL;
}

void hf_stage_close(struct hf_stage *stage)
{
    if (stage->patch.handle) {
        uintptr_t *note = hf_stage_code_end(stage);
        if (note)
            *note = 0; /* the next patch may come to lie here */
        name_as_opened(stage);
        hf_linker_close(stage->patch.handle);
    }
    hf_patchfile_remove(&stage->file);
    hf_stage_abandon(stage);
}
