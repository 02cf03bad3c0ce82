/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bundles that wait for their target to be loaded, oldest first. Call with the lock (lock.h) held.
 *
 * A child of fork has the bundles that its parent had armed: the list is changed by single stores, so that it is
 * consistent in a child forked at any moment.
 */
#ifndef HF_ARM_H
#define HF_ARM_H

#include <stdbool.h>
#include <stddef.h>

#include "applied/result.h"
#include "apply.h"
#include "hotfix.h"

/* As hotfix_arm(), of a file. The options have a patcher. */
int hf_arm(const char *path, const struct hf_setup *setup, const struct hotfix_apply_options *options,
           struct hf_report *report);

/* As hotfix_apply_armed(); each bundle is reported to log, which may be NULL. frame as in struct hf_report. */
int hf_armed_apply(const struct hf_setup *setup, hotfix_log_fn log, void *log_arg, const void *frame, size_t *count,
                   struct hotfix_error *err);

/* Drops the bundle with this id, as text, and reports it. False when it is not armed. report may be NULL. */
bool hf_armed_drop(const char *id, struct hf_report *report);

/* As hotfix_list_armed(). */
int hf_armed_list(struct hotfix_armed **list, size_t *count, struct hotfix_error *err);

#endif
