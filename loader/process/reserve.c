/* SPDX-License-Identifier: Apache-2.0 */
#include "process/reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cleanup.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

enum { STATUS_SIZE = 8192 };

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static void *map(void *wanted, size_t size)
{
    int fixed = wanted ? MAP_FIXED_NOREPLACE : 0;
    void *got = mmap(wanted, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | fixed, -1, 0);

    if (got == MAP_FAILED)
        return NULL;
    if (wanted && got != wanted) { /* kernels before 4.17 take the address as a mere hint */
        munmap(got, size);
        errno = EEXIST;
        return NULL;
    }
    return got;
}

/* Is any memory of this process locked now? */
static bool holds_locked(void)
{
    static const char key[] = "\nVmLck:";
    HF_FREE char *text = malloc(STATUS_SIZE);
    HF_CLOSE int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t got = text && fd >= 0 ? read(fd, text, STATUS_SIZE - 1) : -1;

    if (got < 0)
        return false;
    text[got] = '\0';
    const char *line = strstr(text, key);
    return line && strtoul(line + strlen(key), NULL, 10) > 0;
}

bool hf_reserve_locked(void)
{
    void *page = map(NULL, page_size());
    bool locked = page && holds_locked();

    if (page)
        munmap(page, page_size());
    return locked;
}

void *hf_reserve(void *wanted, size_t size, bool locked)
{
    if (!locked)
        return map(wanted, size);

    void *page = map(wanted, page_size());
    if (!page)
        return NULL;
    void *whole = MAP_FAILED;
    if (munlock(page, page_size()) == 0)
        whole = mremap(page, page_size(), size, wanted ? 0 : MREMAP_MAYMOVE);
    if (whole != MAP_FAILED)
        return whole;
    int saved_errno = errno;
    munmap(page, page_size());
    errno = saved_errno;
    return NULL;
}
