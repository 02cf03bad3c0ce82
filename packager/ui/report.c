/* SPDX-License-Identifier: Apache-2.0 */
#include "ui/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "elf/demangle.h"
#include "error.h"
#include "manifest.h"
#include "stamp.h"
#include "status.h"
#include "ui/text.h"
#include "utf8.h"

#define SCHEMA_VERSION 1
#define COLUMNS        79 /* of a terminal, one to spare */
#define LEAST_COLUMNS  20 /* for text beside a long label */
#define INDENT         4  /* of what follows the first line of a message */
#define PREFIX_SIZE    64
#define WIDE           0x1100 /* from here on a character may take two columns */

void hf_report_init(struct hf_report *report, const char *verb)
{
    *report = (struct hf_report){.verb = verb, .object = json_object()};
}

__attribute__((format(printf, 3, 0))) static void print_line(FILE *stream, const char *prefix, const char *format,
                                                             va_list arguments)
{
    HF_FREE char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0) {
        text = NULL;
        return;
    }
    HF_FREE char *line = hf_text_line(text);
    fprintf(stream, "%s%s\n", prefix, line ? line : "out of memory");
}

void hf_report_line(const struct hf_report *report, const char *format, ...)
{
    if (report->json || report->document)
        return;
    va_list arguments;
    va_start(arguments, format);
    print_line(stdout, "", format, arguments);
    va_end(arguments);
}

/* The end of a line that begins at text and has room for so many columns: at a blank where there is one. */
static const char *wrap(const char *text, size_t columns)
{
    const char *blank = NULL;
    size_t used = 0;

    while (*text) {
        uint32_t point;
        size_t size = hf_utf8_decode(text, &point);
        used += point < WIDE ? 1 : 2;
        if (used > columns)
            return blank ? blank : text;
        if (*text == ' ')
            blank = text;
        text += size;
    }
    return text;
}

__attribute__((format(printf, 2, 3))) static void put_line(FILE *stream, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_line(stream, "", format, arguments);
    va_end(arguments);
}

/* Each line but the first, which begins with the label, is indented so far. */
static void put_text(FILE *stream, const char *label, int indent, const char *text, size_t limit)
{
    HF_FREE char *folded = hf_text_folded(text, limit);
    const char *rest = folded ? folded : "out of memory";

    do {
        int begin = *label ? (int)strlen(label) : indent;
        size_t columns = begin < COLUMNS - LEAST_COLUMNS ? (size_t)(COLUMNS - begin) : LEAST_COLUMNS;
        const char *end = wrap(rest, columns);
        put_line(stream, "%*s%.*s", begin, label, (int)(end - rest), rest);
        label = "";
        rest = end + strspn(end, " ");
    } while (*rest);
}

void hf_report_text(const struct hf_report *report, const char *label, const char *text)
{
    if (!report->json && !report->document)
        put_text(stdout, label, (int)strlen(label), text, HF_REPORT_TEXT_MAX);
}

static void name_verb(const struct hf_report *report, char prefix[PREFIX_SIZE])
{
    snprintf(prefix, PREFIX_SIZE, "hotfix%s%s: ", report->verb ? " " : "", report->verb ? report->verb : "");
}

/* On a terminal, where a long line goes on below, no part of what the message quotes can begin a line. */
static void tell_failure(const struct hf_report *report, const char *message)
{
    char prefix[PREFIX_SIZE];

    name_verb(report, prefix);
    if (isatty(STDERR_FILENO))
        put_text(stderr, prefix, INDENT, message, HOTFIX_MESSAGE_SIZE);
    else
        hf_report_note(report, "%s", message);
}

void hf_report_note(const struct hf_report *report, const char *format, ...)
{
    char prefix[PREFIX_SIZE];
    name_verb(report, prefix);

    va_list arguments;
    va_start(arguments, format);
    print_line(stderr, prefix, format, arguments);
    va_end(arguments);
}

void hf_report_set(struct hf_report *report, const char *key, json_t *value)
{
    if (!report->object || json_object_set_new(report->object, key, value) != 0)
        report->failed = true;
}

void hf_report_add(struct hf_report *report, json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0)
        report->failed = true;
}

json_t *hf_json_text(const char *text)
{
    if (!text)
        return json_null();
    HF_FREE char *utf8 = hf_text_utf8(text);
    return utf8 ? json_string(utf8) : NULL;
}

json_t *hf_json_sentence(const char *text)
{
    HF_FREE char *named = text ? hf_demangle_text(text) : NULL;
    return text && !named ? NULL : hf_json_text(named);
}

json_t *hf_json_demangled(const char *symbol)
{
    HF_FREE char *name = hf_demangle(symbol, HF_DEMANGLE_SHOWN);
    return hf_json_text(name);
}

json_t *hf_json_hex(const uint8_t *bytes, size_t size)
{
    HF_FREE char *digits = malloc(2 * size + 1);
    if (!digits)
        return NULL;
    hf_hex_encode(bytes, size, digits);
    return json_string(digits);
}

json_t *hf_json_offset(uint64_t value)
{
    return json_sprintf("0x%" PRIx64, value);
}

json_t *hf_json_time(int64_t seconds)
{
    if (seconds == HF_TIME_NEVER)
        return json_null();
    char text[HF_TIME_SIZE];
    hf_time_format(seconds, text);
    return json_string(text);
}

int hf_json_write(const json_t *value, FILE *out)
{
    HF_FREE char *text = json_dumps(value, JSON_INDENT(2));
    HF_FREE char *shown = text ? hf_text_json(text) : NULL;

    return shown && fprintf(out, "%s\n", shown) >= 0 ? 0 : -1;
}

/* The members that every object has. jansson keeps the order in which keys were first set, so they go in front. */
static json_t *complete_object(const struct hf_report *report, const struct hotfix_error *failure)
{
    enum hotfix_code code = failure ? failure->code : HOTFIX_OK;
    json_t *error =
        failure ? json_pack("{s:s, s:o}", "code", hf_error_name(code), "message", hf_json_sentence(failure->message))
                : json_null();
    json_t *object =
        json_pack("{s:o, s:b, s:i, s:o}", "schema", json_sprintf("hotfix.%s/%d", report->verb, SCHEMA_VERSION), "ok",
                  !failure, "status", hf_status_of(code), "error", error);
    if (object && json_object_update(object, report->object) != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static int write_document(const struct hf_report *report, const struct hotfix_error *failure, struct hotfix_error *err)
{
    int status = hf_status_of(failure ? failure->code : HOTFIX_OK);

    if (report->document(report->document_arg, failure, status, stdout) != 0)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    return 0;
}

static int write_object(const struct hf_report *report, const struct hotfix_error *failure, struct hotfix_error *err)
{
    json_t *object = complete_object(report, failure);
    if (!object)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    int result = hf_json_write(object, stdout);
    json_decref(object);
    if (result != 0)
        return hf_error_sys(err, HOTFIX_IO, "cannot write to standard output");
    return 0;
}

/* Standard output is a file like any other: what did not get there must not pass for success. */
static int flush_output(struct hotfix_error *err)
{
    errno = 0;
    if (fflush(stdout) != 0)
        return hf_error_sys(err, HOTFIX_IO, "cannot write to standard output");
    if (ferror(stdout))
        return hf_error(err, HOTFIX_IO, "cannot write to standard output");
    return 0;
}

int hf_report_finish(struct hf_report *report, int result, const struct hotfix_error *err)
{
    struct hotfix_error memory = {.code = HOTFIX_MEMORY, .message = "out of memory"};
    struct hotfix_error output = {.code = HOTFIX_OK};
    const struct hotfix_error *failure = result < 0 ? err : NULL;

    if (!failure && (report->failed || !report->object))
        failure = &memory;
    if (failure)
        tell_failure(report, failure->message);

    int written = 0;
    if (report->document && !report->help)
        written = write_document(report, failure, &output);
    else if (report->json && !report->help)
        written = write_object(report, failure, &output);
    if (written == 0)
        written = flush_output(&output);
    if (written != 0) {
        hf_report_note(report, "%s", output.message);
        if (!failure)
            failure = &output;
    }
    int status = hf_status_of(failure ? failure->code : HOTFIX_OK);
    json_decref(report->object);
    report->object = NULL;
    return status;
}
