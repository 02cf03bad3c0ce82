/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "applied/assumptions.h"
#include "arch.h"
#include "error.h"
#include "switch/switch.h"

static void log_line(const struct hotfix_request *request, const char *text)
{
    struct hf_switch *change = request->storage;

    hf_report_log(change->report, HOTFIX_LOG_DEBUG, "patcher %s: %s", change->applied->patcher->name, text);
}

/* Adds a function to the part, with the address to which its calls return. */
static void select_function(struct hf_switch *change, struct hf_part *part, const struct hotfix_function *from,
                            void *previous)
{
    struct hotfix_function *function = &part->functions[part->function_count++];

    *function = *from;
    function->previous_address = previous;
    change->function_count++;
}

/*
 * The functions of a superseded bundle that are reverted: those that are in effect and that the new bundle does not
 * replace.
 */
static void select_superseded(struct hf_switch *change, struct hf_part *part)
{
    const struct hf_applied *superseded = part->applied;

    for (size_t i = 0; i < superseded->function_count; i++) {
        const struct hotfix_function *function = &superseded->functions[i];
        if (hf_registry_counts(superseded, function->old_address) &&
            !hf_registry_function(change->applied, function->old_address))
            select_function(change, part, function,
                            hf_registry_remaining(&change->applied->manifest, function->old_address));
    }
}

/* The bundle's own functions to switch, each with its previous address. */
static void select_own(struct hf_switch *change, struct hf_part *part)
{
    const struct hf_applied *applied = part->applied;

    for (size_t i = 0; i < applied->function_count; i++) {
        const struct hotfix_function *function = &applied->functions[i];
        if (part->direction == HF_SWITCH_APPLY)
            select_function(change, part, function, function->previous_address);
        else if (hf_registry_counts(applied, function->old_address))
            select_function(change, part, function, hf_registry_previous(applied, function->old_address));
    }
}

static void add_part(struct hf_switch *change, struct hf_applied *applied, enum hf_direction direction)
{
    struct hf_part *part = &change->parts[change->part_count++];

    *part = (struct hf_part){
        .applied = applied, .direction = direction, .functions = change->functions + change->function_count};
    if (applied == change->applied)
        select_own(change, part);
    else
        select_superseded(change, part);
}

/* Lists the applied bundles that the new one supersedes; *functions is how many they have. */
static int list_superseded(struct hf_switch *change, size_t *functions)
{
    const struct hf_manifest *manifest = &change->applied->manifest;
    size_t count = 0;

    *functions = 0;
    for (struct hf_applied *applied = hf_registry_first(); applied; applied = applied->next) {
        if (hf_registry_supersedes(manifest, applied)) {
            *functions += applied->function_count;
            count++;
        }
    }
    change->superseded = calloc(count + 1, sizeof(struct hf_applied *));
    if (!change->superseded)
        return hf_error(hf_report_error(change->report), HOTFIX_MEMORY, "out of memory");
    change->superseded_count = count;
    for (struct hf_applied *applied = hf_registry_first(); applied && count > 0; applied = applied->next)
        if (hf_registry_supersedes(manifest, applied))
            change->superseded[--count] = applied;
    return 0;
}

static int list_parts(struct hf_switch *change, enum hf_direction direction)
{
    size_t functions = 0;

    if (direction == HF_SWITCH_APPLY && list_superseded(change, &functions) != 0)
        return -1;
    change->parts = calloc(change->superseded_count + 1, sizeof(*change->parts));
    change->functions = calloc(functions + change->applied->function_count + 1, sizeof(*change->functions));
    if (!change->parts || !change->functions)
        return hf_error(hf_report_error(change->report), HOTFIX_MEMORY, "out of memory");

    for (size_t i = 0; i < change->superseded_count; i++)
        add_part(change, change->superseded[i], HF_SWITCH_REVERT);
    add_part(change, change->applied, direction);
    return 0;
}

/* Lists the bytes that may be overwritten, and copies the code for comparing and repairing. */
static int snapshot(struct hf_switch *change)
{
    size_t size = 1;
    for (size_t i = 0; i < change->function_count; i++)
        size += change->functions[i].old_size;
    change->code = malloc(size);
    change->ranges = calloc(change->function_count + 1, sizeof(*change->ranges));
    if (!change->code || !change->ranges)
        return hf_error(hf_report_error(change->report), HOTFIX_MEMORY, "out of memory");

    uint8_t *copy = change->code;
    for (size_t i = 0; i < change->function_count; i++) {
        const struct hotfix_function *function = &change->functions[i];
        memcpy(copy, function->old_address, function->old_size);
        copy += function->old_size;

        uintptr_t entry = (uintptr_t)function->old_address;
        size_t room = function->old_size - function->entry_skip;
        size_t end =
            function->entry_skip + hf_arch_host.detour_size((const uint8_t *)entry + function->entry_skip, room);
        change->ranges[i].begin = entry + function->entry_skip;
        change->ranges[i].end = entry + (end < function->old_size ? end : function->old_size);
    }
    return 0;
}

/* Only counted as long as there is no list. */
static void add_busy(struct hf_switch *change, struct hf_busy busy)
{
    if (change->busy)
        change->busy[change->busy_count] = busy;
    change->busy_count++;
}

/* A thread in a part that was moved out of a function has no return address of the function itself on its stack. */
static void add_version(struct hf_switch *change, const char *name, const void *code, size_t size, uintptr_t base,
                        const struct hf_code_ranges *cold)
{
    uintptr_t begin = (uintptr_t)code;

    add_busy(change, (struct hf_busy){.begin = begin, .end = begin + size, .name = name});
    for (size_t i = 0; i < cold->count; i++) {
        begin = base + cold->items[i].offset;
        add_busy(change,
                 (struct hf_busy){.begin = begin, .end = begin + cold->items[i].size, .name = name, .part = true});
    }
}

static void add_original(struct hf_switch *change, const struct hf_applied *applied,
                         const struct hotfix_function *function)
{
    add_version(change, function->name, function->old_address, function->old_size, applied->target.base,
                &hf_registry_sealed(applied, function)->cold);
}

static void add_replacement(struct hf_switch *change, const struct hf_applied *applied,
                            const struct hotfix_function *function)
{
    add_version(change, function->name, function->new_address, function->new_size, applied->stage.patch.base,
                &hf_registry_sealed(applied, function)->replacement_cold);
}

/* The versions that this switch takes out of use: for an apply, all versions that calls reached before. */
static void list_busy_part(struct hf_switch *change, const struct hf_part *part)
{
    for (size_t i = 0; i < part->function_count; i++) {
        const void *address = part->functions[i].old_address;
        const struct hotfix_function *own = hf_registry_function(part->applied, address);
        if (part->direction == HF_SWITCH_REVERT) {
            add_replacement(change, part->applied, own);
            continue;
        }
        add_original(change, part->applied, own);
        for (const struct hf_applied *applied = hf_registry_first(); applied; applied = applied->next) {
            const struct hotfix_function *older = hf_registry_function(applied, address);
            if (older)
                add_replacement(change, applied, older);
        }
    }
}

static void add_caller(struct hf_switch *change, const char *name, uintptr_t begin, uint64_t size)
{
    add_busy(change, (struct hf_busy){.begin = begin, .end = begin + size, .name = name, .caller = true});
}

/* All of a patch: functions that it brought are not in its list. */
static void add_patch(struct hf_switch *change, const struct hf_applied *applied)
{
    const struct hf_module *patch = &applied->stage.patch;

    for (size_t i = 0; i < patch->phnum; i++)
        if (patch->phdr[i].p_type == PT_LOAD && (patch->phdr[i].p_flags & PF_X) && patch->phdr[i].p_memsz > 0)
            add_caller(change, applied->manifest.name, patch->base + patch->phdr[i].p_vaddr, patch->phdr[i].p_memsz);
}

/*
 * Code that was compiled for versions that this switch takes out of use, and would call other versions. A return
 * address is behind a call and inside the function, or one past its end if the compiler knew that the call never
 * returns.
 */
static void list_callers(struct hf_switch *change, const struct hf_part *part)
{
    const struct hf_applied *own = part->applied;
    bool apply = part->direction == HF_SWITCH_APPLY;
    uintptr_t base = apply ? own->target.base : own->stage.patch.base;

    for (size_t i = 0; i < own->manifest.caller_count; i++) {
        const struct hf_manifest_caller *caller = &own->manifest.callers[i];
        const struct hf_code_ranges *ranges = apply ? &caller->code : &caller->replacement_code;
        for (size_t k = 0; k < ranges->count; k++)
            add_caller(change, caller->name, base + ranges->items[k].offset, ranges->items[k].size);
    }
    for (const struct hf_applied *other = hf_registry_first(); apply && other; other = other->next)
        if (other->target.base == own->target.base && hf_assumptions_broken(&own->manifest, other))
            add_patch(change, other);
}

static void list_busy_parts(struct hf_switch *change, bool quiescent)
{
    change->busy_count = 0;
    for (size_t i = 0; i < change->part_count; i++) {
        if (quiescent)
            list_busy_part(change, &change->parts[i]);
        list_callers(change, &change->parts[i]);
    }
}

static int list_busy(struct hf_switch *change, bool quiescent)
{
    list_busy_parts(change, quiescent);
    if (change->busy_count == 0)
        return 0;
    change->busy = calloc(change->busy_count, sizeof(*change->busy));
    if (!change->busy)
        return hf_error(hf_report_error(change->report), HOTFIX_MEMORY, "out of memory");
    list_busy_parts(change, quiescent);
    return 0;
}

/* Quiescence is asked for by the caller, or by a bundle that is to be switched. */
static bool is_quiescent(const struct hf_switch *change, const struct hotfix_apply_options *options)
{
    bool asked = options->quiescence == HOTFIX_QUIESCENT;

    for (size_t i = 0; i < change->part_count; i++)
        asked = asked || change->parts[i].applied->manifest.quiescent;
    return asked;
}

/* A patcher that fails need not say why. */
static int patcher_failed(const struct hf_switch *change, const char *step)
{
    struct hotfix_error *err = hf_report_error(change->report);

    if (err->code == HOTFIX_OK)
        err->code = HOTFIX_PATCHER;
    if (err->message[0] == '\0')
        hf_error(err, err->code, "patcher %s failed in %s", change->applied->patcher->name, step);
    return -1;
}

static int prepare(struct hf_switch *change, struct hf_part *part)
{
    const struct hf_applied *applied = part->applied;
    const struct hotfix_patcher *patcher = change->applied->patcher;
    struct hotfix_error *err = hf_report_error(change->report);

    part->request = (struct hotfix_request){
        .size = sizeof(part->request),
        .functions = part->functions,
        .function_count = part->function_count,
        .module = applied->target.path,
        .module_base = (void *)applied->target.base,
        .patch_base = (void *)applied->stage.patch.base,
        .log = log_line,
        .storage = change,
    };
    *err = (struct hotfix_error){.code = HOTFIX_OK};
    if (patcher->prepare && patcher->prepare(&part->request, patcher->arg, &part->state, err) != 0)
        return patcher_failed(change, "prepare");
    part->prepared = true;
    return 0;
}

static int prepare_all(struct hf_switch *change)
{
    for (size_t i = 0; i < change->part_count; i++)
        if (change->parts[i].function_count > 0 && prepare(change, &change->parts[i]) != 0)
            return -1;
    return 0;
}

int hf_switch_open(struct hf_switch *change, struct hf_applied *applied, enum hf_direction direction,
                   const struct hotfix_apply_options *options, struct hf_report *report)
{
    *change = (struct hf_switch){.applied = applied, .report = report, .deadline_ns = options->deadline_ns};
    hf_code_writer_init(&change->writer);

    if (list_parts(change, direction) != 0)
        goto undo;
    const struct hf_part *own = &change->parts[change->part_count - 1];
    if (hf_report_functions(report, own->functions, own->function_count) != 0 ||
        hf_report_superseded(report, change->superseded, change->superseded_count) != 0 || snapshot(change) != 0)
        goto undo;
    if (list_busy(change, is_quiescent(change, options)) != 0)
        goto undo;
    if (prepare_all(change) != 0)
        goto undo;
    return 0;

undo:
    hf_switch_close(change);
    return -1;
}

/* Byte by byte, since the library's memcmp might be bound lazily. */
static bool same_bytes(const uint8_t *a, const uint8_t *b, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

/* While threads are stopped: uses the chosen method, and the other one if that fails. */
static int put_back(const struct hf_switch *change, const struct hotfix_function *function, const uint8_t *copy)
{
    struct hf_code_writer other = change->writer;

    other.mem_fd = -1;
    if (hf_code_write(&change->writer, function->old_address, copy, function->old_size, PROT_READ | PROT_EXEC, NULL) !=
        0)
        hf_code_write(&other, function->old_address, copy, function->old_size, PROT_READ | PROT_EXEC, NULL);
    return same_bytes(function->old_address, copy, function->old_size) ? 0 : -1;
}

/*
 * While threads are stopped: restores all code that a failed patcher left changed, as far as possible. -1 when
 * something cannot be restored.
 */
static int repair(const struct hf_switch *change)
{
    const uint8_t *copy = change->code;
    int failed = 0;

    for (size_t i = 0; i < change->function_count; i++) {
        const struct hotfix_function *function = &change->functions[i];
        if (!same_bytes(function->old_address, copy, function->old_size) && put_back(change, function, copy) != 0)
            failed = -1;
        copy += function->old_size;
    }
    return failed;
}

static void record(const struct hf_switch *change)
{
    for (size_t i = 0; i < change->part_count; i++) {
        if (change->parts[i].direction == HF_SWITCH_APPLY)
            hf_registry_add(change->parts[i].applied);
        else
            hf_registry_remove(change->parts[i].applied);
    }
}

static int switch_part(const struct hf_switch *change, const struct hf_part *part, bool forward,
                       struct hotfix_error *err)
{
    const struct hotfix_patcher *patcher = change->applied->patcher;

    if (part->function_count == 0)
        return 0;
    return forward ? patcher->apply(&part->request, patcher->arg, part->state, err)
                   : patcher->revert(&part->request, patcher->arg, part->state, err);
}

/* While threads are stopped. */
static int act(void *arg, struct hotfix_error *err)
{
    struct hf_switch *change = arg;

    for (size_t i = 0; i < change->part_count; i++) {
        const struct hf_part *part = &change->parts[i];
        change->current = i;
        if (switch_part(change, part, part->direction == HF_SWITCH_APPLY, err) == 0)
            continue;
        /*
         * The patcher must undo its other changes itself. The code is repaired in any case, so failures are ignored
         * here.
         */
        while (i-- > 0)
            switch_part(change, &change->parts[i], change->parts[i].direction != HF_SWITCH_APPLY, &change->unseen);
        change->torn = repair(change) != 0;
        return -1;
    }
    record(change);
    return 0;
}

int hf_switch_run(struct hf_switch *change)
{
    struct hf_report *report = change->report;
    struct hotfix_error *err = hf_report_error(report);

    if (change->function_count == 0) {
        record(change);
        return 0;
    }
    struct hf_stop_request request = {
        .ranges = change->ranges,
        .range_count = change->function_count,
        .busy = change->busy,
        .busy_count = change->busy_count,
        .caller_frame = report->frame,
        .action = act,
        .arg = change,
        .deadline_ns = change->deadline_ns,
    };
    *err = (struct hotfix_error){.code = HOTFIX_OK};
    struct hf_pause pause;
    int status = hf_stop_run(&request, &pause, err);
    hf_report_pause(report, pause.any, pause.running);
    if (status == 0)
        return 0;
    if (change->torn)
        return hf_error(err, HOTFIX_TORN,
                        "patcher %s failed, and not all of the code could be put back: calls may arrive in either "
                        "version, and the patch stays loaded; end the process",
                        change->applied->patcher->name);
    return patcher_failed(change, change->parts[change->current].direction == HF_SWITCH_APPLY ? "apply" : "revert");
}

void hf_switch_close(struct hf_switch *change)
{
    const struct hotfix_patcher *patcher = change->applied->patcher;

    for (size_t i = change->part_count; i-- > 0;) {
        const struct hf_part *part = &change->parts[i];
        if (part->prepared && patcher->finish)
            patcher->finish(&part->request, patcher->arg, part->state);
    }
    hf_code_writer_deinit(&change->writer);
    /* Nothing is to look like a pointer into a patch that may be unloaded. */
    if (change->functions)
        explicit_bzero(change->functions, change->function_count * sizeof(change->functions[0]));
    if (change->busy)
        explicit_bzero(change->busy, change->busy_count * sizeof(change->busy[0]));
    free(change->superseded);
    free(change->parts);
    free(change->functions);
    free(change->ranges);
    free(change->busy);
    free(change->code);
    *change = (struct hf_switch){.applied = change->applied};
}
