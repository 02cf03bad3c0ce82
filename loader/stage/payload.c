/* SPDX-License-Identifier: Apache-2.0 */
#include <elf.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

#include "arch.h"
#include "bundle.h"
#include "dyntag.h"
#include "error.h"
#include "stage/payload.h"

#define MAX_ALIGNMENT (UINT64_C(1) << 30)

static int read_header(const uint8_t *payload, size_t size, ElfW(Ehdr) * header, struct hotfix_error *err)
{
    if (size < sizeof(*header))
        return hf_error(err, HOTFIX_FORMAT, "patch.so is shorter than an ELF header");
    memcpy(header, payload, sizeof(*header));
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_type != ET_DYN ||
        header->e_machine != hf_arch_host.machine || header->e_phentsize != sizeof(ElfW(Phdr)))
        return hf_error(err, HOTFIX_FORMAT, "patch.so is not a shared object for %s", hf_arch_host.name);
    if (header->e_phoff > size || header->e_phnum > (size - header->e_phoff) / sizeof(ElfW(Phdr)))
        return hf_error(err, HOTFIX_FORMAT, "the program headers of patch.so lie outside the file");
    return 0;
}

/* The addresses that the loadable segments take up so far. */
struct extent {
    uint64_t begin;
    uint64_t end;
    uint64_t alignment;
    uint64_t page;
};

/*
 * If two segments share a page, the dynamic linker maps the later one over the first, which is the one that was
 * checked.
 */
static bool lies_over_another(const ElfW(Phdr) * segment, const struct extent *extent)
{
    return segment->p_memsz > 0 && (segment->p_vaddr & -extent->page) < extent->end;
}

static int add_segment(const ElfW(Phdr) * segment, struct extent *extent)
{
    uint64_t end = segment->p_vaddr + segment->p_memsz;

    if (segment->p_memsz > HF_PAYLOAD_MAX_SIZE || segment->p_vaddr > hf_arch_host.reach ||
        segment->p_align > MAX_ALIGNMENT || (segment->p_align & (segment->p_align - 1)) != 0)
        return -1;
    if (lies_over_another(segment, extent))
        return -1;
    extent->begin = segment->p_vaddr < extent->begin ? segment->p_vaddr : extent->begin;
    extent->end = end > extent->end ? end : extent->end;
    extent->alignment = segment->p_align > extent->alignment ? segment->p_align : extent->alignment;
    return 0;
}

/* Whether the segment's bytes in the file are those that lie at its address in memory. */
static bool is_mapped(const uint8_t *payload, const ElfW(Ehdr) * header, const ElfW(Phdr) * segment)
{
    for (size_t i = 0; i < header->e_phnum; i++) {
        ElfW(Phdr) load;
        memcpy(&load, payload + header->e_phoff + i * sizeof(load), sizeof(load));
        if (load.p_type == PT_LOAD && segment->p_vaddr >= load.p_vaddr &&
            segment->p_vaddr - load.p_vaddr <= load.p_filesz &&
            segment->p_filesz <= load.p_filesz - (segment->p_vaddr - load.p_vaddr))
            return segment->p_offset == load.p_offset + (segment->p_vaddr - load.p_vaddr);
    }
    return false;
}

/* Searches a dynamic section for entries that make the dynamic linker call into the library, or load others. */
static int inspect_dynamic(const uint8_t *payload, size_t size, const ElfW(Ehdr) * header, const ElfW(Phdr) * segment,
                           bool *constructors, struct hotfix_error *err)
{
    int64_t tag;
    uint64_t value;

    if (segment->p_offset > size || segment->p_filesz > size - segment->p_offset ||
        !is_mapped(payload, header, segment))
        return hf_error(err, HOTFIX_FORMAT, "the dynamic section of patch.so is out of bounds");
    if (hf_dyntag_find(payload + segment->p_offset, segment->p_filesz, &tag, &value))
        return hf_error(err, HOTFIX_FORMAT, "patch.so asks the dynamic linker for %s", hf_dyntag_what(tag));
    for (size_t at = 0; segment->p_filesz - at >= sizeof(ElfW(Dyn)); at += sizeof(ElfW(Dyn))) {
        ElfW(Dyn) entry;
        memcpy(&entry, payload + segment->p_offset + at, sizeof(entry));
        if (entry.d_tag == DT_NULL)
            break;
        if (entry.d_tag == DT_INIT || (entry.d_tag == DT_INIT_ARRAYSZ && entry.d_un.d_val > 0))
            *constructors = true;
    }
    return 0;
}

int hf_payload_inspect(const uint8_t *payload, size_t size, struct hf_payload_traits *traits, struct hotfix_error *err)
{
    ElfW(Ehdr) header = {0};
    if (read_header(payload, size, &header, err) != 0)
        return -1;

    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    struct extent extent = {.begin = UINT64_MAX, .alignment = page, .page = page};
    bool constructors = false;
    for (size_t i = 0; i < header.e_phnum; i++) {
        ElfW(Phdr) segment;
        memcpy(&segment, payload + header.e_phoff + i * sizeof(segment), sizeof(segment));
        if (segment.p_type == PT_LOAD && add_segment(&segment, &extent) != 0)
            return hf_error(err, HOTFIX_FORMAT, "segment %zu of patch.so is out of bounds", i);
        if (segment.p_type == PT_DYNAMIC && inspect_dynamic(payload, size, &header, &segment, &constructors, err) != 0)
            return -1;
    }
    if (extent.begin >= extent.end)
        return hf_error(err, HOTFIX_FORMAT, "patch.so has nothing to load");

    traits->span = ((extent.end + page - 1) & -page) - (extent.begin & -page);
    if (extent.alignment > page)
        traits->span += extent.alignment;
    traits->constructors = constructors;
    return 0;
}
