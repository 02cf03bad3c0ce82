/* SPDX-License-Identifier: Apache-2.0 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"

static int read_exactly(int fd, const char *path, uint8_t *data, size_t size, struct hotfix_error *err)
{
    size_t done = 0;

    while (done < size) {
        ssize_t n = read(fd, data + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return hf_error_sys(err, HOTFIX_IO, "%s: cannot be read", path);
        if (n == 0)
            return hf_error(err, HOTFIX_IO, "%s: became shorter while it was read; read it again when it is complete",
                            path);
        done += (size_t)n;
    }
    return 0;
}

static int read_all(int fd, const char *path, uint8_t *data, size_t size, struct hotfix_error *err)
{
    uint8_t more;
    ssize_t n;

    if (read_exactly(fd, path, data, size, err) != 0)
        return -1;
    do
        n = read(fd, &more, 1);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be read", path);
    if (n > 0)
        return hf_error(err, HOTFIX_IO, "%s: grew while it was read; read it again when it is complete", path);
    return 0;
}

int hf_file_read(const char *path, size_t limit, uint8_t **data, size_t *size, struct hotfix_error *err)
{
    struct stat status;

    return hf_file_read_status(path, limit, data, size, &status, err);
}

int hf_file_read_status(const char *path, size_t limit, uint8_t **data, size_t *size, struct stat *file_status,
                        struct hotfix_error *err)
{
    /* O_NONBLOCK: opening a FIFO must not wait for a writer. */
    HF_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be opened", path);
    return hf_file_read_fd(fd, path, limit, data, size, file_status, err);
}

int hf_file_read_fd(int fd, const char *path, size_t limit, uint8_t **data, size_t *size, struct stat *file_status,
                    struct hotfix_error *err)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be examined", path);
    if (!S_ISREG(status.st_mode))
        return hf_error(err, HOTFIX_IO, "%s: is not a regular file", path);
    if (status.st_size < 0 || (uint64_t)status.st_size > limit)
        return hf_error(err, HOTFIX_FORMAT, "%s: %lld bytes, more than the %zu that are read", path,
                        (long long)status.st_size, limit);

    size_t length = (size_t)status.st_size;
    HF_FREE uint8_t *bytes = malloc(length + 1);
    if (!bytes)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory for %zu bytes", path, length);
    if (read_all(fd, path, bytes, length, err) != 0)
        return -1;
    bytes[length] = '\0';
    *file_status = status;
    *data = hf_move(bytes);
    *size = length;
    return 0;
}

static int write_exactly(int fd, const void *data, size_t size)
{
    const uint8_t *bytes = data;

    while (size) {
        ssize_t n = write(fd, bytes, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        bytes += n;
        size -= (size_t)n;
    }
    return 0;
}

int hf_file_check_size(const char *what, size_t size, enum hotfix_code code, struct hotfix_error *err)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY || size <= limit.rlim_cur)
        return 0;
    return hf_error(err, code,
                    "%s: needs %zu bytes, and this process may write files of %" PRIu64
                    " at most (RLIMIT_FSIZE); raise that limit with prlimit --pid %d --fsize",
                    what, size, (uint64_t)limit.rlim_cur, (int)getpid());
}

/* Renaming over a device would take it from everybody else. */
static int check_replaceable(const char *path, struct hotfix_error *err)
{
    struct stat status;

    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
        return hf_error(err, HOTFIX_IO, "%s: exists and is not a regular file; choose another name", path);
    return 0;
}

/* Gives the temporary file its name; atomic either way. */
static int publish(const char *temporary, const char *path, bool exclusive)
{
    if (!exclusive)
        return rename(temporary, path);
    if (renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
        return 0;
    /* Not every file system can refuse to replace; a hard link refuses by nature. */
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    return link(temporary, path) == 0 ? unlink(temporary) : -1;
}

/* Makes the rename itself durable. A file system that cannot sync directories has nothing better to offer. */
static void sync_directory(const char *directory)
{
    HF_CLOSE int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        (void)fsync(fd);
}

/* Makes a file that was not there, with a name that nobody can guess; the kernel takes the umask off its mode. */
static int make_temporary(const char *directory, mode_t mode, char **temporary)
{
    for (;;) {
        uint64_t number;
        if (getrandom(&number, sizeof(number), 0) != sizeof(number))
            return -1;
        HF_FREE char *path = NULL;
        if (asprintf(&path, "%s/.hotfix-%016" PRIx64, directory, number) < 0) {
            path = NULL;
            errno = ENOMEM;
            return -1;
        }
        int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (fd < 0 && errno == EEXIST)
            continue;
        if (fd >= 0)
            *temporary = hf_move(path);
        return fd;
    }
}

/* Who could not read or write the file that is replaced cannot do so afterwards. */
static int keep_mode(int fd, const char *path, mode_t mode)
{
    struct stat status;

    if (stat(path, &status) != 0)
        return 0;
    return fchmod(fd, mode & status.st_mode);
}

int hf_file_write(const char *path, const void *data, size_t size, mode_t mode, bool exclusive,
                  struct hotfix_error *err)
{
    HF_FREE char *copy = strdup(path);
    HF_FREE char *temporary = NULL;
    if (check_replaceable(path, err) != 0 || hf_file_check_size(path, size, HOTFIX_IO, err) != 0)
        return -1;
    if (!copy)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", path);
    const char *directory = dirname(copy);

    HF_CLOSE int fd = make_temporary(directory, mode, &temporary);
    if (fd < 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be written", path);
    if (keep_mode(fd, path, mode) != 0 || write_exactly(fd, data, size) != 0 || fsync(fd) != 0 ||
        publish(temporary, path, exclusive) != 0) {
        hf_error_sys(err, HOTFIX_IO, "%s: cannot be written", path);
        unlink(temporary);
        return -1;
    }
    sync_directory(directory);
    return 0;
}
