/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy file: the exceptions that somebody answers for, as strict INI text (hotfix-policy(5)). Each section
 * [exception.NAME] has the keys check, scope (optional), reason and expires.
 */
#ifndef HF_POLICY_H
#define HF_POLICY_H

#include <stddef.h>

#include "check/check.h"
#include "cli/report.h"
#include "hotfix/error.h"
#include "inifile.h"

#define HF_POLICY_MAX_SIZE (1u << 20) /* bytes of a policy file */

struct hf_policy {
    char *path;
    struct hf_inifile ini;           /* owns the texts; a section for each exception */
    struct hf_exception *exceptions; /* expired ones too */
    size_t count;
};

/*
 * Parses size bytes; `path` is what messages call them. HOTFIX_FORMAT with "PATH line N: ..." for what is not strict
 * INI, an unknown section, key or check, a missing key, an unusable date, and a check that may never be accepted;
 * HOTFIX_MEMORY. On failure the policy is untouched.
 */
int hf_policy_parse(const char *path, const char *text, size_t size, struct hf_policy *policy,
                    struct hotfix_error *err);
/* The same of a file. HOTFIX_IO too. */
int hf_policy_read(const char *path, struct hf_policy *policy, struct hotfix_error *err);
/* A zeroed one is fine. */
void hf_policy_deinit(struct hf_policy *policy);

/* What became of an exception in results that it was applied to. */
enum hf_policy_fate {
    HF_POLICY_APPLIED, /* it accepts a finding */
    HF_POLICY_EXPIRED,
    HF_POLICY_BARRED, /* what it matches may not be accepted: its check takes unproven findings only */
    HF_POLICY_UNUSED  /* no finding needs it */
};
enum hf_policy_fate hf_policy_fate(const struct hf_exception *exception, const struct hf_check_result *results);

/* Sets the member "policy" (docs/json.md), and notes each exception that accepts nothing. Nothing without a policy. */
void hf_policy_tell(const struct hf_policy *policy, const struct hf_check_result *results, struct hf_report *report);

#endif
