/* SPDX-License-Identifier: Apache-2.0 */
/* The processes that a command line selects: --pid, --exe, --unit or --all. */
#ifndef HF_MEANT_H
#define HF_MEANT_H

#include "hotfix/error.h"
#include "manifest.h"
#include "options.h"
#include "process/select.h"

/*
 * Adds them to pids, ordered by number, and those that this user may not read to unseen. manifest gives the target for
 * --all; NULL: every process. named: --all also includes other builds of the target, by its file's name. HOTFIX_IO,
 * HOTFIX_FORMAT, HOTFIX_NO_TARGET, HOTFIX_MEMORY.
 */
int hf_meant(const struct hf_ctl *ctl, const struct hf_manifest *manifest, bool named, struct hf_pids *pids,
             struct hf_pids *unseen, struct hotfix_error *err);

/* What messages call them: "/usr/sbin/shop", "unit shop", or what the bundle is for. */
const char *hf_meant_name(const struct hf_ctl *ctl);

#endif
