/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Staging: patch.so becomes a loaded library near its target, rebound to the target's state, with no code of it run yet
 * and nothing of the target changed. Undone by hf_stage_close().
 *
 * The payload goes into a sealed memfd and in by dlopen. glibc recognises a library by the name it was opened under, so
 * each one is opened under a path of its own. To land within the CPU's reach, every large enough gap of the address
 * space above the chosen hole is reserved with PROT_NONE for the time of the dlopen.
 */
#ifndef HF_STAGE_H
#define HF_STAGE_H

#include <stddef.h>
#include <stdint.h>

#include "bundle.h"
#include "hotfix/error.h"
#include "module.h"

struct hf_stage {
    void *library;   /* dlopen handle */
    uintptr_t base;  /* load base of the patch */
    uintptr_t begin; /* mapped bytes */
    uintptr_t end;
};

/* HOTFIX_STAGE, HOTFIX_FORMAT (bad fix-ups), HOTFIX_MEMORY. On failure nothing stays mapped. */
int hf_stage_open(const struct hf_bundle *bundle, const struct hf_module *target, struct hf_stage *stage,
                  struct hotfix_error *err);
void hf_stage_close(struct hf_stage *stage);

#endif
