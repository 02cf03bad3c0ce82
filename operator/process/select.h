/* SPDX-License-Identifier: Apache-2.0 */
/* Selecting processes of this host. */
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

/* The file that a process must have mapped as executable. */
struct hf_sought {
    struct hf_build_id id;
    const char *name; /* or a file of this name, of any build; NULL: none */
};

/* 1: the process has it; 0: it does not; -1: this cannot be decided. */
int hf_select_runs(pid_t pid, const struct hf_sought *sought);

/*
 * Adds every process that has the file (NULL: every process with its own memory), ordered by number, and those that
 * cannot be read to unseen. HOTFIX_IO when /proc cannot be read, HOTFIX_MEMORY.
 */
int hf_select_running(const struct hf_sought *sought, struct hf_pids *pids, struct hf_pids *unseen,
                      struct hotfix_error *err);

#endif
