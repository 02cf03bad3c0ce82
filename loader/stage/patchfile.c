/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/patchfile.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "owned.h"
#include "process/linker.h"
#include "safepath.h"

#define NAMES_MAX 10000

/* The number that was tried last in this process, so that a patch that is applied often need not try them all. */
static atomic_uint last_number = 1;

/* The directory's descriptor. */
static int open_directory(const char *directory, struct hotfix_error *err)
{
    HF_CLOSE int fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat status;

    if (fd < 0)
        return hf_error_sys(err, HOTFIX_STAGE, "staging directory %s: cannot open it", directory);
    if (fstat(fd, &status) != 0)
        return hf_error_sys(err, HOTFIX_STAGE, "staging directory %s: cannot look at it", directory);
    if (hf_owned_check("staging directory", directory, &status, false, HOTFIX_STAGE, err) != 0 ||
        hf_owned_check_above("staging directory", directory, HOTFIX_STAGE, err) != 0)
        return -1;

    int result = fd;
    fd = -1;
    return result;
}

int hf_patchfile_directory(const char *directory, char **resolved, struct hotfix_error *err)
{
    HF_FREE char *path = NULL;

    if (hf_safe_path("staging directory", directory, HOTFIX_STAGE, &path, err) != 0)
        return -1;
    HF_CLOSE int fd = open_directory(path, err);
    if (fd < 0)
        return -1;
    *resolved = hf_move(path);
    return 0;
}

static bool is_loaded(const char *path)
{
    void *library = hf_linker_open(path, RTLD_LAZY | RTLD_NOLOAD);

    if (library)
        hf_linker_close(library);
    return library;
}

/* The path of the file with that number: the first has none. NULL without memory. */
static char *numbered_path(const char *directory, const char *soname, unsigned number)
{
    const char *dot = strrchr(soname, '.');
    int stem = dot ? (int)(dot - soname) : (int)strlen(soname);
    char *path;
    int length = number == 1 ? asprintf(&path, "%s/%s", directory, soname)
                             : asprintf(&path, "%s/%.*s.%u%s", directory, stem, soname, number, soname + stem);

    return length < 0 ? NULL : path;
}

/* A new file under the first name that is free. */
static int create_file(int directory_fd, const char *directory, const char *soname, char **path,
                       struct hotfix_error *err)
{
    for (unsigned names = 0; names < NAMES_MAX; names++) {
        unsigned number = names == 0 ? 1 : atomic_fetch_add(&last_number, 1) + 1;
        HF_FREE char *tried = numbered_path(directory, soname, number);
        if (!tried)
            return hf_error(err, HOTFIX_MEMORY, "out of memory");
        /*
         * If the name is that of a loaded library whose file was deleted, the dynamic linker would return that library.
         */
        if (is_loaded(tried))
            continue;
        int fd =
            openat(directory_fd, strrchr(tried, '/') + 1, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR);
        if (fd < 0 && errno == EEXIST)
            continue;
        if (fd < 0)
            return hf_error_sys(err, HOTFIX_STAGE, "staging directory %s: cannot create a file", directory);
        *path = hf_move(tried);
        return fd;
    }
    return hf_error(err, HOTFIX_STAGE,
                    "staging directory %s: has too many files of this patch; remove those of processes that have ended",
                    directory);
}

static int write_file(int fd, const char *path, const uint8_t *payload, size_t size, struct hotfix_error *err)
{
    for (size_t written = 0; written < size;) {
        ssize_t got = write(fd, payload + written, size - written);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return hf_error_sys(err, HOTFIX_STAGE, "cannot write the patch into %s", path);
        written += (size_t)got;
    }
    return 0;
}

int hf_patchfile_create(const char *directory, const char *soname, const uint8_t *payload, size_t size,
                        struct hf_patchfile *file, struct hotfix_error *err)
{
    HF_CLOSE int directory_fd = open_directory(directory, err);
    if (directory_fd < 0)
        return -1;

    struct hf_patchfile created = {.pid = getpid()};
    HF_CLOSE int fd = create_file(directory_fd, directory, soname, &created.path, err);
    if (fd < 0)
        return -1;
    if (write_file(fd, created.path, payload, size, err) != 0) {
        hf_patchfile_remove(&created);
        return -1;
    }
    *file = created;
    int result = fd;
    fd = -1;
    return result;
}

void hf_patchfile_remove(struct hf_patchfile *file)
{
    if (file->path && file->pid == getpid() && !is_loaded(file->path))
        unlink(file->path);
    hf_patchfile_deinit(file);
}

void hf_patchfile_deinit(struct hf_patchfile *file)
{
    free(file->path);
    *file = (struct hf_patchfile){0};
}
