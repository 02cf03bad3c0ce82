/* SPDX-License-Identifier: Apache-2.0 */
#include "safepath.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "owned.h"

#define LINKS_MAX 40 /* symbolic links on one path, as the kernel has it */

/* A path while it is resolved. */
struct walk {
    char done[PATH_MAX]; /* without symbolic links, and without a slash at its end: "" is the root */
    char rest[PATH_MAX];
    char target[PATH_MAX]; /* of a symbolic link */
    unsigned links;
};

static int too_long(void)
{
    errno = ENAMETOOLONG;
    return -1;
}

/* -1 with errno. */
static int begin(struct walk *walk, const char *path)
{
    walk->done[0] = '\0';
    walk->rest[0] = '\0';
    walk->links = 0;
    if (path[0] != '/' && !getcwd(walk->rest, sizeof(walk->rest)))
        return -1;
    size_t length = strlen(walk->rest);
    if (!path[0]) {
        errno = ENOENT;
        return -1;
    }
    int added = snprintf(walk->rest + length, sizeof(walk->rest) - length, "/%s", path);
    return (size_t)added < sizeof(walk->rest) - length ? 0 : too_long();
}

static void leave(struct walk *walk)
{
    char *slash = strrchr(walk->done, '/');

    if (slash)
        *slash = '\0';
}

/* Puts what the symbolic link that was entered leads to before the rest. -1 with errno. */
static int follow(struct walk *walk)
{
    ssize_t size = readlink(walk->done, walk->target, sizeof(walk->target) - 1);

    if (size < 0)
        return -1;
    if (++walk->links > LINKS_MAX) {
        errno = ELOOP;
        return -1;
    }
    size_t length = (size_t)size, left = strlen(walk->rest) + 1;
    if (length + 1 + left > sizeof(walk->rest))
        return too_long();
    memmove(walk->rest + length + 1, walk->rest, left);
    memcpy(walk->rest, walk->target, length);
    walk->rest[length] = '/';
    leave(walk);
    if (walk->target[0] == '/')
        walk->done[0] = '\0';
    return 0;
}

/* Takes the next name of the rest away and enters it. -1 with errno. */
static int enter(struct walk *walk, struct stat *status)
{
    size_t slashes = strspn(walk->rest, "/"), length = strcspn(walk->rest + slashes, "/"), at = strlen(walk->done);

    if (at + 1 + length >= sizeof(walk->done))
        return too_long();
    walk->done[at] = '/';
    memcpy(walk->done + at + 1, walk->rest + slashes, length);
    walk->done[at + 1 + length] = '\0';
    memmove(walk->rest, walk->rest + slashes + length, strlen(walk->rest + slashes + length) + 1);
    bool up = strcmp(walk->done + at, "/..") == 0;
    if (!up && length > 0 && strcmp(walk->done + at, "/.") != 0)
        return lstat(walk->done, status);
    walk->done[at] = '\0';
    if (up)
        leave(walk);
    return lstat(walk->done[0] ? walk->done : "/", status);
}

/* What a name means is said by the directory that it is looked up in: that one has to be in safe hands, each time. */
static int resolve(struct walk *walk, const char *what, const char *path, enum hotfix_code code,
                   struct hotfix_error *err)
{
    struct stat status;
    int failed = lstat("/", &status);

    while (!failed && walk->rest[strspn(walk->rest, "/")]) {
        if (S_ISDIR(status.st_mode) &&
            hf_owned_check(what, walk->done[0] ? walk->done : "/", &status, true, code, err) != 0)
            return -1;
        failed = enter(walk, &status);
        if (failed || !S_ISLNK(status.st_mode))
            continue;
        if (hf_owned_by(what, walk->done, &status, code, err) != 0)
            return -1;
        failed = follow(walk) != 0 || lstat(walk->done[0] ? walk->done : "/", &status) != 0;
    }
    return failed ? hf_error_sys(err, code == HOTFIX_TRUST ? HOTFIX_IO : code, "%s %s: cannot be found", what, path)
                  : 0;
}

int hf_safe_path(const char *what, const char *path, enum hotfix_code code, char **resolved, struct hotfix_error *err)
{
    HF_FREE struct walk *walk = malloc(sizeof(*walk));

    if (!walk)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (begin(walk, path) != 0)
        return hf_error_sys(err, code == HOTFIX_TRUST ? HOTFIX_IO : code, "%s %s: cannot be found", what, path);
    if (resolve(walk, what, path, code, err) != 0)
        return -1;
    char *found = strdup(walk->done[0] ? walk->done : "/");
    if (!found)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    *resolved = found;
    return 0;
}
