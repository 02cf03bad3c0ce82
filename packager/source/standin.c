/* SPDX-License-Identifier: Apache-2.0 */
#include "source/standin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"

static bool write_text(const char *path, const char *text)
{
    HF_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* A user namespace in which this user and group are who they were. */
static bool enter_user_namespace(void)
{
    char users[64];
    char groups[64];
    unsigned user = geteuid();
    unsigned group = getegid();

    snprintf(users, sizeof(users), "%u %u 1\n", user, user);
    snprintf(groups, sizeof(groups), "%u %u 1\n", group, group);
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && write_text("/proc/self/uid_map", users) &&
           write_text("/proc/self/setgroups", "deny") && write_text("/proc/self/gid_map", groups);
}

static bool enter(void)
{
    return (unshare(CLONE_NEWNS) == 0 || enter_user_namespace()) &&
           mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/*
 * A half-made namespace cannot be left again: a child tries first. All mounts, since what lies below them is not to be
 * uncovered in a user namespace (mount_namespaces(7)).
 */
bool hf_standin_allowed(void)
{
    pid_t pid = fork();
    int status;

    if (pid == 0)
        _exit(enter() && mount("/", "/", NULL, MS_BIND | MS_REC, NULL) == 0 ? 0 : 1);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return false;
    return enter();
}

int hf_standin_put(const char *copy, const char *place, struct hotfix_error *err)
{
    if (mount(copy, place, NULL, MS_BIND | MS_REC, NULL) != 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot take the place of %s", copy, place);
    return 0;
}

int hf_standin_take(const char *place, struct hotfix_error *err)
{
    if (umount2(place, MNT_DETACH) != 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be put back into its place", place);
    return 0;
}

static void close_entries(DIR **entries)
{
    if (*entries)
        closedir(*entries);
}

static bool is_empty(const char *path)
{
    __attribute__((cleanup(close_entries))) DIR *entries = opendir(path);

    for (struct dirent *entry; entries && (entry = readdir(entries));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            return false;
    return entries != NULL;
}

bool hf_standin_has_room(const char *directory)
{
    struct stat status;

    return directory[0] == '/' && directory[1] &&
           (lstat(directory, &status) == 0 ? S_ISDIR(status.st_mode) && is_empty(directory) : errno == ENOENT);
}

/* An entry of a directory under the same name in another one: links as they are, all else as mounts. */
static bool show_entry(const char *from, const char *to)
{
    char link[PATH_MAX];
    struct stat status;

    if (lstat(from, &status) != 0)
        return errno == ENOENT;
    if (S_ISLNK(status.st_mode)) {
        ssize_t length = readlink(from, link, sizeof(link) - 1);
        link[length > 0 ? length : 0] = '\0';
        return length > 0 && symlink(link, to) == 0;
    }
    if (S_ISDIR(status.st_mode)) {
        if (mkdir(to, 0755) != 0)
            return false;
    } else {
        int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
            return false;
        close(fd);
    }
    return mount(from, to, NULL, MS_BIND | MS_REC, NULL) == 0;
}

/* All of a directory, as seen in another one, where more can be made than in the original. */
static bool show_all(const char *from, const char *to)
{
    __attribute__((cleanup(close_entries))) DIR *entries = opendir(from);
    char source[PATH_MAX], place[PATH_MAX];

    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if ((size_t)snprintf(source, sizeof(source), "%s/%s", from, entry->d_name) >= sizeof(source) ||
            (size_t)snprintf(place, sizeof(place), "%s/%s", to, entry->d_name) >= sizeof(place) ||
            !show_entry(source, place))
            return false;
    }
    return entries != NULL;
}

/* What is seen in `base` is seen in the place of the directory `from`, or of all there is ("/"). */
static bool take_place(const char *base, const char *from)
{
    char here[PATH_MAX];

    if (strcmp(from, "/") != 0)
        return mount(base, from, NULL, MS_MOVE, NULL) == 0;
    /* The old root comes to lie on the new one, and is taken off it (pivot_root(2)). */
    return getcwd(here, sizeof(here)) && chdir(base) == 0 && syscall(SYS_pivot_root, ".", ".") == 0 &&
           umount2(".", MNT_DETACH) == 0 && chdir("/") == 0 && chdir(here) == 0;
}

/* The directories of `path` behind its first `length` characters, below `base`. */
static bool make_below(const char *base, const char *path, size_t length)
{
    char made[PATH_MAX];
    size_t used = (size_t)snprintf(made, sizeof(made), "%s", base);

    if (used + strlen(path + length) >= sizeof(made))
        return false;
    strcpy(made + used, path + length);
    for (char *at = made + used + 1;; at++) {
        char c = *at;
        if (c != '/' && c != '\0')
            continue;
        *at = '\0';
        if (mkdir(made, 0755) != 0)
            return false;
        *at = c;
        if (c == '\0')
            return true;
    }
}

/* The length of the part of a path that exists; 0 for the root directory. */
static size_t existing(const char *path)
{
    char part[PATH_MAX];
    size_t length = (size_t)snprintf(part, sizeof(part), "%s", path);

    while (length > 0 && access(part, F_OK) != 0) {
        while (length > 0 && part[length - 1] != '/')
            length--;
        length -= length > 0;
        part[length] = '\0';
    }
    return length;
}

/* A directory that is not there is made in a file system of its own, which shows all that is beside it. */
static bool make_room(const char *directory, const char *base)
{
    char from[PATH_MAX] = "/";
    size_t length = existing(directory);

    if (directory[length] == '\0')
        return true;
    if (length > 0)
        snprintf(from, sizeof(from), "%.*s", (int)length, directory);
    if (mount("none", base, "tmpfs", 0, "mode=755") != 0 || !show_all(from, base) ||
        !make_below(base, directory, length) || !take_place(base, from))
        return false;
    umount2(base, MNT_DETACH); /* as it is seen in itself, where it lies below `from` */
    return true;
}

/* The directories that are needed below `work`. */
static int make_directories(const char *work, const char *name, char **base, char **content, struct hotfix_error *err)
{
    HF_FREE char *inside = NULL;

    if (asprintf(base, "%s/root", work) < 0)
        *base = NULL;
    if (asprintf(content, "%s/place", work) < 0)
        *content = NULL;
    if (!*base || !*content || asprintf(&inside, "%s/%s", *content, name) < 0) {
        inside = NULL;
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    }
    const char *const made[] = {*base, *content, inside};
    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
        if (mkdir(made[i], 0777) != 0)
            return hf_error_sys(err, HOTFIX_IO, "%s: cannot be made", made[i]);
    return 0;
}

int hf_standin_enter(const char *place, const char *work, struct hotfix_error *err)
{
    const char *slash = strrchr(place, '/');
    HF_FREE char *parent = strndup(place, (size_t)(slash - place));
    HF_FREE char *base = NULL;
    HF_FREE char *content = NULL;

    if (!parent)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (make_directories(work, slash + 1, &base, &content, err) != 0)
        return -1;
    if (!make_room(parent, base) || mount(content, parent, NULL, MS_BIND | MS_REC, NULL) != 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be made for this build alone", parent);
    return 0;
}
