/* SPDX-License-Identifier: Apache-2.0 */
#include "source/isolate.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "compiler/interrupt.h"
#include "error.h"

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWUTS)
/*
 * What root keeps: rights over files, of which only the writable ones can change. Not CAP_DAC_READ_SEARCH, with which
 * every file of a file system can be opened by its number below a directory that is writable.
 */
#define FILE_CAPABILITIES (1u << CAP_CHOWN | 1u << CAP_DAC_OVERRIDE | 1u << CAP_FOWNER | 1u << CAP_FSETID)

/* Devices that can be opened: to others a read-only file system is no obstacle. */
static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"};

/* What went wrong in the child, through a pipe. */
struct failure {
    int number; /* errno */
    char step[64];
};

/* The child's side: what it needs, all of it made before. */
struct child {
    const struct hf_process *process;
    const struct hf_isolation *isolation;
    int report;
    int null;
    int log;
};

_Noreturn static void give_up(const struct child *child, const char *step)
{
    struct failure failure = {.number = errno};

    snprintf(failure.step, sizeof(failure.step), "%s", step);
    (void)!write(child->report, &failure, sizeof(failure));
    _exit(127);
}

static bool write_text(const char *path, const char *text)
{
    HF_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* Root needs no user namespace, and in one could not write to what belongs to others. */
static bool enter(void)
{
    char users[64], groups[64];
    unsigned user = geteuid(), group = getegid();

    if (user == 0)
        return unshare(NAMESPACES) == 0;
    snprintf(users, sizeof(users), "%u %u 1\n", user, user);
    snprintf(groups, sizeof(groups), "%u %u 1\n", group, group);
    return unshare(CLONE_NEWUSER | NAMESPACES) == 0 && write_text("/proc/self/uid_map", users) &&
           write_text("/proc/self/setgroups", "deny") && write_text("/proc/self/gid_map", groups);
}

/* Of the devices that are there: mounts of their own (false), and then these open again. */
static bool keep_devices(bool open_again)
{
    struct mount_attr open = {.attr_clr = MOUNT_ATTR_NODEV};

    for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
        if (access(devices[i], F_OK) == 0 && (open_again ? mount_setattr(AT_FDCWD, devices[i], 0, &open, sizeof(open))
                                                         : mount(devices[i], devices[i], NULL, MS_BIND, NULL)) != 0)
            return false;
    return true;
}

/* Each writable directory becomes a mount, which the attributes of others do not concern. */
static bool close_mounts(const struct hf_isolation *isolation)
{
    struct mount_attr closed = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV},
                      open_again = {.attr_clr = MOUNT_ATTR_RDONLY};

    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0)
        return false;
    for (size_t i = 0; i < isolation->writable_count; i++)
        if (mount(isolation->writable[i], isolation->writable[i], NULL, MS_BIND | MS_REC, NULL) != 0)
            return false;
    if (!keep_devices(false) || mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &closed, sizeof(closed)) != 0 ||
        !keep_devices(true))
        return false;
    for (size_t i = 0; i < isolation->writable_count; i++)
        if (mount_setattr(AT_FDCWD, isolation->writable[i], 0, &open_again, sizeof(open_again)) != 0)
            return false;
    /* Sockets of services, by which somebody else could be asked to do things. */
    return mount("none", "/run", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0;
}

static bool drop_capabilities(void)
{
    uint32_t kept = geteuid() == 0 ? FILE_CAPABILITIES : 0;
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {{.effective = kept, .permitted = kept}};

    for (int i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
        if ((i >= 32 || !(kept & 1u << i)) && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) != 0)
            return false;
    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 && syscall(SYS_capset, &header, sets) == 0 &&
           prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

/* The process's own environment, without what leads to agents and sessions of this user. */
static bool set_environment(const struct child *child)
{
    static const char *const dropped[] = {"SSH_AUTH_SOCK", "GPG_AGENT_INFO",  "DBUS_SESSION_BUS_ADDRESS",
                                          "DISPLAY",       "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR"};

    if (child->process->environment) {
        clearenv();
        for (char *const *entry = child->process->environment; *entry; entry++)
            if (putenv(*entry) != 0)
                return false;
    }
    for (size_t i = 0; i < sizeof(dropped) / sizeof(dropped[0]); i++)
        unsetenv(dropped[i]);
    return setenv("TMPDIR", child->isolation->temporary, 1) == 0;
}

/* The first process of the new namespace: it ends with the one that waits for it. */
_Noreturn static void run(const struct child *child)
{
    const struct hf_process *process = child->process;

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        give_up(child, "tying it to this process");
    /* Whoever has a terminal in common with a shell can type into it. */
    if (setsid() < 0)
        give_up(child, "giving it a session of its own");
    if (!close_mounts(child->isolation))
        give_up(child, "closing file systems");
    if (!drop_capabilities())
        give_up(child, "giving up capabilities");
    if (!set_environment(child))
        give_up(child, "setting the environment");
    if ((process->directory && chdir(process->directory) != 0) || dup2(child->null, 0) < 0 ||
        (child->log >= 0 && (dup2(child->log, 1) < 0 || dup2(child->log, 2) < 0)))
        give_up(child, "preparing it");
    /* Files and directories that this process was started with are open as they were. */
    if (close_range(3, UINT_MAX, CLOSE_RANGE_CLOEXEC) != 0)
        give_up(child, "closing files");
    execvp(process->argv[0], (char *const *)process->argv);
    give_up(child, process->argv[0]);
}

/* Enters the namespaces and waits: a process that enters one of processes is not in it, its children are. */
_Noreturn static void enter_and_wait(const struct child *child)
{
    int status;

    if (!enter())
        give_up(child, "making namespaces");
    pid_t pid = fork();
    if (pid == 0)
        run(child);
    close(child->report);
    if (pid < 0)
        _exit(127);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            _exit(127);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

int hf_isolate_start(const struct hf_process *process, const struct hf_isolation *isolation, pid_t *pid,
                     struct hotfix_error *err)
{
    struct failure failure;
    int ends[2];
    HF_CLOSE int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    HF_CLOSE int log = process->log ? open(process->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)
                                    : fcntl(1, F_DUPFD_CLOEXEC, 3);

    if (null < 0 || log < 0 || pipe2(ends, O_CLOEXEC) != 0)
        return hf_error_sys(err, HOTFIX_IO, "%s cannot be run", process->argv[0]);
    HF_CLOSE int reading = ends[0];
    const struct child child = {
        .process = process, .isolation = isolation, .report = ends[1], .null = null, .log = process->log ? log : -1};
    sigset_t before;
    bool guarded = hf_interrupt_begin(&before);
    *pid = fork();
    if (*pid == 0) {
        if (guarded) {
            setpgid(0, 0);
            hf_interrupt_default();
            hf_interrupt_end(&before);
        }
        enter_and_wait(&child);
    }
    if (guarded && *pid > 0)
        hf_interrupt_note(*pid);
    if (guarded)
        hf_interrupt_end(&before);
    close(ends[1]);
    if (*pid < 0)
        return hf_error_sys(err, HOTFIX_IO, "%s cannot be run", process->argv[0]);
    if (read(reading, &failure, sizeof(failure)) != (ssize_t)sizeof(failure))
        return 0; /* the pipe was closed by what now runs */
    while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
        ;
    hf_interrupt_forget(*pid);
    errno = failure.number;
    return hf_error_sys(err, HOTFIX_IO,
                        "the build cannot be isolated here (%s); build without --isolate in a container or as a user "
                        "that has nothing to lose",
                        failure.step);
}
