/* SPDX-License-Identifier: Apache-2.0 */
#include "dwarf/sieve.h"

#include <libdwarf/dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cursor.h"
#include "dwarf/bytes.h"
#include "error.h"

#define WORD sizeof(uint32_t)

/* Four bytes that are looked for, and what must surround them where they are part of a text. */
struct needle {
    uint32_t word;
    const char *text; /* NULL: the word is all */
    size_t size;      /* of the text, its NUL included */
};

/* What is looked for in one pass over a section. Most words are told apart by the filter, a bit for each hash. */
struct needles {
    struct needle *items;
    size_t count;
    uint64_t filter[1024];
};

struct search {
    struct hf_bytes info, strings, indices;
    struct needles in_strings; /* ends of names */
    struct needles in_indices; /* offsets of names in .debug_str */
    struct needles in_units;   /* these, names, and where tables of offsets begin */
    const struct hf_asked *asked;
    bool failed; /* out of memory */
};

static uint32_t word_at(const void *bytes)
{
    uint32_t word;

    memcpy(&word, bytes, WORD);
    return word;
}

static unsigned hash(uint32_t word)
{
    return (word ^ (word >> 16)) & 0xffff;
}

static bool add_needle(struct needles *needles, struct needle needle)
{
    if ((needles->count & (needles->count - 1)) == 0) {
        struct needle *grown =
            reallocarray(needles->items, needles->count ? 2 * needles->count : 1, sizeof(*needles->items));
        if (!grown)
            return false;
        needles->items = grown;
    }
    needles->items[needles->count++] = needle;
    needles->filter[hash(needle.word) / 64] |= UINT64_C(1) << hash(needle.word) % 64;
    return true;
}

static int compare_needles(const void *a, const void *b)
{
    const struct needle *first = a, *second = b;

    return first->word < second->word ? -1 : first->word > second->word;
}

static void sort_needles(struct needles *needles)
{
    if (needles->count)
        qsort(needles->items, needles->count, sizeof(*needles->items), compare_needles);
}

/* The first needle for a word; the others follow it. */
static const struct needle *find_needle(const struct needles *needles, uint32_t word)
{
    size_t low = 0, high = needles->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (needles->items[middle].word < word)
            low = middle + 1;
        else
            high = middle;
    }
    return low < needles->count && needles->items[low].word == word ? &needles->items[low] : NULL;
}

typedef bool (*found_fn)(const struct needle *needle, const uint8_t *at, const struct hf_bytes *bytes, void *arg);

/* Calls fn for each place of each needle, at any byte, until it returns true. */
static bool scan(const struct needles *needles, const struct hf_bytes *bytes, found_fn fn, void *arg)
{
    if (needles->count == 0 || bytes->size < WORD)
        return false;
    const struct needle *end = needles->items + needles->count;
    for (const uint8_t *at = bytes->begin, *last = at + bytes->size - WORD; at <= last; at++) {
        uint32_t word = word_at(at);
        if (!(needles->filter[hash(word) / 64] >> hash(word) % 64 & 1))
            continue;
        for (const struct needle *needle = find_needle(needles, word); needle && needle < end && needle->word == word;
             needle++)
            if (fn(needle, at, bytes, arg))
                return true;
    }
    return false;
}

static bool add_offset(struct search *search, uint64_t offset)
{
    struct needle needle = {.word = (uint32_t)offset};

    search->failed |= !add_needle(&search->in_units, needle) || !add_needle(&search->in_indices, needle);
    return search->failed;
}

/* A string of .debug_str may be the end of another one: linkers share tails. */
static bool found_string(const struct needle *needle, const uint8_t *at, const struct hf_bytes *bytes, void *arg)
{
    size_t end = (size_t)(at - bytes->begin) + WORD;

    if (end < needle->size || memcmp(bytes->begin + end - needle->size, needle->text, needle->size) != 0)
        return false;
    return add_offset(arg, end - needle->size);
}

/* The last four bytes of a text find it; a shorter one is looked for by itself. */
static void find_strings(struct search *search)
{
    for (size_t i = 0; i < search->asked->count && !search->failed; i++) {
        const char *name = search->asked->names[i];
        struct needle needle = {.text = name, .size = strlen(name) + 1};
        if (needle.size >= WORD) {
            needle.word = word_at(name + needle.size - WORD);
            search->failed |= !add_needle(&search->in_strings, needle);
            continue;
        }
        const uint8_t *at = search->strings.begin, *end = at + search->strings.size;
        for (; (at = memmem(at, (size_t)(end - at), name, needle.size)); at++)
            add_offset(search, (uint64_t)(at - search->strings.begin));
    }
    sort_needles(&search->in_strings);
    scan(&search->in_strings, &search->strings, found_string, search);
}

static bool found_any(const struct needle *needle, const uint8_t *at, const struct hf_bytes *bytes, void *arg)
{
    (void)needle;
    (void)at;
    (void)bytes;
    (void)arg;
    return true;
}

/* A unit says where its table of offsets begins: behind version and padding (DWARF 5, section 7.26). */
static bool find_tables(struct search *search)
{
    struct hf_cursor section;
    struct hf_bytes table;

    sort_needles(&search->in_indices);
    hf_cursor_init(&section, search->indices.begin, search->indices.size);
    while (!hf_cursor_done(&section)) {
        if (!hf_bytes_part(&section, &table, NULL))
            return false;
        if (table.size < WORD || !scan(&search->in_indices, &table, found_any, NULL))
            continue;
        uint32_t base = (uint32_t)(table.begin + WORD - search->indices.begin);
        search->failed |= !add_needle(&search->in_units, (struct needle){.word = base});
    }
    return true;
}

static bool found_in_unit(const struct needle *needle, const uint8_t *at, const struct hf_bytes *bytes, void *arg)
{
    (void)arg;
    return !needle->text ||
           ((size_t)(bytes->begin + bytes->size - at) >= needle->size && memcmp(at, needle->text, needle->size) == 0);
}

static bool mentions(const struct search *search, const struct hf_bytes *unit)
{
    if (scan(&search->in_units, unit, found_in_unit, NULL))
        return true;
    for (size_t i = 0; i < search->asked->count; i++) {
        size_t size = strlen(search->asked->names[i]) + 1;
        if (size < WORD && memmem(unit->begin, unit->size, search->asked->names[i], size))
            return true;
    }
    return false;
}

static bool sift(struct search *search, struct hf_sieve *sieve)
{
    struct hf_cursor section;
    struct hf_bytes unit;
    size_t capacity = 0;

    hf_cursor_init(&section, search->info.begin, search->info.size);
    while (!hf_cursor_done(&section)) {
        uint64_t header = section.position;
        if (!hf_bytes_part(&section, &unit, NULL))
            return false;
        if (!mentions(search, &unit))
            continue;
        if (sieve->count == capacity) {
            capacity = capacity ? 2 * capacity : 16;
            uint64_t *grown = reallocarray(sieve->passed, capacity, sizeof(*grown));
            search->failed |= !grown;
            if (!grown)
                return true;
            sieve->passed = grown;
        }
        sieve->passed[sieve->count++] = header;
    }
    return true;
}

/* Of entries in another unit or file, and texts in another file. Forms of neither DWARF 5 nor GNU: who knows. */
static bool is_far(uint64_t form)
{
    switch (form) {
    case DW_FORM_ref_addr:
    case DW_FORM_ref_sup4:
    case DW_FORM_ref_sup8:
    case DW_FORM_strp_sup:
    case DW_FORM_ref_sig8:
        return true;
    default:
        return form > DW_FORM_addrx4;
    }
}

/* Abbreviations tell of every form in use (DWARF 5, section 7.5.3). */
static bool are_units_apart(const struct hf_bytes *abbreviations)
{
    struct hf_cursor section;

    hf_cursor_init(&section, abbreviations->begin, abbreviations->size);
    while (!hf_cursor_done(&section) && !section.failed) {
        struct hf_bytes_attribute attribute;
        if (hf_bytes_abbreviation(&section) == 0)
            continue;
        while (hf_bytes_attribute(&section, &attribute))
            if (is_far(attribute.form))
                return false;
    }
    return !section.failed;
}

static bool prepare(const struct hf_image *image, struct search *search)
{
    struct hf_bytes abbreviations;

    /* Sections of the old compressed form go by other names, all or none of them. */
    return hf_bytes_load(image, ".debug_info", &search->info) && hf_bytes_load(image, ".debug_str", &search->strings) &&
           hf_bytes_load(image, ".debug_str_offsets", &search->indices) &&
           hf_bytes_load(image, ".debug_abbrev", &abbreviations) && search->info.size > 0 &&
           are_units_apart(&abbreviations);
}

static bool search_all(struct search *search, struct hf_sieve *sieve)
{
    find_strings(search);
    if (!find_tables(search))
        return false;
    for (size_t i = 0; i < search->asked->count && !search->failed; i++) {
        const char *name = search->asked->names[i];
        struct needle needle = {.text = name, .size = strlen(name) + 1};
        if (needle.size < WORD)
            continue;
        needle.word = word_at(name);
        search->failed |= !add_needle(&search->in_units, needle);
    }
    sort_needles(&search->in_units);
    return sift(search, sieve);
}

int hf_sieve_init(const struct hf_image *image, const struct hf_asked *asked, struct hf_sieve *sieve,
                  struct hotfix_error *err)
{
    HF_FREE struct search *search = calloc(1, sizeof(*search));

    *sieve = (struct hf_sieve){.open = !asked};
    if (sieve->open)
        return 0;
    if (search) {
        search->asked = asked;
        sieve->open = !prepare(image, search) || !search_all(search, sieve);
        free(search->in_strings.items);
        free(search->in_indices.items);
        free(search->in_units.items);
    }
    if (!search || search->failed) {
        hf_sieve_deinit(sieve);
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory for debug information", image->path);
    }
    return 0;
}

void hf_sieve_deinit(struct hf_sieve *sieve)
{
    free(sieve->passed);
    *sieve = (struct hf_sieve){.count = 0};
}

static int compare_offsets(const void *a, const void *b)
{
    const uint64_t *first = a, *second = b;

    return *first < *second ? -1 : *first > *second;
}

bool hf_sieve_passes(const struct hf_sieve *sieve, uint64_t header)
{
    return sieve->open || (sieve->count > 0 && bsearch(&header, sieve->passed, sieve->count, sizeof(*sieve->passed),
                                                       compare_offsets) != NULL);
}
