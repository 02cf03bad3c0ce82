/* SPDX-License-Identifier: Apache-2.0 */
#include "object/tree.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "error.h"

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct hf_object_file *)a)->name, ((const struct hf_object_file *)b)->name);
}

static int add(struct hf_object_tree *tree, const char *path, const char *name, struct hotfix_error *err)
{
    if (tree->count >= HF_OBJECT_TREE_MAX)
        return hf_error(err, HOTFIX_FORMAT, "%s: there are more than %u objects", path, HF_OBJECT_TREE_MAX);
    /* Grown when the count is a power of two. */
    if ((tree->count & (tree->count - 1)) == 0) {
        size_t capacity = tree->count ? 2 * tree->count : 1;
        struct hf_object_file *grown = realloc(tree->files, capacity * sizeof(*grown));
        if (!grown)
            return hf_error(err, HOTFIX_MEMORY, "out of memory");
        tree->files = grown;
    }
    struct hf_object_file *file = &tree->files[tree->count++];
    *file = (struct hf_object_file){strdup(path), strdup(name)};
    return file->path && file->name ? 0 : hf_error(err, HOTFIX_MEMORY, "out of memory");
}

static int take(struct hf_object_tree *tree, const FTSENT *entry, size_t root, struct hotfix_error *err)
{
    size_t size = strlen(entry->fts_path);

    switch (entry->fts_info) {
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        errno = entry->fts_errno;
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be read", entry->fts_path);
    case FTS_F:
        if (size < 2 || strcmp(entry->fts_path + size - 2, ".o") != 0)
            return 0;
        return add(tree, entry->fts_path, entry->fts_path + root + strspn(entry->fts_path + root, "/"), err);
    default:
        return 0;
    }
}

static int walk(const char *path, struct hf_object_tree *tree, struct hotfix_error *err)
{
    char *copy = strdup(path);
    char *const roots[] = {copy, NULL};
    FTS *fts = copy ? fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL) : NULL;
    int failed = fts ? 0 : hf_error_sys(err, HOTFIX_IO, "%s: cannot be read", path);

    for (FTSENT *entry; !failed && (entry = fts_read(fts));)
        failed = take(tree, entry, strlen(path), err);
    if (fts)
        fts_close(fts);
    free(copy);
    return failed;
}

int hf_object_tree_read(const char *path, struct hf_object_tree *tree, struct hotfix_error *err)
{
    struct hf_object_tree read = {.count = 0};
    struct stat status;

    if (stat(path, &status) != 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be read", path);
    const char *slash = strrchr(path, '/');
    int failed = S_ISDIR(status.st_mode) ? walk(path, &read, err) : add(&read, path, slash ? slash + 1 : path, err);
    if (!failed && read.count == 0)
        failed = hf_error(err, HOTFIX_USAGE, "%s: holds no object files (*.o)", path);
    if (failed) {
        hf_object_tree_deinit(&read);
        return -1;
    }
    qsort(read.files, read.count, sizeof(*read.files), by_name);
    *tree = read;
    return 0;
}

void hf_object_tree_deinit(struct hf_object_tree *tree)
{
    for (size_t i = 0; i < tree->count; i++) {
        free(tree->files[i].path);
        free(tree->files[i].name);
    }
    free(tree->files);
    *tree = (struct hf_object_tree){.count = 0};
}

const struct hf_object_file *hf_object_tree_find(const struct hf_object_tree *tree, const char *name)
{
    const struct hf_object_file key = {.name = (char *)name};

    return tree->count == 0 ? NULL : bsearch(&key, tree->files, tree->count, sizeof(key), by_name);
}
