/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler/process.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>

#include "compiler/interrupt.h"
#include "error.h"

extern char **environ;

/* In a group of its own, so that all of it can be stopped; begins with the signals that we had. */
static int spawn(const struct hf_process *process, const posix_spawn_file_actions_t *actions, pid_t *pid)
{
    posix_spawnattr_t attributes;
    sigset_t before;
    bool guarded = hf_interrupt_begin(&before);
    int failed = posix_spawnattr_init(&attributes);

    if (!failed && guarded)
        failed = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    if (!failed && guarded)
        failed = posix_spawnattr_setsigmask(&attributes, &before);
    if (!failed)
        failed = posix_spawnp(pid, process->argv[0], actions, &attributes, (char *const *)process->argv,
                              process->environment ? process->environment : environ);
    posix_spawnattr_destroy(&attributes);
    if (!failed && guarded)
        hf_interrupt_note(*pid);
    if (guarded)
        hf_interrupt_end(&before);
    return failed;
}

int hf_process_start(const struct hf_process *process, pid_t *pid, struct hotfix_error *err)
{
    posix_spawn_file_actions_t actions;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed)
        return hf_error(err, HOTFIX_MEMORY, "out of memory to run %s", process->argv[0]);

    failed = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (!failed && process->directory)
        failed = posix_spawn_file_actions_addchdir_np(&actions, process->directory);
    if (!failed && process->log)
        failed = posix_spawn_file_actions_addopen(&actions, 1, process->log, O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (!failed && process->log)
        failed = posix_spawn_file_actions_adddup2(&actions, 1, 2);
    if (!failed)
        failed = hf_interrupt_signal() ? EINTR : spawn(process, &actions, pid);
    posix_spawn_file_actions_destroy(&actions);
    if (failed) {
        errno = failed;
        return hf_error_sys(err, HOTFIX_IO, "%s cannot be run", process->argv[0]);
    }
    return 0;
}

int hf_process_check(const struct hf_process *process, int status, struct hotfix_error *err)
{
    const char *see = process->log ? ", see " : "";
    const char *log = process->log ? process->log : "";

    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (WIFEXITED(status))
        return hf_error(err, HOTFIX_IO, "%s failed with status %d%s%s", process->argv[0], WEXITSTATUS(status), see,
                        log);
    return hf_error(err, HOTFIX_IO, "%s was killed by signal %d%s%s", process->argv[0], WTERMSIG(status), see, log);
}

int hf_process_wait(pid_t pid, const char *name, int *status, struct hotfix_error *err)
{
    while (waitpid(pid, status, 0) < 0)
        if (errno != EINTR)
            return hf_error_sys(err, HOTFIX_INTERNAL, "%s cannot be waited for", name);
    hf_interrupt_forget(pid);
    return 0;
}

int hf_process_run(const struct hf_process *process, struct hotfix_error *err)
{
    pid_t pid;
    int status;

    if (hf_process_start(process, &pid, err) != 0)
        return -1;
    if (hf_process_wait(pid, process->argv[0], &status, err) != 0)
        return -1;
    return hf_process_check(process, status, err);
}

int hf_process_status(const char *const *argv)
{
    pid_t pid;
    int status;

    if (posix_spawn(&pid, argv[0], NULL, NULL, (char *const *)argv, environ) != 0)
        return 127;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 127;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
