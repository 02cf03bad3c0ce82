/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/veneer.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arch.h"
#include "error.h"
#include "process/raw.h"
#include "stage/place.h"

struct page {
    struct page *next;
    uint8_t *code;
    size_t size;
    size_t before; /* how many were made before the first of this page */
    size_t count;
    bool sealed; /* and never written to again: threads run in it */
};

/* The newest first. Each change is one store, since a child may be forked at any moment. */
static struct page *pages;

static uint8_t *slot(const struct page *page, size_t i)
{
    return page->code + i * hf_arch_host.veneer_size;
}

static bool in_reach(uintptr_t from, const uint8_t *to)
{
    return (from < (uintptr_t)to ? (uintptr_t)to - from : from - (uintptr_t)to) < hf_arch_host.reach;
}

static uint8_t *find(uintptr_t from, const uint8_t *bytes)
{
    for (const struct page *page = pages; page; page = page->next)
        for (size_t i = 0; i < page->count; i++)
            if (in_reach(from, slot(page, i)) && memcmp(slot(page, i), bytes, hf_arch_host.veneer_size) == 0)
                return slot(page, i);
    return NULL;
}

static struct page *add_page(uintptr_t from, struct hotfix_error *err)
{
    struct hf_window window = hf_window_around(from, from, hf_arch_host.reach);
    struct page *page = calloc(1, sizeof(*page));

    if (!page) {
        hf_error(err, HOTFIX_MEMORY, "out of memory");
        return NULL;
    }
    page->size = (size_t)sysconf(_SC_PAGESIZE);
    page->code = hf_place_map(&window, page->size, err);
    if (!page->code) {
        free(page);
        return NULL;
    }
    page->before = hf_veneer_count();
    page->next = pages;
    pages = page;
    return page;
}

/* Only the newest page is filled, so that all veneers of a page were made in a row. */
static bool has_room(const struct page *page, uintptr_t from)
{
    return page && !page->sealed && (page->count + 1) * hf_arch_host.veneer_size <= page->size &&
           in_reach(from, slot(page, page->count));
}

int hf_veneer(uintptr_t from, uintptr_t to, uintptr_t *veneer, struct hotfix_error *err)
{
    uint8_t bytes[HF_VENEER_MAX];

    if (hf_arch_host.veneer_size == 0 ||
        hf_arch_host.veneer(to, (const uint8_t *)to, hf_raw_guarded(), bytes) != HF_ARCH_OK)
        return hf_error(err, HOTFIX_STAGE, "%#zx is out of reach of a direct branch at %#zx", (size_t)to, (size_t)from);
    uint8_t *code = find(from, bytes);
    if (!code) {
        struct page *page = has_room(pages, from) ? pages : add_page(from, err);
        if (!page)
            return -1;
        code = slot(page, page->count);
        memcpy(code, bytes, hf_arch_host.veneer_size);
        page->count++;
    }
    *veneer = (uintptr_t)code;
    return 0;
}

int hf_veneer_seal(struct hotfix_error *err)
{
    for (struct page *page = pages; page; page = page->next) {
        if (page->sealed)
            continue;
        if (mprotect(page->code, page->size, PROT_READ | PROT_EXEC) != 0)
            return hf_error_sys(err, HOTFIX_STAGE,
                                "code that takes calls farther cannot be made executable, as under "
                                "MemoryDenyWriteExecute or PR_SET_MDWE; start the program without that");
        __builtin___clear_cache((char *)page->code, (char *)page->code + page->size);
        page->sealed = true;
    }
    return 0;
}

size_t hf_veneer_count(void)
{
    return pages ? pages->before + pages->count : 0;
}

void hf_veneer_rewind(size_t count)
{
    while (pages && pages->before >= count) {
        struct page *page = pages;
        pages = page->next;
        munmap(page->code, page->size);
        free(page);
    }
    if (pages && pages->before + pages->count > count)
        pages->count = count - pages->before;
}

size_t hf_veneer_ranges(struct hf_range *ranges, size_t limit)
{
    size_t count = 0;

    for (const struct page *page = pages; page; page = page->next, count++)
        if (count < limit)
            ranges[count] = (struct hf_range){(uintptr_t)page->code, (uintptr_t)page->code + page->size};
    return count;
}
