/* SPDX-License-Identifier: Apache-2.0 */
/* hotfixctl: applies bundles to running processes from outside. */
#include <openssl/crypto.h>
#include <signal.h>
#include <string.h>

#include "enter/visit.h"
#include "error.h"
#include "options.h"
#include "report.h"
#include "verbs.h"

static void note_interrupt(int signal)
{
    (void)signal;
    hf_visit_interrupted = 1;
}

/* A thread that is held is put back before this command ends, whatever ends it but SIGKILL. */
static void catch_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction action = {.sa_handler = note_interrupt};

    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        sigaction(signals[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int run_verb(const struct hf_ctl *ctl, struct hf_ctl_report *report, struct hotfix_error *err)
{
    if (strcmp(ctl->verb, "apply") == 0)
        return hf_verb_apply(ctl, report, err);
    if (strcmp(ctl->verb, "revert") == 0)
        return hf_verb_revert(ctl, report, err);
    return hf_verb_status(ctl, report, err);
}

int main(int argc, char **argv)
{
    struct hf_ctl ctl;
    struct hf_ctl_report report;
    struct hotfix_error error = {.code = HOTFIX_OK};

    /* Whoever sets OPENSSL_CONF has no say in what is believed. */
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    catch_signals();
    int status = hf_ctl_parse(argc, argv, &ctl, &error);
    if (hf_ctl_report_begin(ctl.verb, ctl.json && status <= 0, &report, &error) != 0)
        status = -1;
    if (status == 0)
        status = run_verb(&ctl, &report, &error);
    hf_pids_deinit(&ctl.pids);
    return hf_ctl_report_finish(&report, status < 0 ? &error : NULL);
}
