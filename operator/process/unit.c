/* SPDX-License-Identifier: Apache-2.0 */
#include "process/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"

#define GROUPS    "/sys/fs/cgroup"
#define NAME_SIZE 256
#define DEPTH_MAX 32

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), size = strlen(end);

    return length > size && strcmp(name + length - size, end) == 0;
}

static int read_processes(int directory, struct hf_pids *pids, struct hotfix_error *err)
{
    int fd = openat(directory, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    HF_FCLOSE FILE *file = fd >= 0 ? fdopen(fd, "re") : NULL;
    int pid, status = 0;

    if (!file) {
        if (fd >= 0)
            close(fd);
        return 0; /* it has ended */
    }
    /* 0: one of a namespace that cannot be seen from here. */
    while (status == 0 && fscanf(file, "%d", &pid) == 1) {
        if (pid > 0 && !hf_pids_has(pids, pid))
            status = hf_pids_add(pids, pid, err);
    }
    return status;
}

/* Groups below those of systemd are looked at by their names alone: what is in other units may be a container's, or a
 * user's. */
static bool is_on_the_way(const char *name, bool top)
{
    char own[64];

    snprintf(own, sizeof(own), "user@%u.service", geteuid());
    return ends_with(name, ".slice") || (top && (strcmp(name, "systemd") == 0 || strcmp(name, "unified") == 0)) ||
           (geteuid() != 0 && strcmp(name, own) == 0);
}

struct walk {
    const char *unit;
    struct hf_pids *pids;
    size_t groups; /* of the unit */
};

/* Takes the directory over. inside: the unit's own, all of whose groups count. */
static int walk_groups(struct walk *walk, int directory, bool inside, int depth, struct hotfix_error *err)
{
    DIR *groups = fdopendir(directory);
    int status = 0;

    if (!groups) {
        close(directory);
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    }
    if (inside)
        status = read_processes(directory, walk->pids, err);
    for (struct dirent *entry; status == 0 && depth < DEPTH_MAX && (entry = readdir(groups));) {
        bool found = strcmp(entry->d_name, walk->unit) == 0;
        if (entry->d_name[0] == '.' || !(inside || found || is_on_the_way(entry->d_name, depth == 0)))
            continue;
        int below = openat(directory, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below < 0)
            continue;
        walk->groups += found && !inside;
        status = walk_groups(walk, below, inside || found, depth + 1, err);
    }
    closedir(groups);
    return status;
}

static int compare(const void *a, const void *b)
{
    return *(const pid_t *)a < *(const pid_t *)b ? -1 : *(const pid_t *)a > *(const pid_t *)b;
}

int hf_unit_processes(const char *unit, struct hf_pids *pids, struct hotfix_error *err)
{
    char name[NAME_SIZE];
    size_t before = pids->count;
    int root = open(GROUPS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (root < 0)
        return hf_error_sys(err, HOTFIX_IO, GROUPS " cannot be read, where systemd has its units' processes");
    snprintf(name, sizeof(name), "%s%s", unit, strchr(unit, '.') ? "" : ".service");
    struct walk walk = {.unit = name, .pids = pids};
    if (walk_groups(&walk, root, false, 0, err) != 0)
        return -1;
    if (walk.groups == 0)
        return hf_error(err, HOTFIX_NO_TARGET, "the unit %s does not run: no control group has its name", name);
    if (pids->count == before)
        return hf_error(err, HOTFIX_NO_TARGET, "the unit %s has no process", name);
    qsort(pids->items + before, pids->count - before, sizeof(*pids->items), compare);
    return 0;
}
