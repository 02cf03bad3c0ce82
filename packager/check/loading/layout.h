/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the dynamic linker will find in memory what the checks read in the file: segments that lie beside each other,
 * and relocations that change nothing that it goes by or that was looked at.
 */
#ifndef HF_CHECK_LAYOUT_H
#define HF_CHECK_LAYOUT_H

#include "arch.h"
#include "check/check.h"
#include "elf/image.h"

/* Adds a finding for whatever could be otherwise in memory. tools may be NULL. */
void hf_layout_check(const struct hf_image *image, const struct hf_arch_tools *tools, struct hf_findings *findings);

#endif
