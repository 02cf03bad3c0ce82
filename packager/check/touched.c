/* SPDX-License-Identifier: Apache-2.0 */
#include "check/touched.h"

#include <stdlib.h>
#include <string.h>

#include "build/record.h"
#include "check/slot.h"
#include "cleanup.h"
#include "error.h"

/* One function's code being read. */
struct walk {
    const struct hf_toucher *toucher;
    struct hf_touched *touched;
    const struct hf_function *function;
    bool failed; /* out of memory */
};

static const struct hf_image *symbols_of(const struct hf_program *program)
{
    return program->debug ? program->debug : &program->image;
}

static bool is_variable(const struct hf_symbol *symbol)
{
    return (symbol->type == STT_OBJECT || symbol->type == STT_TLS) && symbol->section != SHN_UNDEF;
}

static void add_variable(struct walk *walk, const struct hf_symbol *symbol, bool thread)
{
    struct hf_touched *touched = walk->touched;

    for (size_t i = 0; i < touched->variable_count; i++)
        if (touched->variables[i].symbol == symbol && touched->variables[i].thread == thread)
            return;
    struct hf_touched_variable *grown = reallocarray(touched->variables, touched->variable_count + 1, sizeof(*grown));
    if (!grown) {
        walk->failed = true;
        return;
    }
    touched->variables = grown;
    grown[touched->variable_count++] = (struct hf_touched_variable){.symbol = symbol, .thread = thread};
}

static void add_function(struct walk *walk, const struct hf_function *function)
{
    const struct hf_check_subject *subject = walk->toucher->subject;
    struct hf_touched *touched = walk->touched;

    for (size_t i = 0; i < touched->function_count; i++)
        if (touched->functions[i]->address == function->address)
            return;
    for (size_t i = 0; touched->function_count > 0 && i < subject->pair_count; i++)
        if (subject->pairs[i].new_function->address == function->address)
            return;
    const struct hf_function **grown = reallocarray(touched->functions, touched->function_count + 1, sizeof(*grown));
    if (!grown || touched->function_count >= HF_TOUCHED_MAX) {
        walk->failed = true;
        return;
    }
    touched->functions = grown;
    grown[touched->function_count++] = function;
}

/* The variable of the target that covers an address, or an offset in the block of thread-local ones. */
static const struct hf_symbol *variable_at(const struct hf_program *target, uint64_t address, bool thread)
{
    const struct hf_image *image = symbols_of(target);

    for (size_t i = 0; i < image->symbol_count; i++) {
        const struct hf_symbol *symbol = &image->symbols[i];
        bool covers = address == symbol->address || address - symbol->address < symbol->size;
        if (covers && is_variable(symbol) && (symbol->type == STT_TLS) == thread)
            return symbol;
    }
    return NULL;
}

/* What the dynamic linker finds: names that other files see, "@@VERSION" aside. */
static const struct hf_symbol *variable_named(const struct hf_program *target, const char *name)
{
    const struct hf_image *image = symbols_of(target);
    size_t size = strcspn(name, "@");

    for (size_t i = 0; i < image->symbol_count; i++) {
        const struct hf_symbol *symbol = &image->symbols[i];
        if (symbol->binding != STB_LOCAL && is_variable(symbol) && strncmp(symbol->name, name, size) == 0 &&
            (symbol->name[size] == '\0' || symbol->name[size] == '@'))
            return symbol;
    }
    return NULL;
}

static const struct hf_function *function_at(const struct hf_program *patch, uint64_t address)
{
    size_t low = 0, high = patch->function_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (patch->functions[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    const struct hf_function *found = low > 0 ? &patch->functions[low - 1] : NULL;
    return found && (address == found->address || address - found->address < found->size) ? found : NULL;
}

/* What the program is built to find at a fixed distance from the thread pointer: its block lies right below it. */
static void refer_thread(struct walk *walk, int64_t offset)
{
    const struct hf_program *target = walk->toucher->subject->target;
    size_t count = 0;
    GElf_Phdr segment;

    elf_getphdrnum(target->image.elf, &count);
    for (size_t i = 0; i < count && gelf_getphdr(target->image.elf, (int)i, &segment); i++) {
        if (segment.p_type != PT_TLS || segment.p_align == 0 || offset >= 0)
            continue;
        uint64_t size = (segment.p_memsz + segment.p_align - 1) / segment.p_align * segment.p_align;
        const struct hf_symbol *symbol = variable_at(target, size + (uint64_t)offset, true);
        if (symbol)
            add_variable(walk, symbol, true);
    }
}

/* Through a slot: the target's variable of that name, or the patch's own function. */
static void refer_slot(struct walk *walk, const struct hf_slot *slot)
{
    const struct hf_check_subject *subject = walk->toucher->subject;
    enum hf_dynamic_relation relation = subject->tools->dynamic_relation(slot->type);
    bool thread = slot->kind == STT_TLS || relation == HF_DYNAMIC_TLS_MODULE || relation == HF_DYNAMIC_TLS_OFFSET ||
                  relation == HF_DYNAMIC_TLS_DIRECT;
    const struct hf_function *own = NULL;

    if (relation == HF_DYNAMIC_BASE)
        own = function_at(subject->patch, slot->addend);
    else if (slot->defined && !thread)
        own = function_at(subject->patch, slot->value);
    if (own)
        add_function(walk, own);
    const struct hf_symbol *symbol = *slot->name ? variable_named(subject->target, slot->name) : NULL;
    if (symbol)
        add_variable(walk, symbol, thread);
}

static void refer_fixup(struct walk *walk, const struct hf_fixup *fixup)
{
    const struct hf_check_subject *subject = walk->toucher->subject;

    if (fixup->kind == HF_FIXUP_SELF) {
        const struct hf_function *function = function_at(subject->patch, fixup->value);
        if (function)
            add_function(walk, function);
    } else if (fixup->kind == HF_FIXUP_ADDRESS && fixup->module == 0) {
        const struct hf_symbol *symbol = variable_at(subject->target, fixup->value, false);
        if (symbol)
            add_variable(walk, symbol, false);
    }
}

/* The first fix-up from a place on; record_count when there is none. */
static size_t first_fixup(const struct hf_fixups *fixups, uint64_t place)
{
    size_t low = 0, high = fixups->record_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (fixups->records[middle].place < place)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_fixed_up(const struct hf_fixups *fixups, uint64_t begin, uint64_t end)
{
    size_t index = first_fixup(fixups, begin);

    return index < fixups->record_count && fixups->records[index].place < end;
}

static void refer_address(struct walk *walk, uint64_t address)
{
    const struct hf_check_subject *subject = walk->toucher->subject;
    const struct hf_image *image = &subject->patch->image;
    const struct hf_function *function = function_at(subject->patch, address);
    const struct hf_fixups *fixups = &walk->toucher->fixups;
    size_t fixup = first_fixup(fixups, address);
    struct hf_slot slot;
    uint64_t place;

    /* A stub of 16 bytes at most jumps through a slot. */
    const uint8_t *code = function ? NULL : hf_image_bytes(image, address, 16);
    if (function)
        add_function(walk, function);
    else if (fixup < fixups->record_count && fixups->records[fixup].place == address)
        refer_fixup(walk, &fixups->records[fixup]);
    else if (hf_slot_find(image, address, &slot) ||
             (code && subject->tools->stub(code, 16, address, &place) && hf_slot_find(image, place, &slot)))
        refer_slot(walk, &slot);
}

static void read_function(struct walk *walk, const struct hf_function *function)
{
    const struct hf_check_subject *subject = walk->toucher->subject;
    const struct hf_fixups *fixups = &walk->toucher->fixups;
    const uint8_t *code = hf_image_bytes(&subject->patch->image, function->address, function->size);
    size_t count = 0;
    enum hf_arch_status status = HF_ARCH_DECODE;

    for (size_t i = first_fixup(fixups, function->address);
         i < fixups->record_count && fixups->records[i].place - function->address < function->size; i++)
        refer_fixup(walk, &fixups->records[i]);
    if (code)
        status = subject->tools->references(code, function->size, function->address, NULL, 0, &count);
    HF_FREE struct hf_arch_reference *found = calloc(count + 1, sizeof(*found));
    if (!found || count > HF_TOUCHED_MAX) {
        walk->failed = true;
        return;
    }
    if (status == HF_ARCH_OK)
        subject->tools->references(code, function->size, function->address, found, count, &count);
    else
        walk->touched->complete = false;
    for (size_t i = 0; status == HF_ARCH_OK && i < count; i++) {
        uint64_t begin = function->address + found[i].offset;
        if (is_fixed_up(fixups, begin, begin + found[i].size))
            continue;
        if (found[i].thread)
            refer_thread(walk, (int64_t)found[i].value);
        else
            refer_address(walk, found[i].value);
    }
}

int hf_touched_fixups(const struct hf_image *patch, struct hf_fixups *fixups, struct hotfix_error *err)
{
    Elf_Scn *section = hf_image_section(patch, HF_FIXUPS_SECTION, NULL);
    Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;

    if (!data || !data->d_buf) {
        *fixups = (struct hf_fixups){.modules = NULL};
        return 0;
    }
    if (hf_fixups_parse(data->d_buf, data->d_size, fixups, err) != 0)
        return hf_error_prefix(err, "%s", patch->path);
    return 0;
}

int hf_toucher_init(const struct hf_check_subject *subject, struct hf_toucher *toucher, struct hotfix_error *err)
{
    *toucher = (struct hf_toucher){.subject = subject};
    return hf_touched_fixups(&subject->patch->image, &toucher->fixups, err);
}

void hf_toucher_deinit(struct hf_toucher *toucher)
{
    hf_fixups_deinit(&toucher->fixups);
}

int hf_toucher_read(const struct hf_toucher *toucher, const struct hf_pair *pair, struct hf_touched *touched,
                    struct hotfix_error *err)
{
    struct hf_touched read = {.complete = toucher->subject->tools != NULL};
    struct walk walk = {.toucher = toucher, .touched = &read};

    add_function(&walk, pair->new_function);
    for (size_t i = 0; toucher->subject->tools && !walk.failed && i < read.function_count; i++)
        read_function(&walk, read.functions[i]);
    if (walk.failed) {
        hf_touched_deinit(&read);
        return hf_error(err, HOTFIX_MEMORY, "out of memory for what %s refers to", pair->new_function->name);
    }
    *touched = read;
    return 0;
}

void hf_touched_deinit(struct hf_touched *touched)
{
    free(touched->variables);
    free(touched->functions);
    *touched = (struct hf_touched){.variables = NULL};
}
