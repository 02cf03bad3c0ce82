/* SPDX-License-Identifier: Apache-2.0 */
#include "unload/pointers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"

enum { CHUNK_PAGES = 256, ENTRIES = 4096, PERMISSIONS_SIZE = 5, MAPPINGS_MAX = 1 << 20 };

/* The kernel reports each page, even if it was never touched: a larger span would take minutes. */
#define SPAN_MAX (UINT64_C(1) << 40)

/* Where glibc's malloc begins the heaps of threads, which lie above inaccessible memory like stacks. */
#define ARENA_ALIGNMENT ((uintptr_t)64 << 20)

/* Bits of /proc/self/pagemap. */
#define PAGE_PRESENT   (UINT64_C(1) << 63)
#define PAGE_SWAPPED   (UINT64_C(1) << 62)
#define PAGE_OF_A_FILE (UINT64_C(1) << 61)

/* One line of /proc/self/maps. */
struct mapping {
    uintptr_t begin;
    uintptr_t end;
    char permissions[PERMISSIONS_SIZE];
    unsigned long inode;
    bool first_stack; /* "[stack]" */
};

/*
 * The search has its own memory, which is not searched: it contains the addresses that are searched for, and copies of
 * searched memory.
 */
struct search {
    const struct hf_pointers *pointers;
    size_t page_size;
    int mem;
    int pagemap;
    struct hf_range own;
    uint8_t *buffer; /* CHUNK_PAGES pages */
    struct mapping *mappings;
    size_t count;
    uint64_t *pages; /* ENTRIES of /proc/self/pagemap */
    uintptr_t from;  /* words below do not count */
    struct hf_pointer found;
};

static bool within(const struct hf_range *range, uintptr_t address)
{
    return address >= range->begin && address < range->end;
}

static bool exempt(const struct search *search, uintptr_t place, uintptr_t value)
{
    const struct hf_pointers *pointers = search->pointers;

    if (place < search->from || within(&pointers->to, place) || within(&search->own, place))
        return true;
    for (size_t i = 0; i < pointers->exemption_count; i++)
        if (within(&pointers->exemptions[i].values, value) && within(&pointers->exemptions[i].places, place))
            return true;
    return false;
}

static int read_mappings(struct search *search, struct hotfix_error *err)
{
    HF_FCLOSE FILE *in = fopen("/proc/self/maps", "re");
    HF_FREE char *line = NULL;
    size_t capacity = 0;

    if (!in)
        return hf_error_sys(err, HOTFIX_IO, "cannot open /proc/self/maps");
    while (getline(&line, &capacity, in) > 0) {
        struct mapping mapping = {0};
        if (sscanf(line, "%zx-%zx %4s %*x %*s %lu", &mapping.begin, &mapping.end, mapping.permissions,
                   &mapping.inode) != 4)
            return hf_error(err, HOTFIX_IO, "a line of /proc/self/maps is not as expected");
        mapping.first_stack = strstr(line, " [stack]") != NULL;
        if (search->count == MAPPINGS_MAX)
            return hf_error(err, HOTFIX_MEMORY, "the process has more than %d mappings", MAPPINGS_MAX);
        search->mappings[search->count++] = mapping;
    }
    return 0;
}

/*
 * The end of the part of a mapping that is a known thread's stack. Memory there either lies above the stack pointer,
 * and was scanned during the stop, or is no longer used. Only memory that is certainly a stack counts: it has a guard
 * below it and contains the thread's control block; the heap of an allocator does not count.
 */
static uintptr_t stack_end(const struct search *search, size_t index)
{
    const struct mapping *mapping = &search->mappings[index];
    const struct mapping *guard = index > 0 ? mapping - 1 : NULL;

    if (mapping->first_stack)
        return mapping->end;
    if (!guard || guard->end != mapping->begin || strcmp(guard->permissions, "---p") != 0 || mapping->inode != 0 ||
        strcmp(mapping->permissions, "rw-p") != 0 || mapping->begin % ARENA_ALIGNMENT == 0)
        return mapping->begin;
    for (size_t i = 0; i < search->pointers->stack_count; i++) {
        const struct hf_stopped *stack = &search->pointers->stacks[i];
        if (stack->sp >= mapping->begin && stack->sp < stack->tp && stack->tp < mapping->end)
            return stack->tp;
    }
    return mapping->begin;
}

static bool find_word(struct search *search, uintptr_t begin, size_t size)
{
    const uintptr_t *words = (const uintptr_t *)(const void *)search->buffer;
    const struct hf_range *to = &search->pointers->to;
    uintptr_t length = to->end - to->begin;

    for (size_t i = 0; i < size / sizeof(*words); i++) {
        uintptr_t place = begin + i * sizeof(*words);
        if (words[i] - to->begin >= length || exempt(search, place, words[i]))
            continue;
        search->found = (struct hf_pointer){place, words[i]};
        return true;
    }
    return false;
}

/* Does this page contain anything other than unchanged content of a file? */
static bool page_counts(const struct search *search, const struct mapping *mapping, size_t page)
{
    uint64_t entry = search->pages[page];

    if (mapping->permissions[3] == 's')
        return true;
    if (entry & PAGE_SWAPPED)
        return true;
    return (entry & PAGE_PRESENT) && !(entry & PAGE_OF_A_FILE);
}

/* Pages that cannot be read are a device's, or gone. */
static bool find_in_chunk(struct search *search, const struct mapping *mapping, uintptr_t begin, size_t count)
{
    for (size_t page = 0; page < count;) {
        size_t run = 0;
        while (run < CHUNK_PAGES && page + run < count && page_counts(search, mapping, page + run))
            run++;
        if (run == 0) {
            page++;
            continue;
        }
        uintptr_t from = begin + page * search->page_size;
        ssize_t got = pread(search->mem, search->buffer, run * search->page_size, (off_t)from);
        if (got > 0 && find_word(search, from, (size_t)got))
            return true;
        page += got > 0 && (size_t)got >= search->page_size ? (size_t)got / search->page_size : 1;
    }
    return false;
}

static int find_in_mapping(struct search *search, size_t index, struct hotfix_error *err)
{
    const struct mapping *mapping = &search->mappings[index];
    size_t step = ENTRIES * search->page_size;

    search->from = stack_end(search, index);
    for (uintptr_t at = search->from / search->page_size * search->page_size; at < mapping->end; at += step) {
        size_t count = (mapping->end - at) / search->page_size;
        if (count > ENTRIES)
            count = ENTRIES;
        off_t entry = (off_t)(at / search->page_size * sizeof(uint64_t));
        if (pread(search->pagemap, search->pages, count * sizeof(uint64_t), entry) !=
            (ssize_t)(count * sizeof(uint64_t)))
            return hf_error_sys(err, HOTFIX_IO, "cannot read /proc/self/pagemap");
        if (find_in_chunk(search, mapping, at, count))
            return 1;
    }
    return 0;
}

/* Above it is the kernel's. */
static bool is_own(const struct mapping *mapping)
{
    return mapping->begin <= INTPTR_MAX;
}

static int check_span(const struct search *search, struct hotfix_error *err)
{
    uint64_t span = 0;

    for (size_t i = 0; i < search->count; i++)
        if (is_own(&search->mappings[i]))
            span += search->mappings[i].end - search->mappings[i].begin;
    if (span > SPAN_MAX)
        return hf_error(err, HOTFIX_MEMORY, "the process has %zu GiB mapped, too much to look for pointers in",
                        (size_t)(span >> 30));
    return 0;
}

static int find(struct search *search, struct hotfix_error *err)
{
    int status = read_mappings(search, err);

    if (status == 0)
        status = check_span(search, err);
    for (size_t i = 0; i < search->count && status == 0; i++)
        if (is_own(&search->mappings[i]))
            status = find_in_mapping(search, i, err);
    return status;
}

int hf_pointers_find(const struct hf_pointers *pointers, struct hf_pointer *found, struct hotfix_error *err)
{
    struct search search = {.pointers = pointers, .page_size = (size_t)sysconf(_SC_PAGESIZE)};
    HF_CLOSE int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    HF_CLOSE int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

    if (mem < 0 || pagemap < 0)
        return hf_error_sys(err, HOTFIX_IO, "cannot open /proc/self/mem and /proc/self/pagemap");
    search.mem = mem;
    search.pagemap = pagemap;
    const size_t copies = CHUNK_PAGES * search.page_size, entries = ENTRIES * sizeof(*search.pages);
    const size_t size = copies + entries + MAPPINGS_MAX * sizeof(*search.mappings);
    search.buffer = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (search.buffer == MAP_FAILED)
        return hf_error_sys(err, HOTFIX_MEMORY, "cannot map %zu bytes", size);
    search.pages = (uint64_t *)(void *)(search.buffer + copies);
    search.mappings = (struct mapping *)(void *)(search.buffer + copies + entries);
    search.own = (struct hf_range){(uintptr_t)search.buffer, (uintptr_t)search.buffer + size};

    int status = find(&search, err);
    munmap(search.buffer, size);
    if (status > 0)
        *found = search.found;
    return status;
}
