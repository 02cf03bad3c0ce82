/* SPDX-License-Identifier: Apache-2.0 */
#include "pack/selection.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "patch/record.h"

/* 1 with records, 0 without the section. */
static int read_records(const struct hf_program *patch, struct hf_records *records, struct hotfix_error *err)
{
    GElf_Shdr header;
    Elf_Scn *section = hf_image_section(&patch->image, HF_RECORDS_SECTION, &header);
    if (!section)
        return 0;

    Elf_Data *data = elf_getdata(section, NULL);
    if (!data || !data->d_buf || header.sh_type == SHT_NOBITS)
        return hf_error(err, HOTFIX_FORMAT, "%s: section " HF_RECORDS_SECTION " is empty", patch->image.path);
    if (hf_records_parse(data->d_buf, data->d_size, records, err) != 0)
        return hf_error_prefix(err, "%s", patch->image.path);
    return 1;
}

static int check_target(const struct hf_records *records, const struct hf_program *target,
                        const struct hf_program *patch, struct hotfix_error *err)
{
    const struct hf_build_id *id = &target->image.build_id;

    if (id->size == records->target.size && memcmp(id->bytes, records->target.bytes, id->size) == 0)
        return 0;
    return hf_error(err, HOTFIX_INCOMPATIBLE, "%s was built for another build of the target than %s", patch->image.path,
                    target->image.path);
}

static const struct hf_function *find_function(const struct hf_program *program, uint64_t address, const char *name)
{
    const struct hf_function *found = NULL;

    for (size_t i = hf_program_first_at(program, address);
         i < program->function_count && program->functions[i].address == address; i++)
        if (!found || strcmp(program->functions[i].name, name) == 0)
            found = &program->functions[i];
    return found;
}

/* The program's function at an address with exactly this size, or one made of what the record says. */
static const struct hf_function *function_of(const struct hf_program *program, uint64_t address, uint64_t size,
                                             const struct hf_record *record, struct hf_selection *selection)
{
    const struct hf_function *found = find_function(program, address, record->name);
    if (found && found->size == size)
        return found;

    struct hf_function *made = &selection->made[selection->made_count];
    char *name = strdup(record->name), *source = strdup(record->source);
    if (!name || !source) {
        free(name);
        free(source);
        return NULL;
    }
    *made = (struct hf_function){.name = name, .own_name = name, .source = source, .address = address, .size = size};
    selection->made_count++;
    return made;
}

static bool is_picked(const struct hf_pair *picked, size_t picked_count, uint64_t address)
{
    for (size_t i = 0; i < picked_count; i++)
        if (picked[i].old_function->address == address)
            return true;
    return false;
}

/* Every pick must be a record, and bring its whole group with it. */
static int check_picks(const struct hf_records *records, const struct hf_pair *picked, size_t picked_count,
                       struct hotfix_error *err)
{
    for (size_t i = 0; i < picked_count; i++) {
        const struct hf_function *function = picked[i].old_function;
        size_t k = 0;
        while (k < records->count && records->items[k].target != function->address)
            k++;
        if (k == records->count)
            return hf_error(err, HOTFIX_USAGE,
                            "%s is picked, but the patch leaves the target's as it is, and has one of its own for the "
                            "functions in the patch that call it: pick these in its place, or pick nothing, which "
                            "takes all of the patch",
                            function->name);
        for (size_t m = 0; m < records->count; m++)
            if (records->items[m].group == records->items[k].group &&
                !is_picked(picked, picked_count, records->items[m].target))
                return hf_error(err, HOTFIX_USAGE, "%s is picked without %s, on which it depends: pick both",
                                function->name, records->items[m].name);
    }
    return 0;
}

/* picked NULL: all records. */
static int take_records(const struct hf_records *records, const struct hf_pair *picked, size_t picked_count,
                        const struct hf_program *target, const struct hf_program *patch, struct hf_selection *selection,
                        struct hotfix_error *err)
{
    selection->pairs = calloc(records->count + 1, sizeof(*selection->pairs));
    selection->made = calloc(2 * records->count + 1, sizeof(*selection->made));
    if (!selection->pairs || !selection->made)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    for (size_t i = 0; i < records->count; i++) {
        const struct hf_record *record = &records->items[i];
        if (picked && !is_picked(picked, picked_count, record->target))
            continue;
        struct hf_pair *pair = &selection->pairs[selection->pair_count++];
        pair->old_function = function_of(target, record->target, record->target_size, record, selection);
        pair->new_function = function_of(patch, record->replacement, record->replacement_size, record, selection);
        if (!pair->old_function || !pair->new_function)
            return hf_error(err, HOTFIX_MEMORY, "out of memory");
    }
    if (selection->pair_count == 0)
        return hf_error(err, HOTFIX_USAGE, "%s replaces no function", patch->image.path);
    return 0;
}

static int select_records(const struct hf_pick *picks, size_t pick_count, const struct hf_records *records,
                          const struct hf_program *target, const struct hf_program *patch,
                          struct hf_selection *selection, struct hotfix_error *err)
{
    HF_FREE struct hf_pair *picked = NULL;
    size_t picked_count = 0;

    if (check_target(records, target, patch, err) != 0)
        return -1;
    if (pick_count > 0 && (hf_pick_resolve(picks, pick_count, target, patch, &picked, &picked_count, err) != 0 ||
                           check_picks(records, picked, picked_count, err) != 0))
        return -1;
    return take_records(records, picked, picked_count, target, patch, selection, err);
}

int hf_selection_init(const struct hf_pick *picks, size_t pick_count, const struct hf_program *target,
                      const struct hf_program *patch, struct hf_selection *selection, struct hotfix_error *err)
{
    struct hf_selection made = {0};
    struct hf_records records = {0};

    int result = read_records(patch, &records, err);
    if (result == 0)
        result = hf_pick_resolve(picks, pick_count, target, patch, &made.pairs, &made.pair_count, err);
    else if (result > 0)
        result = select_records(picks, pick_count, &records, target, patch, &made, err);
    hf_records_deinit(&records);
    if (result != 0) {
        hf_selection_deinit(&made);
        return -1;
    }
    *selection = made;
    return 0;
}

void hf_selection_deinit(struct hf_selection *selection)
{
    for (size_t i = 0; i < selection->made_count; i++) {
        free(selection->made[i].own_name);
        free((char *)(uintptr_t)selection->made[i].source);
    }
    free(selection->made);
    free(selection->pairs);
    *selection = (struct hf_selection){0};
}
