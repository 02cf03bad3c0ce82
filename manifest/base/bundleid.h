/* SPDX-License-Identifier: Apache-2.0 */
/* What tells bundles apart: name, version, id, and the SONAME of the patch inside. */
#ifndef HF_BUNDLEID_H
#define HF_BUNDLEID_H

#include <stdbool.h>
#include <stdint.h>

#define HF_NAME_MAX   64 /* bundle name and version: [A-Za-z0-9._+~-], first one alphanumeric */
#define HF_ID_SIZE    16 /* bytes of a bundle id; 32 lower-case hex digits as text */
#define HF_SONAME_MAX (2 * HF_ID_SIZE + 32)

/* True for what may be a bundle's name or version: 1 to HF_NAME_MAX of [A-Za-z0-9._+~-], beginning with a letter or
 * digit. */
bool hf_name_valid(const char *text);

/* "libhotfix-patch-<id>.so", NUL-terminated. */
void hf_stamp_soname(const uint8_t id[HF_ID_SIZE], char soname[HF_SONAME_MAX]);

#endif
