/* SPDX-License-Identifier: Apache-2.0 */
#include "check/data/touched.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "check/loading/slot.h"
#include "cleanup.h"
#include "error.h"
#include "patch/record.h"

/* One function's code being read. */
struct walk {
    struct hf_toucher *toucher;
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

static int compare_functions(const void *a, const void *b)
{
    const struct hf_function *first = a, *second = b;

    return first->address < second->address ? -1 : first->address > second->address;
}

/* Remembers a function: true the first time. */
static bool is_new(struct walk *walk, const struct hf_function *function)
{
    void **entered = &walk->toucher->entered;

    if (tfind(function, entered, compare_functions))
        return false;
    if (!tsearch(function, entered, compare_functions))
        walk->failed = true;
    return !walk->failed;
}

static void add_function(struct walk *walk, const struct hf_function *function)
{
    struct hf_touched *touched = walk->touched;

    if (!is_new(walk, function))
        return;
    const struct hf_function **grown = reallocarray(touched->functions, touched->function_count + 1, sizeof(*grown));
    if (!grown || touched->function_count >= HF_TOUCHED_MAX) {
        walk->failed = true;
        return;
    }
    touched->functions = grown;
    grown[touched->function_count++] = function;
}

/*
 * The variable of the target that covers an address, or an offset in the block of thread-local ones. Marks of crt files
 * and linkers (__TMC_END__) have no size and often lie where the first variable does.
 */
static const struct hf_symbol *variable_at(const struct hf_program *target, uint64_t address, bool thread)
{
    const struct hf_image *image = symbols_of(target);
    const struct hf_symbol *mark = NULL;

    for (size_t i = 0; i < image->symbol_count; i++) {
        const struct hf_symbol *symbol = &image->symbols[i];
        if (!is_variable(symbol) || (symbol->type == STT_TLS) != thread)
            continue;
        if (address - symbol->address < symbol->size)
            return symbol;
        if (!mark && address == symbol->address)
            mark = symbol;
    }
    return mark;
}

/* By their names without "@@VERSION". */
static int compare_names(const char *a, const char *b)
{
    size_t left = strcspn(a, "@"), right = strcspn(b, "@");
    int order = memcmp(a, b, left < right ? left : right);

    return order != 0 ? order : (left > right) - (left < right);
}

static int compare_named(const void *a, const void *b)
{
    return compare_names((*(const struct hf_symbol *const *)a)->name, (*(const struct hf_symbol *const *)b)->name);
}

/* What the dynamic linker can find. */
static int list_named(struct hf_toucher *toucher, struct hotfix_error *err)
{
    const struct hf_image *image = symbols_of(toucher->subject->target);

    toucher->named = calloc(image->symbol_count + 1, sizeof(*toucher->named));
    if (!toucher->named)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    for (size_t i = 0; i < image->symbol_count; i++)
        if (image->symbols[i].binding != STB_LOCAL && is_variable(&image->symbols[i]))
            toucher->named[toucher->named_count++] = &image->symbols[i];
    qsort(toucher->named, toucher->named_count, sizeof(*toucher->named), compare_named);
    return 0;
}

static const struct hf_symbol *variable_named(const struct hf_toucher *toucher, const char *name)
{
    size_t low = 0, high = toucher->named_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_names(toucher->named[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < toucher->named_count && compare_names(toucher->named[low]->name, name) == 0;
    return found ? toucher->named[low] : NULL;
}

static const struct hf_function *function_at(const struct hf_program *patch, uint64_t address)
{
    size_t behind = hf_program_first_at(patch, address + 1);
    const struct hf_function *found = behind > 0 ? &patch->functions[behind - 1] : NULL;

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
    const struct hf_symbol *symbol = *slot->name ? variable_named(walk->toucher, slot->name) : NULL;
    if (symbol)
        add_variable(walk, symbol, thread);
}

/* What lies where a dynamic symbol of the target says. */
static bool exported_address(const struct hf_image *image, uint64_t *address)
{
    Elf64_Sym symbol;
    const uint8_t *bytes = hf_image_bytes(image, *address, sizeof(symbol));

    if (bytes) {
        memcpy(&symbol, bytes, sizeof(symbol));
        *address = symbol.st_value;
    }
    return bytes != NULL;
}

static void refer_fixup(struct walk *walk, const struct hf_fixup *fixup)
{
    const struct hf_check_subject *subject = walk->toucher->subject;

    if (fixup->kind == HF_FIXUP_SELF) {
        const struct hf_function *function = function_at(subject->patch, fixup->value);
        if (function)
            add_function(walk, function);
    } else if (fixup->module == 0) {
        uint64_t address = fixup->value;
        bool named = fixup->kind == HF_FIXUP_EXPORT || fixup->kind == HF_FIXUP_OWN_EXPORT;
        if (fixup->kind != HF_FIXUP_ADDRESS && !(named && exported_address(&subject->target->image, &address)))
            return;
        const struct hf_symbol *symbol = variable_at(subject->target, address, false);
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

static int compare_references(const void *a, const void *b)
{
    const struct hf_arch_reference *first = a, *second = b;

    if (first->value != second->value)
        return first->value < second->value ? -1 : 1;
    return first->thread - second->thread;
}

/* Each thing once, however often the code names it; what a fix-up is written over says nothing. */
static void refer_all(struct walk *walk, const struct hf_function *function, struct hf_arch_reference *found,
                      size_t count)
{
    const struct hf_fixups *fixups = &walk->toucher->fixups;

    qsort(found, count, sizeof(*found), compare_references);
    for (size_t i = 0, last = count; i < count; i++) {
        uint64_t begin = function->address + found[i].offset;
        if ((last < count && compare_references(&found[i], &found[last]) == 0) ||
            is_fixed_up(fixups, begin, begin + found[i].size))
            continue;
        last = i;
        if (found[i].thread)
            refer_thread(walk, (int64_t)found[i].value);
        else
            refer_address(walk, found[i].value);
    }
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
    /* No instruction is shorter than a byte, nor names two things. */
    HF_FREE struct hf_arch_reference *found = calloc(code ? function->size + 1 : 1, sizeof(*found));
    if (!found) {
        walk->failed = true;
        return;
    }
    if (code)
        status = subject->tools->references(code, function->size, function->address, found, function->size, &count);
    if (status == HF_ARCH_OK && count <= function->size)
        refer_all(walk, function, found, count);
    else
        walk->touched->complete = false;
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
    for (size_t i = 0; i < subject->pair_count; i++)
        if (!tsearch(subject->pairs[i].new_function, &toucher->entered, compare_functions))
            return hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (list_named(toucher, err) != 0)
        return -1;
    return hf_touched_fixups(&subject->patch->image, &toucher->fixups, err);
}

/* The functions are the program's. */
static void keep(void *function)
{
    (void)function;
}

void hf_toucher_deinit(struct hf_toucher *toucher)
{
    hf_fixups_deinit(&toucher->fixups);
    tdestroy(toucher->entered, keep);
    free(toucher->named);
    *toucher = (struct hf_toucher){.subject = NULL};
}

int hf_toucher_read(struct hf_toucher *toucher, const struct hf_pair *pair, struct hf_touched *touched,
                    struct hotfix_error *err)
{
    struct hf_touched read = {.complete = toucher->subject->tools != NULL};
    struct walk walk = {.toucher = toucher, .touched = &read};

    /* Pairs may share one. */
    tdelete(pair->new_function, &toucher->entered, compare_functions);
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
