/* SPDX-License-Identifier: Apache-2.0 */
#include "live/stacks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "live/thread.h"

#define RED_ZONE 128 /* bytes below the stack pointer that x86-64 lets a leaf use; others use fewer */

/* What is copied of one thread before it goes on. */
struct stack {
    uint64_t *words;
    size_t count;
    size_t room;
};

/* The search as a whole. */
struct search {
    const struct hf_live *live;
    struct hf_live_code *codes;
    size_t count;
    uint64_t low; /* all codes lie in [low, high) */
    uint64_t high;
    struct stack stack;
    struct hf_mappings mappings; /* stacks come and grow while a process runs: those of this moment */
    struct hf_live_unseen *unseen;
};

static void see(struct search *search, uint64_t word, const struct hf_live_thread *thread, bool *seen)
{
    word = hf_live_return_address(word);
    if (word <= search->low || word >= search->high)
        return;
    for (size_t i = 0; i < search->count; i++) {
        struct hf_live_code *code = &search->codes[i];
        if (word <= code->begin || word >= code->end || seen[i])
            continue;
        seen[i] = true;
        if (code->threads++ > 0)
            continue;
        code->tid = thread->tid;
        memcpy(code->name, thread->name, sizeof(code->name));
    }
}

/* Adds [from, to) to the copy, as far as it can be read. HOTFIX_MEMORY, or that of hf_live_read(). */
static int copy(struct search *search, uint64_t from, uint64_t to, struct hotfix_error *err)
{
    struct stack *stack = &search->stack;

    from = (from + sizeof(uint64_t) - 1) / sizeof(uint64_t) * sizeof(uint64_t);
    size_t words = to > from ? (size_t)(to - from) / sizeof(uint64_t) : 0;
    if (stack->count + words > stack->room) {
        uint64_t *longer = reallocarray(stack->words, stack->count + words, sizeof(*longer));
        if (!longer)
            return hf_error(err, HOTFIX_MEMORY, "out of memory");
        stack->words = longer;
        stack->room = stack->count + words;
    }
    if (hf_live_read(search->live, from, stack->words + stack->count, words * sizeof(uint64_t), err) != 0)
        return -1;
    stack->count += words;
    return 0;
}

/* The stack that the pointer is in and, where the first thread left its own for another one, that too. */
static int copy_stacks(struct search *search, const struct hf_live_thread *thread, struct hotfix_error *err)
{
    const struct hf_mapping *at = hf_mappings_find(&search->mappings, thread->sp);

    search->stack.count = 0;
    if (!at)
        return hf_error(err, HOTFIX_IO, "its stack was mapped only now");
    uint64_t from = thread->sp - at->begin > RED_ZONE ? thread->sp - RED_ZONE : at->begin;
    bool whole = strcmp(at->path, "[stack]") == 0 || at->end - from <= HF_LIVE_STACK_MAX;
    uint64_t to = whole ? at->end : from + HF_LIVE_STACK_MAX;
    if (copy(search, from, to, err) != 0)
        return -1;
    for (size_t i = 0; thread->tid == search->live->pid && i < search->mappings.count; i++) {
        const struct hf_mapping *mapping = &search->mappings.items[i];
        if (strcmp(mapping->path, "[stack]") == 0 && mapping != at &&
            copy(search, mapping->begin, mapping->end, err) != 0)
            return -1;
    }
    return 0;
}

/* 1: copied while it slept through. 0: it does not sleep. -1: as copy_stacks(). */
static int copy_sleeping(struct search *search, struct hf_live_thread *thread, struct hotfix_error *err)
{
    struct hf_live_thread after = *thread;

    if (!hf_live_thread_sleeps(search->live, thread))
        return 0;
    if (hf_live_thread_has_link() && thread->sp != 0)
        return 0;
    if (copy_stacks(search, thread, err) != 0)
        return -1;
    return hf_live_thread_sleeps(search->live, &after) && after.sp == thread->sp && after.pc == thread->pc;
}

static void miss(struct search *search, const struct hf_live_thread *thread, const char *why)
{
    if (search->unseen->threads++ > 0)
        return;
    search->unseen->tid = thread->tid;
    search->unseen->why = why;
    search->unseen->tracer = thread->tracer;
}

static const char *reason(const struct hf_live_thread *thread)
{
    if (thread->tracer != 0)
        return "another process traces it";
    if (errno == ETIMEDOUT)
        return "it does not stop";
    return "ptrace is not permitted";
}

/* Takes a copy of its stack. 0 when there is one, 1 when there is nothing to look at, -1 on failure. */
static int capture(struct search *search, struct hf_live_thread *thread, struct hotfix_error *err)
{
    struct hotfix_error why = {.code = HOTFIX_OK};
    int copied = copy_sleeping(search, thread, &why);

    if (copied < 0 && thread->sp == 0) /* a worker of the kernel (io_uring), which runs none of the process's code */
        return 1;
    if (copied == 0 && hf_live_thread_stop(thread) != 0) {
        if (errno != ESRCH)
            miss(search, thread, reason(thread));
        return 1;
    }
    if (copied == 0) {
        copied = copy_stacks(search, thread, &why) == 0 ? 1 : -1;
        hf_live_thread_resume(thread);
    }
    if (copied > 0)
        return 0;
    if (why.code == HOTFIX_MEMORY)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (!hf_live_thread_read(search->live, thread->tid, thread)) /* it has ended, and its stack is gone with it */
        return 1;
    miss(search, thread, "its stack cannot be read");
    return 1;
}

static int search_thread(struct search *search, pid_t tid, size_t *total, struct hotfix_error *err)
{
    struct hf_live_thread thread;

    if (!hf_live_thread_read(search->live, tid, &thread) || thread.state == 'Z' || thread.state == 'X')
        return 0;
    ++*total;
    int captured = capture(search, &thread, err);
    if (captured != 0)
        return captured < 0 ? -1 : 0;
    HF_FREE bool *seen = calloc(search->count + 1, sizeof(*seen));
    if (!seen)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    see(search, thread.pc, &thread, seen);
    see(search, thread.link, &thread, seen);
    for (size_t i = 0; i < search->stack.count; i++)
        see(search, search->stack.words[i], &thread, seen);
    return 0;
}

static int search_tasks(struct search *search, DIR *tasks, size_t *total, struct hotfix_error *err)
{
    for (const struct dirent *entry; (entry = readdir(tasks));) {
        pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (tid > 0 && search_thread(search, tid, total, err) != 0)
            return -1;
    }
    return 0;
}

static int search_threads(struct search *search, size_t *total, struct hotfix_error *err)
{
    int fd = openat(search->live->directory, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *tasks = fd < 0 ? NULL : fdopendir(fd);

    if (!tasks) {
        if (fd >= 0)
            close(fd);
        return hf_error_sys(err, HOTFIX_IO, "the threads of process %d cannot be listed", (int)search->live->pid);
    }
    int result = search_tasks(search, tasks, total, err);
    closedir(tasks);
    return result;
}

/* A process that has ended has no stacks, and a search that found nobody would be no news of it. */
static int still_there(const struct hf_live *live, struct hotfix_error *err)
{
    uint8_t byte;

    return live->module_count == 0 ? 0 : hf_live_read(live, live->modules[0].begin, &byte, 1, err);
}

int hf_live_stacks_search(const struct hf_live *live, struct hf_live_code *codes, size_t count, size_t *total,
                          struct hf_live_unseen *unseen, struct hotfix_error *err)
{
    struct search search = {.live = live, .codes = codes, .count = count, .low = UINT64_MAX, .unseen = unseen};

    for (size_t i = 0; i < count; i++) {
        codes[i].threads = 0;
        search.low = codes[i].begin < search.low ? codes[i].begin : search.low;
        search.high = codes[i].end > search.high ? codes[i].end : search.high;
    }
    *unseen = (struct hf_live_unseen){.threads = 0};
    *total = 0;
    if (still_there(live, err) != 0 || hf_live_mappings(live, &search.mappings, err) != 0)
        return -1;
    int result = search_threads(&search, total, err);
    free(search.stack.words);
    hf_mappings_deinit(&search.mappings);
    return result == 0 ? still_there(live, err) : result;
}
