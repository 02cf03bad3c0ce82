/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Staging: patch.so becomes a loaded library near its target, bound to the target's state; the target is not changed.
 * Undone by hf_stage_close().
 *
 * The payload is written into a sealed memfd and loaded by dlopen. glibc recognises a library by the name under which
 * it was opened, so each patch is opened under its own path. With a staging directory the payload is written to a file
 * there instead (patchfile.h). place.h makes it lie within the CPU's reach.
 */
#ifndef HF_STAGE_H
#define HF_STAGE_H

#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"
#include "manifest.h"
#include "process/module.h"
#include "stage/patchfile.h"

struct hf_stage {
    struct hf_module patch;
    struct hf_module *others; /* modules that the patch was rebound to, the target not among them */
    size_t other_count;
    struct hf_patchfile file; /* when it was staged into a directory: removed when the patch is unloaded */
    char *name;      /* the name that debuggers see, owned until the patch is unloaded; NULL: the one under which it was
                        opened */
    char *opened_as; /* the dynamic linker's */
};

/* payload has manifest->payload_size bytes. directory is as hf_patchfile_directory() gives it, NULL for a memfd.
 * HOTFIX_STAGE, HOTFIX_FORMAT (bad fix-ups), HOTFIX_NO_TARGET, HOTFIX_MEMORY. On failure nothing stays mapped, and no
 * file. */
int hf_stage_open(const struct hf_manifest *manifest, const uint8_t *payload, const struct hf_module *target,
                  const char *directory, struct hf_stage *stage, struct hotfix_error *err);

/*
 * glibc up to 2.36 stores in a library's link map, after l_ld, the end of the pages of the library's code, and does not
 * use it later. The patch's constants may begin at that address: so the stored value, which remains in memory after the
 * map is freed, would count as a pointer to them. Returns the place of this value, or NULL.
 */
uintptr_t *hf_stage_code_end(const struct hf_stage *stage);

/* Unloads the patch. An empty stage (all zeros) is fine. */
void hf_stage_close(struct hf_stage *stage);

/*
 * As hf_stage_close(), but the patch's code stays mapped for ever, and its file stays: threads may still be in the
 * code.
 */
void hf_stage_abandon(struct hf_stage *stage);

#endif
