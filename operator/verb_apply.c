/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "digest.h"
#include "enter/visit.h"
#include "errand.h"
#include "error.h"
#include "health.h"
#include "meant.h"
#include "shared/audit.h"
#include "state/board.h"

#define ROUNDS_MAX 16 /* looks for processes that were forked meanwhile */

struct run {
    const struct hf_ctl *ctl;
    struct hf_ctl_report *report;
    struct hf_cargo cargo;
    char id[2 * HF_ID_SIZE + 1];
    char name[2 * HF_NAME_MAX + 2]; /* and version, of the bundle */
    struct hf_pids seen;            /* all that were found */
    struct hf_pids done;            /* that got it in this run */
    struct hf_pids before;          /* that had it already when this run began */
    size_t fixed;                   /* that have it, from this run or before */
    size_t failed;                  /* that cannot have it, which --max-failures allows */
};

static bool has_ended(pid_t pid)
{
    return kill(pid, 0) != 0 && errno == ESRCH;
}

/* One that was forked by a process that had it has it, too. */
static bool has_it(const struct run *run, pid_t pid)
{
    struct hf_state state;

    if (hf_state_read(pid, &state, NULL) != 0)
        return false;
    for (size_t i = 0; i < state.board.count && i < HF_AGENT_APPLIED; i++) {
        if (strcmp(state.board.applied[i].id, run->id) == 0)
            return true;
    }
    return false;
}

static void audit(const struct run *run, pid_t pid, const char *result, const char *message,
                  const struct hf_answer *answer)
{
    hf_audit_write(&(struct hf_audit){.verb = run->ctl->verb,
                                      .operand = run->ctl->operand,
                                      .bundle = run->name[0] ? run->name : NULL,
                                      .id = run->id,
                                      .signers = run->cargo.signers,
                                      .pid = pid,
                                      .result = result,
                                      .message = message,
                                      .pause_ns = answer ? answer->said.pause_ns : 0});
}

static void tell(struct run *run, pid_t pid, const char *outcome, const struct hf_answer *answer)
{
    struct hf_ctl_report *report = run->report;
    const struct hf_manifest *manifest = &run->cargo.bundle.manifest;

    hf_ctl_report_open(report, NULL, '{');
    hf_ctl_report_number(report, "pid", (uint64_t)pid);
    hf_ctl_report_text(report, "outcome", outcome);
    hf_ctl_report_text(report, "id", run->id);
    if (answer) {
        hf_ctl_report_number(report, "functions", answer->said.function_count);
        hf_ctl_report_number(report, "pause_ns", answer->said.pause_ns);
        hf_ctl_report_number(report, "held_ns", answer->held_ns);
        hf_ctl_report_text(report, "signers", answer->said.signers);
        hf_ctl_report_line(report,
                           "process %d: applied %s %s, id %s: %llu functions, signed by %s, threads paused for %llu "
                           "us, one held for %llu us",
                           (int)pid, manifest->name, manifest->version, run->id,
                           (unsigned long long)answer->said.function_count, answer->said.signers,
                           (unsigned long long)answer->said.pause_ns / 1000,
                           (unsigned long long)answer->held_ns / 1000);
    } else {
        hf_ctl_report_line(report, "process %d: %s: %s %s, id %s", (int)pid, outcome, manifest->name, manifest->version,
                           run->id);
    }
    hf_ctl_report_close(report, '}');
}

/* --max-failures. A process whose code is torn is more than one that goes without the fix. */
static int tolerate(struct run *run, pid_t pid, const struct hotfix_error *error, struct hotfix_error *err)
{
    struct hf_ctl_report *report = run->report;

    if (run->failed >= run->ctl->max_failures || hf_visit_interrupted || error->code == HOTFIX_TORN ||
        error->code == HOTFIX_INTERNAL || error->code == HOTFIX_MEMORY) {
        if (err)
            *err = *error;
        return -1;
    }
    run->failed++;
    audit(run, pid, "failed", error->message, NULL);
    hf_ctl_report_open(report, NULL, '{');
    hf_ctl_report_number(report, "pid", (uint64_t)pid);
    hf_ctl_report_text(report, "outcome", "failed");
    hf_ctl_report_text(report, "id", run->id);
    hf_ctl_report_text(report, "why", error->message);
    hf_ctl_report_close(report, '}');
    hf_ctl_report_line(report, "process %d: cannot have it: %s", (int)pid, error->message);
    return 0;
}

/* A process that ends meanwhile needs no fix; but one that was asked for by its number is to be there. */
static int apply_to(struct run *run, pid_t pid, struct hotfix_error *err)
{
    const struct hf_ctl *ctl = run->ctl;
    const struct hf_errand errand = {
        .cargo = &run->cargo, .deadline_ns = ctl->deadline_ns, .stop_ns = ctl->stop_ns, .dry_run = ctl->dry_run};
    struct hf_answer answer;
    struct hotfix_error error;
    bool selected = ctl->pids.count == 0;

    if (selected && has_it(run, pid)) {
        run->fixed++;
        tell(run, pid, "has it already", NULL);
        return run->done.count > 0 ? 0 : hf_pids_add(&run->before, pid, err);
    }
    if (hf_errand_run(&errand, pid, &answer, &error) != 0) {
        if (selected && has_ended(pid))
            return 0;
        return tolerate(run, pid, &error, err);
    }
    run->fixed++;
    tell(run, pid, ctl->dry_run ? "could be applied" : "applied", ctl->dry_run ? NULL : &answer);
    if (!ctl->dry_run)
        audit(run, pid, "applied", NULL, &answer);
    return ctl->dry_run ? 0 : hf_pids_add(&run->done, pid, err);
}

/* A unit has other processes than those that the bundle is for. */
static bool is_meant(const struct run *run, pid_t pid)
{
    const struct hf_sought sought = {.id = run->cargo.bundle.manifest.target_build_id};

    return !run->ctl->unit || hf_select_runs(pid, &sought) != 0;
}

/* The next processes that are meant and were not seen before. */
static int find(struct run *run, struct hf_pids *found, struct hotfix_error *err)
{
    struct hf_pids running = {0}, unseen = {0};

    int status = hf_meant(run->ctl, &run->cargo.bundle.manifest, false, &running, &unseen, err);
    for (size_t i = 0; i < running.count && status == 0; i++) {
        pid_t pid = running.items[i];
        if (hf_pids_has(&run->seen, pid) || !is_meant(run, pid))
            continue;
        status = hf_pids_add(found, pid, err);
        if (status == 0)
            status = hf_pids_add(&run->seen, pid, err);
    }
    if (status == 0 && unseen.count > 0 && run->seen.count == found->count)
        hf_ctl_report_note(run->report, "processes that this user may not look at were passed over: %zu", unseen.count);
    hf_pids_deinit(&running);
    hf_pids_deinit(&unseen);
    return status;
}

/* How many of the processes come first. */
static size_t canaries(const struct hf_ctl *ctl, size_t count)
{
    size_t first = ctl->canary_is_percent ? (count * ctl->canary + 99) / 100 : ctl->canary;

    return first < count ? first : count;
}

/* All that were found; the canary of --canary first, which is looked at before the rest follows. */
static int apply_found(struct run *run, const struct hf_pids *found, size_t first, struct hotfix_error *err)
{
    for (size_t i = 0; i < found->count; i++) {
        if (hf_visit_interrupted)
            return hf_error(err, HOTFIX_BUSY, "interrupted");
        if (i > 0 && i == first && run->done.count > 0 && hf_health_check(run->ctl, &run->done, err) != 0)
            return -1;
        if (apply_to(run, found->items[i], err) != 0)
            return -1;
    }
    return 0;
}

static int apply_all(struct run *run, struct hotfix_error *err)
{
    for (int round = 0; round < ROUNDS_MAX; round++) {
        struct hf_pids found = {0};
        int status = find(run, &found, err);
        if (status == 0)
            status = apply_found(run, &found, round == 0 ? canaries(run->ctl, found.count) : 0, err);
        size_t count = found.count;
        hf_pids_deinit(&found);
        if (status != 0)
            return status;
        if (count == 0)
            return run->done.count > 0 ? hf_health_check(run->ctl, &run->done, err) : 0;
    }
    return hf_error(err, HOTFIX_BUSY, "new processes come faster than they can be fixed");
}

/* Those that were forked by a process after it got the bundle in this run have it, too. */
static void find_children(struct run *run)
{
    struct hf_pids running = {0}, unseen = {0};

    if (run->ctl->pids.count > 0 || run->before.count > 0 || run->done.count == 0)
        return;
    if (hf_meant(run->ctl, &run->cargo.bundle.manifest, false, &running, &unseen, NULL) == 0) {
        for (size_t i = 0; i < running.count; i++) {
            if (!hf_pids_has(&run->done, running.items[i]) && has_it(run, running.items[i]))
                hf_pids_add(&run->done, running.items[i], NULL);
        }
    }
    hf_pids_deinit(&running);
    hf_pids_deinit(&unseen);
}

/* Takes it back where this run has applied it. */
static void take_back(struct run *run, struct hotfix_error *err)
{
    const struct hf_errand errand = {.id = run->id, .deadline_ns = run->ctl->deadline_ns, .stop_ns = run->ctl->stop_ns};
    size_t left = 0;

    hf_visit_interrupted = 0;
    find_children(run);
    for (size_t i = 0; i < run->done.count; i++) {
        struct hf_answer answer;
        struct hotfix_error failure;
        pid_t pid = run->done.items[i];
        if (hf_errand_run(&errand, pid, &answer, &failure) == 0) {
            tell(run, pid, "reverted again", NULL);
            audit(run, pid, "reverted again", NULL, &answer);
        } else if (!has_ended(pid)) {
            left++;
            audit(run, pid, "kept", failure.message, NULL);
            hf_ctl_report_note(run->report, "process %d keeps the bundle: %s", (int)pid, failure.message);
        }
    }
    if (left > 0)
        hf_error_prefix(err, "%zu processes keep the bundle, see above; the reason to take it back was", left);
    else if (run->done.count > 0)
        hf_error_prefix(err, "reverted in the %zu processes that had got it, since", run->done.count);
}

int hf_verb_apply(const struct hf_ctl *ctl, struct hf_ctl_report *report, struct hotfix_error *err)
{
    struct run run = {.ctl = ctl, .report = report};
    struct hotfix_error error = {.code = HOTFIX_OK};

    int status = hf_cargo_read(ctl->operand, ctl->trust, &run.cargo, &error);
    if (status == 0) {
        hf_hex_encode(run.cargo.bundle.manifest.id, HF_ID_SIZE, run.id);
        snprintf(run.name, sizeof(run.name), "%s %s", run.cargo.bundle.manifest.name,
                 run.cargo.bundle.manifest.version);
        status = apply_all(&run, &error);
        if (status != 0)
            take_back(&run, &error);
        else if (run.fixed == 0 && run.failed == 0)
            status = hf_error(&error, HOTFIX_NO_TARGET,
                              ctl->unit ? "no process of unit %s runs what the bundle is for" : "no process runs %s",
                              hf_meant_name(ctl));
        if (status == 0 && run.failed > 0)
            hf_ctl_report_not_all(report, "%zu of %zu processes cannot have it", run.failed, run.failed + run.fixed);
    }
    audit(&run, 0, status == 0 ? "done" : "refused", status == 0 ? NULL : error.message, NULL);
    if (status != 0 && err)
        *err = error;
    hf_cargo_deinit(&run.cargo);
    hf_pids_deinit(&run.seen);
    hf_pids_deinit(&run.done);
    hf_pids_deinit(&run.before);
    return status;
}
