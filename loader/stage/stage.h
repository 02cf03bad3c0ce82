/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Staging: patch.so becomes a loaded library near its target, rebound to the target's state, with nothing of the target
 * changed. Undone by hf_stage_close().
 *
 * The payload goes into a sealed memfd and in by dlopen. glibc recognises a library by the name it was opened under, so
 * each one is opened under a path of its own. With a staging directory it goes into a file there instead
 * (patchfile.h). Landing within the CPU's reach is place.h's part.
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
    char *name;      /* that debuggers see, owned until the patch is unloaded; NULL: that it was opened under */
    char *opened_as; /* the dynamic linker's */
};

/* payload has manifest->payload_size bytes. directory is as hf_patchfile_directory() gives it, NULL for a memfd.
 * HOTFIX_STAGE, HOTFIX_FORMAT (bad fix-ups), HOTFIX_NO_TARGET, HOTFIX_MEMORY. On failure nothing stays mapped, and no
 * file. */
int hf_stage_open(const struct hf_manifest *manifest, const uint8_t *payload, const struct hf_module *target,
                  const char *directory, struct hf_stage *stage, struct hotfix_error *err);

/*
 * In its link map, behind l_ld, glibc up to 2.36 notes where the pages of a library's code end, and asks for it no
 * more. That may be where the patch's constants begin: the note, and what is left of it when the map is freed, would
 * count as a pointer to them. Finds the note, or NULL.
 */
uintptr_t *hf_stage_code_end(const struct hf_stage *stage);

/* Unloads the patch. An empty stage (all zeros) is fine. */
void hf_stage_close(struct hf_stage *stage);

/* As hf_stage_close(), but the patch's code stays mapped for good, and in its file: threads may still be in it. */
void hf_stage_abandon(struct hf_stage *stage);

#endif
