/* SPDX-License-Identifier: Apache-2.0 */
#include "check/loading/libraries.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch.h"
#include "cleanup.h"
#include "error.h"

#define CONFIGURATION "/etc/ld.so.conf"
#define MAX_INCLUDES  4 /* files that include files: deeper is a circle */

/* A search under way: for a library of this name that the file at `origin` needs. */
struct search {
    const char *name;
    const struct hf_image *origin;
    struct hf_library *library;
};

static bool try_path(const struct search *search, const char *path)
{
    struct hf_image image;
    struct hf_dynamic dynamic;

    if (hf_image_open(path, &image, NULL) != 0)
        return false;
    if (image.header.e_machine != search->origin->header.e_machine || image.header.e_type != ET_DYN ||
        hf_dynamic_read(&image, &dynamic, NULL) != 0) {
        hf_image_close(&image);
        return false;
    }
    search->library->found = true;
    search->library->image = image;
    search->library->dynamic = dynamic;
    return true;
}

static bool try_directory(const struct search *search, const char *directory, size_t size)
{
    HF_FREE char *path = NULL;

    if (size == 0 || asprintf(&path, "%.*s/%s", (int)size, directory, search->name) < 0) {
        path = NULL;
        return false;
    }
    return try_path(search, path);
}

/* $ORIGIN is the directory of the file that has the run path. */
static char *expand_origin(const char *run_path, const char *path)
{
    static const char *const forms[] = {"$ORIGIN", "${ORIGIN}"};
    const char *slash = strrchr(path, '/');
    int size = slash ? (int)(slash - path) : 1;
    char *text = strdup(run_path);

    for (size_t i = 0; text && i < 2; i++) {
        for (char *at; text && (at = strstr(text, forms[i]));) {
            char *longer;
            int written = asprintf(&longer, "%.*s%.*s%s", (int)(at - text), text, size, slash ? path : ".",
                                   at + strlen(forms[i]));
            free(text);
            text = written < 0 ? NULL : longer;
        }
    }
    return text;
}

static bool try_run_path(const struct search *search, const char *run_path)
{
    HF_FREE char *expanded = expand_origin(run_path, search->origin->path);

    for (const char *at = expanded; at && *at;) {
        size_t size = strcspn(at, ":");
        if (try_directory(search, at, size))
            return true;
        at += size + (at[size] == ':');
    }
    return false;
}

static bool try_configuration(const struct search *search, const char *path, int depth);

static bool try_included(const struct search *search, const char *pattern, int depth)
{
    glob_t matches;
    bool found = false;

    if (depth >= MAX_INCLUDES || glob(pattern, 0, NULL, &matches) != 0)
        return false;
    for (size_t i = 0; !found && i < matches.gl_pathc; i++)
        found = try_configuration(search, matches.gl_pathv[i], depth + 1);
    globfree(&matches);
    return found;
}

/* A line is a directory, "include PATTERN" or a comment (ldconfig(8)). */
static bool try_configuration(const struct search *search, const char *path, int depth)
{
    HF_FCLOSE FILE *file = fopen(path, "re");
    HF_FREE char *line = NULL;
    size_t capacity = 0;

    while (file && getline(&line, &capacity, file) > 0) {
        line[strcspn(line, "#\n")] = '\0';
        char *text = line + strspn(line, " \t");
        if (strncmp(text, "include ", 8) == 0) {
            text += 8;
            if (try_included(search, text + strspn(text, " \t"), depth))
                return true;
        } else if (try_directory(search, text, strcspn(text, " \t"))) {
            return true;
        }
    }
    return false;
}

static bool try_directories(const struct search *search, const char *const *directories)
{
    for (; *directories; directories++)
        if (try_directory(search, *directories, strlen(*directories)))
            return true;
    return false;
}

static void find(const struct search *search, const char *run_path)
{
    static const char *const directories[] = {"/lib64", "/usr/lib64", "/lib", "/usr/lib", NULL};
    const struct hf_arch_tools *arch = hf_arch_tools_find(search->origin->header.e_machine);

    if (strchr(search->name, '/')) {
        try_path(search, search->name);
        return;
    }
    if ((run_path && try_run_path(search, run_path)) || try_configuration(search, CONFIGURATION, 0))
        return;
    if (!arch || !try_directories(search, arch->library_directories))
        try_directories(search, directories);
}

const struct hf_library *hf_libraries_find(const struct hf_libraries *libraries, const char *name)
{
    for (size_t i = 0; i < libraries->count; i++)
        if (strcmp(libraries->items[i].name, name) == 0)
            return &libraries->items[i];
    return NULL;
}

/* Adds the direct needs of one file. */
static int add_needs(struct hf_libraries *libraries, const struct hf_image *image, const struct hf_dynamic *dynamic,
                     struct hotfix_error *err)
{
    for (size_t i = 0; i < dynamic->needed_count; i++) {
        const char *name = dynamic->needed[i];
        if (hf_libraries_find(libraries, name))
            continue;
        if (libraries->count == HF_LIBRARIES_MAX)
            return hf_error(err, HOTFIX_FORMAT, "%s: needs more than %d libraries", image->path, HF_LIBRARIES_MAX);
        struct hf_library library = {.name = strdup(name)};
        if (!library.name)
            return hf_error(err, HOTFIX_MEMORY, "out of memory");
        find(&(struct search){name, image, &library}, dynamic->run_path);
        libraries->items[libraries->count++] = library;
    }
    return 0;
}

int hf_libraries_add(struct hf_libraries *libraries, const struct hf_image *image, const struct hf_dynamic *dynamic,
                     struct hotfix_error *err)
{
    if (!libraries->items)
        libraries->items = calloc(HF_LIBRARIES_MAX, sizeof(*libraries->items));
    if (!libraries->items)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");

    size_t next = libraries->count;
    if (add_needs(libraries, image, dynamic, err) != 0)
        return -1;
    for (; next < libraries->count; next++) {
        const struct hf_library *library = &libraries->items[next];
        if (library->found && add_needs(libraries, &library->image, &library->dynamic, err) != 0)
            return -1;
    }
    return 0;
}

void hf_libraries_deinit(struct hf_libraries *libraries)
{
    for (size_t i = 0; i < libraries->count; i++) {
        struct hf_library *library = &libraries->items[i];
        free(library->name);
        if (!library->found)
            continue;
        hf_dynamic_deinit(&library->dynamic);
        hf_image_close(&library->image);
    }
    free(libraries->items);
    *libraries = (struct hf_libraries){0};
}

const struct hf_library *hf_libraries_missing(const struct hf_libraries *libraries)
{
    for (size_t i = 0; i < libraries->count; i++)
        if (!libraries->items[i].found)
            return &libraries->items[i];
    return NULL;
}

size_t hf_libraries_define(const struct hf_libraries *libraries, const char *name, const char *version, size_t from,
                           const struct hf_dynamic_symbol **symbol)
{
    for (size_t i = from; i < libraries->count; i++)
        if (libraries->items[i].found &&
            (*symbol = hf_dynamic_find(&libraries->items[i].dynamic, name, version)) != NULL)
            return i;
    return libraries->count;
}
