/* SPDX-License-Identifier: Apache-2.0 */
#include "source/workspace.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "error.h"

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

int hf_workspace_init(struct hf_workspace *workspace, const char *given, struct hotfix_error *err)
{
    const char *parent = getenv("TMPDIR");
    char *path;

    if (given && mkdir(given, 0777) != 0 && errno != EEXIST)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be made", given);
    if (given && check_empty(given, err) != 0)
        return -1;
    if (given)
        path = strdup(given);
    else if (asprintf(&path, "%s/hotfix-build.XXXXXX", parent && *parent ? parent : "/tmp") < 0)
        path = NULL;
    if (!path)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (!given && !mkdtemp(path)) {
        hf_error_sys(err, HOTFIX_IO, "%s: cannot be made", path);
        free(path);
        return -1;
    }
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

int hf_workspace_remove(const struct hf_workspace *workspace, struct hotfix_error *err)
{
    if (!workspace->temporary)
        return 0;
    if (nftw(workspace->path, remove_entry, REMOVE_DESCRIPTORS, FTW_DEPTH | FTW_PHYS) != 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be removed", workspace->path);
    return 0;
}

void hf_workspace_deinit(struct hf_workspace *workspace)
{
    free(workspace->path);
    memset(workspace, 0, sizeof(*workspace));
}
