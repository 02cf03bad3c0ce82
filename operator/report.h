/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The output of hotfixctl: one line for each process, or with --json one object on stdout, on success and on failure
 * alike. Anybody can choose the name of a process: characters that could deceive are shown as \xNN, in JSON as \u00NN.
 */
#ifndef HF_CTL_REPORT_H
#define HF_CTL_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "hotfix/error.h"

struct hf_ctl_report {
    const char *verb; /* NULL: none was given */
    bool json;
    const char *list; /* what the array of the JSON object is called; "processes" at first */
    FILE *out;        /* its members */
    char *text;
    size_t size;
    bool first;   /* of the members of the object that is being written */
    bool not_all; /* exit status 1 */
};

/* HOTFIX_MEMORY. */
int hf_ctl_report_begin(const char *verb, bool json, struct hf_ctl_report *report, struct hotfix_error *err);

/* A line on stdout for people; nothing with --json. */
void hf_ctl_report_line(const struct hf_ctl_report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A line on stderr, "hotfixctl VERB: ...". */
void hf_ctl_report_note(const struct hf_ctl_report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Says on stdout that not all processes are as they should be: the exit status becomes 1, where no error comes. */
void hf_ctl_report_not_all(struct hf_ctl_report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Objects and members of the JSON report, for each process one object. name NULL: in an array. */
void hf_ctl_report_open(struct hf_ctl_report *report, const char *name, char bracket);
void hf_ctl_report_close(struct hf_ctl_report *report, char bracket);
/* Ends the array of the report, and begins one of this name. */
void hf_ctl_report_next(struct hf_ctl_report *report, const char *name);
void hf_ctl_report_text(struct hf_ctl_report *report, const char *name, const char *value); /* NULL: null */
void hf_ctl_report_number(struct hf_ctl_report *report, const char *name, uint64_t value);
void hf_ctl_report_flag(struct hf_ctl_report *report, const char *name, bool value);

/* Ends the run; err is NULL on success. Returns the exit status. */
int hf_ctl_report_finish(struct hf_ctl_report *report, const struct hotfix_error *err);

#endif
