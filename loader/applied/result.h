/* SPDX-License-Identifier: Apache-2.0 */
/* What is reported about one apply or revert while it runs: log, costs, functions and the error, in the caller's
 * result. */
#ifndef HF_RESULT_H
#define HF_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "applied/registry.h"
#include "hotfix.h"
#include "manifest.h"
#include "quorum.h"

struct hf_report {
    struct hotfix_result *result; /* the caller's, or `unseen` */
    struct hotfix_result unseen;
    hotfix_log_fn log;
    void *log_arg;
    uint64_t begin;
    const void *frame; /* the caller's stack begins above it */
};

/*
 * Starts a report, except its frame. result may be NULL; memory that it owned is freed. HOTFIX_USAGE when it was not
 * initialised: then only its error is filled in, if its size includes the error.
 */
int hf_report_begin(struct hf_report *report, hotfix_log_fn log, void *log_arg, struct hotfix_result *result);

/* Ends it: on failure no function is listed, on success no error. Returns status. */
int hf_report_end(struct hf_report *report, int status);

/* Notes a stop: the longest that any thread was stopped, and a running one. */
void hf_report_pause(struct hf_report *report, uint64_t any, uint64_t running);

/* Where errors go. */
struct hotfix_error *hf_report_error(struct hf_report *report);

/* Adds a line to the log. Never fails: a line for which there is no memory is missing from result->log. */
void hf_report_log(struct hf_report *report, enum hotfix_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Fills in which bundle the report is about. */
void hf_report_bundle(struct hf_report *report, const struct hf_manifest *manifest);

/* Copies the functions, names included, into the result. HOTFIX_MEMORY. */
int hf_report_functions(struct hf_report *report, const struct hotfix_function *functions, size_t count);

/* Copies id, name, version and function count of these bundles into the result. HOTFIX_MEMORY. */
int hf_report_superseded(struct hf_report *report, struct hf_applied *const *superseded, size_t count);

/* Copies names and ids of the keys that counted into the result. HOTFIX_MEMORY. */
int hf_report_signers(struct hf_report *report, const struct hf_signers *signers);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t hf_clock(void);

#endif
