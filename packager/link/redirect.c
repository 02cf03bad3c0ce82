/* SPDX-License-Identifier: Apache-2.0 */
#include "link/redirect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "error.h"
#include "reference/binding.h"

#define SLOT_SIZE 8

static int no_memory(struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_MEMORY, "out of memory");
}

int hf_redirect_init(struct hf_redirect *redirect, struct hf_work *work, struct hf_pairing *pairing,
                     struct hf_emission *emission, struct hotfix_error *err)
{
    *redirect = (struct hf_redirect){.work = work, .pairing = pairing, .emission = emission};
    if (hf_writer_init(&redirect->writer, pairing->after->machine, err) != 0)
        return -1;
    redirect->sections = calloc(pairing->after->part_count + 1, sizeof(*redirect->sections));
    redirect->symbols = calloc(pairing->after->name_count + 1, sizeof(*redirect->symbols));
    if (redirect->sections && redirect->symbols)
        return 0;
    hf_redirect_deinit(redirect);
    return no_memory(err);
}

void hf_redirect_deinit(struct hf_redirect *redirect)
{
    hf_writer_deinit(&redirect->writer);
    free(redirect->sections);
    free(redirect->symbols);
    free(redirect->placeholders);
    free(redirect->slots);
}

/* One reference while it is redirected. */
struct site {
    struct hf_redirect *redirect;
    const struct hf_part *part;
    const struct hf_reference *reference;
    size_t section;
    enum hf_relation relation;
    struct hf_binding binding;
};

static int refuse(const struct site *site, const char *why, struct hotfix_error *err)
{
    const struct hf_name *name = site->reference->name;
    const char *to = name->text[0] || !name->part ? name->text : hf_part_title(name->part);

    return hf_error(err, HOTFIX_INCOMPATIBLE, "%s: '%s' refers to '%s' (relocation type %u): %s",
                    site->redirect->pairing->after->name, hf_part_title(site->part), to, site->reference->type, why);
}

static int relocate(const struct site *site, uint32_t type, size_t symbol, int64_t addend, struct hotfix_error *err)
{
    const struct hf_writer_relocation relocation = {
        .offset = site->reference->offset, .addend = addend, .type = type, .symbol = symbol};

    if (symbol == 0 || hf_writer_relocation(&site->redirect->writer, site->section, &relocation) != 0)
        return no_memory(err);
    return 0;
}

/* Writes what is known now into the field: no relocation is left. */
static int settle(const struct site *site, uint64_t value, struct hotfix_error *err)
{
    const struct hf_arch_tools *arch = site->redirect->work->target->arch;
    struct hf_writer_section *section = &site->redirect->writer.sections[site->section];
    size_t size = arch->field_size(site->reference->type);

    if (!section->bytes || site->reference->offset > section->size || size > section->size - site->reference->offset)
        return refuse(site, "the field lies outside its section", err);
    if (arch->arch->relocate(site->reference->type, 0, value + (uint64_t)site->reference->addend - site->binding.ahead,
                             section->bytes + site->reference->offset) != HF_ARCH_OK)
        return refuse(site, "the value does not fit", err);
    return 0;
}

/* As above, with what is known of a thread-local variable, where a descriptor would say it. */
static int settle_descriptor(const struct site *site, uint64_t offset, struct hotfix_error *err)
{
    struct hf_writer_section *section = &site->redirect->writer.sections[site->section];
    size_t at = site->reference->offset, size = site->redirect->work->target->arch->field_size(site->reference->type);

    if (!section->bytes || at > section->size || size > section->size - at)
        return refuse(site, "the field lies outside its section", err);
    if (site->redirect->work->target->arch->local_exec(
            site->reference->type, offset + (uint64_t)site->reference->addend, section->bytes + at) != HF_ARCH_OK)
        return refuse(site, "the value does not fit", err);
    return 0;
}

/* The placeholder for a place in the target, as a symbol of this object; 0 when memory is out. */
static size_t placeholder(struct hf_redirect *redirect, enum hf_fixup_kind kind, uint64_t value)
{
    struct hf_emission *emission = redirect->emission;
    size_t index = 0;
    while (index < emission->placeholder_count &&
           (emission->placeholders[index].kind != kind || emission->placeholders[index].value != value))
        index++;
    if (index == emission->placeholder_count) {
        struct hf_placeholder *grown = reallocarray(emission->placeholders, index + 1, sizeof(*grown));
        if (!grown)
            return 0;
        emission->placeholders = grown;
        grown[emission->placeholder_count++] = (struct hf_placeholder){kind, value, 0};
    }
    emission->placeholders[index].uses++;

    if (index >= redirect->placeholder_room) {
        size_t room = 2 * index + 16;
        size_t *grown = reallocarray(redirect->placeholders, room, sizeof(*grown));
        if (!grown)
            return 0;
        memset(grown + redirect->placeholder_room, 0, (room - redirect->placeholder_room) * sizeof(*grown));
        redirect->placeholders = grown;
        redirect->placeholder_room = room;
    }
    if (redirect->placeholders[index] == 0) {
        char text[sizeof(HF_PLACEHOLDER_PREFIX) + 24];
        snprintf(text, sizeof(text), HF_PLACEHOLDER_PREFIX "%zu", index);
        const struct hf_writer_symbol symbol = {.name = text, .binding = STB_GLOBAL, .visibility = STV_HIDDEN};
        redirect->placeholders[index] = hf_writer_symbol(&redirect->writer, &symbol);
    }
    return redirect->placeholders[index];
}

/* The reference as it is, to a placeholder. */
static int point(const struct site *site, enum hf_fixup_kind kind, uint64_t value, struct hotfix_error *err)
{
    return relocate(site, site->reference->type, placeholder(site->redirect, kind, value),
                    site->reference->addend - (int64_t)site->binding.ahead, err);
}

/* The symbol of something that the patch brings, or that is left to the dynamic linker. */
static size_t plain_symbol(const struct site *site)
{
    struct hf_redirect *redirect = site->redirect;
    const struct hf_name *name = site->reference->name;
    size_t *handle = &redirect->symbols[name->index];

    if (name->part && (name->type == STT_SECTION || *handle == 0))
        return redirect->writer.sections[redirect->sections[name->part->index]].symbol;
    if (*handle)
        return *handle;
    bool own = site->binding.kind == HF_BINDING_OWN;
    bool common = own && name->section == SHN_COMMON;
    const struct hf_writer_symbol symbol = {.name = (char *)name->text,
                                            .value = common ? name->value : 0,
                                            .size = common ? name->size : 0,
                                            .special = common ? SHN_COMMON : 0,
                                            .type = name->type,
                                            .binding = name->binding,
                                            .visibility = own ? STV_HIDDEN : STV_DEFAULT};
    *handle = hf_writer_symbol(&redirect->writer, &symbol);
    return *handle;
}

static int keep(const struct site *site, struct hotfix_error *err)
{
    const struct hf_name *name = site->reference->name;
    size_t symbol = plain_symbol(site);
    bool section = name->part && symbol && site->redirect->writer.symbols[symbol].type == STT_SECTION;

    return relocate(site, site->reference->type, symbol, site->reference->addend + (section ? (int64_t)name->value : 0),
                    err);
}

/*
 * An absolute address where the dynamic linker cannot write one, in a narrow field or in code: the linker sees a
 * distance, the loader writes the address.
 */
static int keep_absolute(const struct site *site, struct hotfix_error *err)
{
    struct hf_emission *emission = site->redirect->emission;
    const struct hf_name *name = site->reference->name;
    char text[sizeof(HF_OWN_PREFIX) + 24];

    if (!name->part)
        return refuse(site, "an absolute reference to something new in another file; compile it with -fPIE", err);
    uint32_t *grown = reallocarray(emission->own_types, emission->own_count + 1, sizeof(*grown));
    if (!grown)
        return no_memory(err);
    emission->own_types = grown;
    snprintf(text, sizeof(text), HF_OWN_PREFIX "%zu", emission->own_count);
    grown[emission->own_count++] = site->reference->type;
    const struct hf_writer_symbol symbol = {.name = text,
                                            .value = name->value,
                                            .section = site->redirect->sections[name->part->index],
                                            .binding = STB_GLOBAL,
                                            .visibility = STV_HIDDEN};
    const struct hf_arch_tools *arch = site->redirect->work->target->arch;
    return relocate(site, site->relation == HF_RELATION_WORD ? arch->near_word_type : arch->near_type,
                    hf_writer_symbol(&site->redirect->writer, &symbol), site->reference->addend, err);
}

static bool slot_is(const struct hf_own_slot *slot, const struct hf_own_slot *wanted)
{
    return slot->kind == wanted->kind && slot->value == wanted->value && slot->constant == wanted->constant;
}

/* Slots in a row with this content; their offset in the slot section, or -1 when memory is out. */
static int64_t own_slots(struct hf_redirect *redirect, const struct hf_own_slot *wanted, size_t count)
{
    size_t at = 0;
    for (; at + count <= redirect->slot_count; at++) {
        size_t equal = 0;
        while (equal < count && slot_is(&redirect->slots[at + equal], &wanted[equal]))
            equal++;
        if (equal == count)
            return (int64_t)(at * SLOT_SIZE);
    }
    if (redirect->slot_section == 0) {
        const struct hf_writer_section section = {.name = (char *)".data.rel.ro.hotfix",
                                                  .type = SHT_PROGBITS,
                                                  .flags = SHF_ALLOC | SHF_WRITE,
                                                  .alignment = 2 * SLOT_SIZE,
                                                  .bytes = (uint8_t *)""};
        redirect->slot_section = hf_writer_section(&redirect->writer, &section);
    }
    struct hf_own_slot *grown = reallocarray(redirect->slots, redirect->slot_count + count, sizeof(*grown));
    if (!grown || redirect->slot_section == 0)
        return -1;
    redirect->slots = grown;
    memcpy(grown + redirect->slot_count, wanted, count * sizeof(*grown));
    at = redirect->slot_count;
    redirect->slot_count += count;
    return (int64_t)(at * SLOT_SIZE);
}

/* The distance to slots of the patch's own. */
static int reach(const struct site *site, const struct hf_own_slot *wanted, size_t count, struct hotfix_error *err)
{
    struct hf_redirect *redirect = site->redirect;
    const struct hf_arch_tools *arch = redirect->work->target->arch;
    uint32_t type = arch->slot_type(site->reference->type);
    int64_t offset = own_slots(redirect, wanted, count);

    if (offset < 0)
        return no_memory(err);
    if (arch->relation(type) == HF_RELATION_NONE) /* of an instruction that holds nothing of it */
        return 0;
    return relocate(site, type, redirect->writer.sections[redirect->slot_section].symbol,
                    site->reference->addend + offset, err);
}

int hf_redirect_finish(struct hf_redirect *redirect, struct hotfix_error *err)
{
    if (redirect->slot_count == 0)
        return 0;
    uint8_t *bytes = calloc(redirect->slot_count, SLOT_SIZE);
    if (!bytes)
        return no_memory(err);
    struct hf_writer_section *section = &redirect->writer.sections[redirect->slot_section];
    free(section->bytes);
    section->bytes = bytes;
    section->size = redirect->slot_count * SLOT_SIZE;
    for (size_t i = 0; i < redirect->slot_count; i++) {
        const struct hf_own_slot *slot = &redirect->slots[i];
        if (slot->constant) {
            hf_put(bytes + i * SLOT_SIZE, slot->value, SLOT_SIZE);
            continue;
        }
        const struct hf_writer_relocation relocation = {.offset = i * SLOT_SIZE,
                                                        .type = redirect->work->target->arch->word_type,
                                                        .symbol = placeholder(redirect, slot->kind, slot->value)};
        if (relocation.symbol == 0 || hf_writer_relocation(&redirect->writer, redirect->slot_section, &relocation) != 0)
            return no_memory(err);
    }
    return 0;
}

static int to_own(const struct site *site, struct hotfix_error *err)
{
    switch (site->relation) {
    case HF_RELATION_WORD:
        return site->part->kind == HF_PART_CODE ? keep_absolute(site, err) : keep(site, err);
    case HF_RELATION_NEAR:
    case HF_RELATION_CALL:
    case HF_RELATION_SLOT:
        return keep(site, err);
    case HF_RELATION_SHORT:
        return keep_absolute(site, err);
    default:
        return refuse(site, "new thread-local variables are not supported", err);
    }
}

static int to_target(const struct site *site, struct hotfix_error *err)
{
    const struct hf_binding *binding = &site->binding;
    const struct hf_own_slot direct = {.kind = binding->must_be_own ? HF_FIXUP_OWN_EXPORT
                                               : binding->exported  ? HF_FIXUP_EXPORT
                                                                    : HF_FIXUP_ADDRESS,
                                       .value = binding->exported ? binding->symbol : binding->address};
    const struct hf_own_slot copy = {.kind = HF_FIXUP_SLOT, .value = binding->slot};
    const struct hf_own_slot slot = binding->has_slot ? copy : direct;

    switch (site->relation) {
    case HF_RELATION_CALL:
        if (binding->stub)
            return point(site, HF_FIXUP_ADDRESS, binding->stub, err);
        return point(site, direct.kind, direct.value, err);
    case HF_RELATION_NEAR:
        return point(site, direct.kind, direct.value, err);
    case HF_RELATION_WORD:
        return point(site, slot.kind, slot.value, err);
    case HF_RELATION_SLOT:
        return reach(site, &slot, 1, err);
    case HF_RELATION_SHORT:
        if (site->redirect->work->target->fixed)
            return settle(site, binding->address, err);
        return refuse(site, "an absolute address of a target that has none", err);
    default:
        return refuse(site, "it is not thread-local in the target", err);
    }
}

static int to_resolver(const struct site *site, struct hotfix_error *err)
{
    const struct hf_binding *binding = &site->binding;
    bool fixed = site->redirect->work->target->fixed && binding->stub;
    const struct hf_own_slot slot = {.kind = fixed ? HF_FIXUP_ADDRESS : HF_FIXUP_IFUNC,
                                     .value = fixed ? binding->stub : binding->address};

    switch (site->relation) {
    case HF_RELATION_CALL:
        return point(site, binding->stub ? HF_FIXUP_ADDRESS : HF_FIXUP_IFUNC,
                     binding->stub ? binding->stub : binding->address, err);
    case HF_RELATION_NEAR:
    case HF_RELATION_WORD:
        return point(site, slot.kind, slot.value, err);
    case HF_RELATION_SLOT:
        return reach(site, &slot, 1, err);
    case HF_RELATION_SHORT:
        return fixed ? settle(site, binding->stub, err) : refuse(site, "the target has no stub for it", err);
    default:
        return refuse(site, "it is not thread-local in the target", err);
    }
}

static int to_thread(const struct site *site, struct hotfix_error *err)
{
    const struct hf_target *target = site->redirect->work->target;
    const struct hf_binding *binding = &site->binding;
    uint64_t direct = (uint64_t)hf_target_thread_offset(target, binding->address);
    bool module = site->relation == HF_RELATION_TLS_MODULE;
    const struct hf_own_slot pair[] = {{.kind = HF_FIXUP_TLS_MODULE},
                                       {.value = module ? 0 : binding->address, .constant = true}};
    const struct hf_own_slot constant = {.value = direct, .constant = true};
    const struct hf_own_slot copy = {.kind = HF_FIXUP_SLOT, .value = binding->slot};
    struct hf_own_slot descriptor[] = {copy, copy};

    switch (site->relation) {
    case HF_RELATION_TLS_DIRECT:
        if (target->executable)
            return settle(site, direct, err);
        return refuse(site, "where a library's thread-local storage lies is known at run time only", err);
    case HF_RELATION_TLS_SLOT:
        if (target->executable || binding->has_slot)
            return reach(site, target->executable ? &constant : &copy, 1, err);
        return refuse(site,
                      "the library has no slot with its thread pointer offset; compile with -ftls-model=global-dynamic",
                      err);
    case HF_RELATION_TLS_PAIR:
    case HF_RELATION_TLS_MODULE:
        return reach(site, pair, 2, err);
    case HF_RELATION_TLS_DESCRIPTOR:
        if (target->executable)
            return settle_descriptor(site, direct, err);
        if (!hf_target_descriptor(target, binding->address, &descriptor[0].value))
            return refuse(site, "the library has no descriptor of it to copy", err);
        descriptor[1].value = descriptor[0].value + SLOT_SIZE;
        return reach(site, descriptor, 2, err);
    case HF_RELATION_TLS_OFFSET:
        return settle(site, binding->address, err);
    default:
        return refuse(site, "it is thread-local in the target", err);
    }
}

static const char needs_pic[] =
    "a direct reference to what another library has and the target does not import; compile this "
    "file with -fPIC";

static int to_outside(const struct site *site, struct hotfix_error *err)
{
    switch (site->relation) {
    case HF_RELATION_WORD:
    case HF_RELATION_CALL:
    case HF_RELATION_SLOT:
    case HF_RELATION_TLS_PAIR:
    case HF_RELATION_TLS_SLOT:
    case HF_RELATION_TLS_DESCRIPTOR:
        return keep(site, err);
    case HF_RELATION_SHORT:
        /* What nobody defines is at address 0. */
        if (site->reference->name->binding == STB_WEAK && site->redirect->work->target->fixed &&
            !hf_needed_have(&site->redirect->work->needed, site->reference->name->text))
            return settle(site, 0, err);
        return refuse(site, needs_pic, err);
    default:
        return refuse(site, needs_pic, err);
    }
}

static int to_import(const struct site *site, struct hotfix_error *err)
{
    const struct hf_binding *binding = &site->binding;
    const struct hf_own_slot copy = {.kind = HF_FIXUP_SLOT, .value = binding->slot};
    const struct hf_own_slot pair[] = {copy, {.kind = HF_FIXUP_SLOT, .value = binding->slot + SLOT_SIZE}};

    switch (site->relation) {
    case HF_RELATION_CALL:
        return binding->stub ? point(site, HF_FIXUP_ADDRESS, binding->stub, err) : keep(site, err);
    case HF_RELATION_SLOT:
    case HF_RELATION_TLS_SLOT:
        return binding->has_slot ? reach(site, &copy, 1, err) : to_outside(site, err);
    case HF_RELATION_TLS_PAIR:
        return binding->has_pair ? reach(site, pair, 2, err) : to_outside(site, err);
    case HF_RELATION_WORD:
        return binding->has_slot ? point(site, HF_FIXUP_SLOT, binding->slot, err) : keep(site, err);
    case HF_RELATION_NEAR:
        return binding->address ? point(site, HF_FIXUP_ADDRESS, binding->address, err) : to_outside(site, err);
    case HF_RELATION_SHORT:
        return binding->address ? settle(site, binding->address, err) : to_outside(site, err);
    default:
        return to_outside(site, err);
    }
}

int hf_redirect_reference(struct hf_redirect *redirect, const struct hf_part *part, size_t section,
                          const struct hf_reference *reference, struct hotfix_error *err)
{
    static int (*const redirections[])(const struct site *site, struct hotfix_error *err) = {
        [HF_BINDING_OWN] = to_own,           [HF_BINDING_TARGET] = to_target, [HF_BINDING_THREAD] = to_thread,
        [HF_BINDING_RESOLVER] = to_resolver, [HF_BINDING_IMPORT] = to_import, [HF_BINDING_OUTSIDE] = to_outside,
    };
    struct site site = {.redirect = redirect,
                        .part = part,
                        .reference = reference,
                        .section = section,
                        .relation = redirect->work->target->arch->relation(reference->type)};

    if (site.relation == HF_RELATION_NONE)
        return 0;
    if (site.relation == HF_RELATION_UNKNOWN)
        return refuse(&site, "relocations of this type are not supported", err);
    if (hf_bind(redirect->work, redirect->pairing, part, reference, &site.binding, err) != 0)
        return -1;
    /* The dynamic linker does not write into code: a wide address there is like a narrow one. */
    if (site.relation == HF_RELATION_WORD && part->kind == HF_PART_CODE && site.binding.kind != HF_BINDING_OWN)
        site.relation = HF_RELATION_SHORT;
    return redirections[site.binding.kind](&site, err);
}
