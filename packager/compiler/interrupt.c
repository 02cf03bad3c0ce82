/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler/interrupt.h"

#include <stddef.h>

#define GROUPS_MAX 128 /* processes at once: compilers run side by side */

static const int caught_signals[] = {SIGINT, SIGTERM, SIGHUP};
#define CAUGHT_COUNT (sizeof(caught_signals) / sizeof(caught_signals[0]))

static bool catching;
static volatile sig_atomic_t came;
static volatile sig_atomic_t groups[GROUPS_MAX];
static volatile sig_atomic_t listening[GROUPS_MAX]; /* they have groups of their own to stop */

/* The second time is for those that do not listen. May only call what signal-safety(7) allows. */
static void stop(int number)
{
    int deadly = came ? SIGKILL : SIGTERM;

    came = number;
    for (size_t i = 0; i < GROUPS_MAX; i++)
        if (groups[i] > 0)
            kill(-(pid_t)groups[i], listening[i] ? SIGTERM : deadly);
}

static void fill(sigset_t *set)
{
    sigemptyset(set);
    for (size_t i = 0; i < CAUGHT_COUNT; i++)
        sigaddset(set, caught_signals[i]);
}

void hf_interrupt_catch(void)
{
    struct sigaction before, action = {.sa_handler = stop};

    fill(&action.sa_mask);
    for (size_t i = 0; i < CAUGHT_COUNT; i++)
        if (sigaction(caught_signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(caught_signals[i], &action, NULL);
    catching = true;
}

int hf_interrupt_signal(void)
{
    return came;
}

bool hf_interrupt_begin(sigset_t *before)
{
    sigset_t set;

    if (!catching)
        return false;
    fill(&set);
    return sigprocmask(SIG_BLOCK, &set, before) == 0;
}

void hf_interrupt_end(const sigset_t *before)
{
    sigprocmask(SIG_SETMASK, before, NULL);
}

void hf_interrupt_default(void)
{
    struct sigaction now, action = {.sa_handler = SIG_DFL};

    for (size_t i = 0; i < CAUGHT_COUNT; i++)
        if (sigaction(caught_signals[i], NULL, &now) == 0 && now.sa_handler == stop)
            sigaction(caught_signals[i], &action, NULL);
}

static void note(pid_t pid, bool listens)
{
    for (size_t i = 0; i < GROUPS_MAX; i++)
        if (groups[i] == 0) {
            listening[i] = listens;
            groups[i] = pid;
            return;
        }
}

void hf_interrupt_note(pid_t pid)
{
    note(pid, false);
}

void hf_interrupt_note_listening(pid_t pid)
{
    note(pid, true);
}

void hf_interrupt_forget(pid_t pid)
{
    for (size_t i = 0; i < GROUPS_MAX; i++)
        if (groups[i] == pid)
            groups[i] = 0;
}

void hf_interrupt_finish(void)
{
    if (!came)
        return;
    signal(came, SIG_DFL);
    raise(came);
}
