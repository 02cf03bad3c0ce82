/* SPDX-License-Identifier: Apache-2.0 */
/* The results of checks in a verb's report: notes for people, the member "checks" of its JSON (docs/json.md). */
#ifndef HF_TELL_H
#define HF_TELL_H

#include "check/check.h"
#include "ui/report.h"

/* Sets the member "checks". */
void hf_check_results_set(struct hf_report *report, const struct hf_check_result *results);

/* One note for each finding that refuses. */
void hf_check_results_note(const struct hf_report *report, const struct hf_check_result *results);

/* One note for each check that is accepted, with the reasons. */
void hf_check_results_note_accepted(const struct hf_report *report, const struct hf_check_result *results);

#endif
