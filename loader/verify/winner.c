/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/winner.h"

#include <dlfcn.h>
#include <elf.h>

#include "error.h"
#include "process/linker.h"

/* The dynamic symbols of a module, as the dynamic linker has them in memory. */
struct symbols {
    const ElfW(Sym) * table;
    const char *names;
    size_t count;
};

/* glibc relocates these addresses in place, but for modules whose dynamic section cannot be written (vdso). */
static uintptr_t address_of(const struct hf_module *module, uintptr_t value)
{
    return value >= module->base ? value : module->base + value;
}

/* A GNU hash table does not say how many symbols there are: the longest chain ends with the last one. */
static size_t count_gnu(const uint32_t *hash)
{
    uint32_t bucket_count = hash[0], first = hash[1], bloom_size = hash[2], last = 0;
    const uint32_t *buckets = hash + 4 + (size_t)bloom_size * sizeof(ElfW(Addr)) / sizeof(uint32_t);
    const uint32_t *chains = buckets + bucket_count;

    for (uint32_t i = 0; i < bucket_count; i++)
        if (buckets[i] > last)
            last = buckets[i];
    if (last < first)
        return first;
    while (!(chains[last - first] & 1))
        last++;
    return (size_t)last + 1;
}

static bool read_symbols(const struct hf_module *module, struct symbols *symbols)
{
    const ElfW(Dyn) *entry = (const ElfW(Dyn) *)module->dynamic; /* NOLINT(performance-no-int-to-ptr) */
    const uint32_t *hash = NULL, *gnu_hash = NULL;

    *symbols = (struct symbols){.table = NULL};
    for (; entry && entry->d_tag != DT_NULL; entry++) {
        const void *place = (const void *)address_of(module, entry->d_un.d_ptr); /* NOLINT(performance-no-int-to-ptr) */
        switch (entry->d_tag) {
        case DT_SYMTAB:
            symbols->table = place;
            break;
        case DT_STRTAB:
            symbols->names = place;
            break;
        case DT_HASH:
            hash = place;
            break;
        case DT_GNU_HASH:
            gnu_hash = place;
            break;
        default:
            break;
        }
    }
    symbols->count = hash ? hash[1] : gnu_hash ? count_gnu(gnu_hash) : 0;
    return symbols->table && symbols->names;
}

static bool is_exported(const ElfW(Sym) * symbol, uint64_t offset)
{
    unsigned char binding = ELF64_ST_BIND(symbol->st_info);

    return symbol->st_shndx != SHN_UNDEF && symbol->st_value == offset && ELF64_ST_TYPE(symbol->st_info) == STT_FUNC &&
           binding != STB_LOCAL && ELF64_ST_VISIBILITY(symbol->st_other) == STV_DEFAULT;
}

/* In a program at a fixed address, a function of a library may have a stub of the program's for its address. */
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
    struct symbols symbols;

    /* The program itself is always first. */
    if (target->path[0] == '\0' || !read_symbols(target, &symbols))
        return 0;
    for (size_t i = 0; i < symbols.count; i++)
        for (size_t k = 0; k < manifest->function_count; k++)
            if (is_exported(&symbols.table[i], manifest->functions[k].offset) &&
                check_name(symbols.names + symbols.table[i].st_name, &manifest->functions[k], target, err) != 0)
                return -1;
    return 0;
}
