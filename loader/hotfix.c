/* SPDX-License-Identifier: Apache-2.0 */
/* The public functions: arguments are checked here, the work is done elsewhere. */
#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "applied/registry.h"
#include "applied/result.h"
#include "apply.h"
#include "arm.h"
#include "digest.h"
#include "error.h"
#include "handle.h"
#include "hotfix.h"
#include "process/lock.h"
#include "stage/patchfile.h"
#include "switch/patcher.h"
#include "truststore.h"
#include "verify/ratchet.h"

#define OPTIONS_TAIL_MAX 4096 /* a larger size is not that of a later version, but invalid */
/* Where struct hotfix_patcher ended when it was first published: a program may be older than the library. */
#define PATCHER_FIRST_VERSION                                                                                          \
    (offsetof(struct hotfix_patcher, finish) + sizeof(((struct hotfix_patcher *)NULL)->finish))

struct hotfix {
    struct hf_setup setup;
    hotfix_log_fn log;
    void *log_arg;
};

/* On failure the caller frees what was read. */
static int read_setup(const struct hotfix_options *options, struct hf_setup *setup, struct hotfix_error *error)
{
    if (hf_trust_read(options->trust, &setup->trust, error) != 0)
        return -1;
    if (setup->trust.policy.fresh && !options->state)
        return hf_error(error, HOTFIX_TRUST,
                        "trust store %s: its policy demands freshness: give a file for the state in the options",
                        options->trust);
    if (options->state && hf_ratchet_path(options->state, &setup->state, error) != 0)
        return -1;
    return options->staging ? hf_patchfile_directory(options->staging, &setup->staging, error) : 0;
}

/*
 * Copies a struct of options over its defaults, whatever version of the header the program was compiled with. Fields
 * that a later version added must be zero: ignoring them would not do what the program asked for.
 */
static int copy_options(const char *initialiser, const void *options, size_t size, size_t first_version, void *resolved,
                        size_t known, struct hotfix_error *error)
{
    if (size < first_version || size > known + OPTIONS_TAIL_MAX)
        return hf_error(error, HOTFIX_USAGE, "the options are not initialised with %s", initialiser);
    memcpy(resolved, options, size < known ? size : known);
    for (size_t i = known; i < size; i++)
        if (((const char *)options)[i] != 0)
            return hf_error(error, HOTFIX_USAGE,
                            "the options ask for something that this version of libhotfix (%s) does not have: use a "
                            "newer one",
                            HOTFIX_VERSION);
    return 0;
}

int hotfix_open(const struct hotfix_options *options, struct hotfix **hotfix, struct hotfix_error *error)
{
    struct hotfix_options resolved = HOTFIX_OPTIONS_INIT;
    if (!options || !hotfix)
        return hf_error(error, HOTFIX_USAGE, "%s",
                        options ? "there is no place for the handle" : "no options are given");
    if (copy_options("HOTFIX_OPTIONS_INIT", options, options->size, offsetof(struct hotfix_options, staging), &resolved,
                     sizeof(resolved), error) != 0)
        return -1;
    if (!resolved.trust)
        return hf_error(error, HOTFIX_USAGE, "no trust store is given: nothing could ever be applied");

    struct hotfix *created = calloc(1, sizeof(*created));
    if (!created)
        return hf_error(error, HOTFIX_MEMORY, "out of memory");
    if (read_setup(&resolved, &created->setup, error) != 0) {
        hotfix_close(created);
        return -1;
    }
    created->log = resolved.log;
    created->log_arg = resolved.log_arg;
    *hotfix = created;
    return 0;
}

int hf_handle_create(const char *path, const struct hf_trust_files *files, struct hotfix **hotfix,
                     struct hotfix_error *error)
{
    struct hotfix *created = calloc(1, sizeof(*created));
    if (!created)
        return hf_error(error, HOTFIX_MEMORY, "out of memory");
    if (files && hf_trust_parse(path, files, &created->setup.trust, error) != 0) {
        hotfix_close(created);
        return -1;
    }
    if (created->setup.trust.policy.fresh) {
        hotfix_close(created);
        return hf_error(
            error, HOTFIX_TRUST,
            "trust store %s: its policy demands freshness, which needs a state that the program keeps itself", path);
    }
    *hotfix = created;
    return 0;
}

void hotfix_close(struct hotfix *hotfix)
{
    if (!hotfix)
        return;
    hf_trust_deinit(&hotfix->setup.trust);
    free(hotfix->setup.staging);
    free(hotfix->setup.state);
    free(hotfix);
}

static bool patcher_valid(const struct hotfix_patcher *patcher)
{
    return patcher->size >= PATCHER_FIRST_VERSION && patcher->name && patcher->apply && patcher->revert;
}

/* The options of hotfix_apply() and hotfix_revert(). */
static const struct hotfix_apply_options defaults = HOTFIX_APPLY_OPTIONS_INIT;

/* Fills in the defaults that the options (or NULL) leave to the library. */
static int resolve(const struct hotfix_apply_options *options, struct hotfix_apply_options *resolved,
                   struct hotfix_error *err)
{
    if (!options)
        options = &defaults;
    *resolved = defaults;
    if (copy_options("HOTFIX_APPLY_OPTIONS_INIT", options, options->size, offsetof(struct hotfix_apply_options, unload),
                     resolved, sizeof(*resolved), err) != 0)
        return -1;
    if (!resolved->patcher)
        resolved->patcher = &hf_patcher_builtin;
    if (resolved->quiescence != HOTFIX_IMMEDIATE && resolved->quiescence != HOTFIX_QUIESCENT)
        return hf_error(err, HOTFIX_USAGE, "invalid quiescence %d", (int)resolved->quiescence);
    if (resolved->unload != HOTFIX_KEEP && resolved->unload != HOTFIX_UNLOAD)
        return hf_error(err, HOTFIX_USAGE, "invalid unloading %d", (int)resolved->unload);
    if (!patcher_valid(resolved->patcher))
        return hf_error(err, HOTFIX_USAGE, "the patcher lacks a name, apply or revert");
    return 0;
}

/* Starts the report and takes the lock; -1 with the report, if there is one, ended. */
static int enter(struct hotfix *hotfix, struct hotfix_result *result, struct hf_report *report)
{
    if (hf_report_begin(report, hotfix ? hotfix->log : NULL, hotfix ? hotfix->log_arg : NULL, result) != 0)
        return -1;

    int status;
    if (!hotfix)
        status = hf_error(hf_report_error(report), HOTFIX_USAGE, "no handle is given");
    else
        status = hf_lock_take(hf_report_error(report));
    if (status == 0)
        return 0;
    report->log = NULL; /* the log callback may have made this call */
    return hf_report_end(report, -1);
}

static int leave(struct hf_report *report, int status)
{
    status = hf_report_end(report, status);
    hf_lock_release();
    return status;
}

/*
 * The arguments of a public function, in a small frame, from which the stack scan begins. On arm64 the frame's address
 * is its lowest one, so in a larger frame the scan would see old stack content, including return addresses. The frame
 * exists as long as its address is in use.
 */
struct call {
    struct hotfix *hotfix;
    const struct hotfix_apply_options *options;
    struct hotfix_result *result;
    void *frame;
};

__attribute__((noinline)) static int run_apply(const struct call *call, const struct hf_input *input)
{
    struct hf_report report;
    if (enter(call->hotfix, call->result, &report) != 0)
        return -1;
    report.frame = call->frame;

    struct hotfix_apply_options resolved;
    int status = resolve(call->options, &resolved, hf_report_error(&report));
    if (status == 0 && !input->path && !input->bytes)
        status = hf_error(hf_report_error(&report), HOTFIX_USAGE, "no bundle is given");
    if (status == 0)
        status = hf_apply(input, &call->hotfix->setup, &resolved, &report);
    if (status == 0)
        hf_armed_drop(report.result->id, NULL);
    return leave(&report, status);
}

int hotfix_apply_opt(struct hotfix *hotfix, const char *path, const struct hotfix_apply_options *options,
                     struct hotfix_result *result)
{
    const struct call call = {hotfix, options, result, __builtin_frame_address(0)};
    const struct hf_input input = {.path = path};

    return run_apply(&call, &input);
}

int hotfix_apply_memory_opt(struct hotfix *hotfix, const void *bundle, size_t size,
                            const struct hotfix_apply_options *options, struct hotfix_result *result)
{
    const struct call call = {hotfix, options, result, __builtin_frame_address(0)};
    const struct hf_input input = {.bytes = bundle, .size = size};

    return run_apply(&call, &input);
}

int hotfix_apply(struct hotfix *hotfix, const char *path, struct hotfix_result *result)
{
    return hotfix_apply_opt(hotfix, path, NULL, result);
}

int hotfix_apply_memory(struct hotfix *hotfix, const void *bundle, size_t size, struct hotfix_result *result)
{
    return hotfix_apply_memory_opt(hotfix, bundle, size, NULL, result);
}

int hotfix_apply_with(struct hotfix *hotfix, const char *path, const struct hotfix_patcher *patcher,
                      struct hotfix_result *result)
{
    struct hotfix_apply_options options = defaults;

    options.patcher = patcher;
    return hotfix_apply_opt(hotfix, path, &options, result);
}

__attribute__((noinline)) static int run_revert(const struct call *call, const char *id)
{
    struct hf_report report;
    if (enter(call->hotfix, call->result, &report) != 0)
        return -1;
    report.frame = call->frame;

    struct hotfix_apply_options resolved;
    int status = resolve(call->options, &resolved, hf_report_error(&report));
    if (status == 0 && !(id && hf_armed_drop(id, &report)))
        status = hf_revert(id, &resolved, &report);
    return leave(&report, status);
}

int hotfix_revert_opt(struct hotfix *hotfix, const char *id, const struct hotfix_apply_options *options,
                      struct hotfix_result *result)
{
    const struct call call = {hotfix, options, result, __builtin_frame_address(0)};

    return run_revert(&call, id);
}

int hotfix_revert(struct hotfix *hotfix, const char *id, struct hotfix_result *result)
{
    return hotfix_revert_opt(hotfix, id, NULL, result);
}

static int list_applied(struct hotfix_applied **list, size_t *count, struct hotfix_error *error)
{
    size_t number = 0;
    for (const struct hf_applied *applied = hf_registry_first(); applied; applied = applied->next)
        number++;

    struct hotfix_applied *items = number > 0 ? calloc(number, sizeof(*items)) : NULL;
    if (number > 0 && !items)
        return hf_error(error, HOTFIX_MEMORY, "out of memory");
    struct hotfix_applied *item = items;
    for (const struct hf_applied *applied = hf_registry_first(); applied; applied = applied->next)
        hf_registry_describe(applied, item++);
    *list = items;
    *count = number;
    return 0;
}

int hf_handle_list(struct hotfix_applied **list, size_t *count, struct hotfix_error *error)
{
    if (hf_lock_take(error) != 0)
        return -1;
    int status = list_applied(list, count, error);
    hf_lock_release();
    return status;
}

int hotfix_list(struct hotfix *hotfix, struct hotfix_applied **list, size_t *count, struct hotfix_error *error)
{
    if (!hotfix || !list || !count)
        return hf_error(error, HOTFIX_USAGE, "a handle and a place for the list are needed");
    return hf_handle_list(list, count, error);
}

__attribute__((noinline)) static int run_arm(const struct call *call, const char *path)
{
    struct hf_report report;
    if (enter(call->hotfix, call->result, &report) != 0)
        return -1;
    report.frame = call->frame;

    struct hotfix_apply_options resolved;
    int status = resolve(call->options, &resolved, hf_report_error(&report));
    if (status == 0 && !path)
        status = hf_error(hf_report_error(&report), HOTFIX_USAGE, "no bundle is given");
    if (status == 0)
        status = hf_arm(path, &call->hotfix->setup, &resolved, &report);
    return leave(&report, status);
}

int hotfix_arm(struct hotfix *hotfix, const char *path, const struct hotfix_apply_options *options,
               struct hotfix_result *result)
{
    const struct call call = {hotfix, options, result, __builtin_frame_address(0)};

    return run_arm(&call, path);
}

int hotfix_apply_armed(struct hotfix *hotfix, size_t *count, struct hotfix_error *error)
{
    size_t applied = 0;

    if (!hotfix)
        return hf_error(error, HOTFIX_USAGE, "no handle is given");
    if (hf_lock_take(error) != 0)
        return -1;
    int status =
        hf_armed_apply(&hotfix->setup, hotfix->log, hotfix->log_arg, __builtin_frame_address(0), &applied, error);
    hf_lock_release();
    if (count)
        *count = applied;
    return status;
}

void *hotfix_dlopen(struct hotfix *hotfix, const char *file, int flags, struct hotfix_error *error)
{
    if (!hotfix) {
        hf_error(error, HOTFIX_USAGE, "no handle is given");
        return NULL;
    }
    /* Without the lock: constructors run, and may call this library. */
    void *library = dlopen(file, flags);
    if (!library) {
        const char *reason = dlerror();
        hf_error(error, HOTFIX_NO_TARGET, "cannot load the library: %s", reason ? reason : "it is not loaded");
        return NULL;
    }
    if (error)
        *error = (struct hotfix_error){.code = HOTFIX_OK};
    hotfix_apply_armed(hotfix, NULL, error);
    return library;
}

int hotfix_list_armed(struct hotfix *hotfix, struct hotfix_armed **list, size_t *count, struct hotfix_error *error)
{
    if (!hotfix || !list || !count)
        return hf_error(error, HOTFIX_USAGE, "a handle and a place for the list are needed");
    if (hf_lock_take(error) != 0)
        return -1;
    int status = hf_armed_list(list, count, error);
    hf_lock_release();
    return status;
}

const struct hotfix_patcher *hotfix_builtin_patcher(void)
{
    return &hf_patcher_builtin;
}

const char *hotfix_version(void)
{
    return HOTFIX_VERSION;
}
