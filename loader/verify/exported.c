/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/exported.h"

#include <elf.h>
#include <string.h>

#include "arch.h"

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

bool hf_exported_read(uintptr_t base, uintptr_t dynamic, struct hf_exported *exported)
{
    const ElfW(Dyn) *entry = (const ElfW(Dyn) *)dynamic; /* NOLINT(performance-no-int-to-ptr) */
    const uint32_t *hash = NULL, *gnu_hash = NULL;
    size_t size = 0;

    *exported = (struct hf_exported){.table = NULL};
    for (; entry && entry->d_tag != DT_NULL; entry++) {
        /* glibc relocates addresses in place, but for modules whose dynamic section cannot be written (vdso). */
        uintptr_t address = entry->d_un.d_ptr >= base ? entry->d_un.d_ptr : base + entry->d_un.d_ptr;
        const void *place = (const void *)address; /* NOLINT(performance-no-int-to-ptr) */
        switch (entry->d_tag) {
        case DT_SYMTAB:
            exported->table = place;
            break;
        case DT_STRTAB:
            exported->names = place;
            break;
        case DT_HASH:
            hash = place;
            break;
        case DT_GNU_HASH:
            gnu_hash = place;
            break;
        case DT_RELA:
            exported->relocations = place;
            break;
        case DT_RELASZ:
            size = entry->d_un.d_val;
            break;
        default:
            break;
        }
    }
    exported->count = hash ? hash[1] : gnu_hash ? count_gnu(gnu_hash) : 0;
    exported->relocation_count = exported->relocations ? size / sizeof(*exported->relocations) : 0;
    return exported->table && exported->names;
}

bool hf_exported_defines(const struct hf_exported *exported, const char *name)
{
    for (size_t i = 0; i < exported->count; i++) {
        const ElfW(Sym) *symbol = &exported->table[i];
        if (symbol->st_shndx != SHN_UNDEF && ELF64_ST_BIND(symbol->st_info) != STB_LOCAL &&
            ELF64_ST_VISIBILITY(symbol->st_other) != STV_HIDDEN && strcmp(exported->names + symbol->st_name, name) == 0)
            return true;
    }
    return false;
}

bool hf_exported_copies(const struct hf_exported *exported, uintptr_t place)
{
    for (size_t i = 0; i < exported->relocation_count; i++)
        if (exported->relocations[i].r_offset == place &&
            ELF64_R_TYPE(exported->relocations[i].r_info) == hf_arch_host.copy_type)
            return true;
    return false;
}
