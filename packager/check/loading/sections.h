/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Do the sections match what the dynamic linker uses? The dynamic linker reads only program headers and the dynamic
 * section; the checks read by sections.
 */
#ifndef HF_CHECK_SECTIONS_H
#define HF_CHECK_SECTIONS_H

#include "check/check.h"
#include "elf/image.h"

/* Adds a finding for each section that differs from what is loaded, and for tables with entries beyond a section. */
void hf_sections_check(const struct hf_image *image, struct hf_findings *findings);

#endif
