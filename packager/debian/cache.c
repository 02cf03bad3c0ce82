/* SPDX-License-Identifier: Apache-2.0 */
#include "debian/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <fts.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "file.h"
#include "owned.h"
#include "safepath.h"
#include "source/workspace.h"

#define LOCK_NAME "lock"
#define LIMIT_MAX 64 /* characters */

static int out_of_memory(struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_MEMORY, "out of memory");
}

static char *below(const char *directory, const char *name)
{
    char *path;

    return asprintf(&path, "%s/%s", directory, name) < 0 ? NULL : path;
}

static int make_directory(const char *path, struct hotfix_error *err)
{
    if (mkdir(path, S_IRWXU) != 0 && errno != EEXIST)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be made", path);
    return 0;
}

/* Whoever could write there could have this user run what they like. */
static int check_owned(const char *path, struct hotfix_error *err)
{
    struct stat status;

    if (lstat(path, &status) != 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be examined", path);
    if (hf_owned_check("cache", path, &status, false, HOTFIX_TRUST, err) != 0)
        return -1;
    return hf_owned_check_above("cache", path, HOTFIX_TRUST, err);
}

int hf_cache_root(char **root, struct hotfix_error *err)
{
    const char *given = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    HF_FREE char *parent = NULL;

    /* The XDG specification has relative ones ignored. */
    if (given && given[0] == '/')
        parent = strdup(given);
    else if (home && home[0] == '/')
        parent = below(home, ".cache");
    else
        return hf_error(err, HOTFIX_IO, "there is no place for a cache: set XDG_CACHE_HOME or HOME to a whole path");
    if (!parent)
        return out_of_memory(err);
    if (make_directory(parent, err) != 0)
        return -1;
    HF_FREE char *whole = NULL;
    if (hf_safe_path("cache", parent, HOTFIX_TRUST, &whole, err) != 0)
        return -1;
    HF_FREE char *path = below(whole, "hotfix");
    if (!path)
        return out_of_memory(err);
    if (make_directory(path, err) != 0 || check_owned(path, err) != 0)
        return -1;
    *root = hf_move(path);
    return 0;
}

/* The directory of all entries. */
static int open_packages(char **path, struct hotfix_error *err)
{
    HF_FREE char *root = NULL;

    if (hf_cache_root(&root, err) != 0)
        return -1;
    HF_FREE char *packages = below(root, "packages");
    if (!packages)
        return out_of_memory(err);
    if (make_directory(packages, err) != 0)
        return -1;
    *path = hf_move(packages);
    return 0;
}

/* The lock of an entry; -1 when it cannot be had, EWOULDBLOCK when somebody has it and nobody is to wait. */
static int take_lock(const char *entry, bool wait)
{
    HF_FREE char *path = below(entry, LOCK_NAME);
    HF_CLOSE int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    int taken;

    if (fd < 0)
        return -1;
    do
        taken = flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB));
    while (taken != 0 && errno == EINTR);
    if (taken != 0)
        return -1;
    int result = fd;
    fd = -1;
    return result;
}

int hf_cache_open(const char *name, char **path, int *lock, struct hotfix_error *err)
{
    HF_FREE char *packages = NULL;

    if (open_packages(&packages, err) != 0)
        return -1;
    HF_FREE char *entry = below(packages, name);
    if (!entry)
        return out_of_memory(err);
    for (;;) {
        struct stat held, there;
        HF_FREE char *file = below(entry, LOCK_NAME);
        if (!file)
            return out_of_memory(err);
        if (make_directory(entry, err) != 0)
            return -1;
        HF_CLOSE int fd = take_lock(entry, true);
        if (fd < 0)
            return hf_error_sys(err, HOTFIX_IO, "%s: cannot be locked", entry);
        /* Who had it may have removed the entry. */
        if (fstat(fd, &held) != 0 || stat(file, &there) != 0 || held.st_ino != there.st_ino)
            continue;
        futimens(fd, NULL); /* when it was used last */
        *lock = fd;
        fd = -1;
        *path = hf_move(entry);
        return 0;
    }
}

static void close_walk(FTS **walk)
{
    if (*walk)
        fts_close(*walk);
}

static uint64_t size_of(const char *path)
{
    char *const roots[] = {(char *)path, NULL};
    __attribute__((cleanup(close_walk))) FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    uint64_t size = 0;

    for (FTSENT *entry; walk && (entry = fts_read(walk));)
        if (entry->fts_info != FTS_DP && entry->fts_statp)
            size += (uint64_t)entry->fts_statp->st_blocks * 512;
    return size;
}

static int compare_used(const void *a, const void *b)
{
    time_t first = ((const struct hf_cache_entry *)a)->used, second = ((const struct hf_cache_entry *)b)->used;
    return (first < second) - (first > second);
}

void hf_cache_listing_deinit(struct hf_cache_listing *listing)
{
    for (size_t i = 0; i < listing->count; i++)
        free(listing->entries[i].name);
    free(listing->entries);
    *listing = (struct hf_cache_listing){.entries = NULL};
}

static int add_entry(struct hf_cache_listing *listing, const char *packages, const char *name, struct hotfix_error *err)
{
    HF_FREE char *path = below(packages, name);
    HF_FREE char *lock = path ? below(path, LOCK_NAME) : NULL;
    struct hf_cache_entry *grown = reallocarray(listing->entries, listing->count + 1, sizeof(*grown));
    struct stat status;

    if (grown)
        listing->entries = grown;
    if (!lock || !grown)
        return out_of_memory(err);
    if (stat(lock, &status) != 0)
        return 0; /* being made or removed */
    grown[listing->count] =
        (struct hf_cache_entry){.name = strdup(name), .size = size_of(path), .used = status.st_mtime};
    if (!grown[listing->count].name)
        return out_of_memory(err);
    listing->size += grown[listing->count++].size;
    return 0;
}

int hf_cache_list(struct hf_cache_listing *listing, struct hotfix_error *err)
{
    HF_FREE char *packages = NULL;
    int failed = 0;

    *listing = (struct hf_cache_listing){.entries = NULL};
    if (open_packages(&packages, err) != 0)
        return -1;
    DIR *directory = opendir(packages);
    if (!directory)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be read", packages);
    for (struct dirent *entry; !failed && (entry = readdir(directory));)
        if (entry->d_name[0] != '.')
            failed = add_entry(listing, packages, entry->d_name, err);
    closedir(directory);
    if (failed) {
        hf_cache_listing_deinit(listing);
        return -1;
    }
    if (listing->count)
        qsort(listing->entries, listing->count, sizeof(*listing->entries), compare_used);
    return 0;
}

/* Removes one entry unless somebody works there. */
static int remove_entry(const char *packages, const char *name, size_t *removed, struct hotfix_error *err)
{
    HF_FREE char *path = below(packages, name);
    if (!path)
        return out_of_memory(err);
    HF_CLOSE int lock = take_lock(path, false);

    if (lock < 0)
        return errno == EWOULDBLOCK || errno == ENOENT ? 0 : hf_error_sys(err, HOTFIX_IO, "%s: cannot be locked", path);
    if (hf_workspace_clear(path, err) != 0)
        return -1;
    (*removed)++;
    return 0;
}

int hf_cache_clear(const char *pattern, size_t *removed, struct hotfix_error *err)
{
    __attribute__((cleanup(hf_cache_listing_deinit))) struct hf_cache_listing listing = {0};
    HF_FREE char *packages = NULL;

    *removed = 0;
    if (open_packages(&packages, err) != 0 || hf_cache_list(&listing, err) != 0)
        return -1;
    for (size_t i = 0; i < listing.count; i++)
        if (fnmatch(pattern, listing.entries[i].name, 0) == 0 &&
            remove_entry(packages, listing.entries[i].name, removed, err) != 0)
            return -1;
    return 0;
}

static int limit_path(char **path, struct hotfix_error *err)
{
    HF_FREE char *root = NULL;

    if (hf_cache_root(&root, err) != 0)
        return -1;
    *path = below(root, "limit");
    return *path ? 0 : out_of_memory(err);
}

int hf_cache_limit(uint64_t *limit, struct hotfix_error *err)
{
    HF_FREE char *path = NULL;
    HF_FREE uint8_t *text = NULL;
    size_t size;
    char *end;

    *limit = HF_CACHE_LIMIT;
    if (limit_path(&path, err) != 0)
        return -1;
    if (access(path, F_OK) != 0)
        return 0;
    if (hf_file_read(path, LIMIT_MAX, &text, &size, err) != 0)
        return -1;
    *limit = strtoull((char *)text, &end, 10);
    if (end == (char *)text || (*end && *end != '\n'))
        return hf_error(err, HOTFIX_FORMAT, "%s: holds no number of bytes; set the limit again with --max-size", path);
    return 0;
}

int hf_cache_set_limit(uint64_t limit, struct hotfix_error *err)
{
    HF_FREE char *path = NULL;
    char text[LIMIT_MAX];

    if (limit_path(&path, err) != 0)
        return -1;
    int length = snprintf(text, sizeof(text), "%llu\n", (unsigned long long)limit);
    return hf_file_write(path, text, (size_t)length, 0600, false, err);
}

int hf_cache_shrink(size_t *removed, struct hotfix_error *err)
{
    __attribute__((cleanup(hf_cache_listing_deinit))) struct hf_cache_listing listing = {0};
    HF_FREE char *packages = NULL;
    uint64_t limit;

    *removed = 0;
    if (hf_cache_limit(&limit, err) != 0 || open_packages(&packages, err) != 0 || hf_cache_list(&listing, err) != 0)
        return -1;
    uint64_t size = listing.size;
    for (size_t i = listing.count; i-- > 0 && size > limit;) {
        size_t before = *removed;
        if (remove_entry(packages, listing.entries[i].name, removed, err) != 0)
            return -1;
        if (*removed > before)
            size -= listing.entries[i].size;
    }
    return 0;
}
