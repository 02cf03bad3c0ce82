/* SPDX-License-Identifier: Apache-2.0 */
#include "live/live.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"

static int ended(const struct hf_live *live, struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_IO, "process %d has ended meanwhile", (int)live->pid);
}

static int cannot(const struct hf_live *live, const char *what, struct hotfix_error *err)
{
    if (errno == ESRCH || errno == ENOENT)
        return ended(live, err);
    if (errno != EACCES && errno != EPERM)
        return hf_error_sys(err, HOTFIX_IO, "%s of process %d cannot be opened", what, (int)live->pid);
    return hf_error_sys(err, HOTFIX_IO,
                        "%s of process %d cannot be opened; be its user or root, and where Yama's ptrace_scope is not "
                        "0 or the process is not dumpable, have CAP_SYS_PTRACE",
                        what, (int)live->pid);
}

int hf_live_mappings(const struct hf_live *live, struct hf_mappings *mappings, struct hotfix_error *err)
{
    HF_CLOSE int fd = openat(live->directory, "maps", O_RDONLY | O_CLOEXEC);
    HF_FCLOSE FILE *file = fd < 0 ? NULL : fdopen(fd, "re");

    if (!file)
        return cannot(live, "the map", err);
    fd = -1;
    if (hf_mappings_read(file, mappings, err) != 0)
        return hf_error_prefix(err, "process %d", (int)live->pid);
    if (mappings->count == 0)
        return hf_error(err, HOTFIX_IO, "process %d has no memory: it has ended, or is a thread of the kernel",
                        (int)live->pid);
    return 0;
}

static void read_name(struct hf_live *live)
{
    HF_CLOSE int fd = openat(live->directory, "comm", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, live->name, sizeof(live->name) - 1);

    live->name[size > 0 ? size : 0] = '\0';
    live->name[strcspn(live->name, "\n")] = '\0';
}

static int open_process(struct hf_live *live, struct hotfix_error *err)
{
    char path[32];

    snprintf(path, sizeof(path), "/proc/%d", (int)live->pid);
    live->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (live->directory < 0 && errno == ENOENT)
        return hf_error(err, HOTFIX_IO, "there is no process %d", (int)live->pid);
    if (live->directory < 0)
        return cannot(live, "the directory in /proc", err);
    read_name(live);
    if (hf_live_mappings(live, &live->mappings, err) != 0)
        return -1;
    live->memory = openat(live->directory, "mem", O_RDONLY | O_CLOEXEC);
    if (live->memory < 0)
        return cannot(live, "the memory", err);
    return 0;
}

int hf_live_open(pid_t pid, struct hf_live *live, struct hotfix_error *err)
{
    struct hf_live opened = {.pid = pid, .directory = -1, .memory = -1};

    if (open_process(&opened, err) != 0) {
        hf_live_close(&opened);
        return -1;
    }
    *live = opened;
    return 0;
}

void hf_live_close(struct hf_live *live)
{
    if (live->pid == 0)
        return;
    if (live->memory >= 0)
        close(live->memory);
    if (live->directory >= 0)
        close(live->directory);
    hf_mappings_deinit(&live->mappings);
    free(live->modules);
    memset(live, 0, sizeof(*live));
}

int hf_live_read(const struct hf_live *live, uint64_t address, void *bytes, size_t size, struct hotfix_error *err)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = pread(live->memory, (char *)bytes + done, size - done, (off_t)(address + done));
        if (got == 0) /* no memory is left: it ended, or runs another program */
            return ended(live, err);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return hf_error_sys(err, HOTFIX_IO, "memory of process %d at 0x%" PRIx64 " cannot be read", (int)live->pid,
                                address + done);
        done += (size_t)got;
    }
    return 0;
}

const struct hf_live_module *hf_live_module_at(const struct hf_live *live, uint64_t address)
{
    for (size_t i = 0; i < live->module_count; i++)
        if (address >= live->modules[i].begin && address < live->modules[i].end)
            return &live->modules[i];
    return NULL;
}

const struct hf_live_module *hf_live_module_find(const struct hf_live *live, const struct hf_build_id *build_id,
                                                 size_t *count)
{
    const struct hf_live_module *found = NULL;
    size_t matches = 0;

    for (size_t i = 0; i < live->module_count; i++) {
        const struct hf_live_module *module = &live->modules[i];
        if (build_id->size == 0 || module->build_id.size != build_id->size ||
            memcmp(module->build_id.bytes, build_id->bytes, build_id->size) != 0)
            continue;
        if (!found)
            found = module;
        matches++;
    }
    if (count)
        *count = matches;
    return found;
}
