/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loaded into qemu-user, which is older than version 8.1 in Debian 12, to make up for three things in which a process
 * under it is unlike one on a kernel:
 *
 * - It has a thread of its own, which /proc lists beside the program's and which no signal reaches. All that it does is
 *   to free memory. It is not started.
 * - It does not notice when code is written through /proc/self/mem, and goes on with what it has translated, cache
 *   maintenance or not. Such writes fail, so that programs write with stores.
 * - It maps things upwards from the middle of the address space. A kernel does so downwards from the top.
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

/*
 * The address space's top, and what no program is as large as. One at a fixed, low address has little room above it, so
 * that all of that can be reserved: the emulator keeps a record of each page.
 */
static uintptr_t program_end = UINT64_C(0x5510000000), top = UINT64_C(0x5540000000);

static void lower_top(void)
{
    program_end = UINT64_C(0x20000000);
    top = UINT64_C(0x100000000);
}

/* The highest address at which `size` bytes are free below the address space's top; 0 when there is none. */
static uintptr_t highest_gap(size_t size)
{
    const uintptr_t lowest = 65536;
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

/*
 * The emulator looks for room with a hint, and takes what it gets: with what the program asked for, or else with what
 * lies behind where it found room the last time, if that was not below where it began. No more than ENOUGH is taken
 * where the program asks for a place: nobody but who reserves address space wants more there.
 */
#define ENOUGH (UINT64_C(1) << 34)
#define FIRST  UINT64_C(0x5500000000) /* where it begins to look */

static bool loaded; /* the first room is for the program, and stays where it is to be */

static void *find_room(void *hint, size_t size, void *(*real)(void *, size_t, int, int, int, off_t))
{
    static uintptr_t behind = FIRST;
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    bool asked = (uintptr_t)hint != behind;
    void *got = MAP_FAILED;

    if (asked && size > ENOUGH) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    uintptr_t at = asked || !loaded ? (uintptr_t)hint : highest_gap(size);
    do {
        got = at == 0 ? real(hint, size, PROT_NONE, flags, -1, 0)
                      : real((void *)at, size, PROT_NONE, flags | MAP_FIXED_NOREPLACE, -1, 0);
        at = highest_gap(size);
    } while (got == MAP_FAILED && errno == EEXIST);
    if (got != MAP_FAILED && !asked && (uintptr_t)got >= FIRST)
        behind = (uintptr_t)got + size;
    loaded = true;
    return got;
}

void *mmap64(void *hint, size_t size, int protection, int flags, int fd, off_t offset)
{
    void *(*real)(void *, size_t, int, int, int, off_t) =
        (void *(*)(void *, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, "mmap64");

    /* A program at a fixed address. */
    if (!loaded && (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) && (uintptr_t)hint < FIRST) {
        loaded = true;
        lower_top();
    }
    if (protection == PROT_NONE && flags == (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE))
        return find_room(hint, size, real);
    return real(hint, size, protection, flags, fd, offset);
}
