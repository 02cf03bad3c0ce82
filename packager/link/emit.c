/* SPDX-License-Identifier: Apache-2.0 */
#include "link/emit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "choose/worlds.h"
#include "cleanup.h"
#include "error.h"
#include "link/redirect.h"
#include "object/unwind.h"
#include "object/writer.h"
#include "reference/replacement.h"

static int no_memory(struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_MEMORY, "out of memory");
}

static bool is_carried(const struct hf_part *part)
{
    if (part->kind == HF_PART_DEBUG)
        return true;
    if (part->kind != HF_PART_OTHER)
        return (part->marks & HF_MARK_KEPT) != 0;
    return part->type == SHT_PROGBITS && !(part->flags & (SHF_ALLOC | SHF_EXCLUDE));
}

/* Content of a part that is not loaded; debug information may be compressed, which relocations do not know of. */
static int plain_bytes(const struct hf_part *part, struct hf_writer_section *section, struct hotfix_error *err)
{
    Elf_Scn *scn = elf_getscn(part->object->elf, part->index);
    const Elf64_Shdr *header = scn ? elf64_getshdr(scn) : NULL;

    if (header && (header->sh_flags & SHF_COMPRESSED) && elf_compress(scn, 0, 0) < 0)
        return hf_error(err, HOTFIX_FORMAT, "%s: section %s cannot be unpacked", part->object->path, part->name);
    Elf_Data *data = scn ? elf_rawdata(scn, NULL) : NULL;
    header = scn ? elf64_getshdr(scn) : NULL;
    if (!data || !header)
        return hf_error(err, HOTFIX_FORMAT, "%s: section %s lies outside the file", part->object->path, part->name);
    section->bytes = data->d_buf ? data->d_buf : (uint8_t *)"";
    section->size = data->d_size;
    section->alignment = header->sh_addralign;
    section->flags &= ~(uint64_t)SHF_COMPRESSED;
    return 0;
}

/* Does the dynamic linker have to write into this constant? A target at fixed addresses needs no such thing. */
static bool needs_relocation(const struct hf_redirect *redirect, const struct hf_part *part)
{
    if (part->flags & SHF_WRITE || (part->kind != HF_PART_CONST && part->kind != HF_PART_MERGE))
        return false;
    for (size_t i = 0; i < part->reference_count; i++)
        if (redirect->work->target->arch->relation(part->references[i].type) == HF_RELATION_WORD)
            return true;
    return false;
}

static int add_section(struct hf_redirect *redirect, const struct hf_part *part, struct hotfix_error *err)
{
    /* Strings and constants are not merged any more: their offsets must stay. Groups are resolved by name. */
    struct hf_writer_section section = {
        .name = (char *)part->name,
        .type = part->type,
        .flags = part->flags & ~(uint64_t)(SHF_GROUP | SHF_LINK_ORDER | SHF_INFO_LINK),
        .size = part->size,
        .alignment = part->alignment,
        .entry_size = part->entry_size,
        .bytes = (uint8_t *)part->bytes,
    };
    if (part->kind == HF_PART_MERGE) {
        section.flags &= ~(uint64_t)(SHF_MERGE | SHF_STRINGS);
        section.entry_size = 0;
    }
    if (needs_relocation(redirect, part)) {
        section.name = (char *)".data.rel.ro.hotfix";
        section.flags |= SHF_WRITE;
    }
    if ((part->kind == HF_PART_DEBUG || part->kind == HF_PART_OTHER) && plain_bytes(part, &section, err) != 0)
        return -1;
    redirect->sections[part->index] = hf_writer_section(&redirect->writer, &section);
    return redirect->sections[part->index] ? 0 : no_memory(err);
}

/*
 * Global names are hidden: nothing outside is to bind to them. Those of functions that the release may show are seen,
 * for backtrace(3) and dladdr(3); the patch binds to its own nevertheless, and its scope is its own.
 */
static uint8_t visibility_of(const struct hf_name *name)
{
    bool hook = strcmp(name->text, HF_HOOK_APPLY) == 0 || strcmp(name->text, HF_HOOK_REVERT) == 0;
    bool shown = name->type == STT_FUNC && name->visibility == STV_DEFAULT;

    return name->binding == STB_LOCAL || hook || shown ? STV_DEFAULT : STV_HIDDEN;
}

/* A name of a part that is kept. */
static int add_name(struct hf_redirect *redirect, const struct hf_name *name, struct hotfix_error *err)
{
    /* Versions (.symver) are the target's to define: here such a name only tells that it is one of this function. */
    bool versioned = strchr(name->text, '@') != NULL;
    const struct hf_writer_symbol symbol = {
        .name = (char *)name->text,
        .value = name->value,
        .size = name->size,
        .section = redirect->sections[name->part->index],
        .type = name->type,
        .binding = versioned                         ? STB_LOCAL
                   : name->binding == STB_GNU_UNIQUE ? STB_WEAK
                                                     : name->binding,
        .visibility = visibility_of(name),
    };
    redirect->symbols[name->index] = hf_writer_symbol(&redirect->writer, &symbol);
    return redirect->symbols[name->index] ? 0 : no_memory(err);
}

static int add_names(struct hf_redirect *redirect, struct hotfix_error *err)
{
    const struct hf_object *object = redirect->pairing->after;
    const struct hf_writer_symbol file = {
        .name = (char *)object->source, .special = SHN_ABS, .type = STT_FILE, .binding = STB_LOCAL};

    if (object->source[0] && !hf_writer_symbol(&redirect->writer, &file))
        return no_memory(err);
    for (size_t i = 1; i < object->part_count; i++) {
        const struct hf_part *part = &object->parts[i];
        for (size_t k = 0; (part->marks & HF_MARK_KEPT) && k < part->name_count; k++)
            if (add_name(redirect, part->names[k], err) != 0)
                return -1;
    }
    return 0;
}

static int redirect_part(struct hf_redirect *redirect, const struct hf_part *part, struct hotfix_error *err)
{
    size_t section = redirect->sections[part->index];

    for (size_t i = 0; i < part->reference_count; i++)
        if (hf_redirect_reference(redirect, part, section, &part->references[i], err) != 0)
            return -1;
    return 0;
}

/*
 * Debug information follows what is kept. What it says of other things gets the value that consumers take for "not
 * there": 0, but 1 where 0 ends a list (DWARF 4, 2.17.3 and 7.7.3).
 */
static int redirect_debug(struct hf_redirect *redirect, const struct hf_part *part, struct hotfix_error *err)
{
    struct hf_writer_section *section = &redirect->writer.sections[redirect->sections[part->index]];
    HF_FREE struct hf_reference *references = NULL;
    size_t count = 0;
    bool list = strcmp(part->name, ".debug_ranges") == 0 || strcmp(part->name, ".debug_loc") == 0;

    if (hf_object_references(part, &references, &count, err) != 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        const struct hf_reference *reference = &references[i];
        const struct hf_part *to = reference->name->part;
        size_t size = redirect->work->target->arch->field_size(reference->type);
        if (size == 0 || reference->offset > section->size || size > section->size - reference->offset)
            return hf_error(err, HOTFIX_FORMAT, "%s: section %s has a damaged relocation", part->object->path,
                            part->name);
        if (!to || redirect->sections[to->index] == 0 || to->kind == HF_PART_TLS) {
            section->bytes[reference->offset] = list;
            continue;
        }
        const struct hf_writer_relocation relocation = {
            .offset = reference->offset,
            .addend = reference->addend + (int64_t)reference->name->value,
            .type = reference->type,
            .symbol = redirect->writer.sections[redirect->sections[to->index]].symbol};
        if (hf_writer_relocation(&redirect->writer, redirect->sections[part->index], &relocation) != 0)
            return no_memory(err);
    }
    return 0;
}

static bool keep_code(const struct hf_part *code, void *arg)
{
    (void)arg;
    return (code->marks & HF_MARK_KEPT) != 0;
}

static int redirect_unwind(struct hf_redirect *redirect, const struct hf_part *part, struct hotfix_error *err)
{
    struct hf_unwind unwind;
    if (hf_unwind_cut(part, keep_code, NULL, &unwind, err) != 0)
        return -1;

    const struct hf_writer_section wanted = {.name = (char *)part->name,
                                             .type = part->type,
                                             .flags = part->flags & ~(uint64_t)SHF_GROUP,
                                             .size = unwind.size,
                                             .alignment = part->alignment,
                                             .bytes = unwind.bytes};
    size_t section = unwind.size > 0 ? hf_writer_section(&redirect->writer, &wanted) : 0;
    int failed = unwind.size > 0 && section == 0 ? no_memory(err) : 0;
    for (size_t i = 0; !failed && section && i < unwind.reference_count; i++)
        failed = hf_redirect_reference(redirect, part, section, &unwind.references[i], err);
    hf_unwind_deinit(&unwind);
    return failed;
}

static int add_replacement(const struct hf_replacement *replacement, void *arg)
{
    struct hf_redirect *redirect = arg;
    char text[sizeof(HF_NEW_PREFIX) + 24];

    size_t index = redirect->replacement_count++;
    if (replacement->after->object != redirect->pairing->after)
        return 0;
    snprintf(text, sizeof(text), HF_NEW_PREFIX "%zu", index);
    const struct hf_name *function = hf_part_function(replacement->after);
    const struct hf_writer_symbol symbol = {.name = text,
                                            .value = function->value,
                                            .size = function->size,
                                            .section = redirect->sections[replacement->after->index],
                                            .type = STT_FUNC,
                                            .binding = STB_GLOBAL,
                                            .visibility = STV_HIDDEN};
    return hf_writer_symbol(&redirect->writer, &symbol) ? 0 : -1;
}

/* Names the code of this object that work->worlds lists. */
static int add_listed(struct hf_redirect *redirect, struct hotfix_error *err)
{
    const struct hf_worlds *worlds = &redirect->work->worlds;
    char text[sizeof(HF_CODE_PREFIX) + 24];

    for (size_t i = 0; i < worlds->count; i++) {
        const struct hf_world_code *code = &worlds->items[i];
        if (code->kind != HF_WORLD_LEFT_TO_REVERT || code->part->object != redirect->pairing->after)
            continue;
        snprintf(text, sizeof(text), HF_CODE_PREFIX "%zu", i);
        const struct hf_writer_symbol symbol = {.name = text,
                                                .size = code->part->size,
                                                .section = redirect->sections[code->part->index],
                                                .type = STT_FUNC,
                                                .binding = STB_GLOBAL,
                                                .visibility = STV_HIDDEN};
        if (!hf_writer_symbol(&redirect->writer, &symbol))
            return no_memory(err);
    }
    return 0;
}

static int fill(struct hf_redirect *redirect, struct hotfix_error *err)
{
    struct hf_object *object = redirect->pairing->after;

    for (size_t i = 1; i < object->part_count; i++)
        if (is_carried(&object->parts[i]) && add_section(redirect, &object->parts[i], err) != 0)
            return -1;
    if (add_names(redirect, err) != 0)
        return -1;
    if (hf_each_replacement(redirect->work, add_replacement, redirect) != 0)
        return no_memory(err);
    if (add_listed(redirect, err) != 0)
        return -1;
    for (size_t i = 1; i < object->part_count; i++) {
        const struct hf_part *part = &object->parts[i];
        int failed = 0;
        if (part->kind == HF_PART_UNWIND)
            failed = redirect_unwind(redirect, part, err);
        else if (part->kind == HF_PART_DEBUG)
            failed = redirect_debug(redirect, part, err);
        else if (part->marks & HF_MARK_KEPT)
            failed = redirect_part(redirect, part, err);
        if (failed)
            return -1;
    }
    return hf_redirect_finish(redirect, err);
}

static int write_object(struct hf_emission *emission, struct hf_writer *writer, struct hotfix_error *err)
{
    char **grown = realloc(emission->paths, (emission->path_count + 1) * sizeof(char *));
    if (!grown)
        return no_memory(err);
    emission->paths = grown;
    if (asprintf(&grown[emission->path_count], "%s/%zu.o", emission->directory, emission->path_count) < 0)
        return no_memory(err);
    return hf_writer_write(writer, grown[emission->path_count++], err);
}

static bool has_kept(const struct hf_object *object)
{
    for (size_t i = 1; i < object->part_count; i++)
        if (object->parts[i].marks & HF_MARK_KEPT)
            return true;
    return false;
}

static int emit_object(struct hf_work *work, struct hf_pairing *pairing, struct hf_emission *emission,
                       struct hotfix_error *err)
{
    struct hf_redirect redirect;

    if (!has_kept(pairing->after))
        return 0;
    if (hf_redirect_init(&redirect, work, pairing, emission, err) != 0)
        return -1;
    int failed = fill(&redirect, err);
    if (!failed)
        failed = write_object(emission, &redirect.writer, err);
    hf_redirect_deinit(&redirect);
    return failed;
}

#define PLACEHOLDER_STRIDE 16 /* bytes: the strictest alignment that a linker asks for of what an instruction names */

/* The section in which the placeholders stand, each as far from an aligned address as what it stands for. */
static int emit_placeholders(struct hf_work *work, struct hf_emission *emission, struct hotfix_error *err)
{
    struct hf_writer writer;
    const struct hf_writer_section section = {.name = (char *)".bss.hotfix",
                                              .type = SHT_NOBITS,
                                              .flags = SHF_ALLOC | SHF_WRITE,
                                              .size = PLACEHOLDER_STRIDE * (emission->placeholder_count + 1),
                                              .alignment = PLACEHOLDER_STRIDE};

    if (emission->placeholder_count == 0)
        return 0;
    if (hf_writer_init(&writer, work->target->arch->arch->machine, err) != 0)
        return -1;
    size_t handle = hf_writer_section(&writer, &section);
    int failed = handle ? 0 : no_memory(err);
    for (size_t i = 0; !failed && i < emission->placeholder_count; i++) {
        char text[sizeof(HF_PLACEHOLDER_PREFIX) + 24];
        snprintf(text, sizeof(text), HF_PLACEHOLDER_PREFIX "%zu", i);
        const struct hf_writer_symbol symbol = {.name = text,
                                                .value = PLACEHOLDER_STRIDE * i +
                                                         emission->placeholders[i].value % PLACEHOLDER_STRIDE,
                                                .section = handle,
                                                .type = STT_OBJECT,
                                                .binding = STB_GLOBAL,
                                                .visibility = STV_HIDDEN};
        failed = hf_writer_symbol(&writer, &symbol) ? 0 : no_memory(err);
    }
    if (!failed)
        failed = write_object(emission, &writer, err);
    hf_writer_deinit(&writer);
    return failed;
}

int hf_emit(struct hf_work *work, struct hf_emission *emission, struct hotfix_error *err)
{
    for (size_t i = 0; i < work->pairing_count; i++)
        if (emit_object(work, &work->pairings[i], emission, err) != 0)
            return -1;
    return emit_placeholders(work, emission, err);
}
