/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Will the dynamic linker find in memory what the checks read in the file? Segments must not overlap, and relocations
 * must change nothing that the dynamic linker uses or the checks have read.
 */
#ifndef HF_CHECK_LAYOUT_H
#define HF_CHECK_LAYOUT_H

#include "arch.h"
#include "check/check.h"
#include "elf/image.h"

/* Adds a finding for everything that could be different in memory. tools may be NULL. */
void hf_layout_check(const struct hf_image *image, const struct hf_arch_tools *tools, struct hf_findings *findings);

#endif
