/* SPDX-License-Identifier: Apache-2.0 */
#include "trustfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "authority.h"
#include "cleanup.h"
#include "error.h"
#include "file.h"
#include "owned.h"
#include "safepath.h"
#include "trust.h"
#include "trustpolicy.h"

#define WHAT         "trust store"
#define KEY_FILE_MAX 16384
#define SNAPSHOT     "..data"
#define LINK_SIZE    (NAME_MAX + 16)
#define OPEN_FLAGS   (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW)

enum { SNAPSHOT_ATTEMPTS = 8 };

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

typedef int add_fn(DIR *directory, const char *path, struct hf_trust_files *files, struct hotfix_error *err);

/* Takes the descriptor over. */
static int with_directory(int fd, const char *path, add_fn *add, struct hf_trust_files *files, struct hotfix_error *err)
{
    DIR *directory = fdopendir(fd);
    if (!directory) {
        hf_error_sys(err, HOTFIX_IO, WHAT " %s: cannot be read", path);
        close(fd);
        return -1;
    }
    int failed = add(directory, path, files, err);
    closedir(directory);
    return failed;
}

/* Where the link in the directory leads. false when there is no such link. */
static bool read_link(int directory, const char *name, char target[LINK_SIZE])
{
    ssize_t length = readlinkat(directory, name, target, LINK_SIZE - 1);

    if (length <= 0)
        return false;
    target[length] = '\0';
    return true;
}

/* Whoever owns a link says where it leads; its mode means nothing. */
static int check_link(int directory, const char *path, const char *name, struct hotfix_error *err)
{
    HF_FREE char *link = NULL;
    struct stat status;

    if (asprintf(&link, "%s/%s", path, name) < 0) {
        link = NULL;
        return hf_error(err, HOTFIX_MEMORY, WHAT ": out of memory");
    }
    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return hf_error_sys(err, HOTFIX_IO, WHAT " %s: cannot be examined", link);
    return hf_owned_by(WHAT, link, &status, HOTFIX_TRUST, err);
}

static bool counts(const char *name)
{
    return name[0] != '.' && (ends_in(name, HF_TRUST_KEY_END) || ends_in(name, HF_TRUST_AUTHORITY_END) ||
                              ends_in(name, HF_TRUST_LIST_END) || strcmp(name, HF_TRUST_POLICY_NAME) == 0);
}

/* What lies beside the snapshot would not be read: nothing that looks like a part of the store may. */
static int check_beside(DIR *directory, const char *path, struct hotfix_error *err)
{
    char target[LINK_SIZE];

    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(directory);
        if (!entry && errno)
            return hf_error_sys(err, HOTFIX_IO, WHAT " %s: cannot be read", path);
        if (!entry)
            return 0;
        const char *name = entry->d_name;
        if (!counts(name))
            continue;
        if (!read_link(dirfd(directory), name, target) || strncmp(target, SNAPSHOT "/", strlen(SNAPSHOT "/")) != 0 ||
            strcmp(target + strlen(SNAPSHOT "/"), name) != 0)
            return hf_error(err, HOTFIX_TRUST,
                            WHAT " %s/%s: is not a link to " SNAPSHOT "/%s, and beside " SNAPSHOT
                                 " only such links may lie; put the file into one place or the other",
                            path, name, name);
        if (check_link(dirfd(directory), path, name, err) != 0)
            return -1;
    }
}

/* Reads what the link SNAPSHOT leads to, `target`: a directory beside it. */
static int add_target(DIR *directory, const char *path, const char *target, struct hf_trust_files *files,
                      struct hotfix_error *err)
{
    struct stat status;

    if (strchr(target, '/') || strcmp(target, ".") == 0 || strcmp(target, "..") == 0)
        return hf_error(err, HOTFIX_TRUST, WHAT " %s/" SNAPSHOT ": does not lead to a directory beside it", path);
    if (check_link(dirfd(directory), path, SNAPSHOT, err) != 0 || check_beside(directory, path, err) != 0)
        return -1;
    HF_CLOSE int fd = openat(dirfd(directory), target, OPEN_FLAGS | O_DIRECTORY);
    if (fd < 0 || fstat(fd, &status) != 0)
        return hf_error_sys(err, HOTFIX_IO, WHAT " %s/%s: cannot be opened", path, target);
    if (hf_owned_check(WHAT, path, &status, false, HOTFIX_TRUST, err) != 0)
        return -1;

    int taken = fd;
    fd = -1;
    return with_directory(taken, path, add_contents, files, err);
}

/*
 * A store as Kubernetes mounts one: the link SNAPSHOT leads to the directory of this version, and every file is a link
 * through it. A new version is one rename of that link, after which the old directory is taken away file by file. So
 * what was read counts only if the link is the same afterwards.
 */
static int add_snapshot(DIR *directory, const char *path, struct hf_trust_files *files, struct hotfix_error *err)
{
    char target[LINK_SIZE], now[LINK_SIZE];

    for (int attempt = 0; attempt < SNAPSHOT_ATTEMPTS; attempt++) {
        if (!read_link(dirfd(directory), SNAPSHOT, target))
            break;
        rewinddir(directory);
        int failed = add_target(directory, path, target, files, err);
        if (read_link(dirfd(directory), SNAPSHOT, now) && strcmp(now, target) == 0)
            return failed;
        hf_trust_files_deinit(files);
    }
    return hf_error(err, HOTFIX_IO, WHAT " %s/" SNAPSHOT ": leads elsewhere each time that it was read; try again",
                    path);
}

/* Takes the descriptor over. */
static int add_store(int fd, const char *path, const struct stat *status, struct hf_trust_files *files,
                     struct hotfix_error *err)
{
    char target[LINK_SIZE];
    bool snapshot = read_link(fd, SNAPSHOT, target);

    /* Beside a snapshot all may be sticky: nothing but that is read. */
    if (hf_owned_check(WHAT, path, status, snapshot, HOTFIX_TRUST, err) != 0) {
        close(fd);
        return -1;
    }
    return with_directory(fd, path, snapshot ? add_snapshot : add_contents, files, err);
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

    int directory = fd;
    fd = -1;
    return add_store(directory, path, &status, files, err);
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
    HF_FREE char *resolved = NULL;

    if (hf_safe_path(WHAT, path, HOTFIX_TRUST, &resolved, err) != 0)
        return -1;
    if (add_all(path, resolved, &read, err) != 0) {
        hf_trust_files_deinit(&read);
        return -1;
    }
    *files = read;
    return 0;
}
