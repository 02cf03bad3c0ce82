/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether sections say what the dynamic linker goes by, which reads program headers and the dynamic section alone:
 * everything else of the checks is read by sections.
 */
#ifndef HF_CHECK_SECTIONS_H
#define HF_CHECK_SECTIONS_H

#include "check/check.h"
#include "elf/image.h"

/* Adds a finding for each section that is another one than that which is loaded, and for tables that lead beyond one.
 */
void hf_sections_check(const struct hf_image *image, struct hf_findings *findings);

#endif
