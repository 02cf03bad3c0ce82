/* SPDX-License-Identifier: Apache-2.0 */
#include "unload/unload.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "stage/veneer.h"
#include "stop/stop.h"
#include "unload/pointers.h"

enum { EXEMPTIONS = 10, NAME_SIZE = 96, VENEER_PAGES = 32 };

struct unload {
    const struct hf_applied *applied;
    struct hf_report *report;
    struct hf_range patch;
    struct hf_range veneers[VENEER_PAGES]; /* if there are more, the others keep the patch mapped */
    size_t veneer_count;
    /* Pointers into the patch that the dynamic linker and this library have. */
    struct hf_exemption exemptions[EXEMPTIONS + VENEER_PAGES];
    size_t exemption_count;
    struct hf_stopped *stacks;
    size_t stack_count;
    size_t stack_capacity;
    bool out_of_memory;
};

static uintptr_t dynamic_value(const struct hf_module *patch, int64_t tag)
{
    for (const ElfW(Dyn) *entry = (const ElfW(Dyn) *)patch->dynamic; entry && entry->d_tag != DT_NULL; entry++)
        if (entry->d_tag == tag)
            return entry->d_un.d_ptr;
    return 0;
}

/* The segment that begins with the ELF header. */
static struct hf_range first_segment(const struct hf_module *patch)
{
    for (size_t i = 0; i < patch->phnum; i++) {
        const ElfW(Phdr) *segment = &patch->phdr[i];
        uintptr_t begin = patch->base + segment->p_vaddr;
        if (segment->p_type == PT_LOAD && segment->p_offset == 0)
            return (struct hf_range){begin, begin + segment->p_filesz};
    }
    return (struct hf_range){patch->begin, patch->begin};
}

/*
 * The end of the tables at the begin of the patch to which the dynamic linker has pointers: symbols, hashes, versions.
 * Packing moves the names and the program header to another segment, which does not show where these tables end.
 */
static uintptr_t end_of_tables(const struct hf_module *patch)
{
    static const int64_t tables[][2] = {{DT_STRTAB, DT_STRSZ}, {DT_RELA, DT_RELASZ}, {DT_JMPREL, DT_PLTRELSZ},
                                        {DT_SYMTAB, 0},        {DT_GNU_HASH, 0},     {DT_HASH, 0},
                                        {DT_VERSYM, 0},        {DT_VERNEED, 0},      {DT_VERDEF, 0}};
    struct hf_range segment = first_segment(patch);
    uintptr_t end = segment.begin + sizeof(ElfW(Ehdr));

    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        uintptr_t table = dynamic_value(patch, tables[i][0]);
        uintptr_t table_end = table + (tables[i][1] ? dynamic_value(patch, tables[i][1]) : 1);
        if (table >= segment.begin && table_end <= segment.end && table_end > end)
            end = table_end;
    }
    return end;
}

static void exempt(struct unload *unload, struct hf_exemption exemption)
{
    unload->exemptions[unload->exemption_count++] = exemption;
}

static void exempt_values(struct unload *unload, uintptr_t begin, uintptr_t end)
{
    exempt(unload, (struct hf_exemption){.values = {begin, end}, .places = HF_ANYWHERE});
}

static void exempt_places(struct unload *unload, const void *memory, size_t size)
{
    uintptr_t begin = (uintptr_t)memory;

    exempt(unload, (struct hf_exemption){.values = HF_ANYWHERE, .places = {begin, begin + size}});
}

/* glibc's pointers into a library: to its tables, dynamic section and unwind information. Nothing else points there. */
static void exempt_linker(struct unload *unload)
{
    const struct hf_module *patch = &unload->applied->stage.patch;
    uintptr_t dynamic_end = patch->dynamic;
    uintptr_t unwind = 0;
    uintptr_t last = patch->begin;

    for (size_t i = 0; i < patch->phnum; i++) {
        const ElfW(Phdr) *segment = &patch->phdr[i];
        uintptr_t begin = patch->base + segment->p_vaddr;
        if (segment->p_type == PT_DYNAMIC)
            dynamic_end = begin + segment->p_memsz;
        if (segment->p_type == PT_GNU_EH_FRAME)
            unwind = begin;
        if (segment->p_type == PT_LOAD && begin + segment->p_memsz > last)
            last = begin + segment->p_memsz;
    }
    uintptr_t names = dynamic_value(patch, DT_STRTAB);
    uintptr_t headers = (uintptr_t)patch->phdr;
    exempt_values(unload, patch->begin, end_of_tables(patch));
    exempt_values(unload, names, names + dynamic_value(patch, DT_STRSZ));
    exempt_values(unload, headers, headers + patch->phnum * sizeof(patch->phdr[0]));
    exempt_values(unload, patch->dynamic, dynamic_end);
    exempt_values(unload, unwind, unwind + 1);
    exempt_values(unload, last, last + 1); /* the end of what it mapped */
}

/*
 * glibc stores the address at which a library's chain of GNU hashes would have the entry of symbol 0, although the
 * table begins at the first exported symbol. For a target with many imports this address lies before the target: in the
 * patch.
 */
static void exempt_target_hashes(struct unload *unload)
{
    const struct hf_module *target = &unload->applied->target;
    uintptr_t table = dynamic_value(target, DT_GNU_HASH);

    if (table < target->begin || table >= target->end)
        return;
    const uint32_t *header = (const uint32_t *)table; /* buckets, first symbol, words of the filter, its shift */
    uintptr_t chain = table + 4 * sizeof(*header) + header[2] * sizeof(ElfW(Addr)) + header[0] * sizeof(*header);
    uintptr_t entry = chain - header[1] * sizeof(*header);
    exempt_values(unload, entry, entry + 1);
}

/* This thread's stack below the frame of the library's caller. */
static void exempt_own_frames(struct unload *unload)
{
    pthread_attr_t attributes;
    void *stack = NULL;
    size_t size = 0;
    uintptr_t frame = (uintptr_t)unload->report->frame;

    if (pthread_getattr_np(pthread_self(), &attributes) != 0)
        return;
    if (pthread_attr_getstack(&attributes, &stack, &size) == 0 && frame - (uintptr_t)stack < size)
        exempt_places(unload, stack, frame - (uintptr_t)stack);
    pthread_attr_destroy(&attributes);
}

/* A thread in a veneer may be about to enter the patch; the veneer's own pointer to the patch does not count. */
static void find_veneers(struct unload *unload)
{
    size_t count = hf_veneer_ranges(unload->veneers, VENEER_PAGES);

    unload->veneer_count = count < VENEER_PAGES ? count : VENEER_PAGES;
    for (size_t i = 0; i < unload->veneer_count; i++)
        exempt(unload, (struct hf_exemption){.values = HF_ANYWHERE, .places = unload->veneers[i]});
}

static int keep_handlers(const struct unload *unload, struct hotfix_error *err)
{
    for (int number = 1; number < NSIG; number++) {
        struct sigaction action;
        if (sigaction(number, NULL, &action) != 0)
            continue;
        uintptr_t handler = (uintptr_t)action.sa_handler;
        if (handler >= unload->patch.begin && handler < unload->patch.end)
            return hf_error(err, HOTFIX_BUSY, "the handler of signal %d is in it", number);
    }
    return 0;
}

static int check_patch(const struct unload *unload, struct hotfix_error *err)
{
    if (unload->applied->stage.patch.tls_module != 0)
        return hf_error(err, HOTFIX_BUSY, "it has thread-local variables");
    return keep_handlers(unload, err);
}

static int do_nothing(void *arg, struct hotfix_error *err)
{
    (void)arg;
    (void)err;
    return 0;
}

static void note_stack(void *arg, const struct hf_stopped *thread)
{
    struct unload *unload = arg;

    if (unload->stack_count == unload->stack_capacity) {
        size_t capacity = 2 * unload->stack_capacity + 64;
        struct hf_stopped *grown = reallocarray(unload->stacks, capacity, sizeof(*grown));
        if (!grown) {
            unload->out_of_memory = true;
            return;
        }
        unload->stacks = grown;
        unload->stack_capacity = capacity;
    }
    unload->stacks[unload->stack_count++] = *thread;
}

/* No thread is in the patch, is to return there, or has a pointer into it at hand. */
static int check_threads(struct unload *unload, uint64_t deadline_ns, struct hotfix_error *err)
{
    char name[NAME_SIZE];
    struct hf_busy busy[1 + VENEER_PAGES] = {{.begin = unload->patch.begin, .end = unload->patch.end, .name = name}};
    struct hf_pause pause;
    struct hf_stop_request request = {
        .busy = busy,
        .busy_count = 1 + unload->veneer_count,
        .caller_frame = unload->report->frame,
        .action = do_nothing,
        .arg = unload,
        .registers = true,
        .stopped = note_stack,
        .deadline_ns = deadline_ns,
    };

    for (size_t i = 0; i < unload->veneer_count; i++)
        busy[1 + i] = (struct hf_busy){.begin = unload->veneers[i].begin, .end = unload->veneers[i].end, .name = name};
    unload->stack_count = 0;
    snprintf(name, sizeof(name), "the patch of %s", unload->applied->manifest.name);
    int status = hf_stop_run(&request, &pause, err);
    hf_report_pause(unload->report, pause.any, pause.running);
    if (status == 0 && unload->out_of_memory)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    return status;
}

static int check_memory(const struct unload *unload, struct hotfix_error *err)
{
    struct hf_pointers pointers = {
        .to = unload->patch,
        .exemptions = unload->exemptions,
        .exemption_count = unload->exemption_count,
        .stacks = unload->stacks,
        .stack_count = unload->stack_count,
    };
    struct hf_pointer found;
    int status = hf_pointers_find(&pointers, &found, err);

    if (status > 0)
        return hf_error(err, HOTFIX_BUSY, "the word at %#zx points into it, %#zx bytes from its beginning",
                        (size_t)found.at, (size_t)(found.value - unload->patch.begin));
    return status;
}

/* 0 when there is no reason against unloading. */
static int check(struct unload *unload, uint64_t deadline_ns, struct hotfix_error *err)
{
    if (check_patch(unload, err) != 0 || check_threads(unload, deadline_ns, err) != 0 || check_memory(unload, err) != 0)
        return -1;
    return check_threads(unload, deadline_ns, err);
}

void hf_unload(struct hf_applied *applied, uint64_t deadline_ns, struct hf_report *report)
{
    const struct hf_module *patch = &applied->stage.patch;
    const struct hotfix_result *result = report->result;
    struct unload unload = {.applied = applied, .report = report, .patch = {patch->begin, patch->end}};
    struct hotfix_error error = {HOTFIX_OK, 0, ""};
    uintptr_t base = patch->base;
    Dl_info info;

    hf_registry_refresh();
    exempt_linker(&unload);
    exempt_target_hashes(&unload);
    exempt_places(&unload, applied->functions, applied->function_count * sizeof(applied->functions[0]));
    exempt_places(&unload, result->functions, result->function_count * sizeof(result->functions[0]));
    exempt_own_frames(&unload);
    find_veneers(&unload);
    uintptr_t *note = hf_stage_code_end(&applied->stage);
    uintptr_t noted = note ? *note : 0;
    if (note)
        *note = 0;
    int status = check(&unload, deadline_ns, &error);
    free(unload.stacks);
    if (status != 0) {
        if (note)
            *note = noted;
        hf_report_log(report, HOTFIX_LOG_INFO, "the code of %s stays mapped: %s", applied->manifest.name,
                      error.message);
        return;
    }

    hf_stage_close(&applied->stage);
    if (dladdr((const void *)unload.patch.begin, &info) != 0 && (uintptr_t)info.dli_fbase == base)
        hf_report_log(report, HOTFIX_LOG_INFO,
                      "the code of %s stays mapped: the dynamic linker keeps it, as when somebody else has opened it",
                      applied->manifest.name);
    else
        hf_report_log(report, HOTFIX_LOG_INFO, "the code of %s is unloaded", applied->manifest.name);
}
