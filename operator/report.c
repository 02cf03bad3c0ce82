/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "status.h"
#include "utf8.h"

#define NOT_ALL 1 /* the exit status */

int hf_ctl_report_begin(const char *verb, bool json, struct hf_ctl_report *report, struct hotfix_error *err)
{
    *report = (struct hf_ctl_report){.verb = verb, .json = json, .list = "processes", .first = true};
    report->out = open_memstream(&report->text, &report->size);
    return report->out ? 0 : hf_error(err, HOTFIX_MEMORY, "out of memory");
}

/* Writes text with what could deceive escaped: as a JSON string has it, or as people see it. */
static void put_text(FILE *out, const char *text, bool json)
{
    for (size_t at = 0; text[at] != '\0';) {
        uint32_t point = 0;
        size_t length = hf_utf8_decode(text + at, &point);
        unsigned char byte = (unsigned char)text[at];
        if (length == 0) {
            if (json)
                fputs("\\ufffd", out);
            else
                fprintf(out, "\\x%02x", byte);
            at++;
            continue;
        }
        if (json && (byte == '"' || byte == '\\'))
            fprintf(out, "\\%c", byte);
        else if (hf_utf8_is_hidden(point) && json && point < 0x10000)
            fprintf(out, "\\u%04x", point);
        else if (hf_utf8_is_hidden(point) && !json)
            for (size_t i = 0; i < length; i++)
                fprintf(out, "\\x%02x", (unsigned char)text[at + i]);
        else
            fwrite(text + at, 1, length, out);
        at += length;
    }
}

__attribute__((format(printf, 2, 0))) static void put_line(FILE *out, const char *format, va_list arguments)
{
    HF_FREE char *text = NULL;

    if (vasprintf(&text, format, arguments) < 0) {
        text = NULL;
        return;
    }
    put_text(out, text, false);
    fputc('\n', out);
}

void hf_ctl_report_line(const struct hf_ctl_report *report, const char *format, ...)
{
    va_list arguments;

    if (report->json)
        return;
    va_start(arguments, format);
    put_line(stdout, format, arguments);
    va_end(arguments);
}

void hf_ctl_report_not_all(struct hf_ctl_report *report, const char *format, ...)
{
    va_list arguments;

    report->not_all = true;
    if (report->json)
        return;
    va_start(arguments, format);
    put_line(stdout, format, arguments);
    va_end(arguments);
}

void hf_ctl_report_note(const struct hf_ctl_report *report, const char *format, ...)
{
    va_list arguments;

    fflush(stdout);
    fprintf(stderr, "hotfixctl%s%s: ", report->verb ? " " : "", report->verb ? report->verb : "");
    va_start(arguments, format);
    put_line(stderr, format, arguments);
    va_end(arguments);
}

static void put_name(struct hf_ctl_report *report, const char *name)
{
    fputs(report->first ? "" : ", ", report->out);
    report->first = false;
    if (name)
        fprintf(report->out, "\"%s\": ", name);
}

void hf_ctl_report_open(struct hf_ctl_report *report, const char *name, char bracket)
{
    put_name(report, name);
    fputc(bracket, report->out);
    report->first = true;
}

void hf_ctl_report_close(struct hf_ctl_report *report, char bracket)
{
    fputc(bracket, report->out);
    report->first = false;
}

void hf_ctl_report_next(struct hf_ctl_report *report, const char *name)
{
    fprintf(report->out, "], \"%s\": [", name);
    report->first = true;
}

void hf_ctl_report_text(struct hf_ctl_report *report, const char *name, const char *value)
{
    put_name(report, name);
    fputs(value ? "\"" : "null", report->out);
    if (!value)
        return;
    put_text(report->out, value, true);
    fputc('"', report->out);
}

void hf_ctl_report_number(struct hf_ctl_report *report, const char *name, uint64_t value)
{
    put_name(report, name);
    fprintf(report->out, "%llu", (unsigned long long)value);
}

void hf_ctl_report_flag(struct hf_ctl_report *report, const char *name, bool value)
{
    put_name(report, name);
    fputs(value ? "true" : "false", report->out);
}

static void print_object(const struct hf_ctl_report *report, const struct hotfix_error *err, int status)
{
    const char *quote = report->verb ? "\"" : "";
    printf("{\"schema\": \"hotfixctl%s%s/1\", \"verb\": %s%s%s", report->verb ? "." : "",
           report->verb ? report->verb : "", quote, report->verb ? report->verb : "null", quote);
    printf(", \"ok\": %s, \"status\": %d, \"error\": ", status ? "false" : "true", status);
    if (err) {
        printf("{\"code\": \"%s\", \"message\": \"", hf_error_name(err->code));
        put_text(stdout, err->message, true);
        printf("\"}");
    } else {
        printf("null");
    }
    printf(", \"%s\": [%s]}\n", report->list, report->text ? report->text : "");
}

int hf_ctl_report_finish(struct hf_ctl_report *report, const struct hotfix_error *err)
{
    int status = err ? hf_status_of(err->code) : report->not_all ? NOT_ALL : 0;

    if (report->out && fclose(report->out) != 0 && !err)
        status = hf_status_of(HOTFIX_MEMORY);
    if (err)
        hf_ctl_report_note(report, "%s", err->message);
    if (report->json)
        print_object(report, err, status);
    free(report->text);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "hotfixctl: standard output cannot be written\n");
        return hf_status_of(HOTFIX_IO);
    }
    return status;
}
