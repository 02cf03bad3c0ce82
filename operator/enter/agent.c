/* SPDX-License-Identifier: Apache-2.0 */
#include "enter/agent.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"

int hf_agent_file(int *descriptor, struct hotfix_error *err)
{
    static int made = -1;

    if (made >= 0) {
        *descriptor = made;
        return 0;
    }
    HF_CLOSE int fd = memfd_create("hotfix-agent", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return hf_error_sys(err, HOTFIX_STAGE, "no file can be made in memory");
    for (size_t done = 0; done < hf_agent_size;) {
        ssize_t put = write(fd, hf_agent_bytes + done, hf_agent_size - done);
        if (put <= 0)
            return hf_error_sys(err, HOTFIX_STAGE, "the library cannot be written into memory");
        done += (size_t)put;
    }
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
        return hf_error_sys(err, HOTFIX_STAGE, "the library cannot be sealed");
    made = fd;
    fd = -1;
    *descriptor = made;
    return 0;
}
