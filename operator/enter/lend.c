/* SPDX-License-Identifier: Apache-2.0 */
#include "enter/lend.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"

/* What lies in the process's memory meanwhile. */
struct letter {
    int32_t sockets[2];
    uint8_t byte;
    struct iovec part;
    struct msghdr header;
    union {
        struct cmsghdr head;
        uint8_t bytes[CMSG_SPACE(sizeof(int))];
    } control;
};

_Static_assert(sizeof(struct letter) <= HF_LEND_SPACE, "the letter fits into its space");

static int failed(const struct hf_tracee *tracee, int64_t result, struct hotfix_error *err)
{
    int pid = (int)tracee->target->pid;

    if (result == -EMFILE)
        return hf_error(
            err, HOTFIX_STAGE,
            "process %d has no descriptor left for the library: raise its limit (prlimit --pid %d --nofile)", pid, pid);
    errno = (int)-result;
    return hf_error_sys(err, HOTFIX_STAGE, "process %d cannot be given the library", pid);
}

static int gone(const struct hf_tracee *tracee, struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_NO_TARGET, "the memory of process %d cannot be reached any more",
                    (int)tracee->target->pid);
}

/* Sends it from this end, of which a copy is taken: nothing of the process's is opened. */
static int post(const struct hf_tracee *tracee, int socket, int descriptor, struct hotfix_error *err)
{
    HF_CLOSE int process = (int)syscall(SYS_pidfd_open, tracee->target->pid, 0);
    HF_CLOSE int end = process < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, process, socket, 0);
    struct letter letter = {.byte = 0};

    letter.part = (struct iovec){&letter.byte, sizeof(letter.byte)};
    letter.header = (struct msghdr){.msg_iov = &letter.part,
                                    .msg_iovlen = 1,
                                    .msg_control = &letter.control,
                                    .msg_controllen = sizeof(letter.control)};
    letter.control.head =
        (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&letter.control.head), &descriptor, sizeof(descriptor));
    if (end < 0 || sendmsg(end, &letter.header, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)sizeof(letter.byte))
        return failed(tracee, -errno, err);
    return 0;
}

/* Has the process take it. */
static int fetch(struct hf_tracee *tracee, uint64_t scratch, int socket, int *number, struct hotfix_error *err)
{
    struct letter letter = {.byte = 0};
    int64_t result;
    const uint64_t arguments[6] = {(uint64_t)socket, scratch + offsetof(struct letter, header),
                                   MSG_DONTWAIT | MSG_CMSG_CLOEXEC};

    letter.part = (struct iovec){(void *)(scratch + offsetof(struct letter, byte)), sizeof(letter.byte)};
    letter.header = (struct msghdr){.msg_iov = (void *)(scratch + offsetof(struct letter, part)),
                                    .msg_iovlen = 1,
                                    .msg_control = (void *)(scratch + offsetof(struct letter, control)),
                                    .msg_controllen = sizeof(letter.control)};
    if (!hf_target_write(tracee->target, scratch, &letter, sizeof(letter)))
        return gone(tracee, err);
    if (hf_tracee_syscall(tracee, SYS_recvmsg, arguments, &result, err) != 0)
        return -1;
    if (result < 0)
        return failed(tracee, result, err);
    if (!hf_target_read(tracee->target, scratch, &letter, sizeof(letter)))
        return gone(tracee, err);
    if (letter.control.head.cmsg_len != CMSG_LEN(sizeof(int)) || letter.header.msg_flags & MSG_CTRUNC)
        return failed(tracee, -EMFILE, err);
    memcpy(number, CMSG_DATA(&letter.control.head), sizeof(*number));
    return 0;
}

int hf_lend(struct hf_tracee *tracee, uint64_t scratch, int descriptor, int *number, struct hotfix_error *err)
{
    int32_t sockets[2];
    int64_t result;
    const uint64_t arguments[6] = {AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, scratch};

    if (hf_tracee_syscall(tracee, SYS_socketpair, arguments, &result, err) != 0)
        return -1;
    if (result < 0)
        return failed(tracee, result, err);
    if (!hf_target_read(tracee->target, scratch, sockets, sizeof(sockets)))
        return gone(tracee, err);
    int status = post(tracee, sockets[1], descriptor, err);
    if (status == 0)
        status = fetch(tracee, scratch, sockets[0], number, err);
    for (int i = 0; i < 2 && !tracee->left; i++) {
        const uint64_t close_it[6] = {(uint64_t)sockets[i]};
        if (hf_tracee_syscall(tracee, SYS_close, close_it, &result, status == 0 ? err : NULL) != 0)
            status = -1;
    }
    return status;
}
