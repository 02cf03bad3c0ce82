/* SPDX-License-Identifier: Apache-2.0 */
#include "owned.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "file.h"

#define OVERFLOW_UID 65534 /* where the kernel was not told another one */
#define MAP_MAX      65536

/* Text of a file of /proc; NULL when it cannot be had. */
static char *read_text(const char *path)
{
    uint8_t *text = NULL;
    size_t size;

    return hf_file_read(path, MAP_MAX, &text, &size, NULL) == 0 ? (char *)text : NULL;
}

/*
 * A user namespace shows all users whom it does not map as one, the overflow uid (user_namespaces(7)): that one is
 * somebody only where everybody is mapped.
 */
static bool is_anybody(uid_t user)
{
    HF_FREE char *overflow = read_text("/proc/sys/kernel/overflowuid");
    unsigned long first, outside, count;

    if (user != (overflow ? strtoul(overflow, NULL, 10) : OVERFLOW_UID))
        return false;
    HF_FREE char *map = read_text("/proc/self/uid_map");
    return !map || sscanf(map, "%lu %lu %lu", &first, &outside, &count) != 3 || first != 0 || count != UINT32_MAX;
}

int hf_owned_by(const char *what, const char *path, const struct stat *status, enum hotfix_code code,
                struct hotfix_error *err)
{
    if (status->st_uid != 0 && status->st_uid != geteuid())
        return hf_error(err, code, "%s %s: belongs to user %u; use one of this user or of root", what, path,
                        (unsigned)status->st_uid);
    if (status->st_uid != 0 && is_anybody(status->st_uid))
        return hf_error(err, code,
                        "%s %s: belongs to user %u, who may be anybody: so this user namespace shows all users whom it "
                        "does not map; map this user, or use one of root",
                        what, path, (unsigned)status->st_uid);
    return 0;
}

int hf_owned_check(const char *what, const char *path, const struct stat *status, bool above, enum hotfix_code code,
                   struct hotfix_error *err)
{
    if (hf_owned_by(what, path, status, code, err) != 0)
        return -1;
    if ((status->st_mode & (S_IWGRP | S_IWOTH)) && !(above && (status->st_mode & S_ISVTX)))
        return hf_error(err, code, "%s %s: may be written by other users (mode %04o); chmod go-w it", what, path,
                        status->st_mode & 07777);
    return 0;
}

int hf_owned_check_above(const char *what, const char *path, enum hotfix_code code, struct hotfix_error *err)
{
    HF_FREE char *copy = strdup(path);
    struct stat status;

    if (!copy)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    for (char *slash = strrchr(copy, '/'); slash; slash = strrchr(copy, '/')) {
        *slash = '\0';
        const char *above = copy[0] ? copy : "/";
        if (lstat(above, &status) != 0)
            return hf_error_sys(err, code, "%s %s: cannot look at %s", what, path, above);
        if (!S_ISDIR(status.st_mode))
            return hf_error(err, code, "%s %s: is not a directory", what, above);
        if (hf_owned_check(what, above, &status, true, code, err) != 0)
            return -1;
    }
    return 0;
}
