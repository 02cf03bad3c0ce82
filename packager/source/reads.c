/* SPDX-License-Identifier: Apache-2.0 */
#include "source/reads.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "compiler/rule.h"
#include "elf/path.h"
#include "error.h"

/* A file that the patch touches. */
struct touched {
    char *name;         /* below the tree */
    char *path;         /* in the tree */
    struct stat status; /* st_ino is 0 where the patch removes it */
    bool read;
};

struct patch {
    struct touched *files;
    size_t count;
};

static void patch_deinit(struct patch *patch)
{
    for (size_t i = 0; i < patch->count; i++) {
        free(patch->files[i].name);
        free(patch->files[i].path);
    }
    free(patch->files);
}

static int out_of_memory(struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_MEMORY, "out of memory");
}

static int look_up(const struct hf_patched *patched, const char *tree, struct patch *patch, struct hotfix_error *err)
{
    patch->files = calloc(patched->file_count + 1, sizeof(*patch->files));
    if (!patch->files)
        return out_of_memory(err);
    for (size_t i = 0; i < patched->file_count; i++) {
        struct touched *file = &patch->files[patch->count++];
        file->name = strdup(patched->files[i]);
        file->path = hf_path_join(tree, patched->files[i]);
        if (!file->name || !file->path)
            return out_of_memory(err);
        if (stat(file->path, &file->status) != 0)
            file->status.st_ino = 0;
    }
    return 0;
}

struct search {
    const char *directory; /* that relative names count from */
    struct patch *patch;
    const char *original;
    char *outside; /* malloc'ed: what was read of the original tree */
};

/* Links may give one file several names: device and inode decide where there is a file. */
static int mark_read(const char *name, void *arg)
{
    struct search *search = arg;
    HF_FREE char *path = hf_path_join(search->directory, name);
    struct stat status;

    if (!path)
        return -1;
    bool there = stat(path, &status) == 0;
    for (size_t i = 0; i < search->patch->count; i++) {
        struct touched *file = &search->patch->files[i];
        bool same = there && file->status.st_ino == status.st_ino && file->status.st_dev == status.st_dev;
        file->read |= same || strcmp(file->path, path) == 0;
    }
    return 0;
}

static int find_outside(const char *name, void *arg)
{
    struct search *search = arg;
    HF_FREE char *path = hf_path_join(search->directory, name);
    HF_FREE char *real = path ? realpath(path, NULL) : NULL;
    size_t length = strlen(search->original);

    if (!real || strncmp(real, search->original, length) != 0 || real[length] != '/')
        return path ? 0 : -1;
    search->outside = real;
    real = NULL;
    return 1;
}

/* Calls visit for what each compile of the output read; stops at a result other than 0. */
static int each_read(const struct hf_builds *builds, hf_rule_visit visit, struct search *search,
                     const struct hf_compile **compile, struct hotfix_error *err)
{
    const struct hf_journal *const journals[] = {builds->before, builds->after};
    int result = 0;

    for (size_t j = 0; j < 2; j++)
        for (size_t i = 0; i < journals[j]->compile_count && result == 0; i++) {
            *compile = &journals[j]->compiles[i];
            if (!(*compile)->rule || !hf_changes_goes_in(builds, *compile))
                continue;
            search->directory = (*compile)->directory;
            result = hf_rule_each((*compile)->rule, visit, search, err);
        }
    return result;
}

/* A compile without a rule read at least its source. */
static int mark_sources(const struct hf_builds *builds, struct search *search, struct hotfix_error *err)
{
    const struct hf_journal *const journals[] = {builds->before, builds->after};

    for (size_t j = 0; j < 2; j++)
        for (size_t i = 0; i < journals[j]->compile_count; i++) {
            const struct hf_compile *compile = &journals[j]->compiles[i];
            search->directory = compile->directory;
            if (!compile->rule && hf_changes_goes_in(builds, compile) && mark_read(compile->source, search) != 0)
                return out_of_memory(err);
        }
    return 0;
}

int hf_reads_missing(const struct hf_builds *builds, const struct hf_patched *patched, char ***names, size_t *count,
                     struct hotfix_error *err)
{
    __attribute__((cleanup(patch_deinit))) struct patch touched = {.count = 0};
    struct search search = {.patch = &touched};
    const struct hf_compile *compile;

    if (look_up(patched, builds->tree, &touched, err) != 0 || mark_sources(builds, &search, err) != 0 ||
        each_read(builds, mark_read, &search, &compile, err) != 0)
        return -1;
    char **missing = calloc(touched.count + 1, sizeof(*missing));
    if (!missing)
        return out_of_memory(err);
    size_t found = 0;
    for (size_t i = 0; i < touched.count; i++) {
        if (touched.files[i].read)
            continue;
        missing[found++] = touched.files[i].name;
        touched.files[i].name = NULL;
    }
    *names = missing;
    *count = found;
    return 0;
}

int hf_reads_inside(const struct hf_builds *builds, const char *original, struct hotfix_error *err)
{
    struct search search = {.original = original};
    const struct hf_compile *compile = NULL;

    if (strcmp(builds->tree, original) == 0)
        return 0;
    int result = each_read(builds, find_outside, &search, &compile, err);
    HF_FREE char *outside = search.outside;
    if (result <= 0)
        return result;
    return hf_error(
        err, HOTFIX_USAGE,
        "%s was compiled with %s, not with the copy of it that the patch is applied to: links and makefiles "
        "that name the tree by its whole path work where user namespaces are allowed "
        "(kernel.unprivileged_userns_clone, user.max_user_namespaces), or as root",
        compile->source, outside);
}
