/* SPDX-License-Identifier: Apache-2.0 */
#include "program/stay.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"

#define STARTER     "pthread_create"
#define MAX_STUBS   8 /* places through which one imported function may be reached */
#define STUB_STRIDE 8 /* linkage stubs are 8 or 16 bytes apart, in sections of their own */

/* Addresses that code mentions to call one function: its own, the slot of its address, stubs that jump there. */
struct ways {
    uint64_t to[MAX_STUBS];
    size_t count;
};

static void add_way(struct ways *ways, uint64_t to)
{
    if (ways->count < MAX_STUBS)
        ways->to[ways->count++] = to;
}

static bool is_function(const struct hf_symbol *symbol)
{
    return symbol->type == STT_FUNC && symbol->section != SHN_UNDEF && symbol->size > 0;
}

/* The slots that the dynamic linker fills with the function's address, of one section of relocations. */
static void add_slots(const struct hf_stay *stay, Elf_Scn *section, const GElf_Shdr *header, struct ways *ways)
{
    Elf_Data *data = elf_getdata(section, NULL);
    Elf_Scn *symbols = elf_getscn(stay->image->elf, header->sh_link);
    GElf_Shdr symbols_header;
    Elf_Data *symbol_data = symbols ? elf_getdata(symbols, NULL) : NULL;
    GElf_Rela relocation;
    GElf_Sym symbol;

    if (!symbol_data || !gelf_getshdr(symbols, &symbols_header))
        return;
    for (int i = 0; data && gelf_getrela(data, i, &relocation); i++) {
        enum hf_dynamic_relation relation = stay->tools->dynamic_relation((uint32_t)GELF_R_TYPE(relocation.r_info));
        if ((relation != HF_DYNAMIC_SYMBOL && relation != HF_DYNAMIC_LAZY) ||
            !gelf_getsym(symbol_data, (int)GELF_R_SYM(relocation.r_info), &symbol))
            continue;
        const char *name = elf_strptr(stay->image->elf, symbols_header.sh_link, symbol.st_name);
        if (name && strcmp(name, STARTER) == 0)
            add_way(ways, relocation.r_offset);
    }
}

/* The linkage stubs of a section that jump through one of the slots. */
static void add_stubs(const struct hf_stay *stay, const GElf_Shdr *header, size_t slot_count, struct ways *ways)
{
    const uint8_t *code = hf_image_bytes(stay->image, header->sh_addr, header->sh_size);
    uint64_t slot;

    for (uint64_t at = 0; code && at < header->sh_size; at += STUB_STRIDE) {
        if (stay->tools->stub(code + at, header->sh_size - at, header->sh_addr + at, &slot) == 0)
            continue;
        for (size_t i = 0; i < slot_count; i++)
            if (ways->to[i] == slot)
                add_way(ways, header->sh_addr + at);
    }
}

static struct ways find_ways(const struct hf_stay *stay)
{
    struct ways ways = {.count = 0};
    GElf_Shdr header;

    for (Elf_Scn *section = NULL; (section = elf_nextscn(stay->image->elf, section));)
        if (gelf_getshdr(section, &header) && header.sh_type == SHT_RELA && (header.sh_flags & SHF_ALLOC))
            add_slots(stay, section, &header, &ways);
    size_t slot_count = ways.count;
    static const char *const names[] = {".plt", ".plt.sec", ".plt.got"};
    for (size_t i = 0; slot_count > 0 && i < sizeof(names) / sizeof(names[0]); i++)
        if (hf_image_section(stay->image, names[i], &header))
            add_stubs(stay, &header, slot_count, &ways);
    for (size_t i = 0; i < stay->symbols->symbol_count; i++)
        if (is_function(&stay->symbols->symbols[i]) && strcmp(stay->symbols->symbols[i].name, STARTER) == 0)
            add_way(&ways, stay->symbols->symbols[i].address);
    return ways;
}

/* Does a function's code call or jump to an address (branch), or compute it? */
static bool mentions(const struct hf_stay *stay, const struct hf_symbol *function, uint64_t to, bool branch)
{
    const struct hf_arch_tools *tools = stay->tools;
    const uint8_t *code = hf_image_bytes(stay->image, function->address, function->size);
    bool absolute = stay->image->header.e_type == ET_EXEC;

    for (size_t at = 0; code && at < function->size; at++) {
        at = tools->mention(code, function->size, function->address, to, absolute && !branch, at);
        if (at < function->size && (branch || !tools->is_branch(code, at)))
            return true;
    }
    return false;
}

static int find_starters(struct hf_stay *stay, struct hotfix_error *err)
{
    const struct hf_image *symbols = stay->symbols;
    struct ways ways = find_ways(stay);

    if (ways.count == 0)
        return 0;
    stay->starters = calloc(symbols->symbol_count + 1, sizeof(*stay->starters));
    if (!stay->starters)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    for (size_t i = 0; i < symbols->symbol_count; i++) {
        bool calls = false;
        for (size_t k = 0; !calls && is_function(&symbols->symbols[i]) && k < ways.count; k++)
            calls = mentions(stay, &symbols->symbols[i], ways.to[k], true);
        if (calls)
            stay->starters[stay->starter_count++] = &symbols->symbols[i];
    }
    return 0;
}

int hf_stay_init(struct hf_stay *stay, const struct hf_image *image, const struct hf_image *symbols,
                 const struct hf_arch_tools *tools, struct hotfix_error *err)
{
    struct hf_stay made = {.image = image, .symbols = symbols, .tools = tools};

    for (size_t i = 0; i < symbols->symbol_count && !made.main; i++)
        if (is_function(&symbols->symbols[i]) && strcmp(symbols->symbols[i].name, "main") == 0)
            made.main = &symbols->symbols[i];
    if (find_starters(&made, err) != 0)
        return -1;
    *stay = made;
    return 0;
}

void hf_stay_deinit(struct hf_stay *stay)
{
    free(stay->starters);
    *stay = (struct hf_stay){.image = NULL};
}

static bool starts_threads(const struct hf_stay *stay, uint64_t address)
{
    for (size_t i = 0; i < stay->starter_count; i++)
        if (mentions(stay, stay->starters[i], address, false))
            return true;
    return false;
}

bool hf_stay_is_main(const struct hf_stay *stay, const char *name, uint64_t address)
{
    return stay->main && stay->main->address == address && strcmp(name, "main") == 0;
}

const char *hf_stay_reason(const struct hf_stay *stay, const char *name, uint64_t address, uint64_t size)
{
    const uint8_t *code = hf_image_bytes(stay->image, address, size);
    struct hf_flow flow;

    if (strcmp(name, "main") == 0)
        return "the program is inside it all the time: the change takes effect when it is called again, which is never";
    if (!code || stay->tools->flow(code, size, &flow) != HF_ARCH_OK)
        return NULL;
    if (!flow.leaves && flow.loops)
        return "it seems to loop without ever returning: a thread that is inside stays in the old code, and while one "
               "is the patch is not applied";
    if (flow.loops && starts_threads(stay, address))
        return "threads seem to start in it, and it loops: while one is inside, the patch is not applied";
    if (flow.loops_over_calls && stay->main && mentions(stay, stay->main, address, true))
        return "main calls it and it loops over calls: if that is the program's main loop, the patch is not applied "
               "while it runs";
    return NULL;
}
