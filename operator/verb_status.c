/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <unistd.h>

#include "errand.h"
#include "error.h"
#include "meant.h"
#include "metrics.h"
#include "state/board.h"
#include "state/fixed.h"
#include "verbs.h"

struct status {
    const struct hf_ctl *ctl;
    struct hf_ctl_report *report;
    struct hf_cargo cargo; /* what is asked for; zeroed: everything that is applied */
    char id[2 * HF_ID_SIZE + 1];
    size_t states[HF_FIXED_STATES]; /* how many processes are in each */
    size_t unknown;
    size_t fixed;
    size_t others; /* that are to be fixed and are not, or of which that is not known */
};

static void tell_applied(struct hf_ctl_report *report, pid_t pid, const struct hf_state *state)
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

/* What people read behind "process N (NAME): ". */
static void describe(const struct status *status, const struct hf_fixed *fixed, char *text, size_t size)
{
    const struct hf_manifest *manifest = &status->cargo.bundle.manifest;
    const char *fix = manifest->name;

    switch (fixed->state) {
    case HF_FIXED:
        if (fixed->other[0])
            snprintf(text, size, "fixed: under bundle %s, which was made on it", fixed->other);
        else
            snprintf(text, size, "fixed%s: %zu functions%s", status->ctl->verify ? ", and verified" : "",
                     fixed->functions,
                     fixed->unread > 0 ? ", of some of which the replaced file is gone: their old code behind the "
                                         "entry was not compared"
                                       : "");
        break;
    case HF_FIXED_VULNERABLE:
        if (fixed->other[0])
            snprintf(text, size, "vulnerable: it has bundle %s, which this one is to replace", fixed->other);
        else
            snprintf(text, size, "vulnerable: %s is not applied", fix);
        break;
    case HF_FIXED_PARTLY:
        snprintf(text, size, "partly fixed: %zu of %zu functions, in %zu copies of %s", fixed->replaced,
                 fixed->functions, fixed->copies, manifest->target_name);
        break;
    case HF_FIXED_PATCHED:
        snprintf(text, size,
                 "patched by bundle %s: whether that has this fix, its own status does not say; revert it first, "
                 "or ask who made it",
                 fixed->other);
        break;
    case HF_FIXED_CHANGED:
        snprintf(text, size, "changed: the code of %s is neither that of %s nor of the bundle: start the process anew",
                 fixed->function, manifest->target_name);
        break;
    case HF_FIXED_OTHER_BUILD:
        snprintf(text, size, "other build: it runs %s with build-id %s, of which this bundle says nothing",
                 manifest->target_name, fixed->other[0] ? fixed->other : "unknown");
        break;
    default:
        snprintf(text, size, "does not run %s", manifest->target_name);
    }
}

static void tell_fixed(struct status *status, pid_t pid, const struct hf_fixed *fixed)
{
    struct hf_ctl_report *report = status->report;
    char text[HOTFIX_MESSAGE_SIZE];
    bool wanting = fixed->state == HF_FIXED_VULNERABLE || fixed->state == HF_FIXED_PARTLY;

    describe(status, fixed, text, sizeof(text));
    hf_ctl_report_line(report, "process %d (%s): %s%s%s", (int)pid, fixed->name, text,
                       wanting && !fixed->enterable ? "; and it cannot be entered: " : "",
                       wanting && !fixed->enterable ? fixed->why : "");
    hf_ctl_report_open(report, NULL, '{');
    hf_ctl_report_number(report, "pid", (uint64_t)pid);
    hf_ctl_report_text(report, "name", fixed->name);
    hf_ctl_report_text(report, "state", hf_fixed_name(fixed->state));
    hf_ctl_report_text(report, "id", status->id);
    hf_ctl_report_number(report, "copies", fixed->copies);
    hf_ctl_report_number(report, "functions", fixed->functions);
    hf_ctl_report_number(report, "replaced", fixed->replaced);
    hf_ctl_report_text(report, "other", fixed->other[0] ? fixed->other : NULL);
    hf_ctl_report_flag(report, "enterable", fixed->enterable);
    hf_ctl_report_text(report, "why", fixed->enterable ? NULL : fixed->why);
    hf_ctl_report_close(report, '}');
}

/* One that may not be looked at is none that is fixed. */
static void tell_unseen(struct status *status, pid_t pid, const struct hotfix_error *why)
{
    struct hf_ctl_report *report = status->report;

    hf_ctl_report_line(report, "process %d: unknown: %s", (int)pid, why->message);
    hf_ctl_report_open(report, NULL, '{');
    hf_ctl_report_number(report, "pid", (uint64_t)pid);
    hf_ctl_report_text(report, "state", "unknown");
    hf_ctl_report_text(report, "id", status->id);
    hf_ctl_report_flag(report, "enterable", false);
    hf_ctl_report_text(report, "why", why->message);
    hf_ctl_report_close(report, '}');
}

static int ask_fixed(struct status *status, pid_t pid, struct hotfix_error *err)
{
    struct hf_fixed fixed;
    struct hotfix_error error;

    if (hf_fixed_read(pid, &status->cargo.bundle, status->ctl->verify, &fixed, &error) == 0) {
        status->states[fixed.state]++;
        status->fixed += fixed.state == HF_FIXED;
        status->others += fixed.state != HF_FIXED && fixed.state != HF_FIXED_NONE;
        if (fixed.state != HF_FIXED_NONE || status->ctl->pids.count > 0)
            tell_fixed(status, pid, &fixed);
        return 0;
    }
    bool gone = error.code == HOTFIX_NO_TARGET && status->ctl->pids.count == 0;
    if (error.code == HOTFIX_STOP) {
        status->others++;
        status->unknown++;
        tell_unseen(status, pid, &error);
        return 0;
    }
    if (!gone && err)
        *err = error;
    return gone ? 0 : -1;
}

static int ask_applied(struct status *status, pid_t pid, struct hotfix_error *err)
{
    const struct hf_ctl *ctl = status->ctl;
    struct hf_state state;
    struct hotfix_error error;

    if (hf_state_read(pid, &state, &error) != 0) {
        if (ctl->pids.count == 0 && error.code == HOTFIX_NO_TARGET)
            return 0;
        if (err)
            *err = error;
        return -1;
    }
    if (!ctl->all || state.board.count > 0)
        tell_applied(status->report, pid, &state);
    return 0;
}

/* The answer of all: 1 where one of them is not fixed. */
static int conclude(struct status *status, size_t found, size_t unseen, struct hotfix_error *err)
{
    const struct hf_ctl *ctl = status->ctl;

    if (ctl->operand && status->others > 0) {
        hf_ctl_report_not_all(status->report, "%zu of %zu processes are not fixed, or not known to be", status->others,
                              status->others + status->fixed);
        return 0;
    }
    /* What root may not look at is outside of this root's container. */
    if (ctl->operand && unseen > 0 && geteuid() != 0)
        return hf_error(err, HOTFIX_STOP,
                        "this user may not look at %zu processes, each of which might need the fix: run this as root",
                        unseen);
    if (found == 0 || (ctl->operand && status->fixed == 0))
        return ctl->all && !ctl->operand ? 0
                                         : hf_error(err, HOTFIX_NO_TARGET, "no process runs %s", hf_meant_name(ctl));
    return 0;
}

static int write_metrics(const struct status *status, size_t unseen, struct hotfix_error *err)
{
    struct hf_metric metrics[HF_FIXED_STATES];
    size_t count = 0;

    for (size_t i = 0; i < HF_FIXED_STATES; i++) {
        if (i != HF_FIXED_NONE)
            metrics[count++] = (struct hf_metric){hf_fixed_name((enum hf_fixed_state)i), status->states[i]};
    }
    metrics[count++] = (struct hf_metric){"unknown", status->unknown + unseen};
    return hf_metrics_write(status->ctl->metrics, &status->cargo.bundle.manifest, metrics, count, err);
}

static int ask_all(struct status *status, struct hotfix_error *err)
{
    const struct hf_ctl *ctl = status->ctl;
    struct hf_pids pids = {0}, unseen = {0};

    int result = hf_meant(ctl, ctl->operand ? &status->cargo.bundle.manifest : NULL, true, &pids, &unseen, err);
    if (result == 0 && unseen.count > 0)
        hf_ctl_report_note(status->report, "processes that this user may not look at were passed over: %zu",
                           unseen.count);
    for (size_t i = 0; i < pids.count && result >= 0; i++) {
        struct hotfix_error error;
        int asked =
            ctl->operand ? ask_fixed(status, pids.items[i], &error) : ask_applied(status, pids.items[i], &error);
        if (asked == 0)
            continue;
        if (result > 0)
            hf_ctl_report_note(status->report, "%s", error.message);
        else if (err)
            *err = error;
        result = 1;
    }
    if (result == 0 && ctl->metrics && write_metrics(status, unseen.count, err) != 0)
        result = -1;
    if (result == 0)
        result = conclude(status, pids.count, unseen.count, err);
    hf_pids_deinit(&pids);
    hf_pids_deinit(&unseen);
    return result == 0 ? 0 : -1;
}

int hf_verb_status(const struct hf_ctl *ctl, struct hf_ctl_report *report, struct hotfix_error *err)
{
    struct status status = {.ctl = ctl, .report = report};
    int result = 0;

    if (ctl->operand)
        result = hf_cargo_read(ctl->operand, ctl->trust, &status.cargo, err);
    if (result == 0) {
        if (ctl->operand)
            hf_hex_encode(status.cargo.bundle.manifest.id, HF_ID_SIZE, status.id);
        result = ask_all(&status, err);
        /* Also where no process runs: those that start are meant. */
        if (ctl->all && hf_tell_enabled(ctl, status.id, report, result == 0 ? err : NULL) != 0)
            result = -1;
    }
    hf_cargo_deinit(&status.cargo);
    return result;
}
