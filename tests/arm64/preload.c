/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loaded into qemu-user, which is older than version 8.1 in Debian 12, to make up for three things in which a process
 * under it is unlike one on a kernel:
 *
 * - It has a thread of its own, which /proc lists beside the program's and which no signal reaches. All that it does is
 *   to free memory. It is not started.
 * - It does not notice when code is written through /proc/self/mem, and goes on with what it has translated, cache
 *   maintenance or not. Such writes fail, so that programs write with stores.
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The first thread is started before main(), by the emulator for itself: what starts its own threads is known then. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg)
{
    static void *(*own_start)(void *);
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) =
        (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))dlsym(RTLD_NEXT, "pthread_create");

    if (!own_start)
        own_start = start;
    if (start != own_start)
        return real(thread, attr, start, arg);
    *thread = pthread_self();
    return 0;
}

/* Is the file memory of a process? */
static bool is_memory(int fd)
{
    char link[sizeof("/proc/self/fd/") + sizeof(int) * CHAR_BIT / 3 + 1];
    char path[PATH_MAX];

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof(path) - 1);
    if (length < 0)
        return false;
    path[length] = '\0';
    const char *name = strrchr(path, '/');
    return strncmp(path, "/proc/", 6) == 0 && name && strcmp(name, "/mem") == 0;
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t offset)
{
    ssize_t (*real)(int, const void *, size_t, off_t) =
        (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite64");

    if (!is_memory(fd))
        return real(fd, bytes, size, offset);
    errno = EIO;
    return -1;
}

/* The highest address at which `size` bytes are free below the address space's top; 0 when there is none. */
static uintptr_t highest_gap(size_t size)
{
    const uintptr_t lowest = 65536, program_end = UINT64_C(0x5510000000), top = UINT64_C(0x5540000000);
    uintptr_t last = lowest, begin, end, found = 0;
    char line[PATH_MAX + 128];

    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps && last < top && fgets(line, sizeof(line), maps)) {
        if (sscanf(line, "%lx-%lx", &begin, &end) != 2)
            continue;
        /* A kernel's highest mapping, the stack, stays: once there is one, nothing is put above. */
        uintptr_t limit = begin < top ? begin : top;
        if (limit > last && limit - last >= size && (begin < top || last < program_end))
            found = limit - size;
        last = end;
    }
    if (maps)
        fclose(maps);
    return found;
}

/* The emulator looks for room with a hint that grows, and takes what it gets. */
void *mmap64(void *hint, size_t size, int protection, int flags, int fd, off_t offset)
{
    void *(*real)(void *, size_t, int, int, int, off_t) =
        (void *(*)(void *, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, "mmap64");
    const int room = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    const uintptr_t hints = UINT64_C(0x5500000000), hints_end = UINT64_C(0x5600000000);

    static bool loaded;

    if (protection == PROT_NONE && flags == room && !loaded) { /* the first is for the program */
        loaded = true;
    } else if (protection == PROT_NONE && flags == room && (uintptr_t)hint >= hints && (uintptr_t)hint < hints_end) {
        for (uintptr_t at; (at = highest_gap(size)) != 0;) {
            void *got = real((void *)at, size, protection, flags | MAP_FIXED_NOREPLACE, fd, offset);
            if (got != MAP_FAILED || errno != EEXIST)
                return got;
        }
    }
    return real(hint, size, protection, flags, fd, offset);
}
