/* SPDX-License-Identifier: Apache-2.0 */
#include "patch/base.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"

#define MAGIC_SIZE 8

static const char bases_magic[MAGIC_SIZE] = {'H', 'F', 'B', 'A', 'S', 'E', 'S', '1'};

int hf_bases_add(struct hf_id_list *bases, const uint8_t id[HF_ID_SIZE], struct hotfix_error *err)
{
    for (size_t i = 0; i < bases->count; i++)
        if (memcmp(bases->items[i], id, HF_ID_SIZE) == 0)
            return 0;
    if (bases->count == HF_BASES_MAX)
        return hf_error(err, HOTFIX_USAGE, "a patch is built on %u bundles at the most", HF_BASES_MAX);
    uint8_t(*grown)[HF_ID_SIZE] = reallocarray(bases->items, bases->count + 1, HF_ID_SIZE);
    if (!grown)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    bases->items = grown;
    memcpy(grown[bases->count++], id, HF_ID_SIZE);
    return 0;
}

int hf_bases_format(const struct hf_id_list *bases, uint8_t **table, size_t *size, struct hotfix_error *err)
{
    *size = MAGIC_SIZE + bases->count * HF_ID_SIZE;
    *table = malloc(*size);
    if (!*table)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    uint8_t *out = mempcpy(*table, bases_magic, MAGIC_SIZE);
    if (bases->count > 0)
        memcpy(out, bases->items, bases->count * HF_ID_SIZE);
    return 0;
}

int hf_bases_parse(const void *table, size_t size, struct hf_id_list *bases, struct hotfix_error *err)
{
    const uint8_t(*ids)[HF_ID_SIZE] = (const void *)((const uint8_t *)table + MAGIC_SIZE);
    HF_BASES struct hf_id_list parsed = {.count = 0};

    if (size <= MAGIC_SIZE || memcmp(table, bases_magic, MAGIC_SIZE) != 0 || (size - MAGIC_SIZE) % HF_ID_SIZE != 0)
        return hf_error(err, HOTFIX_FORMAT, "table of bundles below: no magic, or no whole ids");
    size_t count = (size - MAGIC_SIZE) / HF_ID_SIZE;
    if (count > HF_BASES_MAX)
        return hf_error(err, HOTFIX_FORMAT, "table of bundles below: more than %u", HF_BASES_MAX);
    for (size_t i = 0; i < count; i++) {
        if (hf_bases_add(&parsed, ids[i], err) != 0)
            return -1;
        if (parsed.count != i + 1)
            return hf_error(err, HOTFIX_FORMAT, "table of bundles below: an id is there twice");
    }
    *bases = parsed;
    parsed = (struct hf_id_list){.count = 0};
    return 0;
}

void hf_bases_deinit(struct hf_id_list *bases)
{
    free(bases->items);
    *bases = (struct hf_id_list){.count = 0};
}

int hf_bases_read(const struct hf_image *patch, struct hf_id_list *bases, struct hotfix_error *err)
{
    GElf_Shdr header;
    Elf_Scn *section = hf_image_section(patch, HF_BASES_SECTION, &header);

    if (!section)
        return 0;
    Elf_Data *data = elf_getdata(section, NULL);
    if (!data || !data->d_buf || header.sh_type == SHT_NOBITS)
        return hf_error(err, HOTFIX_FORMAT, "%s: section " HF_BASES_SECTION " is empty", patch->path);
    return hf_bases_parse(data->d_buf, data->d_size, bases, err) == 0 ? 1 : hf_error_prefix(err, "%s", patch->path);
}
