/* SPDX-License-Identifier: Apache-2.0 */
#include "check/data/everywhere.h"

#include <stdlib.h>

#include "error.h"

static int read_all(struct hf_everywhere *everywhere, struct hotfix_error *err)
{
    struct hf_dwarf *dwarf = everywhere->dwarf;

    if (everywhere->units)
        return 0;
    everywhere->units = calloc(dwarf->unit_count + 1, sizeof(*everywhere->units));
    if (!everywhere->units)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    for (size_t i = 0; i < dwarf->unit_count; i++, everywhere->count++)
        if (hf_names_read(dwarf, i, &everywhere->units[i], err) != 0)
            return -1;
    return 0;
}

int hf_everywhere_find(struct hf_everywhere *everywhere, enum hf_name_space space, const char *name, uint64_t *offset,
                       bool *declaration, struct hotfix_error *err)
{
    *offset = HF_DIE_NONE;
    *declaration = true;
    if (read_all(everywhere, err) != 0)
        return -1;
    for (size_t i = 0; i < everywhere->count && *declaration; i++) {
        bool declares = true;
        uint64_t found = hf_names_find(&everywhere->units[i], space, name, &declares);
        if (found == HF_DIE_NONE || (*offset != HF_DIE_NONE && declares))
            continue;
        *offset = found;
        *declaration = declares;
    }
    return 0;
}

void hf_everywhere_deinit(struct hf_everywhere *everywhere)
{
    for (size_t i = 0; i < everywhere->count; i++)
        hf_names_deinit(&everywhere->units[i]);
    free(everywhere->units);
    *everywhere = (struct hf_everywhere){.dwarf = NULL};
}
