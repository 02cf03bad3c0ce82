/* SPDX-License-Identifier: Apache-2.0 */
#include "board.h"
#include "error.h"
#include "verbs.h"

static void tell(struct hf_ctl_report *report, pid_t pid, const struct hf_state *state)
{
    const struct hf_agent_board *board = &state->board;

    hf_ctl_report_open(report, NULL, '{');
    hf_ctl_report_number(report, "pid", (uint64_t)pid);
    hf_ctl_report_text(report, "name", state->name);
    hf_ctl_report_flag(report, "entered", state->entered);
    hf_ctl_report_number(report, "count", board->count);
    hf_ctl_report_open(report, "bundles", '[');
    if (board->count == 0)
        hf_ctl_report_line(report, "process %d (%s): no bundle is applied", (int)pid, state->name);
    for (size_t i = 0; i < board->count && i < HF_AGENT_APPLIED; i++) {
        hf_ctl_report_line(report, "process %d (%s): %s %s, id %s: %llu functions", (int)pid, state->name,
                           board->applied[i].name, board->applied[i].version, board->applied[i].id,
                           (unsigned long long)board->applied[i].function_count);
        hf_ctl_report_open(report, NULL, '{');
        hf_ctl_report_text(report, "id", board->applied[i].id);
        hf_ctl_report_text(report, "name", board->applied[i].name);
        hf_ctl_report_text(report, "version", board->applied[i].version);
        hf_ctl_report_number(report, "functions", board->applied[i].function_count);
        hf_ctl_report_close(report, '}');
    }
    hf_ctl_report_close(report, ']');
    hf_ctl_report_close(report, '}');
}

int hf_verb_status(const struct hf_ctl *ctl, struct hf_ctl_report *report, struct hotfix_error *err)
{
    struct hf_pids running = {0}, unseen = {0};
    struct hf_build_id id;
    int status = 0;

    if (ctl->exe && (hf_select_build(ctl->exe, &id, err) != 0 || hf_select_running(&id, &running, &unseen, err) != 0))
        status = -1;
    if (status == 0 && unseen.count > 0)
        hf_ctl_report_note(report, "processes that this user may not look at were passed over: %zu", unseen.count);
    const struct hf_pids *pids = ctl->exe ? &running : &ctl->pids;
    for (size_t i = 0; i < pids->count; i++) {
        struct hf_state state;
        struct hotfix_error error;
        if (hf_state_read(pids->items[i], &state, &error) == 0) {
            tell(report, pids->items[i], &state);
            continue;
        }
        if (status != 0)
            hf_ctl_report_note(report, "%s", error.message);
        else if (err)
            *err = error;
        status = -1;
    }
    if (status == 0 && pids->count == 0)
        status = hf_error(err, HOTFIX_NO_TARGET, "no process runs %s", ctl->exe);
    hf_pids_deinit(&running);
    hf_pids_deinit(&unseen);
    return status;
}
