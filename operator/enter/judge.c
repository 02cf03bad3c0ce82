/* SPDX-License-Identifier: Apache-2.0 */
#include "enter/judge.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"

static const char *cpu_name(uint16_t machine)
{
    switch (machine) {
    case EM_AARCH64:
        return "arm64";
    case EM_RISCV:
        return "RISC-V";
    case EM_PPC64:
        return "ppc64";
    case EM_S390:
        return "s390";
    default:
        return "another CPU";
    }
}

static int check_program(const struct hf_target *target, struct hotfix_error *err)
{
    Elf64_Ehdr header = {0};
    int pid = (int)target->pid;
    HF_CLOSE int fd = openat(target->directory, "exe", O_RDONLY | O_CLOEXEC);

    if (fd < 0 || pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header) ||
        memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
        return hf_error(err, HOTFIX_STAGE, "the program of process %d cannot be read", pid);
    if (header.e_ident[EI_CLASS] != ELFCLASS64)
        return hf_error(err, HOTFIX_STAGE,
                        "process %d is a 32-bit program, which cannot be entered: only 64-bit ones can", pid);
    if (header.e_machine != EM_X86_64)
        return hf_error(err, HOTFIX_STAGE,
                        "process %d is a program for %s, which cannot be entered here: only x86-64 can", pid,
                        cpu_name(header.e_machine));
    return 0;
}

static int check_library(const struct hf_target *target, const struct hf_images *images, struct hotfix_error *err)
{
    const struct hf_image *libc = hf_images_named(images, "libc.so.6");
    int pid = (int)target->pid;

    for (size_t i = 0; i < images->count && !libc; i++) {
        if (strstr(images->items[i].soname, "musl") || strstr(images->items[i].path, "ld-musl"))
            return hf_error(err, HOTFIX_STAGE, "process %d runs on musl, which cannot be entered: only glibc can", pid);
    }
    if (!libc)
        return hf_error(
            err, HOTFIX_STAGE,
            "process %d is statically linked, or has another C library than glibc, and cannot be entered: link "
            "libhotfix into the program instead",
            pid);
    if (!hf_image_symbol(libc, "dlopen"))
        return hf_error(err, HOTFIX_STAGE, "process %d runs on a glibc older than 2.34, which cannot be entered", pid);
    return 0;
}

/* The library is opened through /proc as the process sees it. */
static int check_proc(const struct hf_target *target, struct hotfix_error *err)
{
    struct statfs system;
    int pid = (int)target->pid;
    HF_CLOSE int fd = openat(target->directory, "root/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 && errno == EACCES)
        return 0; /* the process may see more than this user: it will show */
    if (fd < 0 || fstatfs(fd, &system) != 0 || system.f_type != PROC_SUPER_MAGIC)
        return hf_error(
            err, HOTFIX_STAGE,
            "process %d has no /proc in its root directory, which it needs to load the library: mount it there "
            "meanwhile (mkdir -p /proc/%d/root/proc; mount -t proc proc /proc/%d/root/proc)",
            pid, pid, pid);
    return 0;
}

int hf_judge(const struct hf_target *target, const struct hf_images *images, struct hotfix_error *err)
{
    int pid = (int)target->pid;

    if (check_program(target, err) != 0 || check_library(target, images, err) != 0)
        return -1;
    if (hf_images_named(images, "libhotfix.so.0"))
        return hf_error(
            err, HOTFIX_STAGE,
            "process %d has libhotfix itself: let the program apply the bundle, two libraries would undo each "
            "other's work",
            pid);
    if (target->status.shadow)
        return hf_error(err, HOTFIX_STAGE, "process %d has a shadow stack, which does not let it be entered", pid);
    if (target->status.tracer > 0)
        return hf_target_refused(target, 0, err);
    if (target->status.state == 'T' || target->status.state == 't')
        return hf_error(err, HOTFIX_STOP, "process %d is stopped: continue it first (kill -CONT %d)", pid, pid);
    return check_proc(target, err);
}
