/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "applied/registry.h"
#include "apply.h"
#include "bundle.h"
#include "cleanup.h"
#include "error.h"
#include "file.h"
#include "stage/stage.h"
#include "stage/veneer.h"
#include "switch/switch.h"
#include "unload/unload.h"
#include "verify/check.h"
#include "verify/ratchet.h"

static void bundle_cleanup(struct hf_bundle *bundle)
{
    hf_bundle_deinit(bundle);
}

/* Memory to which others may write could contain other bytes when it is read again. */
static int copy(const struct hf_input *input, uint8_t **bytes, struct hotfix_error *err)
{
    if (input->size > HF_BUNDLE_MAX_SIZE)
        return hf_error(err, HOTFIX_FORMAT, "%zu bytes are more than the %u of a bundle", input->size,
                        HF_BUNDLE_MAX_SIZE);
    uint8_t *copied = malloc(input->size + 1);
    if (!copied)
        return hf_error(err, HOTFIX_MEMORY, "out of memory for a copy of %zu bytes", input->size);
    memcpy(copied, input->bytes, input->size);
    *bytes = copied;
    return 0;
}

/* No part of the bundle is read before a trusted key's signature was verified. */
int hf_input_open(const struct hf_input *input, const struct hf_setup *setup, struct hf_report *report,
                  struct hf_bundle *bundle, struct hf_signers *signers)
{
    struct hotfix_error *err = hf_report_error(report);
    const char *where = input->path ? input->path : "in memory";

    HF_FREE uint8_t *file = NULL;
    const void *bytes = input->bytes;
    size_t size = input->size;
    if (bytes && !input->ours && copy(input, &file, err) != 0)
        return hf_error_prefix(err, "bundle %s", where);
    if (!bytes && hf_file_read(input->path, HF_BUNDLE_MAX_SIZE, &file, &size, err) != 0)
        return -1;
    if (file)
        bytes = file;

    char names[HF_SIGNERS_TEXT];
    if (hf_bundle_open(bytes, size, &setup->trust, (int64_t)time(NULL), bundle, signers, err) != 0)
        return hf_error_prefix(err, "bundle %s", where);
    hf_bundle_keep(bundle, &file);
    hf_report_bundle(report, &bundle->manifest);
    hf_signers_text(signers, names);
    hf_report_log(report, HOTFIX_LOG_DEBUG, "bundle %s: %s %s, id %s, signed by %s", where, bundle->manifest.name,
                  bundle->manifest.version, report->result->id, names);
    if (setup->state && hf_ratchet_check(setup->state, &setup->trust, &bundle->manifest, err) != 0)
        return hf_error_prefix(err, "bundle %s", where);
    return hf_report_signers(report, signers);
}

typedef int hook_fn(void);

static int run_on_apply(const struct hf_applied *applied, struct hf_report *report)
{
    if (applied->manifest.on_apply == 0)
        return 0;
    hf_report_log(report, HOTFIX_LOG_DEBUG, "calling hotfix_on_apply");
    int status = ((hook_fn *)(applied->stage.patch.base + applied->manifest.on_apply))();
    if (status != 0)
        return hf_error(hf_report_error(report), HOTFIX_STAGE, "hotfix_on_apply of the patch refused with %d", status);
    return 0;
}

static void run_on_revert(const struct hf_applied *applied, struct hf_report *report)
{
    if (applied->manifest.on_revert == 0)
        return;
    hf_report_log(report, HOTFIX_LOG_DEBUG, "calling hotfix_on_revert");
    ((void (*)(void))(applied->stage.patch.base + applied->manifest.on_revert))();
}

/* What remains to do for a bundle that is not applied any more. Frees it. */
static void retire(struct hf_applied *applied, const struct hotfix_apply_options *options, struct hf_report *report)
{
    if (options->unload == HOTFIX_UNLOAD)
        hf_unload(applied, options->deadline_ns, report);
    hf_stage_abandon(&applied->stage);
    hf_applied_destroy(applied);
}

/* The newest of the superseded bundles first, as if each were reverted. */
static void retire_superseded(struct hf_applied **superseded, const struct hotfix_apply_options *options,
                              struct hf_report *report)
{
    hf_registry_refresh();
    for (size_t i = 0; superseded[i]; i++) {
        const struct hf_manifest *manifest = &superseded[i]->manifest;
        run_on_revert(superseded[i], report);
        hf_report_log(report, HOTFIX_LOG_INFO,
                      "superseded %s %s, id %s; what it kept in variables of its own is not taken over", manifest->name,
                      manifest->version, report->result->superseded[i].id);
        retire(superseded[i], options, report);
    }
}

static void log_functions(const struct hf_switch *change, struct hf_report *report)
{
    for (size_t i = 0; i + 1 < change->part_count; i++) {
        const struct hf_part *part = &change->parts[i];
        for (size_t k = 0; k < part->function_count; k++)
            hf_report_log(report, HOTFIX_LOG_DEBUG, "function %s of superseded %s: %p goes back to %p",
                          part->functions[k].name, part->applied->manifest.name, part->functions[k].new_address,
                          part->functions[k].previous_address);
    }
    for (size_t i = 0; i < report->result->function_count; i++) {
        const struct hotfix_function *function = &report->result->functions[i];
        hf_report_log(report, HOTFIX_LOG_DEBUG, "function %s: %p -> %p, before that %p", function->name,
                      function->old_address, function->new_address, function->previous_address);
    }
}

/* Loads the patch and lets the entry's functions point into it. */
static int stage(const uint8_t *payload, const char *staging, struct hf_applied *applied, struct hf_report *report)
{
    struct hotfix_error *err = hf_report_error(report);

    if (hf_stage_open(&applied->manifest, payload, &applied->target, staging, &applied->stage, err) != 0)
        return -1;
    const struct hf_module *patch = &applied->stage.patch;
    if (hf_check_patch(&applied->manifest, patch, err) != 0)
        return -1;
    for (size_t i = 0; i < applied->function_count; i++)
        applied->functions[i].new_address = (void *)(patch->base + applied->manifest.functions[i].replacement);
    hf_report_log(report, HOTFIX_LOG_DEBUG, "patch staged at %#zx, target %s at %#zx", (size_t)patch->base,
                  applied->target.path[0] ? applied->target.path : "(main program)", (size_t)applied->target.base);
    return 0;
}

/* Prepares the patcher and runs the hook: the last steps that may take long. */
static int get_ready(struct hf_switch *change, struct hf_applied *applied, const struct hotfix_apply_options *options,
                     struct hf_report *report)
{
    if (hf_switch_open(change, applied, HF_SWITCH_APPLY, options, report) != 0)
        return -1;
    log_functions(change, report);
    if (run_on_apply(applied, report) != 0) {
        hf_switch_close(change);
        return -1;
    }
    return 0;
}

/* No code has got the address of anything that was staged. */
static int undo_stage(struct hf_applied *applied, size_t veneers)
{
    hf_veneer_rewind(veneers);
    hf_stage_close(&applied->stage);
    return -1;
}

static int stage_and_switch(const uint8_t *payload, const char *staging, struct hf_applied *applied,
                            const struct hotfix_apply_options *options, struct hf_report *report)
{
    uint64_t begin = hf_clock();
    size_t veneers = hf_veneer_count();
    if (stage(payload, staging, applied, report) != 0)
        return undo_stage(applied, veneers);

    struct hf_switch change;
    int status = get_ready(&change, applied, options, report);
    report->result->cost.stage = hf_clock() - begin;
    if (status != 0)
        return undo_stage(applied, veneers);

    status = hf_switch_run(&change);
    HF_FREE struct hf_applied **superseded = hf_move(change.superseded);
    hf_switch_close(&change);
    if (status != 0 && hf_report_error(report)->code == HOTFIX_TORN) {
        hf_stage_abandon(&applied->stage); /* calls may arrive in it */
        return -1;
    }
    if (status != 0) {
        run_on_revert(applied, report);
        return undo_stage(applied, veneers);
    }
    retire_superseded(superseded, options, report);
    return 0;
}

/* The last step that may refuse the bundle before any of its code is loaded, and so may run. */
static int note_sequence(const struct hf_setup *setup, const struct hf_signers *signers,
                         const struct hf_manifest *manifest, const struct hotfix_apply_options *options,
                         struct hf_report *report)
{
    if (!setup->state)
        return 0;
    return hf_ratchet_advance(setup->state, &setup->trust, signers, manifest, options->deadline_ns,
                              hf_report_error(report));
}

int hf_apply(const struct hf_input *input, const struct hf_setup *setup, const struct hotfix_apply_options *options,
             struct hf_report *report)
{
    struct hotfix_error *err = hf_report_error(report);
    uint64_t begin = hf_clock();

    __attribute__((cleanup(bundle_cleanup))) struct hf_bundle bundle = {0};
    struct hf_module target = {0};
    struct hf_signers signers;
    int status = hf_input_open(input, setup, report, &bundle, &signers);
    if (status == 0)
        status = hf_check_target(&bundle.manifest, options->patcher, &target, err);
    if (status == 0 && note_sequence(setup, &signers, &bundle.manifest, options, report) != 0) {
        hf_module_deinit(&target);
        status = -1;
    }
    report->result->cost.verify = hf_clock() - begin;
    if (status != 0)
        return -1;

    struct hf_applied *applied;
    if (hf_applied_create(&bundle.manifest, &target, options->patcher, &applied, err) != 0) {
        hf_module_deinit(&target);
        return -1;
    }
    if (stage_and_switch(bundle.payload, setup->staging, applied, options, report) != 0) {
        hf_applied_destroy(applied);
        return -1;
    }
    hf_report_log(report, HOTFIX_LOG_INFO, "applied %s %s: %zu functions, paused for %llu ns", report->result->name,
                  report->result->version, report->result->function_count,
                  (unsigned long long)report->result->cost.pause);
    return 0;
}

static int find_applied(const char *id, struct hf_applied **applied, struct hotfix_error *err)
{
    uint8_t bytes[HF_ID_SIZE];

    if (!id) {
        *applied = hf_registry_last();
        return *applied ? 0 : hf_error(err, HOTFIX_NOT_APPLIED, "no bundle is applied");
    }
    if (hf_hex_decode(id, bytes, HF_ID_SIZE) != 0)
        return hf_error(err, HOTFIX_USAGE, "'%.64s' is not a bundle id: 32 hexadecimal digits are", id);
    *applied = hf_registry_find(bytes);
    return *applied ? 0 : hf_error(err, HOTFIX_NOT_APPLIED, "no bundle with id %s is applied", id);
}

int hf_revert(const char *id, const struct hotfix_apply_options *options, struct hf_report *report)
{
    struct hf_applied *applied;
    if (find_applied(id, &applied, hf_report_error(report)) != 0)
        return -1;
    hf_report_bundle(report, &applied->manifest);

    struct hf_switch change;
    uint64_t begin = hf_clock();
    int status = hf_switch_open(&change, applied, HF_SWITCH_REVERT, options, report);
    report->result->cost.stage = hf_clock() - begin;
    if (status != 0)
        return -1;
    status = hf_switch_run(&change);
    hf_switch_close(&change);
    if (status != 0)
        return -1;

    run_on_revert(applied, report);
    hf_report_log(report, HOTFIX_LOG_INFO, "reverted %s %s: %zu functions, paused for %llu ns", report->result->name,
                  report->result->version, report->result->function_count,
                  (unsigned long long)report->result->cost.pause);
    retire(applied, options, report);
    return 0;
}
