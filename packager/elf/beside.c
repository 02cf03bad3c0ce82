/* SPDX-License-Identifier: Apache-2.0 */
#include "elf/beside.h"

#include <sys/stat.h>
#include <unistd.h>

/* Root, or what a sandbox that does not know root calls whoever owns all that is installed. */
static bool owns_system(uid_t user)
{
    struct stat status;

    return user == 0 || (stat("/usr", &status) == 0 && status.st_uid == user);
}

bool hf_beside_believed(const struct hf_image *image, int fd)
{
    struct stat own, found;

    if (fstat(image->fd, &own) != 0 || fstat(fd, &found) != 0 || (found.st_mode & S_IWOTH))
        return false;
    return owns_system(found.st_uid) || found.st_uid == geteuid() || found.st_uid == own.st_uid;
}
