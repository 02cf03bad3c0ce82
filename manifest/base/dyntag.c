/* SPDX-License-Identifier: Apache-2.0 */
#include "dyntag.h"

#include <elf.h>
#include <string.h>

#ifndef DT_RELR
#define DT_RELRSZ  35
#define DT_RELR    36
#define DT_RELRENT 37
#endif

#define CPU_INERT (1 << 0 | 1 << 1 | 1 << 3 | 1 << 5) /* x86-64: where its PLT is; arm64: how that is protected */

/* Where things are, and how the linker made them. */
static const int64_t inert[] = {
    DT_NEEDED, DT_PLTRELSZ,  DT_PLTGOT,     DT_HASH,       DT_STRTAB,       DT_SYMTAB,
    DT_RELA,   DT_RELASZ,    DT_RELAENT,    DT_STRSZ,      DT_SYMENT,       DT_INIT,
    DT_FINI,   DT_SONAME,    DT_SYMBOLIC,   DT_PLTREL,     DT_DEBUG,        DT_TEXTREL,
    DT_JMPREL, DT_BIND_NOW,  DT_INIT_ARRAY, DT_FINI_ARRAY, DT_INIT_ARRAYSZ, DT_FINI_ARRAYSZ,
    DT_RELR,   DT_RELRSZ,    DT_RELRENT,    DT_GNU_HASH,   DT_TLSDESC_PLT,  DT_TLSDESC_GOT,
    DT_VERSYM, DT_RELACOUNT, DT_VERDEF,     DT_VERDEFNUM,  DT_VERNEED,      DT_VERNEEDNUM,
};

/* Which of those that are known to be inert it is; -1 for another. */
static int inert_index(int64_t tag, uint64_t value)
{
    enum { INERT = sizeof(inert) / sizeof(inert[0]) };

    if (tag == DT_FLAGS)
        return (value & ~(uint64_t)(DF_SYMBOLIC | DF_TEXTREL | DF_BIND_NOW | DF_STATIC_TLS)) == 0 ? INERT : -1;
    if (tag == DT_FLAGS_1)
        return (value & ~(uint64_t)DF_1_NOW) == 0 ? INERT + 1 : -1;
    if (tag >= DT_LOPROC && tag < DT_LOPROC + 8)
        return CPU_INERT >> (tag - DT_LOPROC) & 1 ? INERT + 2 + (int)(tag - DT_LOPROC) : -1;
    for (int i = 0; i < INERT; i++)
        if (tag == inert[i])
            return i;
    return -1;
}

bool hf_dyntag_find(const uint8_t *section, size_t size, int64_t *tag, uint64_t *value)
{
    Elf64_Dyn entry;
    uint64_t seen = 0;

    _Static_assert(sizeof(inert) / sizeof(inert[0]) + 2 + 8 <= 64, "a bit for each");
    for (size_t at = 0; size - at >= sizeof(entry); at += sizeof(entry)) {
        memcpy(&entry, section + at, sizeof(entry));
        if (entry.d_tag == DT_NULL)
            return false;
        int index = inert_index(entry.d_tag, entry.d_un.d_val);
        bool twice = index >= 0 && entry.d_tag != DT_NEEDED && (seen >> index & 1);
        if (index < 0 || twice) {
            *tag = twice ? HF_DYNTAG_TWICE : entry.d_tag;
            *value = twice ? (uint64_t)entry.d_tag : entry.d_un.d_val;
            return true;
        }
        seen |= UINT64_C(1) << index;
    }
    /* The dynamic linker would go on behind the section. */
    *tag = DT_NULL;
    *value = 0;
    return true;
}

const char *hf_dyntag_what(int64_t tag)
{
    static const struct {
        int64_t tag;
        const char *what;
    } known[] = {
        {HF_DYNTAG_TWICE, "the same thing twice, of which the last one counts"},
        {DT_NULL, "more than its dynamic section holds, which has no end"},
        {DT_FILTER, "another library to answer for it (DT_FILTER)"},
        {DT_AUXILIARY, "another library to answer for it (DT_AUXILIARY)"},
        {0x6ffffefc, "a library that watches the dynamic linker (DT_AUDIT)"},
        {0x6ffffefb, "a library that watches the dynamic linker (DT_DEPAUDIT)"},
        {DT_RPATH, "a run path of its own (DT_RPATH)"},
        {DT_RUNPATH, "a run path of its own (DT_RUNPATH)"},
        {DT_PREINIT_ARRAY, "functions to be called first (DT_PREINIT_ARRAY)"},
        {DT_PREINIT_ARRAYSZ, "functions to be called first (DT_PREINIT_ARRAYSZ)"},
        {DT_FLAGS, "something that is not known to be harmless (DT_FLAGS)"},
        {DT_FLAGS_1, "something that is not known to be harmless (DT_FLAGS_1)"},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i].tag == tag)
            return known[i].what;
    return "something that is not known to be harmless";
}
