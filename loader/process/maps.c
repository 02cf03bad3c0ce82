/* SPDX-License-Identifier: Apache-2.0 */
#include "process/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

#define LINE_MAX_SIZE (4096 + 128)        /* numbers and a path */
#define BUFFER_SIZE   (4 * LINE_MAX_SIZE) /* on the heap: callers have small stacks */

/* A number and the character behind it. */
static uint64_t number(const char **at, int base)
{
    char *rest;
    uint64_t value = strtoull(*at, &rest, base);

    *at = *rest ? rest + 1 : rest;
    return value;
}

/* "begin-end rwxp offset major:minor inode path" */
static struct hf_mapping parse(const char *line)
{
    struct hf_mapping mapping = {.stack = strstr(line, "[stack]") != NULL};
    const char *at = line;

    mapping.begin = number(&at, 16);
    mapping.end = number(&at, 16);
    mapping.readable = at[0] == 'r';
    mapping.executable = strnlen(at, 3) == 3 && at[2] == 'x';
    at += strcspn(at, " ");
    mapping.offset = number(&at, 16);
    mapping.device[0] = number(&at, 16);
    mapping.device[1] = number(&at, 16);
    mapping.inode = number(&at, 10);
    return mapping;
}

int hf_maps_each(int (*visit)(const struct hf_mapping *mapping, void *arg), void *arg)
{
    HF_FREE char *buffer = malloc(BUFFER_SIZE + 1);
    HF_CLOSE int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

    if (!buffer || fd < 0)
        return -1;
    for (size_t filled = 0;;) {
        ssize_t got = read(fd, buffer + filled, BUFFER_SIZE - filled);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -1 : 0;
        filled += (size_t)got;
        buffer[filled] = '\0';

        char *line = buffer;
        for (char *stop; (stop = memchr(line, '\n', filled - (size_t)(line - buffer))); line = stop + 1) {
            *stop = '\0';
            struct hf_mapping mapping = parse(line);
            int status = visit(&mapping, arg);
            if (status != 0)
                return status;
        }
        filled -= (size_t)(line - buffer);
        memmove(buffer, line, filled);
    }
}
