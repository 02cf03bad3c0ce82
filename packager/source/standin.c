/* SPDX-License-Identifier: Apache-2.0 */
#include "source/standin.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
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

/* A half-made namespace cannot be left again: a child tries first. */
bool hf_standin_allowed(void)
{
    pid_t pid = fork();
    int status;

    if (pid == 0)
        _exit(enter() && mount("/", "/", NULL, MS_BIND, NULL) == 0 ? 0 : 1);
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
