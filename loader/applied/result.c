/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "applied/result.h"
#include "digest.h"
#include "error.h"

#define LINE_SIZE 1024

/* What a result owns. */
struct storage {
    char *log;
    size_t log_size; /* without NUL */
    size_t log_capacity;
    struct hotfix_function *functions; /* followed by the names */
    size_t function_count;
    struct hotfix_applied *superseded;
    struct hotfix_signer *signers; /* followed by the names */
};

/* Nothing is to look like a pointer into a patch that may be unloaded. */
static void drop_functions(struct storage *storage)
{
    if (storage->functions)
        explicit_bzero(storage->functions, storage->function_count * sizeof(*storage->functions));
    free(storage->functions);
    storage->functions = NULL;
}

static const struct hotfix_result empty = HOTFIX_RESULT_INIT;

uint64_t hf_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The size in a program that was compiled before the last members were added. */
#define SIZE_MIN offsetof(struct hotfix_result, running_pause)

void hotfix_result_deinit(struct hotfix_result *result)
{
    if (!result || result->size < SIZE_MIN)
        return;

    struct storage *storage = result->storage;
    if (storage) {
        free(storage->log);
        drop_functions(storage);
        free(storage->superseded);
        free(storage->signers);
        free(storage);
    }
    size_t size = result->size;
    memcpy(result, &empty, size < sizeof(*result) ? size : sizeof(*result));
    result->size = size;
}

int hf_report_begin(struct hf_report *report, hotfix_log_fn log, void *log_arg, struct hotfix_result *result)
{
    if (result && result->size < SIZE_MIN) {
        if (result->size >= offsetof(struct hotfix_result, id))
            hf_error(&result->error, HOTFIX_USAGE, "the result is not initialised with HOTFIX_RESULT_INIT");
        return -1;
    }

    report->unseen = empty;
    report->result = result ? result : &report->unseen;
    report->log = log;
    report->log_arg = log_arg;
    report->begin = hf_clock();
    report->frame = NULL;
    hotfix_result_deinit(report->result);
    report->result->storage = calloc(1, sizeof(struct storage)); /* without it there is no log, and no success */
    return 0;
}

void hf_report_pause(struct hf_report *report, uint64_t any, uint64_t running)
{
    struct hotfix_result *result = report->result;

    if (any > result->cost.pause)
        result->cost.pause = any;
    if (result->size >= sizeof(*result) && running > result->running_pause)
        result->running_pause = running;
}

struct hotfix_error *hf_report_error(struct hf_report *report)
{
    return &report->result->error;
}

int hf_report_end(struct hf_report *report, int status)
{
    struct hotfix_result *result = report->result;

    if (status != 0) {
        result->functions = NULL;
        result->function_count = 0;
        result->superseded = NULL;
        result->superseded_count = 0;
        hf_report_log(report, HOTFIX_LOG_ERROR, "%s", result->error.message);
    } else {
        result->error = empty.error;
    }
    result->cost.total = hf_clock() - report->begin;
    if (result == &report->unseen)
        hotfix_result_deinit(result);
    return status;
}

static void keep_line(struct hotfix_result *result, const char *line, size_t size)
{
    struct storage *storage = result->storage;
    if (!storage)
        return;

    size_t needed = storage->log_size + size + 2;
    if (needed > storage->log_capacity) {
        char *log = realloc(storage->log, 2 * needed);
        if (!log)
            return;
        storage->log = log;
        storage->log_capacity = 2 * needed;
    }
    memcpy(storage->log + storage->log_size, line, size);
    storage->log_size += size;
    memcpy(storage->log + storage->log_size++, "\n", 2);
    result->log = storage->log;
}

void hf_report_log(struct hf_report *report, enum hotfix_log_level level, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list args;

    va_start(args, format);
    int length = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (length < 0)
        return;
    keep_line(report->result, line, (size_t)length < sizeof(line) ? (size_t)length : sizeof(line) - 1);
    if (report->log)
        report->log(level, line, report->log_arg);
}

void hf_report_bundle(struct hf_report *report, const struct hf_manifest *manifest)
{
    struct hotfix_result *result = report->result;

    hf_hex_encode(manifest->id, HF_ID_SIZE, result->id);
    snprintf(result->name, sizeof(result->name), "%s", manifest->name);
    snprintf(result->version, sizeof(result->version), "%s", manifest->version);
}

static char *keep_text(char **room, const char *text)
{
    size_t size = strlen(text) + 1;
    char *kept = memcpy(*room, text, size);

    *room += size;
    return kept;
}

int hf_report_functions(struct hf_report *report, const struct hotfix_function *functions, size_t count)
{
    struct hotfix_result *result = report->result;
    struct storage *storage = result->storage;

    size_t size = (count + 1) * sizeof(*functions);
    for (size_t i = 0; i < count; i++)
        size += strlen(functions[i].name) + 1 + strlen(functions[i].source) + 1;
    struct hotfix_function *copy = storage ? malloc(size) : NULL;
    if (!copy)
        return hf_error(&result->error, HOTFIX_MEMORY, "out of memory");

    char *room = (char *)(copy + count);
    for (size_t i = 0; i < count; i++) {
        copy[i] = functions[i];
        copy[i].name = keep_text(&room, functions[i].name);
        copy[i].source = keep_text(&room, functions[i].source);
    }
    drop_functions(storage);
    storage->functions = copy;
    storage->function_count = count;
    result->functions = copy;
    result->function_count = count;
    return 0;
}

int hf_report_superseded(struct hf_report *report, struct hf_applied *const *superseded, size_t count)
{
    struct hotfix_result *result = report->result;
    struct storage *storage = result->storage;

    if (count == 0)
        return 0;
    struct hotfix_applied *list = storage ? calloc(count, sizeof(*list)) : NULL;
    if (!list)
        return hf_error(&result->error, HOTFIX_MEMORY, "out of memory");
    for (size_t i = 0; i < count; i++)
        hf_registry_describe(superseded[i], &list[i]);
    free(storage->superseded);
    storage->superseded = list;
    result->superseded = list;
    result->superseded_count = count;
    return 0;
}

int hf_report_signers(struct hf_report *report, const struct hf_signers *signers)
{
    struct hotfix_result *result = report->result;
    struct storage *storage = result->storage;

    size_t size = signers->count * sizeof(struct hotfix_signer);
    for (size_t i = 0; i < signers->count; i++)
        size += strlen(signers->keys[i]->name) + 1;
    struct hotfix_signer *copy = storage ? malloc(size) : NULL;
    if (!copy)
        return hf_error(&result->error, HOTFIX_MEMORY, "out of memory");

    char *room = (char *)(copy + signers->count);
    for (size_t i = 0; i < signers->count; i++) {
        copy[i].size = sizeof(copy[i]);
        copy[i].name = keep_text(&room, signers->keys[i]->name);
        hf_hex_encode(signers->keys[i]->key.id, HF_KEY_ID_SIZE, copy[i].key_id);
    }
    free(storage->signers);
    storage->signers = copy;
    result->signers = copy;
    result->signer_count = signers->count;
    return 0;
}
