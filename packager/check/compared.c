/* SPDX-License-Identifier: Apache-2.0 */
#include "check/compared.h"

#include <string.h>

#include "dwarf/dwarf.h"

int hf_compared_init(const struct hf_check_subject *subject, struct hf_compared *compared, struct hotfix_error *err)
{
    const struct hf_build_id *id = &subject->target->image.build_id;

    *compared = (struct hf_compared){.subject = subject};
    int found = hf_proven_read(&subject->patch->image, &compared->proven, err);
    if (found < 0)
        return -1;
    if (found == 0)
        compared->proven = (struct hf_proven){.count = 0};
    else if (id->size != compared->proven.target.size ||
             memcmp(id->bytes, compared->proven.target.bytes, id->size) != 0)
        hf_compared_deinit(compared);
    return 0;
}

void hf_compared_deinit(struct hf_compared *compared)
{
    hf_proven_deinit(&compared->proven);
    compared->proven = (struct hf_proven){.count = 0};
}

bool hf_compared_pair(const struct hf_compared *compared, const struct hf_pair *pair)
{
    return hf_proven_find(&compared->proven, pair->old_function->address, pair->old_function->size);
}

/* The unit whose code lies at an address; unit_count when none is known. */
static size_t unit_at(const struct hf_dwarf *dwarf, uint64_t address)
{
    for (size_t i = 0; i < dwarf->code_count; i++)
        if (address >= dwarf->codes[i].begin && address < dwarf->codes[i].end)
            return dwarf->subprograms[dwarf->codes[i].subprogram].unit;
    return dwarf->unit_count;
}

bool hf_compared_code(const struct hf_compared *compared, const struct hf_pair *pair, uint64_t address)
{
    const struct hf_dwarf *dwarf = compared->subject->target->dwarf;

    if (!dwarf || !hf_compared_pair(compared, pair))
        return false;
    size_t unit = unit_at(dwarf, address);
    return unit < dwarf->unit_count && unit == unit_at(dwarf, pair->old_function->address);
}
