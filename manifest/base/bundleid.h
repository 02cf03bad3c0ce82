/* SPDX-License-Identifier: Apache-2.0 */
/* What identifies a bundle: name, version, id, and the SONAME of its patch. */
#ifndef HF_BUNDLEID_H
#define HF_BUNDLEID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HF_NAME_MAX   64 /* bundle name and version: [A-Za-z0-9._+~-], first one alphanumeric */
#define HF_ID_SIZE    16 /* bytes of a bundle id; 32 lower-case hex digits as text */
#define HF_SONAME_MAX (2 * HF_ID_SIZE + 32)

/* Ids of bundles. */
struct hf_id_list {
    uint8_t (*items)[HF_ID_SIZE]; /* owned */
    size_t count;
};

/*
 * True for a valid name or version of a bundle: 1 to HF_NAME_MAX of [A-Za-z0-9._+~-], beginning with a letter or digit.
 */
bool hf_name_valid(const char *text);

/* "libhotfix-patch-<id>.so", NUL-terminated. */
void hf_stamp_soname(const uint8_t id[HF_ID_SIZE], char soname[HF_SONAME_MAX]);

/*
 * Parses one id or more, 32 lower-case hex digits each, one blank between them. 0; 1 when the text is no such list; -1
 * when out of memory. On failure ids is untouched.
 */
int hf_ids_parse(const char *text, struct hf_id_list *ids);
/* The text, malloc'ed; "" for no id. NULL when out of memory. */
char *hf_ids_format(const struct hf_id_list *ids);

#endif
