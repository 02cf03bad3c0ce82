/* SPDX-License-Identifier: Apache-2.0 */
/* A manifest as lines for people and as JSON members (docs/json.md). */
#ifndef HF_DESCRIBE_H
#define HF_DESCRIBE_H

#include "manifest.h"
#include "ui/report.h"

/* What the bundle is and what it is for: members "bundle" and "target". */
void hf_describe_bundle(struct hf_report *report, const struct hf_manifest *manifest);

/* How it was built and what it carries: members "build", "payload", "functions" and "checks". */
void hf_describe_contents(struct hf_report *report, const struct hf_manifest *manifest);

#endif
