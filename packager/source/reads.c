/* SPDX-License-Identifier: Apache-2.0 */
#include "source/reads.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "compiler/rule.h"
#include "elf/path.h"
#include "error.h"
#include "file.h"

#define SOURCE_MAX (64u << 20) /* bytes of a file that is compared with another one */

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
    const char *tree;  /* where the builds had it */
    const char *state; /* where it is as it was at the end of that build */
    const char *original;
    char *outside;               /* malloc'ed: what was read of the original tree */
    const char *text;            /* that is looked for */
    const struct timespec *date; /* or files that are newer are */
    struct hf_suspects *suspects;
};

void hf_suspects_deinit(struct hf_suspects *suspects)
{
    for (size_t i = 0; i < suspects->count; i++)
        free(suspects->files[i]);
    *suspects = (struct hf_suspects){.count = 0};
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool same_content(const char *a, const char *b)
{
    HF_FREE uint8_t *ours = NULL;
    HF_FREE uint8_t *theirs = NULL;
    size_t our_size, their_size;
    struct stat first, second;

    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_size == second.st_size && first.st_size > 0 &&
           hf_file_read(a, SOURCE_MAX, &ours, &our_size, NULL) == 0 &&
           hf_file_read(b, SOURCE_MAX, &theirs, &their_size, NULL) == 0 && our_size == their_size &&
           memcmp(ours, theirs, our_size) == 0;
}

/* Some packages build in copies of their sources, one for each flavour: what was read is a copy of the touched file. */
static bool is_copy(const struct search *search, const struct touched *file, const char *path)
{
    size_t length = strlen(search->tree);

    if (strcmp(base_name(file->name), base_name(path)) != 0 || strncmp(path, search->tree, length) != 0 ||
        path[length] != '/')
        return false;
    HF_FREE char *touched = hf_path_join(search->state, file->name);
    HF_FREE char *read = hf_path_join(search->state, path + length + 1);
    return touched && read && same_content(touched, read);
}

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
        file->read = file->read || same || strcmp(file->path, path) == 0 || is_copy(search, file, path);
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
    const char *const states[] = {builds->tree_before, builds->tree};
    int result = 0;

    for (size_t j = 0; j < 2; j++)
        for (size_t i = 0; i < journals[j]->compile_count && result == 0; i++) {
            *compile = &journals[j]->compiles[i];
            search->state = states[j];
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
    const char *const states[] = {builds->tree_before, builds->tree};

    for (size_t j = 0; j < 2; j++)
        for (size_t i = 0; i < journals[j]->compile_count; i++) {
            const struct hf_compile *compile = &journals[j]->compiles[i];
            search->state = states[j];
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
    struct search search = {.patch = &touched, .tree = builds->tree};
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

static bool is_newer(const char *path, const struct timespec *date)
{
    struct stat status;

    return stat(path, &status) == 0 &&
           (status.st_mtim.tv_sec > date->tv_sec ||
            (status.st_mtim.tv_sec == date->tv_sec && status.st_mtim.tv_nsec > date->tv_nsec));
}

static bool has_text(const char *path, const char *text)
{
    HF_FREE uint8_t *bytes = NULL;
    size_t size;

    return hf_file_read(path, SOURCE_MAX, &bytes, &size, NULL) == 0 && memmem(bytes, size, text, strlen(text));
}

static bool same_directory(const char *a, const char *b)
{
    size_t length = (size_t)(base_name(a) - a);
    return (size_t)(base_name(b) - b) == length && strncmp(a, b, length) == 0;
}

/* Of one directory one file is enough: a package's are all of one version. */
static int suspect(const char *name, void *arg)
{
    struct search *search = arg;
    HF_FREE char *path = hf_path_join(search->directory, name);
    size_t length = strlen(search->tree);

    if (!path)
        return -1;
    if (strncmp(path, search->tree, length) == 0 && path[length] == '/')
        return 0;
    for (size_t i = 0; i < search->suspects->count; i++)
        if (same_directory(search->suspects->files[i], path))
            return 0;
    if (!(search->text ? has_text(path, search->text) : is_newer(path, search->date)))
        return 0;
    search->suspects->files[search->suspects->count++] = path;
    path = NULL;
    return search->text || search->suspects->count == HF_SUSPECTS_MAX;
}

void hf_reads_suspects(const struct hf_journal *journal, const char *tree, const char *text,
                       const struct timespec *date, struct hf_suspects *suspects)
{
    struct search search = {.tree = tree, .text = text, .date = date, .suspects = suspects};
    int stop = 0;

    *suspects = (struct hf_suspects){.count = 0};
    for (size_t i = 0; i < journal->compile_count && stop != 1; i++) {
        const struct hf_compile *compile = &journal->compiles[i];
        search.directory = compile->directory;
        if (compile->rule)
            stop = hf_rule_each(compile->rule, suspect, &search, NULL);
    }
}
