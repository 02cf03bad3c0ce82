/* SPDX-License-Identifier: Apache-2.0 */
#include "leak.h"

#include <stdlib.h>
#include <string.h>

#define REGISTERS 32
#define MAX_SLOTS 1024

/* What a register or stack slot may hold. */
enum { ADDRESS = 1, VALUE = 2, TABLE = 4, JUMP = 8, SLOT = 16 };

struct state {
    bool reached;
    bool stack_known;
    bool frame_known;
    int64_t stack; /* how far the stack pointer is from where it was at the begin */
    int64_t frame;
    uint8_t tags[REGISTERS];
};

/* A word on the stack that is written to. */
struct slot {
    int64_t place;
    uint8_t tags;
};

struct walk {
    const struct hf_leak_question *question;
    struct hf_steps steps;
    struct state *states;
    size_t *pending; /* steps to look at again */
    size_t pending_count;
    bool *waits;
    struct slot slots[MAX_SLOTS];
    size_t slot_count;
    bool slots_grew;
    bool stack_taken;
    uint64_t leak; /* offset; HF_STEP_OUTSIDE: none */
};

const struct hf_named_field *hf_leak_field(const struct hf_leak_question *question, uint64_t begin, uint64_t end)
{
    size_t low = 0;

    for (size_t high = question->field_count; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (question->fields[middle].offset < begin)
            low = middle + 1;
        else
            high = middle;
    }
    return low < question->field_count && question->fields[low].offset < end ? &question->fields[low] : NULL;
}

static bool counts(unsigned tags)
{
    return tags & (ADDRESS | VALUE);
}

static unsigned union_of(const struct state *state, uint32_t registers)
{
    unsigned tags = 0;

    for (unsigned i = 0; i < REGISTERS; i++)
        if (registers & UINT32_C(1) << i)
            tags |= state->tags[i];
    return tags;
}

static unsigned tag_of(enum hf_named what)
{
    static const unsigned char tags[] = {[HF_NAMED_THING] = ADDRESS,
                                         [HF_NAMED_BOTH] = ADDRESS | TABLE,
                                         [HF_NAMED_SLOT] = SLOT,
                                         [HF_NAMED_TABLE] = TABLE};

    return tags[what];
}

static void leak(struct walk *walk, const struct hf_step *step)
{
    if (walk->leak == HF_STEP_OUTSIDE)
        walk->leak = step->offset;
}

/* The place on the stack of a memory operand; false when it is elsewhere or not known. */
static bool stack_place(const struct state *state, const struct hf_step *step, int64_t *place)
{
    if (step->base == HF_STEP_STACK && state->stack_known)
        *place = state->stack + step->displacement;
    else if (step->base == HF_STEP_FRAME && state->frame_known)
        *place = state->frame + step->displacement;
    else
        return false;
    return true;
}

static struct slot *find_slot(struct walk *walk, int64_t place)
{
    for (size_t i = 0; i < walk->slot_count; i++)
        if (walk->slots[i].place == place)
            return &walk->slots[i];
    return NULL;
}

static void fill(struct walk *walk, const struct hf_step *step, int64_t place, unsigned tags)
{
    struct slot *slot = find_slot(walk, place);

    if (!slot && walk->slot_count == MAX_SLOTS) {
        leak(walk, step);
        return;
    }
    if (!slot) {
        slot = &walk->slots[walk->slot_count++];
        *slot = (struct slot){.place = place};
        walk->slots_grew = true;
    }
    walk->slots_grew |= (slot->tags | tags) != slot->tags;
    slot->tags |= (uint8_t)tags;
}

static void store(struct walk *walk, const struct state *state, const struct hf_step *step, unsigned tags)
{
    int64_t place;

    if (stack_place(state, step, &place)) {
        fill(walk, step, place, tags);
        if (step->pair)
            fill(walk, step, place + 8, tags);
    } else if (counts(tags)) {
        leak(walk, step);
    }
}

/* A read on the stack at a place that is not known may be of any slot; of a vector, of several. */
static unsigned load(const struct walk *walk, const struct state *state, const struct hf_step *step)
{
    int64_t size = step->writes_other || step->pair ? 64 : 8;
    unsigned tags = 0;
    int64_t place;

    if (step->base == HF_STEP_NO_BASE)
        return 0;
    bool known = stack_place(state, step, &place);
    for (size_t i = 0; i < walk->slot_count; i++)
        if (!known || (walk->slots[i].place > place - 8 && walk->slots[i].place < place + size))
            tags |= walk->slots[i].tags;
    return tags;
}

/* Arguments that are on the stack lie from the stack pointer on, one behind the other. */
static void check_stack_arguments(struct walk *walk, const struct state *state, const struct hf_step *step)
{
    struct slot *slot;

    for (size_t i = 0; !state->stack_known && i < walk->slot_count; i++)
        if (counts(walk->slots[i].tags))
            leak(walk, step);
    for (int64_t place = state->stack; state->stack_known && (slot = find_slot(walk, place)); place += 8)
        if (counts(slot->tags))
            leak(walk, step);
}

static void call(struct walk *walk, struct state *state, const struct hf_step *step)
{
    unsigned known = step->arguments < HF_STEPS_ALL ? step->arguments : HF_STEPS_ALL;

    if (counts(union_of(state, walk->steps.arguments[known])))
        leak(walk, step);
    check_stack_arguments(walk, state, step);
    for (unsigned i = 0; i < REGISTERS; i++)
        if (walk->steps.clobbered & UINT32_C(1) << i)
            state->tags[i] = 0;
}

/* What the operands of a step may hold, its result too. */
static unsigned look(const struct walk *walk, const struct state *state, const struct hf_step *step)
{
    unsigned in = union_of(state, step->reads) | (step->has_value ? tag_of(step->value_names) : 0);
    unsigned address = union_of(state, step->address) | (step->has_memory ? tag_of(step->memory_names) : 0);

    if (step->loads) {
        if (address & ADDRESS)
            in |= walk->question->deep ? VALUE : 0;
        if (address & TABLE)
            in |= JUMP;
        if (address & SLOT)
            in |= ADDRESS;
        in |= load(walk, state, step);
    }
    return in;
}

static void move_stack(struct state *state, const struct hf_step *step)
{
    if (step->from_frame) {
        state->stack = state->frame;
        state->stack_known = state->frame_known;
    }
    if (step->loses_stack)
        state->stack_known = false;
    state->stack += step->stack_change;
    if (step->loses_frame)
        state->frame_known = false;
    if (step->sets_frame) {
        state->frame = state->stack;
        state->frame_known = state->stack_known;
    }
}

static void transfer(struct walk *walk, struct state *state, const struct hf_step *step)
{
    unsigned in = look(walk, state, step);

    walk->stack_taken |= step->takes_stack;
    if (step->stores)
        store(walk, state, step, in);
    if (step->writes_other && counts(in))
        leak(walk, step);
    if (step->kind == HF_STEP_CALL)
        call(walk, state, step);
    if (step->kind == HF_STEP_RETURN &&
        counts(union_of(state, walk->question->wide ? walk->steps.wide_result : walk->steps.result)))
        leak(walk, step);
    for (unsigned i = 0; i < REGISTERS; i++)
        if (step->writes & UINT32_C(1) << i)
            state->tags[i] = (uint8_t)in;
    move_stack(state, step);
}

static bool join(struct state *into, const struct state *from)
{
    bool stack_lost = into->stack_known && !(from->stack_known && into->stack == from->stack);
    bool frame_lost = into->frame_known && !(from->frame_known && into->frame == from->frame);
    bool grew = false;

    if (!into->reached) {
        *into = *from;
        into->reached = true;
        return true;
    }
    for (unsigned i = 0; i < REGISTERS; i++) {
        grew |= (into->tags[i] | from->tags[i]) != into->tags[i];
        into->tags[i] |= from->tags[i];
    }
    into->stack_known &= !stack_lost;
    into->frame_known &= !frame_lost;
    return grew || stack_lost || frame_lost;
}

/* The step at an offset, count of steps when none begins there. */
static size_t step_at(const struct hf_steps *steps, uint64_t offset)
{
    size_t low = 0;

    for (size_t high = steps->count; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (steps->items[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < steps->count && steps->items[low].offset == offset ? low : steps->count;
}

static void reach(struct walk *walk, size_t to, const struct state *state)
{
    if (to >= walk->steps.count || !join(&walk->states[to], state) || walk->waits[to])
        return;
    walk->waits[to] = true;
    walk->pending[walk->pending_count++] = to;
}

static void leave(struct walk *walk, const struct state *state, const struct hf_step *step)
{
    if (counts(union_of(state, UINT32_MAX)))
        leak(walk, step);
    check_stack_arguments(walk, state, step);
}

/* An indirect jump goes to a label or case of this code, or to another function with arguments. */
static void jump_indirectly(struct walk *walk, const struct state *before, const struct state *state,
                            const struct hf_step *step)
{
    unsigned to = look(walk, before, step);

    if (!(to & (JUMP | VALUE))) {
        if (counts(union_of(state, walk->steps.arguments[HF_STEPS_ALL])))
            leak(walk, step);
        check_stack_arguments(walk, state, step);
        return;
    }
    if (walk->question->landing_count == 0)
        leak(walk, step);
    for (size_t i = 0; i < walk->question->landing_count; i++)
        reach(walk, step_at(&walk->steps, walk->question->landings[i]), state);
}

static void visit(struct walk *walk, size_t index)
{
    const struct hf_step *step = &walk->steps.items[index];
    struct state state = walk->states[index];

    transfer(walk, &state, step);
    switch (step->kind) {
    case HF_STEP_JUMP:
    case HF_STEP_BRANCH:
        if (step->target == HF_STEP_OUTSIDE)
            leave(walk, &state, step);
        else
            reach(walk, step_at(&walk->steps, step->target), &state);
        if (step->kind == HF_STEP_BRANCH)
            reach(walk, index + 1, &state);
        break;
    case HF_STEP_INDIRECT:
        jump_indirectly(walk, &walk->states[index], &state, step);
        break;
    case HF_STEP_RETURN:
    case HF_STEP_STOP:
        break;
    default:
        reach(walk, index + 1, &state);
    }
}

/* Repeats whenever a slot may hold more than before, since reads of it may have been processed already. */
static void follow(struct walk *walk)
{
    do {
        const struct state begin = {.reached = true, .stack_known = true};
        walk->slots_grew = false;
        memset(walk->states, 0, walk->steps.count * sizeof(*walk->states));
        for (size_t i = 0; i < walk->question->entry_count; i++)
            reach(walk, step_at(&walk->steps, walk->question->entries[i]), &begin);
        while (walk->pending_count > 0 && walk->leak == HF_STEP_OUTSIDE) {
            size_t index = walk->pending[--walk->pending_count];
            walk->waits[index] = false;
            visit(walk, index);
        }
    } while (walk->slots_grew && walk->leak == HF_STEP_OUTSIDE);
}

/* Code that no known branch reaches: then it is not known how it is reached. */
static const struct hf_step *unreached(const struct walk *walk)
{
    for (size_t i = 0; i < walk->steps.count; i++)
        if (!walk->states[i].reached && !walk->steps.items[i].idle)
            return &walk->steps.items[i];
    return NULL;
}

static bool has_tagged_slot(const struct walk *walk)
{
    for (size_t i = 0; i < walk->slot_count; i++)
        if (counts(walk->slots[i].tags))
            return true;
    return false;
}

bool hf_leak_kept(const struct hf_arch_tools *arch, const struct hf_leak_question *question, uint64_t *at)
{
    struct walk *walk = calloc(1, sizeof(*walk));
    bool kept = false;

    *at = 0;
    if (!walk || !arch->steps || !arch->steps(question, &walk->steps)) {
        free(walk);
        return false;
    }
    walk->question = question;
    walk->leak = HF_STEP_OUTSIDE;
    walk->states = calloc(walk->steps.count + 1, sizeof(*walk->states));
    walk->pending = calloc(walk->steps.count + 1, sizeof(*walk->pending));
    walk->waits = calloc(walk->steps.count + 1, sizeof(*walk->waits));
    if (walk->states && walk->pending && walk->waits) {
        follow(walk);
        if (walk->leak == HF_STEP_OUTSIDE && unreached(walk))
            leak(walk, unreached(walk));
        /* Code that has the address of a stack slot may read the slot; so may the other parts of the function. */
        bool shared = has_tagged_slot(walk) && (walk->stack_taken || question->apart);
        kept = walk->leak == HF_STEP_OUTSIDE && !shared;
        *at = walk->leak == HF_STEP_OUTSIDE ? 0 : walk->leak;
    }
    free(walk->states);
    free(walk->pending);
    free(walk->waits);
    free(walk->steps.items);
    free(walk);
    return kept;
}

bool hf_leak_takes_own(const struct hf_arch_tools *arch, const struct hf_leak_question *question)
{
    struct hf_steps steps = {.count = 0};
    bool takes = false;

    if (!arch->steps || !arch->steps(question, &steps))
        return true;
    for (size_t i = 0; i < steps.count; i++)
        takes |= steps.items[i].takes_own;
    free(steps.items);
    return takes;
}
