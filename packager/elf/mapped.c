/* SPDX-License-Identifier: Apache-2.0 */
#include "elf/mapped.h"

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "status.h"

struct hf_mapped {
    const void *begin;
    size_t size;
    struct hf_mapped *next;
    char path[];
};

static struct hf_mapped *first;

static const char *path_at(uintptr_t address)
{
    for (const struct hf_mapped *mapped = first; mapped; mapped = mapped->next)
        if (address - (uintptr_t)mapped->begin < mapped->size)
            return mapped->path;
    return "a file";
}

/* A signal handler: calls only what may be called in one. */
static void tell(const char *text)
{
    ssize_t written = write(STDERR_FILENO, text, strlen(text));

    (void)written; /* there is nobody else to tell */
}

static void end(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    if (info->si_code != BUS_ADRERR) {
        /* Not of a mapping: happens again, and ends the process. */
        sigaction(SIGBUS, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
        return;
    }
    tell("hotfix: ");
    tell(path_at((uintptr_t)info->si_addr));
    tell(": was cut off while it was read; try again when nobody changes it\n");
    _exit(hf_status_of(HOTFIX_IO));
}

void hf_mapped_watch(void)
{
    sigaction(SIGBUS, &(struct sigaction){.sa_sigaction = end, .sa_flags = SA_SIGINFO}, NULL);
}

struct hf_mapped *hf_mapped_add(const void *begin, size_t size, const char *path)
{
    struct hf_mapped *mapped = malloc(sizeof(*mapped) + strlen(path) + 1);

    if (!mapped)
        return NULL;
    mapped->begin = begin;
    mapped->size = size;
    mapped->next = first;
    strcpy(mapped->path, path);
    first = mapped;
    return mapped;
}

void hf_mapped_remove(struct hf_mapped *mapped)
{
    struct hf_mapped **link = &first;

    while (*link && *link != mapped)
        link = &(*link)->next;
    if (*link)
        *link = mapped->next;
    free(mapped);
}
