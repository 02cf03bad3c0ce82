/* SPDX-License-Identifier: Apache-2.0 */
/* Which processes of this host are meant. */
#ifndef HF_SELECT_H
#define HF_SELECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "hotfix/error.h"
#include "manifest.h"

struct hf_pids {
    pid_t *items;
    size_t count;
};

void hf_pids_deinit(struct hf_pids *pids);
bool hf_pids_has(const struct hf_pids *pids, pid_t pid);
/* HOTFIX_MEMORY. */
int hf_pids_add(struct hf_pids *pids, pid_t pid, struct hotfix_error *err);

/* The build-id of an ELF file. HOTFIX_IO, HOTFIX_FORMAT when it has none. */
int hf_select_build(const char *path, struct hf_build_id *id, struct hotfix_error *err);

/*
 * Adds every process that has a file of this build-id mapped to be run, ordered by number, and those that cannot be
 * looked at to unseen. HOTFIX_IO when /proc cannot be read, HOTFIX_MEMORY.
 */
int hf_select_running(const struct hf_build_id *id, struct hf_pids *pids, struct hf_pids *unseen,
                      struct hotfix_error *err);

#endif
