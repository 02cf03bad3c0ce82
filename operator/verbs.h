/* SPDX-License-Identifier: Apache-2.0 */
/* What hotfixctl does. 0, or -1 with the reason; what was done is in the report, in both cases. */
#ifndef HF_VERBS_H
#define HF_VERBS_H

#include "hotfix/error.h"
#include "options.h"
#include "report.h"

/* All processes, or none: when one cannot have it, those that got it in this run are reverted. */
int hf_verb_apply(const struct hf_ctl *ctl, struct hf_ctl_report *report, struct hotfix_error *err);
/* Each process by itself; the first failure is the one that is returned, after all were tried. */
int hf_verb_revert(const struct hf_ctl *ctl, struct hf_ctl_report *report, struct hotfix_error *err);
/* With a bundle: which processes are fixed, exit status 1 where one is not. Else what is applied. */
int hf_verb_status(const struct hf_ctl *ctl, struct hf_ctl_report *report, struct hotfix_error *err);
/* Of a bundle alone: would it be believed here, and what does it say of itself? show believes nothing. */
int hf_verb_verify(const struct hf_ctl *ctl, struct hf_ctl_report *report, struct hotfix_error *err);
int hf_verb_show(const struct hf_ctl *ctl, struct hf_ctl_report *report, struct hotfix_error *err);
/* Keeps a bundle for programs that start with the agent, and no longer. Running processes stay as they are. */
int hf_verb_enable(const struct hf_ctl *ctl, struct hf_ctl_report *report, struct hotfix_error *err);
int hf_verb_disable(const struct hf_ctl *ctl, struct hf_ctl_report *report, struct hotfix_error *err);
/* Has a service start with the agent preloaded, by a drop-in, and without it again. The unit itself is not restarted.
 */
int hf_verb_enable_unit(const struct hf_ctl *ctl, struct hf_ctl_report *report, struct hotfix_error *err);
int hf_verb_disable_unit(const struct hf_ctl *ctl, struct hf_ctl_report *report, struct hotfix_error *err);
/* Adds to the report of status what is enabled, whether it is believed, and where it is in quarantine; exit status 1
 * where a program that starts would not get it. id: of one bundle; "": of all. */
int hf_tell_enabled(const struct hf_ctl *ctl, const char *id, struct hf_ctl_report *report, struct hotfix_error *err);
/* What this host lets be done; exit status 1 where something is in the way. */
int hf_verb_doctor(const struct hf_ctl *ctl, struct hf_ctl_report *report, struct hotfix_error *err);

#endif
