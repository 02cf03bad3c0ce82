/* SPDX-License-Identifier: Apache-2.0 */
#include "trustfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "authority.h"
#include "cleanup.h"
#include "error.h"
#include "file.h"
#include "owned.h"
#include "trust.h"
#include "trustpolicy.h"

#define WHAT         "trust store"
#define KEY_FILE_MAX 16384
#define OPEN_FLAGS   (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW)

static const size_t limits[] = {
    [HF_TRUST_KEY] = KEY_FILE_MAX,
    [HF_TRUST_AUTHORITY] = HF_AUTHORITY_FILE_MAX,
    [HF_TRUST_LIST] = HF_AUTHORITY_FILE_MAX,
    [HF_TRUST_POLICY] = HF_TRUST_POLICY_MAX_SIZE,
};

static bool ends_in(const char *name, const char *ending)
{
    size_t length = strlen(name), tail = strlen(ending);

    return length > tail && strcmp(name + length - tail, ending) == 0;
}

/* Reads what lies in the store at fd, after a look at whose it is. */
static int add_file(int fd, const char *path, enum hf_trust_kind kind, struct hf_trust_files *files,
                    struct hotfix_error *err)
{
    HF_FREE uint8_t *bytes = NULL;
    HF_FREE char *name = strdup(path);
    size_t size;
    struct stat status;

    if (!name)
        return hf_error(err, HOTFIX_MEMORY, WHAT ": out of memory");
    if (hf_file_read_fd(fd, path, limits[kind], &bytes, &size, &status, err) != 0)
        return hf_error_prefix(err, WHAT);
    if (hf_owned_check(WHAT, path, &status, false, HOTFIX_TRUST, err) != 0)
        return -1;
    struct hf_trust_file *items = reallocarray(files->items, files->count + 1, sizeof(*items));
    if (!items)
        return hf_error(err, HOTFIX_MEMORY, WHAT ": out of memory");
    files->items = items;
    items[files->count++] =
        (struct hf_trust_file){.kind = kind, .path = hf_move(name), .bytes = hf_move(bytes), .size = size};
    return 0;
}

/* A file in the directory. A symbolic link could make another place, with other owners, part of the store. */
static int add_entry(int directory, const char *path, const char *name, enum hf_trust_kind kind,
                     struct hf_trust_files *files, struct hotfix_error *err)
{
    HF_FREE char *file = NULL;

    if (asprintf(&file, "%s/%s", path, name) < 0) {
        file = NULL;
        return hf_error(err, HOTFIX_MEMORY, WHAT ": out of memory");
    }
    HF_CLOSE int fd = openat(directory, name, OPEN_FLAGS);
    if (fd < 0 && errno == ELOOP)
        return hf_error(err, HOTFIX_TRUST, WHAT " %s: is a symbolic link; put the file itself there", file);
    if (fd < 0)
        return hf_error_sys(err, HOTFIX_IO, WHAT " %s: cannot be opened", file);
    return add_file(fd, file, kind, files, err);
}

/* Every file of the directory whose name ends so; names that begin with a dot are passed over. */
static int add_entries(DIR *directory, const char *path, const char *ending, enum hf_trust_kind kind,
                       struct hf_trust_files *files, struct hotfix_error *err)
{
    rewinddir(directory);
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(directory);
        if (!entry && errno)
            return hf_error_sys(err, HOTFIX_IO, WHAT " %s: cannot be read", path);
        if (!entry)
            return 0;
        if (entry->d_name[0] == '.' || !ends_in(entry->d_name, ending))
            continue;
        if (add_entry(dirfd(directory), path, entry->d_name, kind, files, err) != 0)
            return -1;
    }
}

static int add_directory_policy(DIR *directory, const char *path, struct hf_trust_files *files,
                                struct hotfix_error *err)
{
    struct stat status;

    if (fstatat(dirfd(directory), HF_TRUST_POLICY_NAME, &status, AT_SYMLINK_NOFOLLOW) == 0)
        return add_entry(dirfd(directory), path, HF_TRUST_POLICY_NAME, HF_TRUST_POLICY, files, err);
    if (errno != ENOENT)
        return hf_error_sys(err, HOTFIX_IO, WHAT " %s/" HF_TRUST_POLICY_NAME ": cannot be examined", path);
    return 0;
}

/* Keys and authorities first: lists and policy are about them. */
static int add_contents(DIR *directory, const char *path, struct hf_trust_files *files, struct hotfix_error *err)
{
    if (add_entries(directory, path, HF_TRUST_KEY_END, HF_TRUST_KEY, files, err) != 0 ||
        add_entries(directory, path, HF_TRUST_AUTHORITY_END, HF_TRUST_AUTHORITY, files, err) != 0 ||
        add_entries(directory, path, HF_TRUST_LIST_END, HF_TRUST_LIST, files, err) != 0)
        return -1;
    return add_directory_policy(directory, path, files, err);
}

/* Takes the descriptor over. */
static int add_directory(int fd, const char *path, struct hf_trust_files *files, struct hotfix_error *err)
{
    DIR *directory = fdopendir(fd);
    if (!directory) {
        hf_error_sys(err, HOTFIX_IO, WHAT " %s: cannot be read", path);
        close(fd);
        return -1;
    }
    int failed = add_contents(directory, path, files, err);
    closedir(directory);
    return failed;
}

/* path is what the store is called in messages, resolved where it is. */
static int add_all(const char *path, const char *resolved, struct hf_trust_files *files, struct hotfix_error *err)
{
    HF_CLOSE int fd = open(resolved, OPEN_FLAGS);
    struct stat status;

    if (fd < 0)
        return hf_error_sys(err, HOTFIX_IO, WHAT " %s: cannot be opened", path);
    if (fstat(fd, &status) != 0)
        return hf_error_sys(err, HOTFIX_IO, WHAT " %s: cannot be examined", path);
    if (!S_ISDIR(status.st_mode)) {
        enum hf_trust_kind kind = ends_in(resolved, ".ini")                   ? HF_TRUST_POLICY
                                  : ends_in(resolved, HF_TRUST_AUTHORITY_END) ? HF_TRUST_AUTHORITY
                                                                              : HF_TRUST_KEY;
        return add_file(fd, path, kind, files, err);
    }
    if (hf_owned_check(WHAT, path, &status, false, HOTFIX_TRUST, err) != 0)
        return -1;

    int directory = fd;
    fd = -1;
    return add_directory(directory, path, files, err);
}

void hf_trust_files_deinit(struct hf_trust_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        free(files->items[i].path);
        free(files->items[i].bytes);
    }
    free(files->items);
    *files = (struct hf_trust_files){0};
}

int hf_trust_files_read(const char *path, struct hf_trust_files *files, struct hotfix_error *err)
{
    struct hf_trust_files read = {0};
    HF_FREE char *resolved = realpath(path, NULL);

    if (!resolved)
        return hf_error_sys(err, HOTFIX_IO, WHAT " %s: cannot be examined", path);
    if (add_all(path, resolved, &read, err) != 0 || hf_owned_check_above(WHAT, resolved, HOTFIX_TRUST, err) != 0) {
        hf_trust_files_deinit(&read);
        return -1;
    }
    *files = read;
    return 0;
}
