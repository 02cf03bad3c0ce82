/* SPDX-License-Identifier: Apache-2.0 */
/* The libraries that a target needs (DT_NEEDED), as found on this machine: they show which versioned symbols exist. */
#ifndef HF_NEEDED_H
#define HF_NEEDED_H

#include <stdbool.h>
#include <stddef.h>

#include "hotfix/error.h"
#include "prove/target.h"

struct hf_library {
    char *path;
    int fd;
    void *elf; /* NULL when it cannot be read */
    bool host; /* the program that loads the target: linkers do not accept a program as a library */
};

struct hf_needed {
    struct hf_library *libraries; /* those that were found */
    size_t count;
};

/*
 * Looks for the target's DT_NEEDED in `directory` (may be NULL), beside the target, in its run path and in the
 * system's directories; and for the libraries that those need in turn, including the dynamic linker. A library that is
 * not found is left out. The program `host` that loads the target (may be NULL) counts as a library, before the others:
 * HOTFIX_INCOMPATIBLE when it is not for this CPU. HOTFIX_MEMORY.
 */
int hf_needed_find(const struct hf_target *target, const char *directory, const char *host, struct hf_needed *needed,
                   struct hotfix_error *err);
void hf_needed_deinit(struct hf_needed *needed);

/* Does one of them export this symbol? */
bool hf_needed_have(const struct hf_needed *needed, const char *name);

#endif
