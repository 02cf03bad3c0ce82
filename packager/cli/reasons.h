/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings of the checks that a person accepts on the command line: the options --accept-CHECK and --accept-flags of
 * the verbs that run the checks, and how these verbs judge and report the results.
 */
#ifndef HF_REASONS_H
#define HF_REASONS_H

#include <stddef.h>

#include "check/check.h"
#include "check/waivers.h"
#include "hotfix/error.h"
#include "ui/options.h"
#include "ui/report.h"

#define HF_REASONS_NAME_SIZE 48
#define HF_REASONS_HELP_SIZE 160

/* The texts that the option of one check points to. */
struct hf_reasons_texts {
    char name[HF_REASONS_NAME_SIZE];
    char help[HF_REASONS_HELP_SIZE];
};

struct hf_reasons {
    struct hf_waiver *waivers;
    size_t count;
    struct hf_reasons_texts *texts;
};

/*
 * A verb's own options, followed by one for each check whose findings may be accepted; each adds a waiver to *reasons.
 * malloc'ed, *count is how many there are; it points into *reasons. NULL when out of memory.
 */
struct hf_option *hf_reasons_options(struct hf_reasons *reasons, const struct hf_option *own, size_t own_count,
                                     size_t *count);
/* An hf_option_fn for --accept-flags, which stands for all checks that compare flags: arg is the struct hf_reasons. */
int hf_reasons_add_flags(const struct hf_option *option, const char *argument, struct hotfix_error *err);

/*
 * Accepts what these waivers and those of a file accept, tells the report of it, and refuses the rest:
 * HOTFIX_INCOMPATIBLE or HOTFIX_UNPROVEN, with notes where one sentence does not hold all.
 */
int hf_reasons_judge(const struct hf_reasons *reasons, const struct hf_waivers *file, struct hf_check_result *results,
                     struct hf_report *report, struct hotfix_error *err);
/* A zeroed one is fine. The results must be gone by then. */
void hf_reasons_deinit(struct hf_reasons *reasons);

#endif
