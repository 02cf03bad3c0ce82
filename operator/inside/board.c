/* SPDX-License-Identifier: Apache-2.0 */
#include "inside/board.h"

#include <stdio.h>
#include <stdlib.h>

#include "handle.h"
#include "hotfix.h"
#include "inside/protocol.h"

extern __attribute__((visibility("default"))) struct hf_agent_board hotfix_agent_board;

struct hf_agent_board hotfix_agent_board = {.magic = HF_AGENT_BOARD_MAGIC, .size = sizeof(hotfix_agent_board)};

static void copy(char *to, const char *from, size_t size)
{
    snprintf(to, size, "%s", from);
}

void hf_board_update(void)
{
    struct hf_agent_board *board = &hotfix_agent_board;
    struct hotfix_applied *list = NULL;
    size_t count = 0;

    if (board->changes % 2 == 0)
        __atomic_fetch_add(&board->changes, 1, __ATOMIC_SEQ_CST);
    if (hf_handle_list(&list, &count, NULL) != 0)
        return;
    board->count = count;
    for (size_t i = 0; i < count && i < HF_AGENT_APPLIED; i++) {
        copy(board->applied[i].id, list[i].id, sizeof(board->applied[i].id));
        copy(board->applied[i].name, list[i].name, sizeof(board->applied[i].name));
        copy(board->applied[i].version, list[i].version, sizeof(board->applied[i].version));
        board->applied[i].function_count = list[i].function_count;
    }
    free(list);
    __atomic_fetch_add(&board->changes, 1, __ATOMIC_SEQ_CST);
}
