/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/chosen.h"

#include <elf.h>
#include <string.h>

#include "error.h"
#include "process/linker.h"

/* The value of one tag of the dynamic section, 0 without; addresses are relative to the module, as in the file. */
static uint64_t dynamic_value(const struct hf_module *module, int64_t tag, bool address)
{
    const ElfW(Dyn) *entry = (const ElfW(Dyn) *)module->dynamic;

    for (; entry && entry->d_tag != DT_NULL; entry++)
        if (entry->d_tag == tag)
            /* glibc writes addresses back into the section where it can. */
            return address && entry->d_un.d_ptr >= module->base ? entry->d_un.d_ptr - module->base : entry->d_un.d_val;
    return 0;
}

/* The name and the symbol at an offset; NULL when there is none. */
static const char *read_symbol(const struct hf_module *module, uint64_t offset, ElfW(Sym) * symbol)
{
    uint64_t table = dynamic_value(module, DT_SYMTAB, true);
    uint64_t strings = dynamic_value(module, DT_STRTAB, true);
    uint64_t size = dynamic_value(module, DT_STRSZ, false);

    if (table == 0 || strings == 0 || offset < table || (offset - table) % sizeof(*symbol) != 0 ||
        !hf_module_contains(module, offset, sizeof(*symbol), PF_R) || !hf_module_contains(module, strings, size, PF_R))
        return NULL;
    memcpy(symbol, (const void *)(module->base + offset), sizeof(*symbol));
    const char *name = (const char *)(module->base + strings + symbol->st_name);
    if (symbol->st_name == 0 || symbol->st_name >= size || !memchr(name, '\0', size - symbol->st_name) ||
        symbol->st_shndx == SHN_UNDEF || ELF64_ST_TYPE(symbol->st_info) == STT_TLS ||
        !hf_module_contains(module, symbol->st_value, 0, 0))
        return NULL;
    return name;
}

int hf_chosen(const struct hf_module *module, uint64_t offset, bool own, uint64_t *address, struct hotfix_error *err)
{
    ElfW(Sym) symbol;
    const char *name = read_symbol(module, offset, &symbol);

    if (!name)
        return hf_error(err, HOTFIX_FORMAT, "%#llx is no exported symbol of %s", (unsigned long long)offset,
                        module->path[0] ? module->path : "the main program");
    uintptr_t mine = module->base + symbol.st_value;
    uintptr_t found = (uintptr_t)hf_linker_symbol(name);
    if (own && found != 0 && found != mine)
        return hf_error(err, HOTFIX_INCOMPATIBLE,
                        "another definition of '%s' takes the place of that of %s in this process, and it is not known "
                        "which of them the library itself uses",
                        name, module->path);
    *address = found != 0 ? found : mine;
    return 0;
}
