/* SPDX-License-Identifier: Apache-2.0 */
/* The bundles that are applied in a process, read from its memory while it runs: no thread is stopped. */
#ifndef HF_BOARD_H
#define HF_BOARD_H

#include <stdbool.h>
#include <sys/types.h>

#include "hotfix/error.h"
#include "inside/protocol.h"
#include "process/target.h"

struct hf_state {
    char name[HF_TARGET_NAME_SIZE];
    bool entered;                /* the library is in the process */
    struct hf_agent_board board; /* zeroed when it is not */
};

/* HOTFIX_NO_TARGET, HOTFIX_STOP, HOTFIX_MEMORY; HOTFIX_BUSY when the list is being changed. */
int hf_state_read(pid_t pid, struct hf_state *state, struct hotfix_error *err);

#endif
