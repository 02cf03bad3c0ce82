/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "arm.h"
#include "bundle.h"
#include "cleanup.h"
#include "digest.h"
#include "error.h"
#include "file.h"
#include "process/module.h"
#include "verify/check.h"

struct armed {
    struct armed *next;
    struct hotfix_armed info;
    struct hf_build_id build_id;
    struct hotfix_apply_options options;
    uint8_t *bytes; /* the bundle, signatures and all */
    size_t size;
};

static struct armed *first;

static void bundle_cleanup(struct hf_bundle *bundle)
{
    hf_bundle_deinit(bundle);
}

/* Ids are hexadecimal, in either case. */
static struct armed **find(const char *id)
{
    struct armed **link = &first;

    while (*link && strcasecmp((*link)->info.id, id) != 0)
        link = &(*link)->next;
    return link;
}

bool hf_armed_drop(const char *id, struct hf_report *report)
{
    struct armed **link = find(id);
    struct armed *armed = *link;
    if (!armed)
        return false;

    *link = armed->next;
    if (report) {
        memcpy(report->result->id, armed->info.id, sizeof(armed->info.id));
        memcpy(report->result->name, armed->info.name, sizeof(armed->info.name));
        memcpy(report->result->version, armed->info.version, sizeof(armed->info.version));
        hf_report_log(report, HOTFIX_LOG_INFO, "disarmed %s %s", armed->info.name, armed->info.version);
    }
    free(armed->bytes);
    free(armed);
    return true;
}

/* Reports once that another build is loaded under the target's name. */
static void note_other_build(struct armed *armed, struct hf_report *report)
{
    char text[2 * HF_BUILD_ID_MAX + 1];

    if (armed->info.error.code == HOTFIX_NO_TARGET)
        return;
    hf_hex_encode(armed->build_id.bytes, armed->build_id.size, text);
    hf_error(&armed->info.error, HOTFIX_NO_TARGET,
             "the %s that is loaded is not the one with build-id %s; the bundle stays armed", armed->info.target, text);
    hf_report_log(report, HOTFIX_LOG_ERROR, "bundle %s %s: %s", armed->info.name, armed->info.version,
                  armed->info.error.message);
}

/* Takes over the bytes when it succeeds; NULL with the error else. */
static struct armed *add(const struct hf_manifest *manifest, uint8_t **bytes, size_t size,
                         const struct hotfix_apply_options *options, struct hf_report *report)
{
    struct armed *armed = calloc(1, sizeof(*armed));
    if (!armed) {
        hf_error(hf_report_error(report), HOTFIX_MEMORY, "out of memory");
        return NULL;
    }

    armed->info.size = sizeof(armed->info);
    hf_hex_encode(manifest->id, HF_ID_SIZE, armed->info.id);
    snprintf(armed->info.name, sizeof(armed->info.name), "%s", manifest->name);
    snprintf(armed->info.version, sizeof(armed->info.version), "%s", manifest->version);
    snprintf(armed->info.target, sizeof(armed->info.target), "%s", manifest->target_name);
    armed->build_id = manifest->target_build_id;
    armed->options = *options;
    armed->bytes = *bytes;
    armed->size = size;
    *bytes = NULL;

    struct armed **link = &first;
    while (*link)
        link = &(*link)->next;
    *link = armed;
    return armed;
}

int hf_arm(const char *path, const struct hf_setup *setup, const struct hotfix_apply_options *options,
           struct hf_report *report)
{
    struct hotfix_error *err = hf_report_error(report);

    HF_FREE uint8_t *bytes = NULL;
    size_t size;
    if (hf_file_read(path, HF_BUNDLE_MAX_SIZE, &bytes, &size, err) != 0)
        return -1;

    struct hf_input input = {.path = path, .bytes = bytes, .size = size, .ours = true};
    __attribute__((cleanup(bundle_cleanup))) struct hf_bundle bundle = {0};
    struct hf_signers signers;
    if (hf_input_open(&input, setup, report, &bundle, &signers) != 0 || hf_check_bundle(&bundle.manifest, err) != 0)
        return -1;
    if (*find(report->result->id) != NULL)
        return hf_error(err, HOTFIX_APPLIED, "bundle %s %s is armed already", bundle.manifest.name,
                        bundle.manifest.version);

    enum hf_presence presence = hf_module_presence(&bundle.manifest.target_build_id, bundle.manifest.target_name);
    if (presence == HF_PRESENCE_LOADED)
        return hf_apply(&input, setup, options, report);

    struct armed *armed = add(&bundle.manifest, &bytes, size, options, report);
    if (!armed)
        return -1;
    hf_report_log(report, HOTFIX_LOG_INFO, "armed %s %s for %s, which is not loaded", armed->info.name,
                  armed->info.version, armed->info.target);
    if (presence == HF_PRESENCE_OTHER)
        note_other_build(armed, report);
    return 0;
}

/* Applies one bundle if its target is there, and drops it then. */
static int try_to_apply(struct armed *armed, const struct hf_setup *setup, struct hf_report *report, size_t *count)
{
    enum hf_presence presence = hf_module_presence(&armed->build_id, armed->info.target);
    if (presence == HF_PRESENCE_OTHER)
        note_other_build(armed, report);
    if (presence != HF_PRESENCE_LOADED)
        return 0;

    struct hf_input input = {.bytes = armed->bytes, .size = armed->size, .ours = true};
    if (hf_apply(&input, setup, &armed->options, report) != 0) {
        hf_error_prefix(hf_report_error(report), "armed bundle %s %s", armed->info.name, armed->info.version);
        armed->info.error = *hf_report_error(report);
        return -1;
    }
    hf_armed_drop(armed->info.id, NULL);
    (*count)++;
    return 0;
}

int hf_armed_apply(const struct hf_setup *setup, hotfix_log_fn log, void *log_arg, const void *frame, size_t *count,
                   struct hotfix_error *err)
{
    int status = 0;

    *count = 0;
    for (struct armed *armed = first, *next; armed; armed = next) {
        next = armed->next;
        struct hf_report report;
        hf_report_begin(&report, log, log_arg, NULL);
        report.frame = frame;
        int one = try_to_apply(armed, setup, &report, count);
        if (one != 0 && status == 0 && err)
            *err = *hf_report_error(&report);
        if (hf_report_end(&report, one) != 0)
            status = -1;
    }
    return status;
}

int hf_armed_list(struct hotfix_armed **list, size_t *count, struct hotfix_error *err)
{
    size_t number = 0;
    for (const struct armed *armed = first; armed; armed = armed->next)
        number++;

    struct hotfix_armed *items = number > 0 ? calloc(number, sizeof(*items)) : NULL;
    if (number > 0 && !items)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    struct hotfix_armed *item = items;
    for (const struct armed *armed = first; armed; armed = armed->next)
        *item++ = armed->info;
    *list = items;
    *count = number;
    return 0;
}
