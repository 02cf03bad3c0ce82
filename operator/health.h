/* SPDX-License-Identifier: Apache-2.0 */
/* How processes do that were fixed a moment ago: they live, and a command of the operator's says that all is well. */
#ifndef HF_HEALTH_H
#define HF_HEALTH_H

#include "hotfix/error.h"
#include "options.h"
#include "process/select.h"

/*
 * Waits as --wait says, then runs --health, which has a minute. HOTFIX_NO_TARGET when one of the processes has ended
 * meanwhile, HOTFIX_PATCHER when the command fails, HOTFIX_BUSY when this command was interrupted.
 */
int hf_health_check(const struct hf_ctl *ctl, const struct hf_pids *pids, struct hotfix_error *err);

#endif
