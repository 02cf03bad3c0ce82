/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a verb tells: lines for people, or with --json one object on stdout, on success and on failure alike
 * (docs/json.md). A verb sets the JSON members always, and prints lines always: each goes out only where it is wanted.
 *
 * Whatever is printed may hold foreign bytes (names out of a bundle). People are shown \xNN for characters that control
 * a terminal or could deceive them and for bytes that are not UTF-8 (hf_text_line()). JSON has \uNNNN for such
 * characters and U+FFFD for such bytes.
 */
#ifndef HF_REPORT_H
#define HF_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "hotfix/error.h"

struct hf_report {
    const char *verb;
    bool json; /* set by hf_options_parse() */
    bool help; /* likewise: help was printed, no object follows */
    /* Writes a document of another format in place of lines and object; failure is NULL on success. -1 when out of
     * memory. NULL: there is none. */
    int (*document)(const void *arg, const struct hotfix_error *failure, int status, FILE *out);
    const void *document_arg;
    json_t *object; /* members so far; owned */
    bool failed;    /* a member could not be stored */
};

/* verb must outlive the report; NULL for the command itself. */
void hf_report_init(struct hf_report *report, const char *verb);

/* One line on stdout for people; the newline is added. Nothing with --json or a document. */
void hf_report_line(const struct hf_report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define HF_REPORT_TEXT_MAX 400 /* characters */

/*
 * A label, plain and of single columns, and behind it text that anybody may have written: runs of blanks become one, it
 * is cut to HF_REPORT_TEXT_MAX characters, and wrapped at 79 columns so that each line but the first is indented by
 * the label's length. So no part of it can be laid out as a line of the report's own.
 */
void hf_report_text(const struct hf_report *report, const char *label, const char *text);

/* One line "hotfix VERB: ..." on stderr, with --json too: progress and warnings. */
void hf_report_note(const struct hf_report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Sets a member of the object; takes the reference. NULL (out of memory) is noticed at the end. */
void hf_report_set(struct hf_report *report, const char *key, json_t *value);

/* Puts a value at the end of an array that is to become a member; takes the reference. NULL as above. */
void hf_report_add(struct hf_report *report, json_t *array, json_t *value);

/* A JSON string of any C string; null for NULL. */
json_t *hf_json_text(const char *text);
/* Likewise for a sentence, in which symbols of C++ are demangled. */
json_t *hf_json_sentence(const char *text);
/* The name that people write for a symbol of C++; null for another one. */
json_t *hf_json_demangled(const char *symbol);
/* Lower-case hexadecimal digits of some bytes. */
json_t *hf_json_hex(const uint8_t *bytes, size_t size);
/* "0x..." : offsets and addresses, which JSON numbers do not hold everywhere. */
json_t *hf_json_offset(uint64_t value);
/* RFC 3339 time; null for HF_TIME_NEVER. */
json_t *hf_json_time(int64_t seconds);

/* Writes a value as an indented document and a newline; hidden characters are \uNNNN in it. -1 when it cannot. */
int hf_json_write(const json_t *value, FILE *out);

/*
 * Ends the verb. result < 0: err says why, on stderr and in the object. Writes the object, flushes stdout, which may
 * fail too, and frees what the report owns. Returns the exit status.
 */
int hf_report_finish(struct hf_report *report, int result, const struct hotfix_error *err);

#endif
