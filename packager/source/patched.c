/* SPDX-License-Identifier: Apache-2.0 */
#include "source/patched.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "compiler/process.h"
#include "error.h"

static int out_of_memory(struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_MEMORY, "out of memory");
}

/* Adds a text that is not there yet. */
static int add(char ***list, size_t *count, const char *text, struct hotfix_error *err)
{
    for (size_t i = 0; i < *count; i++)
        if (strcmp((*list)[i], text) == 0)
            return 0;
    char **grown = reallocarray(*list, *count + 1, sizeof(*grown));
    if (!grown)
        return out_of_memory(err);
    *list = grown;
    grown[*count] = strdup(text);
    return grown[*count] ? (++*count, 0) : out_of_memory(err);
}

static void free_list(char **list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(list[i]);
    free(list);
}

void hf_patched_deinit(struct hf_patched *patched)
{
    free_list(patched->files, patched->file_count);
    free_list(patched->shifted, patched->shifted_count);
    *patched = (struct hf_patched){.files = NULL};
}

/* The file that a line of a patch names, without what -p1 takes off; NULL for other lines. In place. */
static char *named_file(char *line)
{
    static const struct {
        const char *begin;
        bool strip; /* the name begins with a/ or b/ */
    } forms[] = {{"--- ", true}, {"+++ ", true}, {"rename from ", false}, {"rename to ", false}};

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        size_t length = strlen(forms[i].begin);
        if (strncmp(line, forms[i].begin, length) != 0)
            continue;
        char *name = line + length;
        name[strcspn(name, "\t\r\n")] = '\0';
        char *slash = strchr(name, '/');
        if (strcmp(name, "/dev/null") == 0 || (forms[i].strip && !slash))
            return NULL;
        return forms[i].strip ? slash + 1 : name;
    }
    return NULL;
}

/* Lines of hunks that look like a file's header count as one: too many names are better than too few. */
static int read_one(const char *path, struct hf_patched *patched, struct hotfix_error *err)
{
    FILE *file = fopen(path, "re");
    HF_FREE char *line = NULL;
    size_t room = 0;
    bool empty = true;
    int failed = 0;

    if (!file)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be read", path);
    while (!failed && getline(&line, &room, file) > 0) {
        const char *name = named_file(line);
        if (!name)
            continue;
        empty = false;
        failed = add(&patched->files, &patched->file_count, name, err);
    }
    fclose(file);
    if (!failed && empty)
        failed = hf_error(err, HOTFIX_USAGE,
                          "%s: names no file to change; it must be a unified diff, as of 'diff -u' "
                          "or 'git diff'",
                          path);
    return failed;
}

int hf_patched_read(const char *const *patches, size_t count, struct hf_patched *patched, struct hotfix_error *err)
{
    *patched = (struct hf_patched){.patches = patches, .patch_count = count};
    for (size_t i = 0; i < count; i++) {
        if (read_one(patches[i], patched, err) == 0)
            continue;
        hf_patched_deinit(patched);
        return -1;
    }
    return 0;
}

/* What a line of patch(1) says of a failure, in words; NULL where it says nothing of one. *file is what it patches. */
static char *read_failure(const char *line, char **file)
{
    static const char patching[] = "patching file ", creating[] = "The next patch would create the file ";
    unsigned long hunk, at;
    char *why = NULL;
    int written = 0;

    if (strncmp(line, patching, strlen(patching)) == 0) {
        free(*file);
        *file = strdup(line + strlen(patching));
    } else if (*file && sscanf(line, "Hunk #%lu FAILED at %lu", &hunk, &at) == 2) {
        written = asprintf(&why, "%s: hunk %lu fails at line %lu", *file, hunk, at);
    } else if (*file && strncmp(line, "Reversed (or previously applied)", 32) == 0) {
        written = asprintf(&why, "%s seems to have the change already", *file);
    } else if (strncmp(line, "|+++ ", 5) == 0 && (line = strchr(line, '/'))) {
        written = asprintf(&why, "no file %.*s", (int)strcspn(line + 1, "\t"), line + 1);
    } else if (strncmp(line, creating, strlen(creating)) == 0) {
        line += strlen(creating);
        written = asprintf(&why, "%.*s is there already", (int)strcspn(line, ","), line);
    }
    return written < 0 ? NULL : why;
}

/* The first failure that the log tells of, from an offset on: " (lib/a.c: hunk 2 fails at line 7)"; else nothing. */
static void explain(const char *log, off_t begin, char *why, size_t size)
{
    FILE *in = fopen(log, "re");
    HF_FREE char *line = NULL;
    HF_FREE char *file = NULL;
    HF_FREE char *found = NULL;
    size_t room = 0;

    why[0] = '\0';
    if (!in)
        return;
    if (fseeko(in, begin, SEEK_SET) == 0)
        while (!found && getline(&line, &room, in) > 0) {
            line[strcspn(line, "\n")] = '\0';
            found = read_failure(line, &file);
        }
    fclose(in);
    if (found)
        snprintf(why, size, " (%s)", found);
}

static int apply_one(const char *patch, const char *tree, const char *name, const char *log, struct hotfix_error *err)
{
    HF_FREE char *path = realpath(patch, NULL);
    if (!path)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be read", patch);
    /* No other kind of patch is guessed, scripts for ed least of all. What it says is read, by accept.h too. */
    const char *argv[] = {"env",
                          "LC_ALL=C",
                          "patch",
                          "-p1",
                          "--batch",
                          "--forward",
                          "--fuzz=0",
                          "--no-backup-if-mismatch",
                          "--quoting-style=shell",
                          "-u",
                          "-i",
                          path,
                          NULL};
    const struct hf_process process = {.argv = argv, .directory = tree, .log = log};
    struct stat before;
    off_t begin = stat(log, &before) == 0 ? before.st_size : 0;
    char why[200];

    if (hf_process_run(&process, err) == 0)
        return 0;
    explain(log, begin, why, sizeof(why));
    return hf_error(err, HOTFIX_USAGE, "%s does not apply to %s with patch -p1%s, see %s", patch, name, why, log);
}

int hf_patched_apply(const struct hf_patched *patched, const char *tree, const char *name, const char *log,
                     struct hotfix_error *err)
{
    for (size_t i = 0; i < patched->patch_count; i++)
        if (apply_one(patched->patches[i], tree, name, log, err) != 0)
            return -1;
    return 0;
}

/* Copies those of the touched files that exist. */
static int copy_files(const struct hf_patched *patched, const char *tree, const char *scratch, const char *log,
                      struct hotfix_error *err)
{
    HF_FREE const char **argv = calloc(patched->file_count + 6, sizeof(*argv));
    size_t used = 0;
    if (!argv)
        return out_of_memory(err);
    argv[used++] = "cp";
    argv[used++] = "-a";
    argv[used++] = "--parents";
    argv[used++] = "--";
    size_t first = used;
    for (size_t i = 0; i < patched->file_count; i++) {
        HF_FREE char *path = NULL;
        if (asprintf(&path, "%s/%s", tree, patched->files[i]) < 0) {
            path = NULL;
            return out_of_memory(err);
        }
        if (access(path, F_OK) == 0)
            argv[used++] = patched->files[i];
    }
    if (used == first)
        return 0;
    argv[used] = scratch;
    const struct hf_process process = {.argv = argv, .directory = tree, .log = log};
    return hf_process_run(&process, err);
}

/* "patching file NAME", then "Hunk #1 succeeded at 12 (offset 3 lines)." */
static int find_shifted(struct hf_patched *patched, const char *log, struct hotfix_error *err)
{
    static const char patching[] = "patching file ";
    FILE *file = fopen(log, "re");
    HF_FREE char *name = NULL;
    HF_FREE char *line = NULL;
    size_t room = 0;
    int failed = 0;

    if (!file)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be read", log);
    while (!failed && getline(&line, &room, file) > 0) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, patching, strlen(patching)) == 0) {
            free(name);
            name = strdup(line + strlen(patching));
        } else if (name && strncmp(line, "Hunk #", 6) == 0 && strstr(line, "(offset ")) {
            failed = add(&patched->shifted, &patched->shifted_count, name, err);
        }
    }
    fclose(file);
    return failed;
}

int hf_patched_try(struct hf_patched *patched, const char *tree, const char *scratch, const char *log,
                   struct hotfix_error *err)
{
    if (mkdir(scratch, 0777) != 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be made", scratch);
    if (copy_files(patched, tree, scratch, log, err) != 0 || hf_patched_apply(patched, scratch, tree, log, err) != 0)
        return -1;
    return find_shifted(patched, log, err);
}
