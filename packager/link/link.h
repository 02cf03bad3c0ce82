/* SPDX-License-Identifier: Apache-2.0 */
/* Linking the emitted objects into a shared object that keeps its relocations, and finishing it. */
#ifndef HF_LINK_H
#define HF_LINK_H

#include "link/emit.h"
#include "reference/work.h"

/* Runs ld. HOTFIX_IO with what ld says. */
int hf_link(struct hf_work *work, const struct hf_emission *emission, const char *output, struct hotfix_error *err);

/*
 * Reads the relocations of what hf_link() wrote, and writes to `output` the finished patch: fix-up table and function
 * records added, relocations and scratch symbols gone.
 */
int hf_finish(struct hf_work *work, const struct hf_emission *emission, const char *linked, const char *output,
              struct hotfix_error *err);

#endif
