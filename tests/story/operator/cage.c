/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cage WHAT...: takes from itself what it is told, as daemons do, and answers each line with what fee() is: undumpable,
 * nproc, nofile, chroot DIRECTORY, user (nobody), seccomp (a filter that ends whoever makes another call than a few),
 * workers (two children that answer, too, each when it is its turn). A line that begins with f has it fork another one.
 */
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int fee(int value);

enum { NOBODY = 65534 };

static int filter(void)
{
    static const int allowed[] = {SYS_read, SYS_write, SYS_exit_group, SYS_rt_sigreturn, SYS_restart_syscall};
    struct sock_filter code[32];
    unsigned short count = 0;

    code[count++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        code[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)allowed[i], 0, 1);
        code[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    code[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    struct sock_fprog program = {.len = count, .filter = code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0;
}

static int take(const char *what, const char *argument)
{
    if (strcmp(what, "undumpable") == 0)
        return prctl(PR_SET_DUMPABLE, 0);
    if (strcmp(what, "nproc") == 0)
        return setrlimit(RLIMIT_NPROC, &(struct rlimit){0, 0});
    if (strcmp(what, "nofile") == 0)
        return setrlimit(RLIMIT_NOFILE, &(struct rlimit){3, 3});
    if (strcmp(what, "chroot") == 0)
        return chroot(argument) != 0 || chdir("/") != 0;
    if (strcmp(what, "user") == 0)
        return setresgid(NOBODY, NOBODY, NOBODY) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0;
    if (strcmp(what, "seccomp") == 0)
        return filter();
    if (strcmp(what, "workers") == 0)
        for (int i = 0; i < 2; i++)
            if (fork() == 0)
                break;
    return 0;
}

int main(int argc, char **argv)
{
    int (*volatile called)(int value) = fee;
    char text[64];

    for (int i = 1; i < argc; i++)
        if (take(argv[i], argv[i + 1]) != 0)
            return perror(argv[i]), 1;
    if (write(1, "ready\n", 6) != 6)
        return 1;
    while (read(0, text, sizeof(text)) > 0) {
        if (text[0] == 'f' && fork() < 0)
            return 1;
        int length = snprintf(text, sizeof(text), "fee %d\n", called(3));
        if (write(1, text, (size_t)length) != length)
            return 1;
    }
    return 0;
}
