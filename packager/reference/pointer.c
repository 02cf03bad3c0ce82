/* SPDX-License-Identifier: Apache-2.0 */
#include "reference/pointer.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "compare/coroutines.h"
#include "compare/roster.h"
#include "elf/room.h"
#include "error.h"
#include "reference/binding.h"
#include "reference/chance.h"
#include "reference/usage.h"

/* Does a reference of an old object mean the function itself, not a place in it, other than to call or jump there? */
static bool takes(const struct hf_work *work, const struct hf_part *from, const struct hf_reference *reference,
                  const struct hf_part *function, uint64_t value)
{
    const struct hf_arch_tools *arch = work->target->arch;
    enum hf_relation relation = arch->relation(reference->type);
    int64_t offset;

    if (relation == HF_RELATION_NONE || hf_reference_part(reference, &offset) != function)
        return false;
    bool distance = relation == HF_RELATION_NEAR || relation == HF_RELATION_CALL || relation == HF_RELATION_SLOT;
    if (from->kind == HF_PART_CODE && distance) {
        if (relation != HF_RELATION_SLOT && arch->is_branch(from->bytes, reference->offset))
            return false;
        if (arch->from_behind)
            offset += (int64_t)arch->field_size(reference->type);
    }
    return offset == (int64_t)value;
}

/* Tables of the target that nobody reads any more. */
struct spent {
    struct hf_span *spans;
    const struct hf_part **parts;
    size_t count;
};

static bool is_spent(const struct spent *spent, const struct hf_part *part)
{
    for (size_t i = 0; i < spent->count; i++)
        if (spent->parts[i] == part)
            return true;
    return false;
}

/* A constant that was taken apart goes with its users (constant.h); what they read from it may not have left them. */
static int add_spent(struct hf_work *work, const struct hf_pairing *pairing, const struct hf_part *table,
                     struct spent *spent, struct hotfix_error *err)
{
    const char *where;
    struct hf_anchor anchor;
    bool local = table->name_count > 0 && table->names[0]->binding == STB_LOCAL;

    if (table->kind != HF_PART_CONST || table->twin || !local || table->reference_count == 0)
        return 0;
    int kept = hf_usage_kept(work->target->arch, table, true, &where, err);
    if (kept <= 0 || hf_locate(work, pairing, table, &anchor, NULL) != 0)
        return kept < 0 ? -1 : 0;
    spent->spans[spent->count] = (struct hf_span){anchor.address, anchor.address + table->size};
    spent->parts[spent->count++] = table;
    return 0;
}

static const char *holder_in_object(const struct hf_work *work, const struct hf_part *function, uint64_t value,
                                    const struct spent *spent)
{
    const struct hf_object *object = function->object;

    for (size_t i = 1; i < object->part_count; i++) {
        const struct hf_part *part = &object->parts[i];
        bool counts = part->kind != HF_PART_DEBUG && part->kind != HF_PART_UNWIND && part->kind != HF_PART_OTHER &&
                      strcmp(part->name, HF_PATCHABLE_SECTION) != 0 && !is_spent(spent, part);
        for (size_t k = 0; counts && k < part->reference_count; k++)
            if (takes(work, part, &part->references[k], function, value))
                return hf_part_title(part->family ? part->family : part);
    }
    return NULL;
}

/* The symbol that an address of the target lies in; else the target itself. */
static const char *symbol_at(const struct hf_target *target, uint64_t address)
{
    for (size_t i = 0; i < target->symbols->symbol_count; i++) {
        const struct hf_symbol *symbol = &target->symbols->symbols[i];
        if ((symbol->type == STT_FUNC || symbol->type == STT_OBJECT) && address - symbol->address < symbol->size)
            return symbol->name;
    }
    return target->image.path;
}

static bool is_word(const uint8_t *bytes, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        if (bytes[i] != (uint8_t)(value >> (8 * i)))
            return false;
    return true;
}

/* Do words of the file hold addresses, without a relocation that says so? Packed relative relocations do not say it. */
static bool has_addresses(const struct hf_target *target)
{
    for (Elf_Scn *section = NULL; !target->fixed && (section = elf_nextscn(target->image.elf, section));) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) && header.sh_type == SHT_RELR)
            return true;
    }
    return target->fixed;
}

/* In the dynamic linker's symbol table, which holds values of symbols, or in another list that nobody calls from? */
static bool in_list(const struct hf_target *target, uint64_t place)
{
    size_t names;

    if (elf_getshdrstrndx(target->image.elf, &names) != 0)
        return false;
    for (Elf_Scn *section = NULL; (section = elf_nextscn(target->image.elf, section));) {
        GElf_Shdr header;
        if (!gelf_getshdr(section, &header) || place - header.sh_addr >= header.sh_size ||
            !(header.sh_flags & SHF_ALLOC))
            continue;
        const char *name = elf_strptr(target->image.elf, names, header.sh_name);
        if (header.sh_type == SHT_DYNSYM || (name && strcmp(name, HF_PATCHABLE_SECTION) == 0))
            return true;
    }
    return false;
}

static bool is_passed(const struct hf_span *passed, size_t count, uint64_t place)
{
    for (size_t i = 0; i < count; i++)
        if (place >= passed[i].begin && place < passed[i].end)
            return true;
    return false;
}

/* A word of the target's memory that is not code. */
static bool find_word(const struct hf_target *target, uint64_t address, const struct hf_span *passed,
                      size_t passed_count, uint64_t *place)
{
    size_t count = 0;

    elf_getphdrnum(target->image.elf, &count);
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr segment;
        if (!gelf_getphdr(target->image.elf, (int)i, &segment) || segment.p_type != PT_LOAD || segment.p_flags & PF_X)
            continue;
        const uint8_t *bytes = hf_image_bytes(&target->image, segment.p_vaddr, segment.p_filesz);
        for (uint64_t at = 0; bytes && at + 8 <= segment.p_filesz; at++) {
            *place = segment.p_vaddr + at;
            if (is_word(bytes + at, address) && !in_list(target, *place) && !is_passed(passed, passed_count, *place))
                return true;
        }
    }
    return false;
}

bool hf_pointer_in_data(const struct hf_target *target, uint64_t address, bool calls, const struct hf_span *passed,
                        size_t passed_count, uint64_t *place)
{
    for (size_t i = 0; i < target->dynamic_count; i++) {
        const struct hf_dynamic *dynamic = &target->dynamics[i];
        *place = dynamic->place;
        if (is_passed(passed, passed_count, *place) || (!calls && dynamic->relation == HF_DYNAMIC_LAZY))
            continue;
        if (((dynamic->relation == HF_DYNAMIC_BASE && (uint64_t)dynamic->addend == address) ||
             (dynamic->symbol[0] != '\0' && dynamic->value + (uint64_t)dynamic->addend == address)) &&
            !in_list(target, *place))
            return true;
    }
    return has_addresses(target) && find_word(target, address, passed, passed_count, place);
}

/* Where the code of a segment takes the address; its size when it does not. */
static size_t find_in_code(const struct hf_work *work, const GElf_Phdr *segment, uint64_t address)
{
    const struct hf_target *target = work->target;
    size_t size = segment->p_filesz;
    const uint8_t *code = hf_image_bytes(&target->image, segment->p_vaddr, size);

    for (size_t at = 0; code && at < size; at++) {
        at = target->arch->takes(code, size, segment->p_vaddr, address, target->fixed, at);
        uint64_t place = segment->p_vaddr + at;
        /* A stub has the number of its slot in it, which looks like an address to who reads it from the middle. */
        if (at < size && !hf_target_in_stub(target, place) && !hf_chance(work, place, address))
            return at;
    }
    return size;
}

static const char *holder_in_target(const struct hf_work *work, uint64_t address, const struct spent *spent)
{
    const struct hf_target *target = work->target;
    size_t count = 0;
    uint64_t place;

    if (hf_pointer_in_data(target, address, false, spent->spans, spent->count, &place))
        return symbol_at(target, place);
    elf_getphdrnum(target->image.elf, &count);
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr segment;
        if (!gelf_getphdr(target->image.elf, (int)i, &segment) || segment.p_type != PT_LOAD ||
            !(segment.p_flags & PF_X))
            continue;
        size_t at = find_in_code(work, &segment, address);
        if (at < segment.p_filesz)
            return symbol_at(target, segment.p_vaddr + at);
    }
    return NULL;
}

int hf_pointer_holder(struct hf_work *work, const struct hf_pairing *pairing, const struct hf_part *before,
                      const char **holder, struct hotfix_error *err)
{
    const struct hf_object *object = before->object;
    const struct hf_name *function = hf_part_function(before);
    HF_FREE struct hf_span *spans = calloc(object->part_count + 1, sizeof(*spans));
    HF_FREE const struct hf_part **parts = calloc(object->part_count + 1, sizeof(const struct hf_part *));
    struct spent spent = {.spans = spans, .parts = parts};
    struct hf_anchor anchor;

    *holder = NULL;
    if (!function)
        return 0;
    if (!spans || !parts)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    for (size_t i = 1; i < object->part_count; i++)
        if (add_spent(work, pairing, &object->parts[i], &spent, err) != 0)
            return -1;
    *holder = holder_in_object(work, before, function->value, &spent);
    if (!*holder && hf_locate(work, pairing, before, &anchor, NULL) == 0)
        *holder = holder_in_target(work, anchor.address + function->value, &spent);
    return 0;
}

/* Has a new object a function of this name that others can refer to? */
static bool defines(const struct hf_object *object, const char *text)
{
    for (size_t i = 0; i < object->name_count; i++) {
        const struct hf_name *name = &object->names[i];
        if (name->part && name->part->kind == HF_PART_CODE && name->binding != STB_LOCAL &&
            strcmp(name->text, text) == 0)
            return true;
    }
    return false;
}

/* 1 when a new object has it; -1 when one cannot be read. */
static int is_defined_anew(const struct hf_work *work, const struct hf_name *function, struct hotfix_error *err)
{
    if (function->binding == STB_LOCAL)
        return 0;
    for (size_t i = 0; i < work->pairing_count; i++)
        if (defines(work->pairings[i].after, function->text))
            return 1;
    for (size_t i = 0; i < work->after->count; i++) {
        HF_OBJECT struct hf_object *object = NULL;
        if (hf_object_open(work->after->files[i].path, work->after->files[i].name, &object, err) != 0)
            return -1;
        if (defines(object, function->text))
            return 1;
    }
    return 0;
}

/*
 * A virtual method: the source has no other way to its address than a table of virtual methods, and compilers take it
 * to compare with what such a table holds before they inline the method.
 */
static bool is_virtual(const struct hf_part *function, uint64_t value)
{
    const struct hf_object *object = function->object;

    for (size_t i = 1; i < object->part_count; i++) {
        const struct hf_part *part = &object->parts[i];
        int64_t offset;
        if (strncmp(hf_part_title(part), "_ZTV", strlen("_ZTV")) != 0)
            continue;
        for (size_t k = 0; k < part->reference_count; k++)
            if (hf_reference_part(&part->references[k], &offset) == function && offset == (int64_t)value)
                return true;
    }
    return false;
}

static int check_gone(struct hf_work *work, const struct hf_pairing *pairing, const struct hf_part *before,
                      struct hotfix_error *err)
{
    const struct hf_name *function = hf_part_function(before);
    const char *holder;
    struct hf_anchor anchor;

    /* No source can take the address of a clone (total.part.0): compilers make them for direct calls. */
    if (hf_name_is_made(function))
        return 0;
    if (hf_pointer_holder(work, pairing, before, &holder, err) != 0)
        return -1;
    if (!holder || hf_locate(work, pairing, before, &anchor, NULL) == 1)
        return 0;
    /* An inline virtual method is left out of an object that does not need it; its table, which stays, calls it: what
     * objects there are of a class of which no new ones are made finish with its old code. */
    if (function->binding == STB_WEAK &&
        (strncmp(holder, "_ZTV", strlen("_ZTV")) == 0 || is_virtual(before, function->value)))
        return 0;
    int defined = is_defined_anew(work, function, err);
    if (defined != 0)
        return defined < 0 ? -1 : 0;
    return hf_error(
        err, HOTFIX_INCOMPATIBLE,
        "%s: function '%s' is gone, and '%s' in the target has its address: pointers to it may live on, and "
        "would call the old one; keep a function of this name and prototype in the fixed source "
        "(with __attribute__((used)), if nothing there refers to it)",
        pairing->after->name, function->text, holder);
}

int hf_pointers_check(struct hf_work *work, struct hotfix_error *err)
{
    for (size_t i = 0; i < work->pairing_count; i++) {
        const struct hf_pairing *pairing = &work->pairings[i];
        for (size_t k = 1; pairing->before && k < pairing->before->part_count; k++) {
            const struct hf_part *part = &pairing->before->parts[k];
            /* The frames that point to a coroutine's body are to finish in it. */
            if (part->kind == HF_PART_CODE && part->size > 0 && !part->family && !part->twin &&
                !hf_coroutine_body(part) && check_gone(work, pairing, part, err) != 0)
                return -1;
        }
    }
    return 0;
}
