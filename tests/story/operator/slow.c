/* SPDX-License-Identifier: Apache-2.0 */
/* A hook that takes its time: it says that it runs, and waits for a file; the story puts its directory in. */
#include <fcntl.h>
#include <unistd.h>

int hotfix_on_apply(void);

int hotfix_on_apply(void)
{
    close(open("@DIRECTORY@/inside", O_WRONLY | O_CREAT, 0600));
    while (access("@DIRECTORY@/outside", F_OK) != 0)
        usleep(1000);
    return 0;
}
