/* SPDX-License-Identifier: Apache-2.0 */
#include "process/target.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"

#define STATUS_MAX   8192
#define MAPPINGS_MAX 1000000

static bool read_text(int directory, const char *name, char *text, size_t size)
{
    HF_CLOSE int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
    size_t used = 0;

    while (fd >= 0 && used + 1 < size) {
        ssize_t got = read(fd, text + used, size - 1 - used);
        if (got <= 0)
            break;
        used += (size_t)got;
    }
    text[used] = '\0';
    return used > 0;
}

/* The value behind "\nKEY:\t". */
static const char *field(const char *text, const char *key)
{
    size_t length = strlen(key);

    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, length) == 0 && line[length] == ':')
            return line + length + 1 + strspn(line + length + 1, "\t ");
    }
    return NULL;
}

static long number(const char *text, const char *key)
{
    const char *value = field(text, key);

    return value ? strtol(value, NULL, 10) : 0;
}

static bool read_status(int directory, const char *name, struct hf_target_status *status)
{
    char text[STATUS_MAX];

    if (!read_text(directory, name, text, sizeof(text)))
        return false;
    const char *state = field(text, "State"), *uids = field(text, "Uid"),
               *features = field(text, "x86_Thread_features");
    unsigned int real = 0, effective = 0;
    if (uids && sscanf(uids, "%u %u", &real, &effective) != 2)
        return false;
    *status = (struct hf_target_status){
        .state = state ? *state : '?',
        .process = (pid_t)number(text, "Tgid"),
        .tracer = (pid_t)number(text, "TracerPid"),
        .uid = effective,
        .seccomp = (int)number(text, "Seccomp"),
        .shadow = features && strncmp(features, "shstk", strlen("shstk")) == 0,
        .no_memory = !field(text, "VmSize"),
    };
    return true;
}

bool hf_target_thread_status(const struct hf_target *target, pid_t tid, struct hf_target_status *status)
{
    char name[64];

    snprintf(name, sizeof(name), "task/%d/status", (int)tid);
    return read_status(target->directory, name, status);
}

/* "BEGIN-END rwxp OFFSET MAJOR:MINOR INODE     PATH" */
static bool parse_mapping(const char *line, struct hf_mapping *mapping, const char **path)
{
    char flags[5];
    unsigned int major, minor;
    int end = 0;

    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 "%n", &mapping->begin, &mapping->end,
               flags, &mapping->offset, &major, &minor, &mapping->inode, &end) != 7)
        return false;
    mapping->device = (uint64_t)major << 32 | minor;
    mapping->readable = flags[0] == 'r';
    mapping->writable = flags[1] == 'w';
    mapping->executable = flags[2] == 'x';
    *path = line + end + strspn(line + end, " ");
    return mapping->begin < mapping->end;
}

static void free_mappings(struct hf_mapping *mappings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(mappings[i].path);
    free(mappings);
}

int hf_target_remap(struct hf_target *target, struct hotfix_error *err)
{
    struct hf_mapping *mappings = NULL;
    size_t count = 0, room = 0, capacity = 0;
    HF_FREE char *line = NULL;
    bool failed = false;

    int fd = openat(target->directory, "maps", O_RDONLY | O_CLOEXEC);
    HF_FCLOSE FILE *maps = fd >= 0 ? fdopen(fd, "re") : NULL;
    if (!maps) {
        int why = errno;
        if (fd >= 0)
            close(fd);
        return hf_target_refused(target, why, err);
    }
    while (!failed && count < MAPPINGS_MAX && getline(&line, &capacity, maps) > 0) {
        struct hf_mapping mapping;
        const char *path;
        line[strcspn(line, "\n")] = '\0';
        if (!parse_mapping(line, &mapping, &path))
            continue;
        if (count == room) {
            room = room ? 2 * room : 64;
            struct hf_mapping *grown = reallocarray(mappings, room, sizeof(*grown));
            failed = !grown;
            mappings = grown ? grown : mappings;
        }
        mapping.path = failed ? NULL : strdup(path);
        failed |= !mapping.path;
        if (!failed)
            mappings[count++] = mapping;
    }
    if (failed || count == 0) {
        free_mappings(mappings, count);
        return failed ? hf_error(err, HOTFIX_MEMORY, "out of memory")
                      : hf_error(err, HOTFIX_NO_TARGET, "process %d has ended", (int)target->pid);
    }
    free_mappings(target->mappings, target->mapping_count);
    target->mappings = mappings;
    target->mapping_count = count;
    return 0;
}

static int open_parts(struct hf_target *target, struct hotfix_error *err)
{
    if (!read_status(target->directory, "status", &target->status))
        return hf_error(err, HOTFIX_NO_TARGET, "there is no process %d", (int)target->pid);
    if (target->status.process != target->pid)
        return hf_error(err, HOTFIX_NO_TARGET, "%d is a thread of process %d: give the number of the process",
                        (int)target->pid, (int)target->status.process);
    if (target->status.no_memory)
        return hf_error(err, HOTFIX_NO_TARGET, "process %d %s", (int)target->pid,
                        target->status.state == 'Z' ? "has ended" : "is a thread of the kernel");
    if (read_text(target->directory, "comm", target->name, sizeof(target->name)))
        target->name[strcspn(target->name, "\n")] = '\0';

    target->memory = openat(target->directory, "mem", O_RDWR | O_CLOEXEC);
    if (target->memory < 0)
        return hf_target_refused(target, errno, err);
    return hf_target_remap(target, err);
}

int hf_target_open(pid_t pid, struct hf_target *target, struct hotfix_error *err)
{
    char path[32];
    struct hf_target opened = {.pid = pid, .memory = -1};

    snprintf(path, sizeof(path), "/proc/%d", (int)pid);
    opened.directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (opened.directory < 0)
        return errno == ENOENT ? hf_error(err, HOTFIX_NO_TARGET, "there is no process %d", (int)pid)
                               : hf_error_sys(err, HOTFIX_IO, "%s cannot be opened", path);
    if (open_parts(&opened, err) != 0) {
        hf_target_close(&opened);
        return -1;
    }
    *target = opened;
    return 0;
}

void hf_target_close(struct hf_target *target)
{
    if (target->pid == 0)
        return;
    close(target->directory);
    if (target->memory >= 0)
        close(target->memory);
    free_mappings(target->mappings, target->mapping_count);
    *target = (struct hf_target){0};
}

bool hf_target_read(const struct hf_target *target, uint64_t address, void *bytes, size_t size)
{
    while (size > 0) {
        ssize_t got = pread(target->memory, bytes, size, (off_t)address);
        if (got <= 0)
            return false;
        bytes = (char *)bytes + got;
        address += (uint64_t)got;
        size -= (size_t)got;
    }
    return true;
}

bool hf_target_write(const struct hf_target *target, uint64_t address, const void *bytes, size_t size)
{
    while (size > 0) {
        ssize_t put = pwrite(target->memory, bytes, size, (off_t)address);
        if (put <= 0)
            return false;
        bytes = (const char *)bytes + put;
        address += (uint64_t)put;
        size -= (size_t)put;
    }
    return true;
}

const struct hf_mapping *hf_target_mapping(const struct hf_target *target, uint64_t address)
{
    size_t low = 0, high = target->mapping_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (target->mappings[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < target->mapping_count && target->mappings[low].begin <= address ? &target->mappings[low] : NULL;
}

/* Yama's restriction on whom one may trace; 0 where there is none. */
static int yama(void)
{
    char text[16];

    return read_text(AT_FDCWD, "/proc/sys/kernel/yama/ptrace_scope", text, sizeof(text)) ? atoi(text) : 0;
}

int hf_target_refused(const struct hf_target *target, int error, struct hotfix_error *err)
{
    struct hf_target_status now;
    int pid = (int)target->pid;

    if (error == ENOENT || error == ESRCH || !read_status(target->directory, "status", &now) || now.no_memory)
        return hf_error(err, HOTFIX_NO_TARGET, "process %d has ended", pid);
    if (now.tracer > 0)
        return hf_error(
            err, HOTFIX_STOP,
            "process %d is traced by process %d, and a process can have one tracer only: end that debugger or "
            "strace first",
            pid, (int)now.tracer);
    if (geteuid() != 0 && now.uid != geteuid())
        return hf_error(err, HOTFIX_STOP, "process %d belongs to user %u: run this as that user or as root", pid,
                        now.uid);
    int scope = yama();
    if (geteuid() != 0 && scope == 1)
        return hf_error(
            err, HOTFIX_STOP,
            "Yama lets only root trace process %d (kernel.yama.ptrace_scope is 1), or its programs are set-user-ID "
            "or undumpable: run this as root",
            pid);
    if (scope >= 2)
        return hf_error(err, HOTFIX_STOP, "Yama forbids to trace process %d (kernel.yama.ptrace_scope is %d): %s", pid,
                        scope,
                        scope == 2 ? "run this as root with CAP_SYS_PTRACE"
                                   : "that cannot be undone before the next boot of the host");
    if (geteuid() != 0)
        return hf_error(
            err, HOTFIX_STOP,
            "the kernel does not let this user trace process %d, which made itself undumpable or has changed its "
            "user: run this as root",
            pid);
    return hf_error(
        err, HOTFIX_STOP,
        "the kernel does not let root trace process %d: %s; CAP_SYS_PTRACE in the process's user namespace is "
        "needed, and a security module (SELinux, AppArmor, lockdown) must not forbid it",
        pid, strerror(error));
}
