/* SPDX-License-Identifier: Apache-2.0 */
/* How much memory the sections of a file take. */
#ifndef HF_PACKED_H
#define HF_PACKED_H

#include <libelf.h>
#include <stdint.h>

#include "hotfix/error.h"

/*
 * Refuses a file whose sections, if compressed after unpacking, take more than 32 times its size and 16 MiB: zlib makes
 * debug information three to ten times smaller, so a file of 2 MB that takes gigabytes is an attack. Sections that
 * share bytes count each. Unpacks nothing. HOTFIX_FORMAT.
 */
int hf_packed_check(Elf *elf, uint64_t file_size, const char *path, struct hotfix_error *err);

#endif
