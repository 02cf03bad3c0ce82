/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A waiver file: waivers for which somebody takes responsibility, as strict INI text (hotfix-waivers(5)). Each section
 * [waiver.NAME] has the keys check, scope (optional), reason and expires.
 */
#ifndef HF_WAIVERS_H
#define HF_WAIVERS_H

#include <stddef.h>

#include "check/check.h"
#include "hotfix/error.h"
#include "inifile.h"
#include "ui/report.h"

#define HF_WAIVERS_MAX_SIZE (1u << 20) /* bytes of a waiver file */

struct hf_waivers {
    char *path;
    struct hf_inifile ini;     /* owns the texts; a section for each waiver */
    struct hf_waiver *waivers; /* expired ones too */
    size_t count;
};

/*
 * Parses size bytes; `path` is what messages call them. HOTFIX_FORMAT with "PATH line N: ..." for what is not strict
 * INI, an unknown section, key or check, a missing key, an unusable date, and a check that may never be accepted;
 * HOTFIX_MEMORY. On failure the waivers are untouched.
 */
int hf_waivers_parse(const char *path, const char *text, size_t size, struct hf_waivers *waivers,
                     struct hotfix_error *err);
/* The same of a file. HOTFIX_IO too. */
int hf_waivers_read(const char *path, struct hf_waivers *waivers, struct hotfix_error *err);
/* A zeroed one is fine. */
void hf_waivers_deinit(struct hf_waivers *waivers);

/* What became of a waiver in results that it was applied to. */
enum hf_waivers_fate {
    HF_WAIVERS_APPLIED, /* it accepts a finding */
    HF_WAIVERS_EXPIRED,
    HF_WAIVERS_BARRED, /* what it matches may not be accepted: its check takes unproven findings only */
    HF_WAIVERS_UNUSED  /* no finding needs it */
};
enum hf_waivers_fate hf_waivers_fate(const struct hf_waiver *waiver, const struct hf_check_result *results);

/* Sets the member "waiver_file" (docs/json.md), and notes each waiver that accepts nothing. Nothing without a file of
 * waivers. */
void hf_waivers_tell(const struct hf_waivers *waivers, const struct hf_check_result *results, struct hf_report *report);

#endif
