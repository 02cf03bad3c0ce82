/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of a systemd unit, by the control groups that systemd makes: none of its tools is needed. */
#ifndef HF_UNIT_H
#define HF_UNIT_H

#include "hotfix/error.h"
#include "process/select.h"

/*
 * Adds all processes of a unit, ordered by number; a name without a dot is a service's. Only units of the system's
 * manager, and of this user's own: another user's could have the same name. HOTFIX_NO_TARGET when it does not run,
 * HOTFIX_IO, HOTFIX_MEMORY.
 */
int hf_unit_processes(const char *unit, struct hf_pids *pids, struct hotfix_error *err);

#endif
