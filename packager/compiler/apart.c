/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler/apart.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "compiler/interrupt.h"
#include "error.h"

/* What comes through the pipe before the answer. */
struct head {
    int result;
    size_t size;
    struct hotfix_error error;
};

static bool write_all(int fd, const void *bytes, size_t size)
{
    const char *at = bytes;

    while (size > 0) {
        ssize_t written = write(fd, at, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        at += written;
        size -= (size_t)written;
    }
    return true;
}

static bool read_all(int fd, void *bytes, size_t size)
{
    char *at = bytes;

    while (size > 0) {
        ssize_t got = read(fd, at, size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        size -= (size_t)got;
    }
    return true;
}

/* The other process: what it wrote to buffered files is this one's, so nothing but the pipe is written at its end. */
_Noreturn static void work_and_exit(hf_apart_fn work, void *arg, int fd)
{
    struct head head = {.result = -1};
    char *answer = NULL;
    FILE *out = open_memstream(&answer, &head.size);

    if (out) {
        head.result = work(arg, out, &head.error);
        if (fclose(out) != 0)
            _exit(1);
    } else {
        hf_error(&head.error, HOTFIX_MEMORY, "out of memory");
    }
    _exit(write_all(fd, &head, sizeof(head)) && write_all(fd, answer, head.size) ? 0 : 1);
}

static pid_t start(hf_apart_fn work, void *arg, const int ends[2])
{
    sigset_t before;

    fflush(NULL);
    bool guarded = hf_interrupt_begin(&before);
    pid_t pid = fork();
    if (pid == 0) {
        if (guarded) {
            setpgid(0, 0);
            signal(SIGTTOU, SIG_IGN); /* it tells its progress from the background */
            hf_interrupt_end(&before);
        }
        close(ends[0]);
        work_and_exit(work, arg, ends[1]);
    }
    if (guarded && pid > 0)
        hf_interrupt_note_listening(pid);
    if (guarded)
        hf_interrupt_end(&before);
    return pid;
}

int hf_apart_run(hf_apart_fn work, void *arg, uint8_t **answer, size_t *size, struct hotfix_error *err)
{
    HF_FREE uint8_t *bytes = NULL;
    struct head head;
    int ends[2];

    *answer = NULL;
    *size = 0;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return hf_error_sys(err, HOTFIX_IO, "no process can be started");
    HF_CLOSE int reading = ends[0];
    pid_t pid = start(work, arg, ends);
    int failed = errno;
    close(ends[1]);
    errno = failed;
    if (pid < 0)
        return hf_error_sys(err, HOTFIX_IO, "no process can be started");
    bool whole = read_all(reading, &head, sizeof(head)) && (bytes = malloc(head.size + 1)) &&
                 read_all(reading, bytes, head.size);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    hf_interrupt_forget(pid);
    if (!whole)
        return hf_error(err, HOTFIX_IO, "the process that builds was ended by somebody else, or is out of memory");
    if (head.result != 0 && err)
        *err = head.error;
    *answer = hf_move(bytes);
    *size = head.size;
    return head.result;
}
