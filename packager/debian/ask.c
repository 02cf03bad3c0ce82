/* SPDX-License-Identifier: Apache-2.0 */
#include "debian/ask.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "compiler/process.h"
#include "error.h"
#include "file.h"

#define ANSWER_MAX (64u << 20)
#define WORDS_MAX  32

/* The package that brings a tool. */
static const char *package_of(const char *tool)
{
    if (strncmp(tool, "apt", 3) == 0)
        return "apt";
    return strcmp(tool, "dpkg-query") == 0 ? "dpkg" : "dpkg-dev";
}

int hf_ask(const char *const *argv, const char *directory, char **text, int *status, struct hotfix_error *err)
{
    const char *words[WORDS_MAX] = {"env", "LC_ALL=C.UTF-8"};
    HF_CLOSE int fd = memfd_create("answer", MFD_CLOEXEC);
    char log[64];
    size_t used = 2, size;
    struct stat file;
    pid_t pid;
    int ended;

    if (fd < 0)
        return hf_error_sys(err, HOTFIX_IO, "%s cannot be run", argv[0]);
    snprintf(log, sizeof(log), "/proc/self/fd/%d", fd);
    for (size_t i = 0; argv[i]; i++) {
        if (used + 1 == WORDS_MAX)
            return hf_error(err, HOTFIX_INTERNAL, "%s is asked too much", argv[0]);
        words[used++] = argv[i];
    }
    const struct hf_process process = {.argv = words, .directory = directory, .log = log};
    if (hf_process_start(&process, &pid, err) != 0)
        return -1;
    if (hf_process_wait(pid, argv[0], &ended, err) != 0)
        return -1;
    if (WIFEXITED(ended) && WEXITSTATUS(ended) == 127)
        return hf_error(err, HOTFIX_IO, "%s is not found: install the package %s", argv[0], package_of(argv[0]));
    *status = WIFEXITED(ended) ? WEXITSTATUS(ended) : 128 + WTERMSIG(ended);
    if (lseek(fd, 0, SEEK_SET) != 0)
        return hf_error_sys(err, HOTFIX_IO, "what %s said cannot be read", argv[0]);
    return hf_file_read_fd(fd, argv[0], ANSWER_MAX, (uint8_t **)text, &size, &file, err);
}
