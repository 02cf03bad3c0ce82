/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A running process as the operator sees it, through /proc: who it is, what is mapped where, and its memory. Nothing
 * read from it is trusted: every number is bounds-checked.
 */
#ifndef HF_TARGET_H
#define HF_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "hotfix/error.h"

#define HF_TARGET_NAME_SIZE 16 /* the kernel's TASK_COMM_LEN */

struct hf_mapping {
    uint64_t begin;
    uint64_t end;
    uint64_t offset; /* in the file */
    uint64_t device;
    uint64_t inode; /* 0: no file */
    bool readable;
    bool writable;
    bool executable;
    char *path; /* "" for memory without a name */
};

/* What /proc/PID/status says. */
struct hf_target_status {
    char state;     /* as in proc(5) */
    pid_t process;  /* whose thread it is */
    pid_t tracer;   /* 0: nobody traces it */
    uid_t uid;      /* effective */
    int seccomp;    /* 0: no filter */
    bool shadow;    /* it has a shadow stack */
    bool no_memory; /* a zombie, or a thread of the kernel */
};

struct hf_target {
    pid_t pid;
    char name[HF_TARGET_NAME_SIZE];
    int directory;                  /* /proc/PID: stays this process, even when its number is given to another */
    int memory;                     /* /proc/PID/mem */
    struct hf_target_status status; /* when it was opened */
    struct hf_mapping *mappings;    /* ordered by address */
    size_t mapping_count;
};

/*
 * Opens the process with this number, and reads what is mapped. HOTFIX_NO_TARGET when there is none, when it is a
 * thread's number or has no memory; HOTFIX_STOP when it may not be read, with the mechanism that refuses and what would
 * allow it; HOTFIX_MEMORY.
 */
int hf_target_open(pid_t pid, struct hf_target *target, struct hotfix_error *err);
/* A zeroed one is fine. */
void hf_target_close(struct hf_target *target);

/* Reads again what is mapped. HOTFIX_NO_TARGET when it has ended, HOTFIX_MEMORY. */
int hf_target_remap(struct hf_target *target, struct hotfix_error *err);
/* Reads the status of one of its threads. False when that has ended. */
bool hf_target_thread_status(const struct hf_target *target, pid_t tid, struct hf_target_status *status);

/* Reads or writes all of size bytes; false when not all of them are there. */
bool hf_target_read(const struct hf_target *target, uint64_t address, void *bytes, size_t size);
bool hf_target_write(const struct hf_target *target, uint64_t address, const void *bytes, size_t size);

/* What an address lies in, or NULL. */
const struct hf_mapping *hf_target_mapping(const struct hf_target *target, uint64_t address);

/*
 * The reason why the operator may not trace the process, after ptrace or /proc returned `error`; -1 with HOTFIX_STOP:
 * another tracer, another user, Yama, and what would allow it.
 */
int hf_target_refused(const struct hf_target *target, int error, struct hotfix_error *err);

#endif
