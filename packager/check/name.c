/* SPDX-License-Identifier: Apache-2.0 */
#include "check/name.h"

#include <string.h>

const char *hf_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool known(const char *source)
{
    return source && *source && *source != '<';
}

bool hf_same_source(const char *a, const char *b)
{
    return !known(a) || !known(b) || strcmp(hf_base_name(a), hf_base_name(b)) == 0;
}

size_t hf_plain_size(const char *name)
{
    size_t size = strlen(name), digits = 0;

    while (digits < size && name[size - 1 - digits] >= '0' && name[size - 1 - digits] <= '9')
        digits++;
    bool numbered = digits > 0 && size > digits + 1 && name[size - 1 - digits] == '.';
    return numbered ? size - digits - 1 : size;
}
