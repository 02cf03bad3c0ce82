/* SPDX-License-Identifier: Apache-2.0 */
#include "prove/presence.h"

#include <string.h>

#define BEFORE_FIELD 4  /* bytes before a field that linkers may rewrite with it */
#define BEHIND_FIELD 12 /* from the field's begin */
#define RUN_MIN      8  /* bytes in a row that are looked for */
#define CODE_MIN     24 /* bytes that must be equal in all: fewer may be equal by chance */

static bool has_file(const struct hf_target *target, const char *source)
{
    for (size_t i = 0; source[0] != '\0' && i < target->symbols->symbol_count; i++)
        if (target->symbols->symbols[i].type == STT_FILE && strcmp(target->symbols->symbols[i].name, source) == 0)
            return true;
    return false;
}

static bool is_function(const struct hf_name *name)
{
    return name->part && name->part->kind == HF_PART_CODE && name->part->bytes && name->size > 0 &&
           name->type == STT_FUNC;
}

/* Is the object the only one that defines this name, and the target has it? */
static bool has_name(const struct hf_target *target, const struct hf_name *name, struct hf_census *census)
{
    size_t count;
    size_t defined = 0;
    const struct hf_mention *mentions = hf_census_find(census, name->text, &count);

    for (size_t i = 0; i < count; i++)
        defined += mentions[i].defined;
    if (defined != 1)
        return false;
    struct hf_symbol *const *symbols = hf_target_named(target, name->text, &count);
    for (size_t i = 0; i < count; i++)
        if (symbols[i]->type == name->type && symbols[i]->binding != STB_LOCAL)
            return true;
    return false;
}

/* Where a field that the linker fills begins and ends, with what it may rewrite around it; the n-th of the function. */
static bool field(const struct hf_name *function, size_t n, uint64_t *begin, uint64_t *end)
{
    const struct hf_part *part = function->part;

    for (size_t i = 0; i < part->reference_count; i++) {
        uint64_t offset = part->references[i].offset;
        if (offset < function->value || offset - function->value >= function->size || n-- > 0)
            continue;
        offset -= function->value;
        *begin = offset > BEFORE_FIELD ? offset - BEFORE_FIELD : 0;
        *end = offset + BEHIND_FIELD;
        return true;
    }
    return false;
}

/* The longest run of bytes that the linker does not write to; *total: how many such bytes there are. */
static size_t longest_run(const struct hf_name *function, uint64_t *at, uint64_t *total)
{
    uint64_t done = 0;
    uint64_t begin;
    uint64_t end;
    size_t best = 0;

    *total = 0;
    for (size_t i = 0; done < function->size; i++) {
        if (!field(function, i, &begin, &end))
            begin = end = function->size;
        if (begin > done) {
            *total += begin - done;
            if (begin - done > best) {
                best = begin - done;
                *at = done;
            }
        }
        done = end > done ? end : done;
    }
    return best;
}

static bool equal(const struct hf_name *function, const uint8_t *code)
{
    const uint8_t *object = function->part->bytes + function->value;
    uint64_t done = 0;
    uint64_t begin;
    uint64_t end;

    for (size_t i = 0; done < function->size; i++) {
        if (!field(function, i, &begin, &end))
            begin = end = function->size;
        if (begin > done && memcmp(object + done, code + done, begin - done) != 0)
            return false;
        done = end > done ? end : done;
    }
    return true;
}

/* A function of another file may have the same code, as one that stands in a header. */
static bool is_of_other(const struct hf_target *target, uint64_t address, const char *source)
{
    for (size_t i = 0; i < target->symbol_count; i++) {
        const struct hf_symbol *symbol = target->by_name[i];
        if (symbol->address == address && symbol->type == STT_FUNC && symbol->file[0] != '\0' &&
            strcmp(symbol->file, source) != 0)
            return true;
    }
    return false;
}

static bool in_segment(const struct hf_target *target, const struct hf_name *function, const GElf_Phdr *segment)
{
    const uint8_t *code = hf_image_bytes(&target->image, segment->p_vaddr, segment->p_filesz);
    const uint8_t *object = function->part->bytes + function->value;
    uint64_t start = 0;
    uint64_t total;
    size_t run = longest_run(function, &start, &total);

    if (!code || run < RUN_MIN || total < CODE_MIN)
        return false;
    const uint8_t *end = code + segment->p_filesz;
    for (const uint8_t *at = code; (at = memmem(at, (size_t)(end - at), object + start, run)); at++) {
        if ((uint64_t)(at - code) < start || (uint64_t)(end - at) + start < function->size)
            continue;
        const uint8_t *entry = at - start;
        if (equal(function, entry) &&
            !is_of_other(target, segment->p_vaddr + (uint64_t)(entry - code), function->part->object->source))
            return true;
    }
    return false;
}

static bool has_code(const struct hf_target *target, const struct hf_name *function)
{
    size_t count = 0;

    elf_getphdrnum(target->image.elf, &count);
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr segment;
        if (gelf_getphdr(target->image.elf, (int)i, &segment) && segment.p_type == PT_LOAD &&
            (segment.p_flags & PF_X) && in_segment(target, function, &segment))
            return true;
    }
    return false;
}

bool hf_presence(const struct hf_object *object, const struct hf_target *target, struct hf_census *census)
{
    if (target->symbols->stripped || has_file(target, object->source))
        return true;
    for (size_t i = 0; i < object->name_count; i++) {
        const struct hf_name *name = &object->names[i];
        if (name->part && name->binding == STB_GLOBAL && has_name(target, name, census))
            return true;
        if (is_function(name) && !hf_name_yields(name) && has_code(target, name))
            return true;
    }
    return false;
}
