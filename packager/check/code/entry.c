/* SPDX-License-Identifier: Apache-2.0 */
/* Can each picked function be diverted where it begins? */
#include <stdlib.h>
#include <string.h>

#include "check/check.h"
#include "check/code/cold.h"
#include "cleanup.h"
#include "error.h"

#define ADVICE "pick its callers instead"

/* One picked function, and the bytes that its detour overwrites. */
struct place {
    const struct hf_check_subject *subject;
    const struct hf_pair *pair;
    const uint8_t *code;
    uint64_t begin;
    uint64_t end;
};

static void note_branch(const struct place *place, const char *what, uint64_t address, struct hf_findings *findings)
{
    hf_findings_add(findings, HF_INCOMPATIBLE, place->pair, ADVICE,
                    "%s 0x%llx comes back into the bytes that a detour overwrites", what, (unsigned long long)address);
}

static void note_undecoded(const struct place *place, struct hf_findings *findings)
{
    hf_findings_add(findings, HF_UNPROVEN, place->pair, NULL,
                    "its code does not all disassemble, so nothing proves that none comes back to the entry");
}

/* Where entry bytes lead. Both CPUs are little-endian. */
static uint64_t led_to(const struct hf_jump_table *table, const uint8_t *bytes)
{
    unsigned bits = 8 * table->width;
    uint64_t entry = 0;

    memcpy(&entry, bytes, table->width);
    if (table->is_signed && bits < 64 && (entry >> (bits - 1)) != 0)
        entry -= UINT64_C(1) << bits;
    return table->base + (entry << table->shift);
}

/*
 * The entries of a table lead into the function, as long as there are any. Where the next table begins, this one ends:
 * read as part of this one, its entries would lead anywhere.
 */
static bool table_enters(const struct place *place, const struct hf_jump_table *table, uint64_t next)
{
    const struct hf_image *image = &place->subject->target->image;
    const struct hf_function *function = place->pair->old_function;
    const uint8_t *bytes;

    for (uint64_t at = table->address; at < next && (bytes = hf_image_bytes(image, at, table->width));
         at += table->width) {
        uint64_t address = led_to(table, bytes);
        if (address - function->address >= function->size)
            return false;
        if (address >= place->begin && address < place->end)
            return true;
    }
    return false;
}

/* The first of the tables behind one. */
static uint64_t next_table(const struct hf_jump_table *tables, size_t count, uint64_t table)
{
    uint64_t next = UINT64_MAX;

    for (size_t i = 0; i < count; i++)
        if (tables[i].address > table && tables[i].address < next)
            next = tables[i].address;
    return next;
}

/* A case of a switch may be the loop around it, and that begin right behind the entry. */
static int check_tables(const struct place *place, struct hf_findings *findings, struct hotfix_error *err)
{
    const struct hf_function *function = place->pair->old_function;
    const struct hf_arch_tools *tools = place->subject->tools;
    size_t count = tools->tables(place->code, function->size, function->address, NULL, 0);
    HF_FREE struct hf_jump_table *found = calloc(count + 1, sizeof(*found));

    if (!found)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    tools->tables(place->code, function->size, function->address, found, count);
    for (size_t i = 0; i < count; i++)
        if (table_enters(place, &found[i], next_table(found, count, found[i].address))) {
            note_branch(place, "its jump table at", found[i].address, findings);
            break;
        }
    return 0;
}

/* Code that compilers moved out of the function, NAME.cold, jumps back into it. */
static void check_cold(const struct place *place, struct hf_findings *findings)
{
    const struct hf_program *target = place->subject->target;
    const struct hf_function *function = place->pair->old_function, *part = NULL;
    size_t at = 0;

    while ((part = hf_cold_part(target, function, part))) {
        const uint8_t *code = hf_image_bytes(&target->image, part->address, part->size);
        enum hf_arch_status status =
            code ? place->subject->tools->enters(code, part->size, part->address, place->begin, place->end, &at)
                 : HF_ARCH_DECODE;
        if (status == HF_ARCH_BRANCH)
            note_branch(place, "its cold part at", part->address + at, findings);
        else if (status != HF_ARCH_OK)
            note_undecoded(place, findings);
    }
}

/* Of a landing pad and a detour. */
static size_t needed_size(const struct hf_arch *arch, const uint8_t *code, size_t size)
{
    size_t pad = arch->landing_pad(code, size);

    return pad + arch->detour_size(code + pad, size - pad);
}

static int check_one(const struct hf_check_subject *subject, const struct hf_pair *pair, struct hf_findings *findings,
                     struct hotfix_error *err)
{
    const struct hf_function *function = pair->old_function;
    const struct hf_arch *arch = subject->tools->arch;
    struct place place = {.subject = subject, .pair = pair};
    uint64_t room = hf_program_room(subject->target, subject->tools, function);
    size_t skip = 0, at = 0;

    place.code = hf_image_bytes(&subject->target->image, function->address, room);
    if (!place.code) {
        hf_findings_add(findings, HF_INCOMPATIBLE, pair, NULL, "its code is not in the target's file");
        return 0;
    }
    switch (subject->tools->entry(place.code, room, &skip, &at)) {
    case HF_ARCH_OK:
        place.begin = function->address + skip;
        place.end = place.begin + arch->detour_size(place.code + skip, room - skip);
        check_cold(&place, findings);
        return check_tables(&place, findings, err);
    case HF_ARCH_SHORT:
        hf_findings_add(findings, HF_INCOMPATIBLE, pair, ADVICE,
                        "its %llu bytes of code are too short for a detour of %zu bytes",
                        (unsigned long long)function->size, needed_size(arch, place.code, function->size));
        return 0;
    case HF_ARCH_BRANCH:
        note_branch(&place, "its code at", function->address + at, findings);
        return 0;
    default:
        note_undecoded(&place, findings);
        return 0;
    }
}

static int run(const struct hf_check_subject *subject, struct hf_findings *findings, struct hotfix_error *err)
{
    for (size_t i = 0; subject->tools && i < subject->pair_count; i++)
        if (check_one(subject, &subject->pairs[i], findings, err) != 0)
            return -1;
    if (!subject->tools)
        hf_findings_add(findings, HF_INCOMPATIBLE, NULL, NULL, "code of this machine cannot be analysed");
    else if (hf_findings_clean(findings))
        hf_findings_add(findings, HF_COMPATIBLE, NULL, NULL, "%zu of %zu functions can be diverted",
                        subject->pair_count, subject->pair_count);
    return 0;
}

const struct hf_check hf_check_entry = {"entry", "room for a detour at each function's entry", HF_ACCEPT_UNPROVEN, run};
