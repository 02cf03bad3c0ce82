/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stamp that identifies a bundle: its id, version and SONAME, and the ELF note that contains them inside patch.so
 * (owner "hotfix", type 1, description: id, then version, NUL-terminated; gABI chapter 5, note section).
 */
#ifndef HF_STAMP_H
#define HF_STAMP_H

#include <stddef.h>
#include <stdint.h>

#include "bundleid.h"
#include "hotfix/error.h"
#include "manifest.h"
#include "timestamp.h"

#define HF_NOTE_OWNER "hotfix"
#define HF_NOTE_STAMP 1u

/*
 * The id of a bundle: the first bytes of SHA-256 over name, version, creation time, target build-id and unstamped
 * payload. The same inputs give the same id, different inputs a different one.
 */
int hf_stamp_id(const struct hf_manifest *manifest, const void *payload, size_t payload_size, uint8_t id[HF_ID_SIZE],
                struct hotfix_error *err);

/* Creation time: SOURCE_DATE_EPOCH where it is set (HOTFIX_USAGE when it is not a number, or after
 * HF_TIME_CREATED_MAX), else now. */
int hf_stamp_time(int64_t *seconds, struct hotfix_error *err);

#endif
