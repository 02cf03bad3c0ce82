/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stamp that tells one bundle from every other: its id, version and SONAME, and the ELF note that carries
 * them inside patch.so (owner "hotfix", type 1, description: id, then version, NUL-terminated; gABI chapter 5, note
 * section).
 */
#ifndef HF_STAMP_H
#define HF_STAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"
#include "manifest.h"

#define HF_NOTE_OWNER "hotfix"
#define HF_NOTE_STAMP 1u
#define HF_SONAME_MAX (2 * HF_ID_SIZE + 32)

/* True for what may be a bundle's name or version: 1 to HF_NAME_MAX of [A-Za-z0-9._+~-], beginning with a letter or
 * digit. */
bool hf_name_valid(const char *text);

/*
 * The id of a bundle: the first bytes of SHA-256 over name, version, creation time, target build-id and unstamped
 * payload. The same inputs give the same id, any other input another one.
 */
int hf_stamp_id(const struct hf_manifest *manifest, const void *payload, size_t payload_size, uint8_t id[HF_ID_SIZE],
                struct hotfix_error *err);

/* "libhotfix-patch-<id>.so", NUL-terminated. */
void hf_stamp_soname(const uint8_t id[HF_ID_SIZE], char soname[HF_SONAME_MAX]);

#define HF_TIME_CREATED_MAX ((INT64_C(1) << 33) - 1) /* in 2242: eleven octal digits, as a tar header has */

/* Creation time: SOURCE_DATE_EPOCH where it is set (HOTFIX_USAGE when it is not a number, or after
 * HF_TIME_CREATED_MAX), else now. */
int hf_stamp_time(int64_t *seconds, struct hotfix_error *err);

/* Seconds <-> "YYYY-MM-DDTHH:MM:SSZ" (RFC 3339, UTC only). */
#define HF_TIME_SIZE 32
void hf_time_format(int64_t seconds, char text[HF_TIME_SIZE]);
int hf_time_parse(const char *text, int64_t *seconds);
/* When something ends: a time as above, or a day ("YYYY-MM-DD") to its last second in UTC. */
int hf_time_parse_end(const char *text, int64_t *seconds);

#endif
