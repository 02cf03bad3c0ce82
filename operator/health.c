/* SPDX-License-Identifier: Apache-2.0 */
#include "health.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "enter/visit.h"
#include "error.h"
#include "process/target.h"

#define SLEEP_NS   20000000L
#define NS_PER_S   UINT64_C(1000000000)
#define HEALTH_MAX 60u /* seconds that the command has */

static int check_alive(const struct hf_pids *pids, struct hotfix_error *err)
{
    for (size_t i = 0; i < pids->count; i++) {
        struct hf_target target;
        struct hotfix_error error;
        if (hf_target_open(pids->items[i], &target, &error) == 0)
            hf_target_close(&target);
        else if (error.code == HOTFIX_NO_TARGET)
            return hf_error(err, HOTFIX_NO_TARGET, "process %d has ended since it was fixed", (int)pids->items[i]);
    }
    return 0;
}

static void sleep_a_little(void)
{
    nanosleep(&(struct timespec){.tv_nsec = SLEEP_NS}, NULL);
}

static int wait_for(unsigned int seconds, struct hotfix_error *err)
{
    uint64_t end = hf_now_ns() + seconds * NS_PER_S;

    while (hf_now_ns() < end) {
        if (hf_visit_interrupted)
            return hf_error(err, HOTFIX_BUSY, "interrupted");
        sleep_a_little();
    }
    return 0;
}

/* What the command says is no part of the report. It does not outlive this one. */
static void run_shell(const char *command)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};

    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        signal(signals[i], SIG_DFL);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (dup2(STDERR_FILENO, STDOUT_FILENO) >= 0)
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

static int end_shell(pid_t child, struct hotfix_error *err)
{
    int status;

    kill(-child, SIGKILL);
    kill(child, SIGKILL); /* where it had no time to lead its group */
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return hf_visit_interrupted ? hf_error(err, HOTFIX_BUSY, "interrupted")
                                : hf_error(err, HOTFIX_PATCHER, "the health command took longer than %u s", HEALTH_MAX);
}

static int run_command(const char *command, struct hotfix_error *err)
{
    uint64_t end = hf_now_ns() + HEALTH_MAX * NS_PER_S;
    int status;

    pid_t child = fork();
    if (child < 0)
        return hf_error_sys(err, HOTFIX_IO, "the health command cannot be run");
    if (child == 0)
        run_shell(command);
    pid_t ended;
    while ((ended = waitpid(child, &status, WNOHANG)) == 0 || (ended < 0 && errno == EINTR)) {
        if (hf_visit_interrupted || hf_now_ns() > end)
            return end_shell(child, err);
        sleep_a_little();
    }
    if (ended == child && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (ended == child && WIFSIGNALED(status))
        return hf_error(err, HOTFIX_PATCHER, "the health command was ended by signal %d", WTERMSIG(status));
    return hf_error(err, HOTFIX_PATCHER, "the health command failed with exit status %d", WEXITSTATUS(status));
}

int hf_health_check(const struct hf_ctl *ctl, const struct hf_pids *pids, struct hotfix_error *err)
{
    if (wait_for(ctl->wait, err) != 0 || check_alive(pids, err) != 0)
        return -1;
    return ctl->health ? run_command(ctl->health, err) : 0;
}
