/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle.h"
#include "cleanup.h"
#include "error.h"
#include "file.h"
#include "owned.h"
#include "safepath.h"

#define WHAT       "store of enabled bundles"
#define BUNDLE_END ".hotfix"
#define DEMAND_END ".required"
#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW)

static const size_t id_at = HF_STORE_STEM_SIZE - 1 - (size_t)2 * HF_ID_SIZE;

static int no_memory(struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_MEMORY, WHAT ": out of memory");
}

const char *hf_stored_id(const struct hf_stored *stored)
{
    return stored->stem + id_at;
}

static bool is_digits(const char *text, size_t size, const char *digits)
{
    return strspn(text, digits) >= size;
}

/* Cuts a file's name into stem and ending. False for names that the store does not use. */
static bool cut(const char *name, char stem[HF_STORE_STEM_SIZE], const char **ending)
{
    if (strlen(name) < HF_STORE_STEM_SIZE || !is_digits(name, 20, "0123456789") || name[20] != '-' ||
        !is_digits(name + 21, 20, "0123456789") || name[41] != '-' ||
        !is_digits(name + id_at, (size_t)2 * HF_ID_SIZE, "0123456789abcdef"))
        return false;
    memcpy(stem, name, HF_STORE_STEM_SIZE - 1);
    stem[HF_STORE_STEM_SIZE - 1] = '\0';
    *ending = name + HF_STORE_STEM_SIZE - 1;
    return strcmp(*ending, BUNDLE_END) == 0 || strcmp(*ending, DEMAND_END) == 0;
}

/* Somebody else's mark could only keep programs from starting. */
static bool may_demand(int directory, const char *name)
{
    struct stat status;

    return fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode) &&
           hf_owned_by(WHAT, name, &status, HOTFIX_TRUST, NULL) == 0;
}

static struct hf_stored *find(struct hf_store *store, const char *stem)
{
    for (size_t i = 0; i < store->count; i++) {
        if (strcmp(store->items[i].stem, stem) == 0)
            return &store->items[i];
    }
    if (store->count == HF_STORE_MAX)
        return NULL;
    struct hf_stored *added = &store->items[store->count++];
    *added = (struct hf_stored){.present = false};
    memcpy(added->stem, stem, sizeof(added->stem));
    return added;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct hf_stored *)a)->stem, ((const struct hf_stored *)b)->stem);
}

static int read_names(DIR *directory, struct hf_store *store, struct hotfix_error *err)
{
    for (;;) {
        char stem[HF_STORE_STEM_SIZE];
        const char *ending;
        errno = 0;
        const struct dirent *entry = readdir(directory);
        if (!entry && errno)
            return hf_error_sys(err, HOTFIX_IO, WHAT " %s: cannot be read", store->path);
        if (!entry)
            break;
        if (!cut(entry->d_name, stem, &ending))
            continue;
        bool demand = strcmp(ending, DEMAND_END) == 0;
        if (demand && !may_demand(dirfd(directory), entry->d_name))
            continue;
        struct hf_stored *stored = find(store, stem);
        if (!stored)
            return hf_error(err, HOTFIX_FORMAT, WHAT " %s: has more than %d bundles: remove files of some", store->path,
                            HF_STORE_MAX);
        stored->required |= demand;
        stored->present |= !demand;
    }
    qsort(store->items, store->count, sizeof(*store->items), compare);
    return 0;
}

int hf_store_list(const char *path, const char *build, struct hf_store *store, struct hotfix_error *err)
{
    struct hf_store read = {.items = calloc(HF_STORE_MAX, sizeof(*read.items))};

    if (asprintf(&read.path, "%s/%s", path, build) < 0)
        read.path = NULL;
    if (!read.items || !read.path) {
        hf_store_deinit(&read);
        return no_memory(err);
    }
    DIR *directory = opendir(read.path);
    int status = 0;
    if (directory)
        status = read_names(directory, &read, err);
    else if (errno != ENOENT)
        status = hf_error_sys(err, HOTFIX_IO, WHAT " %s: cannot be read", read.path);
    if (directory)
        closedir(directory);
    if (status != 0 || !directory)
        hf_store_deinit(&read);
    if (status == 0)
        *store = read;
    return status;
}

void hf_store_deinit(struct hf_store *store)
{
    free(store->path);
    free(store->items);
    *store = (struct hf_store){0};
}

int hf_store_read(const struct hf_store *store, const struct hf_stored *stored, uint8_t **bytes, size_t *size,
                  struct hotfix_error *err)
{
    HF_FREE char *resolved = NULL;
    HF_FREE char *file = NULL;
    HF_FREE uint8_t *read = NULL;
    struct stat status;

    if (hf_safe_path(WHAT, store->path, HOTFIX_TRUST, &resolved, err) != 0)
        return -1;
    HF_CLOSE int directory = open(resolved, OPEN_FLAGS | O_DIRECTORY);
    if (directory < 0 || fstat(directory, &status) != 0)
        return hf_error_sys(err, HOTFIX_IO, WHAT " %s: cannot be opened", store->path);
    if (hf_owned_check(WHAT, store->path, &status, false, HOTFIX_TRUST, err) != 0)
        return -1;
    if (asprintf(&file, "%s/%s" BUNDLE_END, store->path, stored->stem) < 0) {
        file = NULL;
        return no_memory(err);
    }
    HF_CLOSE int fd = openat(directory, strrchr(file, '/') + 1, OPEN_FLAGS);
    if (fd < 0 && errno == ELOOP)
        return hf_error(err, HOTFIX_TRUST, WHAT " %s: is a symbolic link; enable the bundle again", file);
    if (fd < 0)
        return hf_error_sys(err, HOTFIX_IO, WHAT " %s: cannot be opened", file);
    if (hf_file_read_fd(fd, file, HF_BUNDLE_MAX_SIZE, &read, size, &status, err) != 0 ||
        hf_owned_check(WHAT, file, &status, false, HOTFIX_TRUST, err) != 0)
        return -1;
    *bytes = hf_move(read);
    return 0;
}

/* Processes of all users look into it, whatever the umask is. One that is there keeps its mode. */
static int make_directory(const char *path, struct hotfix_error *err)
{
    mode_t before = umask(S_IWGRP | S_IWOTH);
    int status = mkdir(path, 0755);

    if (status != 0 && errno == EEXIST)
        status = 0;
    if (status != 0)
        hf_error_sys(err, HOTFIX_IO, WHAT " %s: cannot be made", path);
    umask(before);
    return status;
}

/* Makes the directory of the build-id, and those above it that there are not yet; then all are looked at. */
static int furnish(const char *path, char **resolved, struct hotfix_error *err)
{
    HF_FREE char *copy = strdup(path);
    struct stat status;

    if (!copy)
        return no_memory(err);
    for (char *slash = copy; (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        if (make_directory(copy, err) != 0)
            return -1;
        *slash = '/';
    }
    if (make_directory(path, err) != 0)
        return -1;
    if (hf_safe_path(WHAT, path, HOTFIX_TRUST, resolved, err) != 0)
        return -1;
    if (lstat(*resolved, &status) != 0)
        return hf_error_sys(err, HOTFIX_IO, WHAT " %s: cannot be examined", path);
    if (!S_ISDIR(status.st_mode))
        return hf_error(err, HOTFIX_IO, WHAT " %s: is not a directory", path);
    return hf_owned_check(WHAT, path, &status, false, HOTFIX_TRUST, err);
}

/*
 * Processes of all users read it, whatever the umask is, and whatever the mode of the file that it replaces was.
 */
static int write_public(const char *file, const void *bytes, size_t size, struct hotfix_error *err)
{
    if (hf_file_write(file, bytes, size, 0644, false, err) != 0)
        return -1;
    return chmod(file, 0644) == 0 ? 0 : hf_error_sys(err, HOTFIX_IO, WHAT " %s: cannot be made readable", file);
}

static int set_demand(const char *file, bool required, struct hotfix_error *err)
{
    if (required)
        return write_public(file, "", 0, err);
    if (unlink(file) != 0 && errno != ENOENT)
        return hf_error_sys(err, HOTFIX_IO, WHAT " %s: cannot be removed", file);
    return 0;
}

int hf_store_add(const char *path, const struct hf_manifest *manifest, const void *bytes, size_t size, bool required,
                 struct hotfix_error *err)
{
    char build[2 * HF_BUILD_ID_MAX + 1], id[2 * HF_ID_SIZE + 1];
    HF_FREE char *directory = NULL;
    HF_FREE char *resolved = NULL;
    HF_FREE char *file = NULL;
    HF_FREE char *demand = NULL;

    hf_hex_encode(manifest->target_build_id.bytes, manifest->target_build_id.size, build);
    hf_hex_encode(manifest->id, HF_ID_SIZE, id);
    if (asprintf(&directory, "%s/%s", path, build) < 0) {
        directory = NULL;
        return no_memory(err);
    }
    if (furnish(directory, &resolved, err) != 0)
        return -1;
    if (asprintf(&file, "%s/%020" PRIu64 "-%020" PRIu64 "-%s" BUNDLE_END, resolved, manifest->sequence,
                 (uint64_t)manifest->created, id) < 0) {
        file = NULL;
        return no_memory(err);
    }
    if (asprintf(&demand, "%.*s" DEMAND_END, (int)(strlen(file) - strlen(BUNDLE_END)), file) < 0) {
        demand = NULL;
        return no_memory(err);
    }
    /* A demand without its bundle would keep programs from starting. */
    if (write_public(file, bytes, size, err) != 0)
        return -1;
    return set_demand(demand, required, err);
}

struct removal {
    const char *path;
    const char *id;
    size_t removed;
};

static int unlink_stored(const struct hf_store *store, const char *stem, const char *ending, struct hotfix_error *err)
{
    HF_FREE char *file = NULL;

    if (asprintf(&file, "%s/%s%s", store->path, stem, ending) < 0) {
        file = NULL;
        return no_memory(err);
    }
    if (unlink(file) != 0 && errno != ENOENT)
        return hf_error_sys(err, HOTFIX_IO, WHAT " %s: cannot be removed", file);
    return 0;
}

static int remove_from(const char *build, void *arg, struct hotfix_error *err)
{
    struct removal *removal = arg;
    struct hf_store store;
    int status = hf_store_list(removal->path, build, &store, err);

    for (size_t i = 0; status == 0 && i < store.count; i++) {
        const struct hf_stored *stored = &store.items[i];
        if (strcmp(hf_stored_id(stored), removal->id) != 0)
            continue;
        /* The demand first: see hf_store_add(). */
        status = unlink_stored(&store, stored->stem, DEMAND_END, err);
        if (status == 0)
            status = unlink_stored(&store, stored->stem, BUNDLE_END, err);
        removal->removed += status == 0;
    }
    if (status == 0 && store.path && removal->removed > 0)
        rmdir(store.path); /* which only an empty one permits */
    hf_store_deinit(&store);
    return status;
}

int hf_store_remove(const char *path, const char *id, size_t *removed, struct hotfix_error *err)
{
    struct removal removal = {.path = path, .id = id};

    if (hf_store_builds(path, remove_from, &removal, err) != 0)
        return -1;
    *removed = removal.removed;
    return 0;
}

static int is_build(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);

    return length > 0 && length <= (size_t)2 * HF_BUILD_ID_MAX && is_digits(entry->d_name, length, "0123456789abcdef");
}

int hf_store_builds(const char *path, int (*visit)(const char *build, void *arg, struct hotfix_error *err), void *arg,
                    struct hotfix_error *err)
{
    struct dirent **entries;
    int status = 0;
    int count = scandir(path, &entries, is_build, alphasort);

    if (count < 0 && errno == ENOENT)
        return 0;
    if (count < 0)
        return hf_error_sys(err, HOTFIX_IO, WHAT " %s: cannot be read", path);
    for (int i = 0; i < count; i++) {
        if (status == 0)
            status = visit(entries[i]->d_name, arg, err);
        free(entries[i]);
    }
    free(entries);
    return status;
}
