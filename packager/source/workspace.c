/* SPDX-License-Identifier: Apache-2.0 */
#include "source/workspace.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "compiler/temporary.h"
#include "error.h"
#include "owned.h"
#include "safepath.h"

#define PATIENCE           40 /* times 50 ms */
#define REMOVE_DESCRIPTORS 32 /* directories that are open at once */

static int check_empty(const char *path, struct hotfix_error *err)
{
    DIR *entries = opendir(path);
    bool empty = true;

    if (!entries)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be used", path);
    for (struct dirent *entry; empty && (entry = readdir(entries));)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(entries);
    return empty ? 0 : hf_error(err, HOTFIX_USAGE, "%s: is not empty", path);
}

/*
 * Nobody else can put something in the place of the directory, or reach into it: what is built there is run, and copies
 * of directories that everybody may write to are as open as they were.
 */
static int secure(const char *path, struct hotfix_error *err)
{
    struct stat status;

    if (lstat(path, &status) != 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be examined", path);
    if (hf_owned_check("work directory", path, &status, false, HOTFIX_TRUST, err) != 0 ||
        hf_owned_check_above("work directory", path, HOTFIX_TRUST, err) != 0)
        return -1;
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) && chmod(path, S_IRWXU) != 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be closed to other users", path);
    return 0;
}

static int open_given(const char *given, char **path, struct hotfix_error *err)
{
    if (mkdir(given, S_IRWXU) != 0 && errno != EEXIST)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be made", given);
    HF_FREE char *whole = NULL;
    if (hf_safe_path("work directory", given, HOTFIX_TRUST, &whole, err) != 0)
        return -1;
    if (secure(whole, err) != 0 || check_empty(given, err) != 0)
        return -1;
    *path = strdup(given);
    return *path ? 0 : hf_error(err, HOTFIX_MEMORY, "out of memory");
}

int hf_workspace_init(struct hf_workspace *workspace, const char *given, struct hotfix_error *err)
{
    char *path = NULL;

    if ((given ? open_given(given, &path, err) : hf_temporary_make(&path, err)) != 0)
        return -1;
    *workspace = (struct hf_workspace){.path = path, .temporary = !given};
    return 0;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

int hf_workspace_clear(const char *path, struct hotfix_error *err)
{
    int failed = nftw(path, remove_entry, REMOVE_DESCRIPTORS, FTW_DEPTH | FTW_PHYS);

    /* What was stopped may still be writing its last file. */
    for (int i = 0; failed && (errno == ENOTEMPTY || errno == ENOENT) && access(path, F_OK) == 0 && i < PATIENCE; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
        failed = nftw(path, remove_entry, REMOVE_DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
    }
    if (failed && access(path, F_OK) == 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be removed", path);
    return 0;
}

int hf_workspace_remove(const struct hf_workspace *workspace, struct hotfix_error *err)
{
    return workspace->temporary ? hf_workspace_clear(workspace->path, err) : 0;
}

void hf_workspace_deinit(struct hf_workspace *workspace)
{
    free(workspace->path);
    memset(workspace, 0, sizeof(*workspace));
}
