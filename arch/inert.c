/* SPDX-License-Identifier: Apache-2.0 */
#include "inert.h"

#include <string.h>

#define STEPS_MAX 512
#define FORKS_MAX 8

struct hf_arch_word hf_word_of(uint64_t number)
{
    return (struct hf_arch_word){.kind = HF_WORD_NUMBER, .number = number};
}

static bool on_stack(uint64_t address, size_t size)
{
    return address >= HF_WALK_STACK - HF_WALK_STACK_MAX && address <= HF_WALK_STACK - size;
}

/* The cell of exactly these bytes, or NULL; *clear is false when another one shares some of them. */
static const struct hf_walk_cell *find_cell(const struct hf_walk *walk, uint64_t address, size_t size, bool *clear)
{
    *clear = true;
    for (size_t i = 0; i < walk->cell_count; i++) {
        const struct hf_walk_cell *cell = &walk->cells[i];
        if (cell->address == address && cell->size == size)
            return cell;
        if (cell->address < address + size && address < cell->address + cell->size)
            *clear = false;
    }
    return NULL;
}

bool hf_walk_load(const struct hf_walk *walk, uint64_t address, size_t size, struct hf_arch_word *word)
{
    bool clear;
    const struct hf_walk_cell *cell = find_cell(walk, address, size, &clear);

    if (cell) {
        *word = cell->word;
        return true;
    }
    return clear && !on_stack(address, size) && walk->memory->read(walk->memory->arg, address, size, word);
}

bool hf_walk_store(struct hf_walk *walk, uint64_t address, size_t size, struct hf_arch_word word)
{
    bool clear;
    const struct hf_walk_cell *cell = find_cell(walk, address, size, &clear);

    if (!on_stack(address, size) && !(size == 1 && walk->memory->zeroed(walk->memory->arg, address)))
        return false;
    if (!clear || (!cell && walk->cell_count == HF_WALK_CELLS))
        return false;
    size_t place = cell ? (size_t)(cell - walk->cells) : walk->cell_count++;
    walk->cells[place] = (struct hf_walk_cell){address, size, word};
    return true;
}

bool hf_walk_branch(struct hf_walk *walk, bool if_zero, uint64_t to, uint64_t next)
{
    if (walk->zero == HF_ZERO_UNKNOWN)
        return false;
    bool taken = (walk->zero == HF_ZERO_YES) == if_zero;
    walk->at = taken ? to : next;
    walk->other = walk->zero == HF_ZERO_EITHER ? (taken ? next : to) : 0;
    return true;
}

enum hf_walk_zero hf_walk_test(const struct hf_arch_word *word)
{
    if (word->kind == HF_WORD_IMPORT)
        return HF_ZERO_EITHER;
    if (word->kind != HF_WORD_NUMBER)
        return HF_ZERO_UNKNOWN;
    return word->number ? HF_ZERO_NO : HF_ZERO_YES;
}

bool hf_walk_may_call(const struct hf_arch_word *word)
{
    return word->kind == HF_WORD_IMPORT &&
           (strcmp(word->import, "__cxa_finalize") == 0 || strcmp(word->import, "__gmon_start__") == 0);
}

void hf_walk_begin(struct hf_walk *walk)
{
    for (size_t i = 0; i < HF_WALK_REGISTERS; i++)
        walk->registers[i] = (struct hf_arch_word){.kind = HF_WORD_UNKNOWN, .number = i + 1};
}

static bool keeps(const struct hf_walk *walk, const struct hf_walk *before)
{
    for (size_t i = 0; i < HF_WALK_REGISTERS; i++)
        if ((walk->kept >> i & 1) && (walk->registers[i].kind != before->registers[i].kind ||
                                      walk->registers[i].number != before->registers[i].number))
            return false;
    return true;
}

/* Counters over all paths. */
struct budget {
    unsigned steps;
    unsigned forks;
};

static bool returns(struct hf_walk *walk, const struct hf_walk *before, hf_walk_step *step, struct budget *budget)
{
    while (walk->at != HF_WALK_RETURN) {
        walk->other = 0;
        if (budget->steps++ == STEPS_MAX || !step(walk))
            return false;
        if (!walk->other)
            continue;
        struct hf_walk fork = *walk;
        fork.at = walk->other;
        if (budget->forks++ == FORKS_MAX || !returns(&fork, before, step, budget))
            return false;
    }
    return keeps(walk, before);
}

bool hf_walk_returns(const struct hf_walk *entered, const struct hf_walk *before, hf_walk_step *step)
{
    struct hf_walk walk = *entered;
    struct budget budget = {.steps = 0};

    return returns(&walk, before, step, &budget);
}
