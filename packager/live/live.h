/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A running process, read from outside through /proc: its mappings, their ELF modules, and its memory. Nothing read
 * from it is trusted, and nothing is changed. Its files may have been replaced or deleted: only memory counts.
 */
#ifndef HF_LIVE_H
#define HF_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "hotfix/error.h"
#include "live/mapping.h"
#include "manifest.h"

#define HF_LIVE_NAME_SIZE    16   /* the kernel's TASK_COMM_LEN */
#define HF_LIVE_MAX_SEGMENTS 128u /* program headers of a module; others are not recognised */
#define HF_LIVE_MAX_NOTES    (64u << 10)

/* An ELF file that is mapped to be run. */
struct hf_live_module {
    const char *path; /* of its first mapping */
    bool deleted;
    uint64_t base; /* address in memory = base + ELF virtual address */
    uint64_t begin;
    uint64_t end;
    struct hf_build_id build_id;
    bool stamped;           /* it is a patch out of a bundle: its note says of which */
    uint8_t id[HF_ID_SIZE]; /* the bundle's */
    char version[HF_NAME_MAX + 1];
};

struct hf_live {
    pid_t pid;
    char name[HF_LIVE_NAME_SIZE];
    int directory;                  /* /proc/PID: stays this process, even when its number is given to another */
    int memory;                     /* /proc/PID/mem */
    struct hf_mappings mappings;    /* when it was opened */
    struct hf_live_module *modules; /* see module.h */
    size_t module_count;
};

/*
 * Opens the process with this number; its modules are read by hf_live_modules_read(). HOTFIX_IO when there is none,
 * when it has no memory of its own (a zombie, a thread of the kernel), and when it may not be looked at; HOTFIX_MEMORY.
 */
int hf_live_open(pid_t pid, struct hf_live *live, struct hotfix_error *err);
/* A zeroed one that was never opened is fine. */
void hf_live_close(struct hf_live *live);

/* Reads what is mapped now. HOTFIX_IO as hf_live_open(), HOTFIX_MEMORY. */
int hf_live_mappings(const struct hf_live *live, struct hf_mappings *mappings, struct hotfix_error *err);

/* Reads all of size bytes. HOTFIX_IO: the process has ended meanwhile, or nothing that can be read is there. */
int hf_live_read(const struct hf_live *live, uint64_t address, void *bytes, size_t size, struct hotfix_error *err);

/* What an address lies in, or NULL. */
const struct hf_live_module *hf_live_module_at(const struct hf_live *live, uint64_t address);

/* The first module with this build-id, NULL when there is none. *count, which may be NULL: how many there are. */
const struct hf_live_module *hf_live_module_find(const struct hf_live *live, const struct hf_build_id *build_id,
                                                 size_t *count);

#endif
