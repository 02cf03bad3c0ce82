/* SPDX-License-Identifier: Apache-2.0 */
#include "check/loading/inert.h"

#include <string.h>

#include "check/loading/slot.h"

struct memory {
    const struct hf_image *image;
    const struct hf_arch_tools *tools;
    bool notes;
};

/* The segment that is loaded over the address. */
static bool segment_at(const struct hf_image *image, uint64_t address, uint64_t size, GElf_Phdr *segment)
{
    size_t count = 0;

    elf_getphdrnum(image->elf, &count);
    for (size_t i = 0; i < count && gelf_getphdr(image->elf, (int)i, segment); i++)
        if (segment->p_type == PT_LOAD && address >= segment->p_vaddr && size <= segment->p_memsz &&
            address - segment->p_vaddr <= segment->p_memsz - size)
            return true;
    return false;
}

static bool is_zero_filled(const GElf_Phdr *segment, uint64_t address)
{
    return (segment->p_flags & PF_W) && address >= segment->p_vaddr + segment->p_filesz;
}

/* What the dynamic linker puts there; of a symbol that the patch itself defines another file's may take the place. */
static bool read_slot(const struct memory *memory, const struct hf_slot *slot, struct hf_arch_word *word)
{
    enum hf_dynamic_relation relation = memory->tools->dynamic_relation(slot->type);

    if (relation == HF_DYNAMIC_BASE)
        *word = (struct hf_arch_word){.kind = HF_WORD_NUMBER, .number = slot->addend};
    else if ((relation == HF_DYNAMIC_SYMBOL || relation == HF_DYNAMIC_LAZY) && !slot->defined && slot->name[0])
        *word = (struct hf_arch_word){.kind = HF_WORD_IMPORT, .import = slot->name};
    else
        return false;
    return true;
}

static bool read_word(void *arg, uint64_t address, size_t size, struct hf_arch_word *word)
{
    const struct memory *memory = arg;
    struct hf_slot slot;
    GElf_Phdr segment;
    uint64_t number = 0;

    if (size > sizeof(number) || !segment_at(memory->image, address, size, &segment))
        return false;
    size_t count = hf_slot_count(memory->image, address, size);
    if (count > 0)
        return count == 1 && size == sizeof(number) && hf_slot_find(memory->image, address, &slot) &&
               read_slot(memory, &slot, word);
    const uint8_t *bytes = hf_image_bytes(memory->image, address, size);
    if (bytes)
        memcpy(&number, bytes, size);
    else if (!is_zero_filled(&segment, address))
        return false;
    *word = (struct hf_arch_word){.kind = HF_WORD_NUMBER, .number = number};
    return true;
}

static size_t read_code(void *arg, uint64_t address, uint8_t *bytes, size_t size)
{
    const struct memory *memory = arg;
    GElf_Phdr segment;

    if (!segment_at(memory->image, address, 1, &segment) || !(segment.p_flags & PF_X))
        return 0;
    for (size_t count = size; count > 0; count--) {
        const uint8_t *code = hf_image_bytes(memory->image, address, count);
        if (code) {
            memcpy(bytes, code, count);
            return count;
        }
    }
    return 0;
}

static bool is_zeroed(void *arg, uint64_t address)
{
    const struct memory *memory = arg;
    GElf_Phdr segment;

    return memory->notes && segment_at(memory->image, address, 1, &segment) && is_zero_filled(&segment, address);
}

bool hf_inert(const struct hf_image *image, const struct hf_arch_tools *tools, uint64_t address, bool notes)
{
    struct memory memory = {image, tools, notes};
    const struct hf_arch_memory view = {read_word, read_code, is_zeroed, &memory};

    return tools && tools->inert(&view, address);
}
