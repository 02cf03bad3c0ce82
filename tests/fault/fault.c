/* SPDX-License-Identifier: Apache-2.0 */
#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "process/raw.h"

#define HOUR_S 3600

/* Of calls that are made over and over, until something happens or a file ends: there is no end to them on a busy
 * machine, and in a process with many mappings. */
#define REPEATS_COUNTED 24

/* Read and written by helpers that share this memory, and by handlers: nothing but single loads and stores. */
static atomic_ulong countdown;
static _Atomic(enum fault_kind) armed_kind;
static _Atomic(const char *) fired;
static atomic_bool late;
static atomic_uint repeats;
static atomic_bool no_ptrace;
static atomic_long process;
static void (*at_exit)(void);
static _Thread_local bool here;
static _Thread_local long blocks;
static _Thread_local unsigned reads;

void fault_arm(enum fault_kind kind, unsigned long nth)
{
    fired = NULL;
    late = false;
    repeats = 0;
    reads = 0;
    armed_kind = kind;
    process = getpid();
    here = true;
    countdown = nth;
}

const char *fault_disarm(void)
{
    countdown = 0;
    here = false;
    late = false;
    return fired;
}

long fault_blocks(void)
{
    long count = blocks;

    blocks = 0;
    return count;
}

void fault_refuse_ptrace(bool refused)
{
    no_ptrace = refused;
}

/* One call that can fail in the armed way: is it the one? */
static bool hit(const char *name)
{
    if (countdown == 0 || atomic_fetch_sub(&countdown, 1) != 1)
        return false;
    fired = name;
    return true;
}

void fault_at_exit(void (*report)(void))
{
    at_exit = report;
}

static bool fails(const char *name)
{
    if (here && armed_kind == FAULT_EXIT && hit(name)) {
        if (at_exit)
            at_exit();
        _exit(FAULT_EXIT_STATUS);
    }
    return here && !no_ptrace && armed_kind == FAULT_FAILURE && hit(name);
}

static bool is_interrupted(const char *name)
{
    return here && !no_ptrace && armed_kind == FAULT_INTERRUPT && hit(name);
}

/* How raw system calls fail. What is not listed cannot, with the arguments that the loader gives it. */
static const struct raw {
    long number;
    const char *name;
    int error;
    bool interruptible;
} raws[] = {
    {SYS_openat, "raw openat", EMFILE, true},
    {SYS_read, "raw read", EIO, true},
    {SYS_pread64, "raw pread64", EIO, true},
    {SYS_pwrite64, "raw pwrite64", EIO, true},
    {SYS_lseek, "raw lseek", EINVAL, false},
    {SYS_getdents64, "raw getdents64", ENOENT, false},
    {SYS_newfstatat, "raw newfstatat", ENOENT, false},
    {SYS_mprotect, "raw mprotect", ENOMEM, false},
    {SYS_ptrace, "raw ptrace", ESRCH, false},
    {SYS_wait4, "raw wait4", ECHILD, true},
    {SYS_futex, "raw futex", EAGAIN, true},
    {SYS_nanosleep, "raw nanosleep", EINTR, true},
    {SYS_rt_tgsigqueueinfo, "raw rt_tgsigqueueinfo", EAGAIN, false},
    {SYS_prctl, "raw prctl", EINVAL, false},
    {SYS_unshare, "raw unshare", EPERM, false},
    {SYS_close_range, "raw close_range", ENOSYS, false},
    {SYS_kill, "raw kill", ESRCH, false},
};

static const struct raw *find_raw(long number)
{
    for (size_t i = 0; i < sizeof(raws) / sizeof(raws[0]); i++)
        if (raws[i].number == number)
            return &raws[i];
    return NULL;
}

static bool is_counted(long number)
{
    bool repeated = number == SYS_nanosleep || number == SYS_sched_yield || number == SYS_wait4 ||
                    number == SYS_futex || number == SYS_read || number == SYS_getdents64;

    return !repeated || atomic_fetch_add(&repeats, 1) < REPEATS_COUNTED;
}

long hf_fault_raw(long number, long a, long b, long c, long d, long e, long f,
                  long (*call)(long number, long a, long b, long c, long d, long e, long f))
{
    const struct raw *raw = find_raw(number);

    if (number == SYS_clock_gettime) {
        if (armed_kind == FAULT_TIMEOUT && hit("clock"))
            late = true;
        long status = call(number, a, b, c, d, e, f);
        if (late)
            ((struct timespec *)b)->tv_sec += HOUR_S;
        return status;
    }
    if (number == SYS_ptrace && no_ptrace)
        return -EPERM;
    if (countdown == 0 || !is_counted(number))
        return call(number, a, b, c, d, e, f);
    if (number == SYS_futex && (b & FUTEX_CMD_MASK) == FUTEX_WAKE)
        raw = NULL;
    if (raw && armed_kind == FAULT_FAILURE && hit(raw->name))
        return -raw->error;
    if (raw && raw->interruptible && armed_kind == FAULT_INTERRUPT && hit(raw->name))
        return -EINTR;
    if (armed_kind == FAULT_KILL) {
        /* The helper is a process of its own that shares this memory. */
        long self = call(SYS_getpid, 0, 0, 0, 0, 0, 0);
        if (self != process && hit(raw ? raw->name : "raw call"))
            call(SYS_kill, self, SIGKILL, 0, 0, 0, 0);
    }
    return call(number, a, b, c, d, e, f);
}

/* WRAP(TYPE, NAME, FAILURE, ERROR, (PARAMETERS), (ARGUMENTS)): returns FAILURE with errno set. */
#define WRAP(type, name, failure, error, parameters, arguments)                                                        \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters                                                                                      \
    {                                                                                                                  \
        if (fails(#name)) {                                                                                            \
            errno = (error);                                                                                           \
            return failure;                                                                                            \
        }                                                                                                              \
        return __real_##name arguments;                                                                                \
    }

/* As WRAP, for what returns a new block. */
#define WRAP_NEW(type, name, parameters, arguments)                                                                    \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters                                                                                      \
    {                                                                                                                  \
        if (fails(#name)) {                                                                                            \
            errno = ENOMEM;                                                                                            \
            return NULL;                                                                                               \
        }                                                                                                              \
        type block = __real_##name arguments;                                                                          \
        blocks += block != NULL;                                                                                       \
        return block;                                                                                                  \
    }

WRAP_NEW(void *, malloc, (size_t size), (size))
WRAP_NEW(void *, calloc, (size_t count, size_t size), (count, size))
WRAP_NEW(char *, strdup, (const char *text), (text))
WRAP_NEW(char *, realpath, (const char *path, char *resolved), (path, resolved))
WRAP_NEW(char *, strndup, (const char *text, size_t size), (text, size))

void *__real_reallocarray(void *block, size_t count, size_t size);
void *__wrap_reallocarray(void *block, size_t count, size_t size);
void *__wrap_reallocarray(void *block, size_t count, size_t size)
{
    if (fails("reallocarray")) {
        errno = ENOMEM;
        return NULL;
    }
    void *larger = __real_reallocarray(block, count, size);
    blocks += !block && larger;
    return larger;
}

void *__wrap_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size)
{
    return __wrap_reallocarray(block, 1, size);
}

void __real_free(void *block);
void __wrap_free(void *block);
void __wrap_free(void *block)
{
    blocks -= block != NULL;
    __real_free(block);
}

WRAP(void *, mmap64, (void *)-1, ENOMEM, (void *at, size_t size, int protection, int flags, int fd, off_t offset),
     (at, size, protection, flags, fd, offset))
WRAP(int, mprotect, -1, ENOMEM, (void *at, size_t size, int protection), (at, size, protection))
WRAP(int, memfd_create, -1, EMFILE, (const char *name, unsigned int flags), (name, flags))
WRAP(int, sigaction, -1, EINVAL, (int number, const struct sigaction *action, struct sigaction *old),
     (number, action, old))
WRAP(ssize_t, readlink, -1, ENOENT, (const char *path, char *buffer, size_t size), (path, buffer, size))
WRAP(int, fstat64, -1, EIO, (int fd, void *status), (fd, status))
WRAP(int, lstat64, -1, EIO, (const char *path, void *status), (path, status))
WRAP(int, stat64, -1, EIO, (const char *path, void *status), (path, status))
WRAP(void *, fdopendir, NULL, ENOMEM, (int fd), (fd))
WRAP(void *, readdir64, NULL, EIO, (void *directory), (directory))
WRAP(ssize_t, getrandom, -1, ENOSYS, (void *buffer, size_t size, unsigned int flags), (buffer, size, flags))
WRAP(int, fchmod, -1, EPERM, (int fd, mode_t mode), (fd, mode))
WRAP(int, fsync, -1, EIO, (int fd), (fd))
WRAP(int, rename, -1, ENOSPC, (const char *from, const char *to), (from, to))
WRAP(void *, dlopen, NULL, ENOMEM, (const char *path, int flags), (path, flags))
WRAP(int, dlinfo, -1, EINVAL, (void *handle, int request, void *info), (handle, request, info))
WRAP(void *, BIO_new_mem_buf, NULL, ENOMEM, (const void *bytes, int size), (bytes, size))
WRAP(void *, PEM_read_bio_PUBKEY, NULL, ENOMEM, (void *bio, void **key, void *ask, void *arg), (bio, key, ask, arg))
WRAP(int, EVP_PKEY_get_raw_public_key, 0, ENOMEM, (const void *pkey, unsigned char *key, size_t *size),
     (pkey, key, size))
WRAP(void *, archive_read_new, NULL, ENOMEM, (void), ())
WRAP(void *, archive_entry_new, NULL, ENOMEM, (void), ())
WRAP(int, archive_read_support_format_tar, -30, ENOMEM, (void *archive), (archive))
WRAP(int, archive_read_open_memory, -30, ENOMEM, (void *archive, const void *bytes, size_t size),
     (archive, bytes, size))
WRAP(int, archive_read_next_header, -30, ENOMEM, (void *archive, void *entry), (archive, entry))
WRAP(ssize_t, archive_read_data, -30, ENOMEM, (void *archive, void *buffer, size_t size), (archive, buffer, size))
WRAP(int, ini_parse_string, -2, ENOMEM, (const char *text, void *handler, void *user), (text, handler, user))
WRAP(void *, EVP_MD_CTX_new, NULL, ENOMEM, (void), ())
WRAP(void *, EVP_PKEY_new_raw_public_key_ex, NULL, ENOMEM,
     (void *context, const char *type, const char *query, const unsigned char *key, size_t size),
     (context, type, query, key, size))
WRAP(int, EVP_DigestVerifyInit, 0, ENOMEM, (void *context, void *pkey, void *type, void *engine, void *key),
     (context, pkey, type, engine, key))
WRAP(int, EVP_DigestVerify, -1, ENOMEM,
     (void *context, const void *signature, size_t signature_size, const void *text, size_t size),
     (context, signature, signature_size, text, size))
WRAP(int, EVP_Digest, 0, ENOMEM,
     (const void *bytes, size_t size, unsigned char *digest, unsigned int *digest_size, void *type, void *engine),
     (bytes, size, digest, digest_size, type, engine))

/* These take more arguments than they name. */
int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...)
{
    va_list arguments;

    va_start(arguments, flags);
    mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    bool interrupted = is_interrupted("open64");
    if (interrupted || fails("open64")) {
        errno = interrupted ? EINTR : EMFILE;
        return -1;
    }
    return __real_open64(path, flags, mode);
}

int __real_openat64(int directory, const char *path, int flags, ...);
int __wrap_openat64(int directory, const char *path, int flags, ...);
int __wrap_openat64(int directory, const char *path, int flags, ...)
{
    va_list arguments;

    va_start(arguments, flags);
    mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    bool interrupted = is_interrupted("openat64");
    if (interrupted || fails("openat64")) {
        errno = interrupted ? EINTR : EMFILE;
        return -1;
    }
    return __real_openat64(directory, path, flags, mode);
}

int __real_fcntl64(int fd, int command, ...);
int __wrap_fcntl64(int fd, int command, ...);
int __wrap_fcntl64(int fd, int command, ...)
{
    va_list arguments;

    va_start(arguments, command);
    long argument = va_arg(arguments, long);
    va_end(arguments);
    if (fails("fcntl64")) {
        errno = EINVAL;
        return -1;
    }
    return __real_fcntl64(fd, command, argument);
}

int __real_clone(int (*body)(void *), void *stack, int flags, void *arg, ...);
int __wrap_clone(int (*body)(void *), void *stack, int flags, void *arg, ...);
int __wrap_clone(int (*body)(void *), void *stack, int flags, void *arg, ...)
{
    va_list arguments;

    va_start(arguments, arg);
    void *parent = va_arg(arguments, void *);
    void *tls = va_arg(arguments, void *);
    void *child = va_arg(arguments, void *);
    va_end(arguments);
    if (fails("clone")) {
        errno = EAGAIN;
        return -1;
    }
    return __real_clone(body, stack, flags, arg, parent, tls, child);
}

__attribute__((format(printf, 2, 3))) int __wrap_asprintf(char **text, const char *format, ...);
int __wrap_asprintf(char **text, const char *format, ...)
{
    va_list arguments;

    if (fails("asprintf"))
        return -1;
    va_start(arguments, format);
    int size = vasprintf(text, format, arguments);
    va_end(arguments);
    blocks += size >= 0;
    return size;
}

/* And these can be interrupted, or write less than they were given. */
ssize_t __real_read(int fd, void *buffer, size_t size);
ssize_t __wrap_read(int fd, void *buffer, size_t size);
ssize_t __wrap_read(int fd, void *buffer, size_t size)
{
    bool counted = reads++ < REPEATS_COUNTED;
    bool interrupted = counted && is_interrupted("read");

    if (interrupted || (counted && fails("read"))) {
        errno = interrupted ? EINTR : EIO;
        return -1;
    }
    return __real_read(fd, buffer, size);
}

ssize_t __real_write(int fd, const void *buffer, size_t size);
ssize_t __wrap_write(int fd, const void *buffer, size_t size);
ssize_t __wrap_write(int fd, const void *buffer, size_t size)
{
    bool interrupted = is_interrupted("write");

    if (interrupted || fails("write")) {
        errno = interrupted ? EINTR : ENOSPC;
        return -1;
    }
    return __real_write(fd, buffer, size);
}
