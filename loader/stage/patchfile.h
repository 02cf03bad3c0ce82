/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A patch as a file in a staging directory. The dynamic linker opens the patch from this file, and debuggers and
 * profilers find its symbols there as long as it is mapped. The file is named after the patch; if that name exists
 * already (from another process, or from an earlier apply of the same patch), a number is added.
 */
#ifndef HF_PATCHFILE_H
#define HF_PATCHFILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "hotfix/error.h"

struct hf_patchfile {
    char *path; /* owned, absolute; NULL: there is no file */
    pid_t pid;  /* of the process that made it: a child of fork leaves it alone */
};

/*
 * Makes *resolved, which the caller frees, the directory's absolute path without symbolic links, after it has checked
 * that only this user and root may change the directory's content or replace the directory. HOTFIX_STAGE,
 * HOTFIX_MEMORY.
 */
int hf_patchfile_directory(const char *directory, char **resolved, struct hotfix_error *err);

/*
 * Writes the payload into a new file that only its owner may read, in a directory as the function above gives it, which
 * is checked again. No library is open under the file's path. Returns a descriptor that is open on the file for
 * reading. HOTFIX_STAGE, HOTFIX_MEMORY; nothing is left behind then.
 */
int hf_patchfile_create(const char *directory, const char *soname, const uint8_t *payload, size_t size,
                        struct hf_patchfile *file, struct hotfix_error *err);

/* Removes the file, unless a library is still open under its path. One that is empty (all zeros) is fine. */
void hf_patchfile_remove(struct hf_patchfile *file);

/* Frees what it owns; the file stays. */
void hf_patchfile_deinit(struct hf_patchfile *file);

#endif
