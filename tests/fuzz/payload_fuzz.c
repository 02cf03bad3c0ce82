/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the patch that the loader is about to give the dynamic linker: refused, or with a span that it can hold.
 */
#include <elf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arch.h"
#include "bundle.h"
#include "stage/payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hf_payload_traits traits = {0};
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

    if (hf_payload_inspect(data, size, &traits, NULL) != 0)
        return 0;
    if (traits.span == 0 || traits.span % page != 0 ||
        traits.span > hf_arch_host.reach + HF_PAYLOAD_MAX_SIZE + (UINT64_C(1) << 30) + page)
        abort();
    return 0;
}

/* Headers of a shared object, and a dynamic section. */
struct sample {
    Elf64_Ehdr header;
    Elf64_Phdr segments[3];
    Elf64_Dyn dynamic[4];
};

/* Inputs too short to be anything become a small shared object, so that mutation has one to begin with. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    struct sample sample = {
        .header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                   .e_type = ET_DYN,
                   .e_machine = hf_arch_host.machine,
                   .e_version = EV_CURRENT,
                   .e_phoff = offsetof(struct sample, segments),
                   .e_ehsize = sizeof(Elf64_Ehdr),
                   .e_phentsize = sizeof(Elf64_Phdr),
                   .e_phnum = 3},
        .segments = {{PT_LOAD, PF_R, 0, 0, 0, sizeof(sample), sizeof(sample), 4096},
                     {PT_LOAD, PF_R | PF_W, 0, 8192, 8192, 64, 4096, 4096},
                     {PT_DYNAMIC, PF_R, offsetof(struct sample, dynamic), offsetof(struct sample, dynamic), 0,
                      sizeof(sample.dynamic), sizeof(sample.dynamic), 8}},
        .dynamic = {{DT_SONAME, {1}}, {seed % 2 ? DT_INIT : DT_INIT_ARRAYSZ, {8}}},
    };

    if (size >= sizeof(Elf64_Ehdr))
        return LLVMFuzzerMutate(data, size, max_size);
    size = sizeof(sample) <= max_size ? sizeof(sample) : max_size;
    memcpy(data, &sample, size);
    return size;
}
