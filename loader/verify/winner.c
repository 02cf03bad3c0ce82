/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/winner.h"

#include <dlfcn.h>
#include <elf.h>

#include "error.h"
#include "process/linker.h"
#include "verify/exported.h"

static bool is_exported(const ElfW(Sym) * symbol, uint64_t offset)
{
    unsigned char binding = ELF64_ST_BIND(symbol->st_info);

    return symbol->st_shndx != SHN_UNDEF && symbol->st_value == offset && ELF64_ST_TYPE(symbol->st_info) == STT_FUNC &&
           binding != STB_LOCAL && ELF64_ST_VISIBILITY(symbol->st_other) == STV_DEFAULT;
}

/* In a program at a fixed address, the address of a library's function may be a stub of the program. */
static bool is_stub(const void *address, Dl_info *info)
{
    const ElfW(Sym) *symbol = NULL;

    return dladdr1(address, info, (void **)&symbol, RTLD_DL_SYMENT) != 0 && symbol && symbol->st_shndx == SHN_UNDEF;
}

static int check_name(const char *name, const struct hf_manifest_function *function, const struct hf_module *target,
                      struct hotfix_error *err)
{
    uintptr_t own = target->base + function->offset;
    const void *winner = hf_linker_symbol(name);
    Dl_info info = {.dli_fname = NULL};

    /* In the target itself: the name's default version, beside one of which this function has another (.symver). */
    bool version = (uintptr_t)winner >= target->begin && (uintptr_t)winner < target->end;
    if (!winner || (uintptr_t)winner == own || version || is_stub(winner, &info))
        return 0;
    return hf_error(
        err, HOTFIX_INCOMPATIBLE,
        "function %s: this process uses the copy of %s, which was loaded first, and not that of the target: "
        "patch that module too, or in its place",
        name, info.dli_fname && info.dli_fname[0] ? info.dli_fname : "another module");
}

int hf_check_winners(const struct hf_manifest *manifest, const struct hf_module *target, struct hotfix_error *err)
{
    struct hf_exported symbols;

    /* The program itself is always first. */
    if (target->path[0] == '\0' || !hf_exported_read(target->base, target->dynamic, &symbols))
        return 0;
    for (size_t i = 0; i < symbols.count; i++)
        for (size_t k = 0; k < manifest->function_count; k++)
            if (is_exported(&symbols.table[i], manifest->functions[k].offset) &&
                check_name(symbols.names + symbols.table[i].st_name, &manifest->functions[k], target, err) != 0)
                return -1;
    return 0;
}
