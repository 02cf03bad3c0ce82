/* SPDX-License-Identifier: Apache-2.0 */
#include "elf/path.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void hf_path_simplify(char *path)
{
    char *floor = path + (*path == '/'), *out = floor;
    const char *end = path + strlen(path);

    for (const char *in = floor, *next; in < end; in = next) {
        size_t size = strcspn(in, "/");
        bool up = size == 2 && in[0] == '.' && in[1] == '.';
        bool here = size == 0 || (size == 1 && in[0] == '.');
        bool above = out - floor >= 3 && memcmp(out - 3, "../", 3) == 0; /* of a relative path; stays */
        next = in + size + 1;
        if (here || (up && out == floor && floor > path))
            continue;
        if (up && out > floor && !above) {
            for (out--; out > floor && out[-1] != '/'; out--)
                ;
            continue;
        }
        memmove(out, in, size);
        out += size;
        *out++ = '/';
    }
    if (out > floor)
        out--;
    *out = '\0';
}

char *hf_path_join(const char *directory, const char *name)
{
    char *path;

    if (name[0] == '/' || !directory[0])
        path = strdup(name);
    else if (asprintf(&path, "%s/%s", directory, name) < 0)
        path = NULL;
    if (path)
        hf_path_simplify(path);
    return path;
}
