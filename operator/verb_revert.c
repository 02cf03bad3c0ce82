/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "enter/visit.h"
#include "errand.h"
#include "error.h"
#include "meant.h"
#include "shared/audit.h"
#include "verbs.h"

static void audit(const struct hf_ctl *ctl, pid_t pid, const struct hf_answer *answer, const struct hotfix_error *error)
{
    char name[2 * HF_AGENT_NAME_SIZE] = "";

    if (answer)
        snprintf(name, sizeof(name), "%s %s", answer->said.name, answer->said.version);
    hf_audit_write(&(struct hf_audit){.verb = ctl->verb,
                                      .operand = ctl->operand,
                                      .bundle = answer ? name : NULL,
                                      .id = ctl->operand,
                                      .pid = pid,
                                      .result = answer ? "reverted" : "refused",
                                      .message = error ? error->message : NULL,
                                      .pause_ns = answer ? answer->said.pause_ns : 0});
}

static void tell(struct hf_ctl_report *report, pid_t pid, const struct hf_answer *answer)
{
    hf_ctl_report_open(report, NULL, '{');
    hf_ctl_report_number(report, "pid", (uint64_t)pid);
    hf_ctl_report_text(report, "outcome", "reverted");
    hf_ctl_report_text(report, "id", answer->said.applied_id);
    hf_ctl_report_number(report, "functions", answer->said.function_count);
    hf_ctl_report_number(report, "pause_ns", answer->said.pause_ns);
    hf_ctl_report_number(report, "held_ns", answer->held_ns);
    hf_ctl_report_close(report, '}');
    hf_ctl_report_line(
        report, "process %d: reverted %s %s, id %s: %llu functions, threads paused for %llu us, one held for %llu us",
        (int)pid, answer->said.name, answer->said.version, answer->said.applied_id,
        (unsigned long long)answer->said.function_count, (unsigned long long)answer->said.pause_ns / 1000,
        (unsigned long long)answer->held_ns / 1000);
}

/* Of processes that were selected by their file, those without the bundle and those that end are passed over. */
static bool is_no_failure(const struct hf_ctl *ctl, pid_t pid, const struct hotfix_error *error)
{
    return ctl->pids.count == 0 && (error->code == HOTFIX_NOT_APPLIED || error->code == HOTFIX_NO_TARGET ||
                                    (kill(pid, 0) != 0 && errno == ESRCH));
}

int hf_verb_revert(const struct hf_ctl *ctl, struct hf_ctl_report *report, struct hotfix_error *err)
{
    const struct hf_errand errand = {.id = ctl->operand, .deadline_ns = ctl->deadline_ns, .stop_ns = ctl->stop_ns};
    struct hf_pids running = {0}, unseen = {0};
    size_t done = 0;

    int status = hf_meant(ctl, NULL, false, &running, &unseen, err);
    for (size_t i = 0; i < running.count && !hf_visit_interrupted; i++) {
        struct hf_answer answer;
        struct hotfix_error error;
        if (hf_errand_run(&errand, running.items[i], &answer, &error) == 0) {
            done++;
            tell(report, running.items[i], &answer);
            audit(ctl, running.items[i], &answer, NULL);
        } else if (!is_no_failure(ctl, running.items[i], &error)) {
            audit(ctl, running.items[i], NULL, &error);
            if (status != 0)
                hf_ctl_report_note(report, "%s", error.message);
            else if (err)
                *err = error;
            status = -1;
        }
    }
    if (status == 0 && hf_visit_interrupted)
        status = hf_error(err, HOTFIX_BUSY, "interrupted");
    if (status == 0 && done == 0)
        status = hf_error(err, HOTFIX_NOT_APPLIED, "no process that runs %s has bundle %s", hf_meant_name(ctl),
                          ctl->operand);
    hf_pids_deinit(&running);
    hf_pids_deinit(&unseen);
    return status;
}
