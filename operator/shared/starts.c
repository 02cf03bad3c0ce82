/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/starts.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "file.h"

#define PREFIX      "hotfix-start."
#define RECORDS_MAX 16 /* that one process keeps up to date; its other bundles are not counted */
#define FLAGS       (O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
#define NS_PER_S    UINT64_C(1000000000)
#define DAEMON_NS   NS_PER_S /* a process that becomes a daemon leaves its first parent sooner than that */

static struct hf_start_record *kept[RECORDS_MAX];
static size_t kept_count;
static struct hf_start_record *begun; /* the last one, until it is known whether its bundle could be applied */
static uint64_t first;                /* CLOCK_MONOTONIC_COARSE when the first was taken */
static uint32_t number;               /* of this process among those that fork() made of the one that started: 0 */

static uint64_t now(clockid_t clock)
{
    struct timespec time = {0};

    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

static void name_record(const char *id, const char *program, uid_t user, char path[HF_STARTS_NAME])
{
    snprintf(path, HF_STARTS_NAME, HF_STARTS_DIRECTORY "/" PREFIX "%s.%s.%u", id, program[0] ? program : "none",
             (unsigned int)user);
}

static void name_exec(pid_t pid, uid_t user, char path[HF_STARTS_NAME])
{
    snprintf(path, HF_STARTS_NAME, HF_STARTS_DIRECTORY "/" HF_STARTS_EXEC, (int)pid, (unsigned int)user);
}

/* 22nd field of /proc/PID/stat; 0: there is no such process, or it may not be seen. */
static uint64_t read_ticks(pid_t pid)
{
    char path[32], text[1024];
    unsigned long long ticks = 0;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    HF_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    text[got > 0 ? got : 0] = '\0';
    /* The second field may hold anything, a parenthesis too. The state is behind it: Z is a process that has ended. */
    const char *field = strrchr(text, ')');
    if (!field || field[1] != ' ' || field[2] == 'Z')
        return 0;
    field++;
    for (int i = 2; i < 21 && field; i++)
        field = strchr(field + 1, ' ');
    return field && sscanf(field, "%llu", &ticks) == 1 ? ticks : 0;
}

static uint64_t read_space(void)
{
    struct stat status;

    return stat("/proc/self/ns/pid", &status) == 0 ? status.st_ino : 0;
}

/* Did the last start crash? Where that cannot be known, it did not. */
static bool crashed(const struct hf_start_record *record)
{
    uint64_t time = now(CLOCK_BOOTTIME);

    if (record->well || record->space != read_space() || time < record->began ||
        (record->applied && time - record->began >= HF_STARTS_SECONDS * NS_PER_S))
        return false;
    return record->ticks != 0 && read_ticks(record->pid) != record->ticks;
}

/* Where the process itself was replaced by exec, the one before it did not end. */
static bool is_own(const struct hf_start_record *record, uint64_t ticks)
{
    return record->pid == getpid() && record->ticks == ticks && record->space == read_space();
}

static bool is_own_file(int fd, uid_t user)
{
    struct stat status;

    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == user && status.st_nlink == 1 &&
           (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static bool is_record(int fd, uid_t user, struct hf_start_record *record)
{
    return is_own_file(fd, user) && pread(fd, record, sizeof(*record), 0) == (ssize_t)sizeof(*record) &&
           memcmp(record->magic, HF_STARTS_MAGIC, sizeof(record->magic)) == 0;
}

/* A child that has ended, and nobody has waited for it, is none that lives. */
static bool is_alive(pid_t pid)
{
    siginfo_t ended = {.si_pid = 0};

    return kill(pid, 0) == 0 &&
           (waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 || ended.si_pid == 0);
}

/*
 * A family of processes ended well when its youngest did, or any of them that had lived for a while; or with one that
 * leaves no other behind. The first parent of a daemon, which leaves at once, says nothing. No system call but in that
 * first moment: a filter may permit none later.
 */
__attribute__((destructor)) static void note_end(void)
{
    if (kept_count == 0)
        return;
    uint64_t age = now(CLOCK_MONOTONIC_COARSE) - first;
    bool well = number == kept[0]->forks || age >= DAEMON_NS || !is_alive(kept[0]->youngest);
    for (size_t i = 0; i < kept_count && well; i++)
        kept[i]->well = 1;
}

static void note_fork(void)
{
    for (size_t i = 0; i < kept_count; i++) {
        number = __atomic_add_fetch(&kept[i]->forks, 1, __ATOMIC_SEQ_CST);
        kept[i]->youngest = getpid();
        kept[i]->well = 0;
    }
}

/* For who comes after an exec. False when it cannot be written: somebody else may have made a file of that name. */
static bool note_name(const char *record)
{
    char path[HF_STARTS_NAME], name[HF_STARTS_NAME] = "";

    snprintf(name, sizeof(name), "%s", strrchr(record, '/') + 1);
    name_exec(getpid(), geteuid(), path);
    HF_CLOSE int fd = open(path, FLAGS | O_APPEND | O_CREAT, 0600);
    if (fd < 0 || !is_own_file(fd, geteuid()) || (kept_count == 1 && ftruncate(fd, 0) != 0) ||
        hf_file_check_size(path, RECORDS_MAX * sizeof(name), HOTFIX_IO, NULL) != 0)
        return false;
    return write(fd, name, sizeof(name)) == (ssize_t)sizeof(name);
}

void hf_starts_applied(void)
{
    if (begun)
        begun->applied = 1;
}

void hf_starts_cancel(void)
{
    if (!begun)
        return;
    begun->well = 1;
    munmap(begun, sizeof(*begun));
    begun = NULL;
    kept_count--;
}

/* False when the record cannot be kept up to date. */
static bool keep(int fd, const char *path)
{
    if (kept_count == RECORDS_MAX)
        return false;
    void *memory = mmap(NULL, sizeof(struct hf_start_record), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return false;
    if (kept_count == 0 && pthread_atfork(NULL, NULL, note_fork) != 0) {
        munmap(memory, sizeof(struct hf_start_record));
        return false;
    }
    if (kept_count == 0)
        first = now(CLOCK_MONOTONIC_COARSE);
    begun = kept[kept_count++] = memory;
    if (!note_name(path)) /* an exec would look like a crash */
        hf_starts_cancel();
    return true;
}

bool hf_starts_begin(const char *id, const char *program, bool count)
{
    char path[HF_STARTS_NAME];
    uid_t user = geteuid();
    struct hf_start_record record;

    begun = NULL;
    name_record(id, program, user, path);
    HF_CLOSE int fd = open(path, FLAGS | (count ? O_CREAT : 0), 0600);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0)
        return false;
    bool known = is_record(fd, user, &record);
    if (known && record.crashes >= HF_STARTS_CRASHES)
        return true;
    if (!count)
        return false;
    uint64_t ticks = read_ticks(getpid());
    if (!known)
        record = (struct hf_start_record){.magic = HF_STARTS_MAGIC};
    if (known && !is_own(&record, ticks)) {
        char exec[HF_STARTS_NAME];
        record.crashes = crashed(&record) ? record.crashes + 1 : 0;
        name_exec(record.pid, user, exec);
        if (read_ticks(record.pid) != record.ticks)
            unlink(exec);
    }
    record = (struct hf_start_record){.magic = HF_STARTS_MAGIC,
                                      .crashes = record.crashes,
                                      .pid = getpid(),
                                      .ticks = ticks,
                                      .space = read_space(),
                                      .began = now(CLOCK_BOOTTIME)};
    /* Beyond its limit the kernel would end the process. */
    if (hf_file_check_size(path, sizeof(record), HOTFIX_IO, NULL) != 0 || !is_own_file(fd, user) ||
        pwrite(fd, &record, sizeof(record), 0) != (ssize_t)sizeof(record))
        return false;
    if (record.crashes >= HF_STARTS_CRASHES)
        return true;
    if (!keep(fd, path)) {
        record.well = 1; /* which nobody will say later */
        ssize_t written = pwrite(fd, &record, sizeof(record), 0);
        (void)written; /* it is no longer than before */
    }
    return false;
}

/* What a file's name says: whose record it is. False for a name that is none. */
static bool read_name(const char *name, const char *id, struct hf_quarantine *quarantine)
{
    size_t length = strlen(PREFIX), digits = strlen(id);
    unsigned int user;
    int end = 0;

    if (strncmp(name, PREFIX, length) != 0 || strncmp(name + length, id, digits) != 0 || name[length + digits] != '.')
        return false;
    if (sscanf(name + length + digits + 1, "%16[0-9a-z].%u%n", quarantine->program, &user, &end) != 2 ||
        name[length + digits + 1 + (size_t)end] != '\0')
        return false;
    quarantine->user = user;
    return true;
}

static bool read_record(int directory, const char *name, uid_t user, struct hf_start_record *record)
{
    HF_CLOSE int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

    return fd >= 0 && is_record(fd, user, record);
}

int hf_starts_quarantines(const char *id, struct hf_quarantine **list, size_t *count, struct hotfix_error *err)
{
    HF_FREE struct hf_quarantine *items = NULL;
    struct hf_quarantine found;
    struct hf_start_record record;
    size_t used = 0;
    DIR *directory = opendir(HF_STARTS_DIRECTORY);
    int status = 0;

    for (struct dirent *entry; directory && status == 0 && (entry = readdir(directory));) {
        if (!read_name(entry->d_name, id, &found) ||
            !read_record(dirfd(directory), entry->d_name, found.user, &record) || record.crashes < HF_STARTS_CRASHES)
            continue;
        struct hf_quarantine *grown = reallocarray(items, used + 1, sizeof(*grown));
        if (!grown) {
            status = hf_error(err, HOTFIX_MEMORY, "out of memory");
            break;
        }
        items = grown;
        items[used++] = found;
    }
    if (directory)
        closedir(directory);
    if (status != 0)
        return -1;
    *list = hf_move(items);
    *count = used;
    return 0;
}

void hf_starts_forget(const char *id)
{
    struct hf_quarantine found;
    struct hf_start_record record;
    char exec[HF_STARTS_NAME];
    DIR *directory = opendir(HF_STARTS_DIRECTORY);

    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        if (!read_name(entry->d_name, id, &found))
            continue;
        if (read_record(dirfd(directory), entry->d_name, found.user, &record)) {
            name_exec(record.pid, found.user, exec);
            unlink(exec);
        }
        unlinkat(dirfd(directory), entry->d_name, 0);
    }
    if (directory)
        closedir(directory);
}
