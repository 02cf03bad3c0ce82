/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stamping any bytes: refuses them or writes a file, and stays within its memory either way. The input is taken as a
 * file, and as changes of a small shared object that is well formed, which leads deeper than bytes at random.
 */
#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pack/restamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* All in one segment: header, tables, and the strings behind them. */
struct sample {
    Elf64_Ehdr header;
    Elf64_Phdr segments[4];
    Elf64_Dyn dynamic[6];
    Elf64_Sym symbols[2];
    uint64_t got;
    char strings[48];
    Elf64_Shdr sections[6];
};

#define AT(member)     offsetof(struct sample, member)
#define EXTENT(member) AT(member), AT(member), AT(member), sizeof(((struct sample *)0)->member)
#define SECTION(label, kind, member)                                                                                   \
    {                                                                                                                  \
        .sh_name = (label), .sh_type = (kind), .sh_flags = SHF_ALLOC, .sh_addr = AT(member), .sh_offset = AT(member),  \
        .sh_size = sizeof(((struct sample *)0)->member), .sh_link = 1                                                  \
    }

static const struct sample sample = {
    .header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
               .e_type = ET_DYN,
               .e_machine = EM_X86_64,
               .e_version = EV_CURRENT,
               .e_phoff = AT(segments),
               .e_shoff = AT(sections),
               .e_ehsize = sizeof(Elf64_Ehdr),
               .e_phentsize = sizeof(Elf64_Phdr),
               .e_phnum = 4,
               .e_shentsize = sizeof(Elf64_Shdr),
               .e_shnum = 6,
               .e_shstrndx = 1},
    .segments = {{PT_PHDR, PF_R, EXTENT(segments), sizeof(Elf64_Phdr[4]), 8},
                 {PT_LOAD, PF_R | PF_W, 0, 0, 0, sizeof(struct sample), sizeof(struct sample) + 64, 4096},
                 {PT_DYNAMIC, PF_R | PF_W, EXTENT(dynamic), sizeof(Elf64_Dyn[6]), 8},
                 {PT_NOTE, PF_R, EXTENT(strings), 48, 4}},
    .dynamic = {{DT_STRTAB, {AT(strings)}},
                {DT_STRSZ, {48}},
                {DT_SYMTAB, {AT(symbols)}},
                {DT_PLTGOT, {AT(got)}},
                {DT_SONAME, {1}}},
    .symbols = {{0}, {.st_name = 10, .st_info = STT_OBJECT, .st_shndx = 2, .st_value = AT(dynamic)}},
    .got = AT(dynamic),
    .strings = "\0libx.so\0\0_DYNAMIC\0.got.plt\0.dynamic\0",
    .sections = {{0},
                 SECTION(0, SHT_STRTAB, strings),
                 SECTION(28, SHT_DYNAMIC, dynamic),
                 SECTION(0, SHT_DYNSYM, symbols),
                 SECTION(19, SHT_PROGBITS, got)},
};

static void stamp(const void *bytes, size_t size)
{
    static char soname[] = "libhotfix-patch-000102030405060708090a0b0c0d0e0f.so";
    struct hf_manifest manifest = {.version = "1", .soname = soname};
    uint8_t *stamped = NULL;
    size_t stamped_size = 0;

    if (hf_restamp(&manifest, bytes, size, &stamped, &stamped_size, NULL) == 0)
        free(stamped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    stamp(data, size);

    /* changes of { u16 offset, u8 byte }, then perhaps a byte that cuts the file */
    uint8_t *copy = malloc(sizeof(sample));
    if (!copy)
        return 0;
    memcpy(copy, &sample, sizeof(sample));
    for (; size >= 3; data += 3, size -= 3)
        copy[(data[0] | (size_t)data[1] << 8) % sizeof(sample)] = data[2];
    stamp(copy, size > 0 ? data[0] * sizeof(sample) / 256 : sizeof(sample));
    free(copy);
    return 0;
}
