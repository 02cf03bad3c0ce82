/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict INI text, the subset that docs/bundle-format.md defines: section headers, "key = value" lines, values
 * continued on lines indented by one tab, one blank line between sections, and nothing else.
 *
 * inih does the parsing. But Debian's build of it truncates section names at 49 characters and lines at 199, accepts
 * comments, other separators and byte order marks, and joins indented lines. So a scan before it refuses everything
 * that inih would interpret differently. Bytes with a meaning in INI are written as %XX in values.
 */
#ifndef HF_INIFILE_H
#define HF_INIFILE_H

#include <stddef.h>

#include "hotfix/error.h"

#define HF_INI_LINE_MAX    180 /* bytes of a line without its newline; inih cuts at 199 */
#define HF_INI_SECTION_MAX 40  /* bytes of a section's name; inih cuts at 49 */
#define HF_INI_KEY_MAX     24
#define HF_INI_PIECE       120 /* characters of a value on one line when written */

struct hf_ini_entry {
    char *key;
    char *value; /* unescaped, continuation lines joined */
    size_t size; /* of value, without its NUL */
    unsigned line;
};

struct hf_ini_section {
    char *name;
    unsigned line;
    struct hf_ini_entry *entries;
    size_t count;
};

struct hf_inifile {
    struct hf_ini_section *sections; /* in the order of the text */
    size_t count;
};

/*
 * Parses size bytes. `where` begins every message ("WHERE line N: ..."). Repeated keys of a section are refused,
 * repeated sections are not. Values are UTF-8 without control characters, at most value_max bytes. HOTFIX_FORMAT,
 * HOTFIX_MEMORY. On failure ini is untouched.
 */
int hf_inifile_parse(const char *where, const char *text, size_t size, size_t value_max, struct hf_inifile *ini,
                     struct hotfix_error *err);
void hf_inifile_deinit(struct hf_inifile *ini);

/*
 * Appends "key = value\n" in the one way that values are written: each line holds the longest piece that has at most
 * HF_INI_PIECE characters when it is escaped. *text is NULL at first, then malloc'ed here, *size its length.
 */
int hf_inifile_append(char **text, size_t *size, const char *key, const char *value, struct hotfix_error *err);
/* Appends "[name]\n", behind a blank line unless it is the first. */
int hf_inifile_append_section(char **text, size_t *size, const char *name, struct hotfix_error *err);

#endif
