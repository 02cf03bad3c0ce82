/* SPDX-License-Identifier: Apache-2.0 */
#include "state/board.h"

#include <string.h>
#include <time.h>

#include "enter/visit.h"
#include "error.h"

#define LOOKS    200
#define SLEEP_NS 5000000L

static void terminate(struct hf_agent_board *board)
{
    for (size_t i = 0; i < HF_AGENT_APPLIED; i++) {
        board->applied[i].id[HF_AGENT_ID_SIZE - 1] = '\0';
        board->applied[i].name[HF_AGENT_NAME_SIZE - 1] = '\0';
        board->applied[i].version[HF_AGENT_NAME_SIZE - 1] = '\0';
    }
}

/* One that is being written is read again. */
static int read_board(const struct hf_target *target, uint64_t address, struct hf_agent_board *board,
                      struct hotfix_error *err)
{
    for (int look = 0; look < LOOKS; look++) {
        struct hf_agent_board again;
        if (!hf_target_read(target, address, board, sizeof(*board)) ||
            !hf_target_read(target, address, &again, sizeof(again)))
            return hf_error(err, HOTFIX_NO_TARGET, "process %d has ended", (int)target->pid);
        if (memcmp(board->magic, HF_AGENT_BOARD_MAGIC, sizeof(board->magic)) != 0 || board->size < sizeof(*board))
            return hf_error(err, HOTFIX_INTERNAL, "process %d has a library of this name that is another one",
                            (int)target->pid);
        if (board->changes % 2 == 0 && memcmp(board, &again, sizeof(again)) == 0) {
            terminate(board);
            return 0;
        }
        nanosleep(&(struct timespec){.tv_nsec = SLEEP_NS}, NULL);
    }
    return hf_error(err, HOTFIX_BUSY, "process %d: what is applied changes right now, or could not be written down",
                    (int)target->pid);
}

int hf_state_read(pid_t pid, struct hf_state *state, struct hotfix_error *err)
{
    struct hf_target target;
    struct hf_images images = {0};

    *state = (struct hf_state){.entered = false};
    if (hf_target_open(pid, &target, err) != 0)
        return -1;
    memcpy(state->name, target.name, sizeof(state->name));
    int status = hf_images_read(&target, true, &images, err);
    const struct hf_image *agent = status == 0 ? hf_visit_agent(&images) : NULL;
    if (agent) {
        state->entered = true;
        status = read_board(&target, hf_image_symbol(agent, HF_AGENT_BOARD), &state->board, err);
    }
    hf_images_deinit(&images);
    hf_target_close(&target);
    return status;
}
