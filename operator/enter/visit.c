/* SPDX-License-Identifier: Apache-2.0 */
#include "enter/visit.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "enter/agent.h"
#include "enter/context.h"
#include "enter/lend.h"
#include "enter/safe.h"
#include "error.h"
#include "inside/protocol.h"

#define PAGE       UINT64_C(4096)
#define STACK_SIZE (UINT64_C(512) << 10)
#define PAUSE_NS   1000000L /* between two rounds over all threads, at first */
#define PAUSE_MAX  20000000L
#define RUN_NS     UINT64_C(30000000000) /* that a function may take in there, before the thread is left to itself */

volatile int hf_visit_interrupted;

static int interrupted(struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_BUSY, "interrupted: nothing was changed");
}

/* Numbers of all threads; *count of them. NULL when out of memory or the process has ended. */
static pid_t *list_threads(const struct hf_target *target, size_t *count)
{
    int fd = openat(target->directory, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *tasks = fd >= 0 ? fdopendir(fd) : NULL;
    pid_t *list = NULL;
    size_t used = 0;

    if (!tasks)
        return NULL;
    for (struct dirent *entry; (entry = readdir(tasks));) {
        pid_t tid = (pid_t)atoi(entry->d_name);
        pid_t *grown = tid > 0 ? reallocarray(list, used + 1, sizeof(*list)) : NULL;
        if (!grown)
            continue;
        list = grown;
        list[used++] = tid;
    }
    closedir(tasks);
    *count = used;
    return list;
}

/* Why ptrace refuses: what /proc says, or the filters of system calls that only a strong root may suspend. */
static int refused(const struct hf_target *target, bool filtered, int error, struct hotfix_error *err)
{
    struct hf_target_status now;

    if (filtered && (error == EPERM || error == EINVAL) && hf_target_thread_status(target, target->pid, &now) &&
        now.tracer == 0 && (geteuid() == 0 || now.uid == geteuid()))
        return hf_error(
            err, HOTFIX_STOP,
            "process %d has a seccomp filter, which might end it for what it is made to do here: run this as "
            "root with CAP_SYS_ADMIN, which may suspend the filter meanwhile",
            (int)target->pid);
    return hf_target_refused(target, error, err);
}

struct search {
    struct hf_visit *visit;
    pid_t tid; /* of the last one that was no good */
    char why[HF_SAFE_WHY];
};

/* 1: held at a safe point; 0: not this one now; -1 with err. */
static int try_thread(struct search *search, pid_t tid, struct hotfix_error *err)
{
    struct hf_visit *visit = search->visit;
    struct hf_target_status status;

    if (!hf_target_thread_status(visit->target, tid, &status))
        return 0;
    if (status.state != 'S') {
        if (!search->why[0] || search->tid == 0)
            snprintf(search->why, sizeof(search->why), "does not sleep");
        search->tid = search->tid ? search->tid : tid;
        return 0;
    }
    bool filtered = status.seccomp != 0;
    uint64_t began = hf_now_ns();
    switch (hf_tracee_hold(visit->target, tid, filtered, visit->deadline, &visit->tracee)) {
    case HF_HELD:
        break;
    case HF_HELD_REFUSED:
        return refused(visit->target, filtered, errno, err);
    default:
        return 0;
    }
    if (hf_safe_point(visit->target, visit->images, &visit->tracee, search->why)) {
        visit->began = began;
        return 1;
    }
    search->tid = tid;
    hf_tracee_release(&visit->tracee);
    return 0;
}

static int find_thread(struct hf_visit *visit, struct hotfix_error *err)
{
    struct search search = {.visit = visit};
    long pause = PAUSE_NS;

    for (;;) {
        size_t count = 0;
        HF_FREE pid_t *threads = list_threads(visit->target, &count);
        if (!threads)
            return hf_error(err, HOTFIX_NO_TARGET, "process %d has ended", (int)visit->target->pid);
        for (size_t i = 0; i < count; i++) {
            if (hf_visit_interrupted)
                return interrupted(err);
            int found = try_thread(&search, threads[i], err);
            if (found != 0)
                return found > 0 ? 0 : -1;
        }
        if (hf_now_ns() > visit->deadline)
            return hf_error(err, HOTFIX_BUSY,
                            "no thread of process %d was at a safe point (thread %d %s): try again, or with a longer "
                            "--deadline",
                            (int)visit->target->pid, (int)search.tid, search.why);
        nanosleep(&(struct timespec){.tv_nsec = pause}, NULL);
        pause = pause < PAUSE_MAX ? 2 * pause : pause;
        if (hf_target_remap(visit->target, err) != 0 || hf_images_read(visit->target, true, visit->images, err) != 0)
            return -1;
    }
}

static int call_failed(const struct hf_visit *visit, const char *what, int64_t result, struct hotfix_error *err)
{
    errno = (int)-result;
    return hf_error_sys(err, HOTFIX_STAGE, "process %d cannot %s", (int)visit->target->pid, what);
}

int hf_visit_furnish(struct hf_visit *visit, size_t size, struct hotfix_error *err)
{
    int64_t result;
    size_t whole = PAGE + STACK_SIZE + HF_CONTEXT_MAX + ((size + PAGE - 1) & -PAGE) + PAGE;
    const uint64_t map[6] = {0, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0};

    if (hf_tracee_syscall(&visit->tracee, SYS_mmap, map, &result, err) != 0)
        return -1;
    if (result < 0 && result > -4096)
        return call_failed(visit, "get memory for the visit", result, err);
    visit->region = (uint64_t)result;
    visit->region_size = whole;
    visit->tracee.frame = visit->region + PAGE + STACK_SIZE;
    visit->cargo = (visit->tracee.frame + HF_CONTEXT_MAX + 15) & ~UINT64_C(15);
    const uint64_t protect[6] = {visit->region, PAGE, PROT_NONE};
    return hf_tracee_syscall(&visit->tracee, SYS_mprotect, protect, &result, err);
}

int hf_visit_open(struct hf_target *target, struct hf_images *images, uint64_t deadline, struct hf_visit *visit,
                  struct hotfix_error *err)
{
    const struct hf_image *libc = hf_images_named(images, "libc.so.6");
    int64_t offset;

    *visit = (struct hf_visit){.target = target, .images = images, .deadline = deadline};
    uint64_t restorer = hf_context_restorer(target, libc->code_begin, libc->code_end);
    if (!restorer || !hf_context_errno(target, hf_image_symbol(libc, "__errno_location"), &offset))
        return hf_error(err, HOTFIX_STAGE, "the C library of process %d is none that is known, and cannot be entered",
                        (int)target->pid);
    if (find_thread(visit, err) != 0)
        return -1;
    visit->tracee.restorer = restorer;
    visit->errno_address = visit->tracee.regs.fs_base + (uint64_t)offset;
    if (!hf_target_read(target, visit->errno_address, &visit->saved_errno, sizeof(visit->saved_errno)))
        return hf_error(err, HOTFIX_STAGE, "thread %d of process %d has no errno: it was not begun by the C library",
                        (int)visit->tracee.tid, (int)target->pid);
    return 0;
}

const struct hf_image *hf_visit_agent(const struct hf_images *images)
{
    const struct hf_image *agent = hf_images_named(images, HF_AGENT_SONAME);

    return agent && hf_image_symbol(agent, HF_AGENT_ENTER) && hf_image_symbol(agent, HF_AGENT_BOARD) ? agent : NULL;
}

static int open_library(struct hf_visit *visit, int fd, struct hotfix_error *err)
{
    char path[32];
    struct hf_tracee_call call = {.watched = -1};
    const struct hf_image *libc = hf_images_named(visit->images, "libc.so.6");

    /* The dynamic linker knows libraries by such names: one that the program uses itself is not to mean this one. */
    snprintf(path, sizeof(path), "/proc/self/fd/./%d", fd);
    if (!hf_target_write(visit->target, visit->cargo, path, sizeof(path)))
        return hf_error(err, HOTFIX_NO_TARGET, "process %d has ended", (int)visit->target->pid);
    call.function = hf_image_symbol(libc, "dlopen");
    call.arguments[0] = visit->cargo;
    call.arguments[1] = RTLD_NOW | RTLD_GLOBAL;
    if (hf_tracee_run(&visit->tracee, &call, hf_now_ns() + RUN_NS, err) != 0)
        return -1;
    if (hf_target_remap(visit->target, err) != 0)
        return -1;
    if (hf_images_read(visit->target, true, visit->images, err) != 0)
        return -1;
    if (hf_visit_agent(visit->images))
        return 0;
    if (call.failed < 0)
        return hf_error(
            err, HOTFIX_STAGE,
            "the dynamic linker of process %d does not load the library: its C library may be too old for it",
            (int)visit->target->pid);
    errno = (int)-call.failed_with;
    return hf_error_sys(err, HOTFIX_STAGE,
                        "the dynamic linker of process %d does not load the library: system call %ld",
                        (int)visit->target->pid, call.failed);
}

int hf_visit_bring(struct hf_visit *visit, struct hotfix_error *err)
{
    int fd = -1, file;
    int64_t result;

    if (hf_visit_agent(visit->images))
        return 0;
    if (hf_visit_interrupted)
        return interrupted(err);
    if (hf_agent_file(&file, err) != 0 || hf_lend(&visit->tracee, visit->cargo, file, &fd, err) != 0)
        return -1;
    int status = open_library(visit, fd, err);
    const uint64_t arguments[6] = {(uint64_t)fd};
    if (!visit->tracee.left &&
        hf_tracee_syscall(&visit->tracee, SYS_close, arguments, &result, status == 0 ? err : NULL) != 0)
        return -1;
    return status;
}

int hf_visit_enter(struct hf_visit *visit, uint64_t request, struct hotfix_error *err)
{
    const struct hf_image *agent = hf_visit_agent(visit->images);
    struct hf_tracee_call call = {.watched = -1};

    if (hf_visit_interrupted)
        return interrupted(err);
    call.function = hf_image_symbol(agent, HF_AGENT_ENTER);
    call.arguments[0] = request;
    return hf_tracee_run(&visit->tracee, &call, hf_now_ns() + RUN_NS, err);
}

void hf_visit_close(struct hf_visit *visit)
{
    int64_t result;
    const uint64_t arguments[6] = {visit->region, visit->region_size};

    if (visit->region != 0 && !visit->tracee.left)
        hf_tracee_syscall(&visit->tracee, SYS_munmap, arguments, &result, NULL);
    if (visit->errno_address != 0 && !visit->tracee.left)
        hf_target_write(visit->target, visit->errno_address, &visit->saved_errno, sizeof(visit->saved_errno));
    hf_tracee_release(&visit->tracee);
}
