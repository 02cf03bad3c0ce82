/* SPDX-License-Identifier: Apache-2.0 */
/* Runs while threads are stopped. May call: what raw.h has; nothing of libc. */
#include "stop/tasks.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "process/raw.h"

enum {
    PATH_SIZE = 64,
    STAT_SIZE = 512,
    STATUS_SIZE = 4096,
    FLAGS_FIELD = 9, /* proc(5), /proc/[pid]/stat */
    KERNEL_THREAD = 0x00200000,
    IO_WORKER = 0x00000010,
    USER_WORKER = 0x00004000
};

/* The kernel's linux_dirent64, which no user-space header has. */
struct entry {
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    uint8_t type;
    char name[];
};

static char *put_text(char *at, const char *text)
{
    while (*text)
        *at++ = *text++;
    *at = '\0';
    return at;
}

static char *put_number(char *at, pid_t number)
{
    char digits[16];
    size_t count = 0;

    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (count > 0)
        *at++ = digits[--count];
    *at = '\0';
    return at;
}

long hf_tasks_open(struct hf_tasks *tasks, pid_t pid, char *buffer, size_t size)
{
    char path[PATH_SIZE];

    put_text(put_number(put_text(path, "/proc/"), pid), "/task");
    long fd = hf_raw4(SYS_openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    *tasks = (struct hf_tasks){.fd = (int)fd, .buffer = buffer, .size = size};
    return 0;
}

void hf_tasks_close(struct hf_tasks *tasks)
{
    hf_raw1(SYS_close, tasks->fd);
}

void hf_tasks_rewind(struct hf_tasks *tasks)
{
    hf_raw3(SYS_lseek, tasks->fd, 0, SEEK_SET);
    tasks->fill = tasks->next = tasks->listed = 0;
}

static pid_t parse_tid(const char *name)
{
    pid_t tid = 0;

    for (; *name >= '0' && *name <= '9'; name++)
        tid = tid * 10 + (*name - '0');
    return *name == '\0' ? tid : 0;
}

long hf_tasks_next(struct hf_tasks *tasks)
{
    for (;;) {
        if (tasks->next >= tasks->fill) {
            long got = hf_raw3(SYS_getdents64, tasks->fd, tasks->buffer, tasks->size);
            if (got <= 0)
                return got;
            tasks->fill = (size_t)got;
            tasks->next = 0;
        }
        const struct entry *entry = (const void *)(tasks->buffer + tasks->next);
        tasks->next += entry->length;
        pid_t tid = parse_tid(entry->name);
        if (tid > 0) {
            tasks->listed++;
            return tid;
        }
    }
}

size_t hf_tasks_count(const struct hf_tasks *tasks)
{
    struct stat status;

    /* The directory's link count is 2 plus one for each thread. */
    if (hf_raw4(SYS_newfstatat, tasks->fd, "", &status, AT_EMPTY_PATH) < 0 || status.st_nlink <= 2)
        return 0;
    return status.st_nlink - 2;
}

bool hf_tasks_complete(const struct hf_tasks *tasks)
{
    return tasks->listed >= hf_tasks_count(tasks);
}

/* Reads the start of /proc/<pid>/task/<tid>/<leaf> as NUL-terminated text: its length, or 0. */
static size_t read_leaf(pid_t pid, pid_t tid, const char *leaf, char *text, size_t size)
{
    char path[PATH_SIZE];

    put_text(put_text(put_number(put_text(put_number(put_text(path, "/proc/"), pid), "/task/"), tid), "/"), leaf);
    long fd = hf_raw4(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    long got = hf_raw3(SYS_read, fd, text, size - 1);
    hf_raw1(SYS_close, fd);
    if (got <= 0)
        return 0;
    text[got] = '\0';
    return (size_t)got;
}

/* The numbered field (3 or more) of a stat line; the name in it may itself hold blanks and brackets. */
static const char *stat_field(const char *text, size_t length, int number)
{
    while (length > 0 && text[length - 1] != ')')
        length--;
    const char *at = text + length;
    for (int field = 2; *at; at++) {
        if (*at == ' ' && ++field == number)
            return at + 1;
    }
    return at;
}

enum hf_task_state hf_task_state(pid_t pid, pid_t tid)
{
    char text[STAT_SIZE];
    size_t length = read_leaf(pid, tid, "stat", text, sizeof(text));

    if (length == 0)
        return HF_TASK_GONE;
    char state = *stat_field(text, length, 3);
    if (state == 'Z' || state == 'X' || state == 'x')
        return HF_TASK_GONE;

    unsigned long flags = 0;
    for (const char *at = stat_field(text, length, FLAGS_FIELD); *at >= '0' && *at <= '9'; at++)
        flags = flags * 10 + (unsigned long)(*at - '0');
    if (flags & (KERNEL_THREAD | IO_WORKER | USER_WORKER))
        return HF_TASK_KERNEL;
    return state == 'D' ? HF_TASK_UNINTERRUPTIBLE : HF_TASK_OTHER;
}

bool hf_task_running(pid_t pid, pid_t tid)
{
    char text[STAT_SIZE];
    size_t length = read_leaf(pid, tid, "stat", text, sizeof(text));

    return length > 0 && *stat_field(text, length, 3) == 'R';
}

static bool starts_with(const char *text, const char *start)
{
    while (*start) {
        if (*text++ != *start++)
            return false;
    }
    return true;
}

static uint64_t parse_hex(const char *at)
{
    uint64_t value = 0;

    for (;; at++) {
        if (*at >= '0' && *at <= '9')
            value = value << 4 | (uint64_t)(*at - '0');
        else if (*at >= 'a' && *at <= 'f')
            value = value << 4 | (uint64_t)(*at - 'a' + 10);
        else
            return value;
    }
}

bool hf_task_blocked(pid_t pid, pid_t tid, uint64_t *blocked)
{
    static const char key[] = "\nSigBlk:\t";
    char text[STATUS_SIZE];
    size_t length = read_leaf(pid, tid, "status", text, sizeof(text));

    for (size_t i = 0; i < length; i++) {
        if (starts_with(text + i, key)) {
            *blocked = parse_hex(text + i + sizeof(key) - 1);
            return true;
        }
    }
    return false;
}

void hf_task_name(pid_t pid, pid_t tid, char name[HF_TASK_NAME_SIZE])
{
    size_t length = read_leaf(pid, tid, "comm", name, HF_TASK_NAME_SIZE);

    if (length == 0)
        put_text(name, "?");
    else if (name[length - 1] == '\n')
        name[length - 1] = '\0';
}
