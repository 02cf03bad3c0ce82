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
    static const struct {
        const char *name;
        int (*run)(const struct hf_ctl *ctl, struct hf_ctl_report *report, struct hotfix_error *err);
    } verbs[] = {{"apply", hf_verb_apply},
                 {"revert", hf_verb_revert},
                 {"status", hf_verb_status},
                 {"verify", hf_verb_verify},
                 {"show", hf_verb_show},
                 {"doctor", hf_verb_doctor},
                 {"enable", hf_verb_enable},
                 {"disable", hf_verb_disable},
                 {"enable-unit", hf_verb_enable_unit},
                 {"disable-unit", hf_verb_disable_unit}};

    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(ctl->verb, verbs[i].name) == 0)
            return verbs[i].run(ctl, report, err);
    }
    return hf_error(err, HOTFIX_INTERNAL, "the verb '%s' does nothing", ctl->verb);
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
