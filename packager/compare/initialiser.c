/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/initialiser.h"

#include <stdlib.h>
#include <string.h>

#include "arch.h"
#include "cleanup.h"
#include "compare/compare.h"
#include "compare/excerpt.h"
#include "error.h"

#define ACQUIRE    "__cxa_guard_acquire"
#define RELEASE    "__cxa_guard_release"
#define ABORT      "__cxa_guard_abort"
#define MAX_COPIES 8   /* registers that an address goes through */
#define MAX_PLACES 128 /* on the stack, that one initialiser uses */
#define NEAR       64  /* bytes behind the begin of an object on the stack that count as its own */

static uint64_t end_of(const struct hf_initialiser *side, size_t step)
{
    return step + 1 < side->steps.count ? side->steps.items[step + 1].offset : side->function->size;
}

/* The first relocation of an instruction; NULL without. */
static const struct hf_reference *reference_at(const struct hf_initialiser *side, size_t step)
{
    const struct hf_part *part = side->function;
    size_t i = hf_excerpt_reference(part, side->steps.items[step].offset);

    return i < part->reference_count && part->references[i].offset < end_of(side, step) ? &part->references[i] : NULL;
}

static size_t step_at(const struct hf_initialiser *side, uint64_t offset)
{
    size_t low = 0, high = side->steps.count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (side->steps.items[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < side->steps.count && side->steps.items[low].offset == offset ? low : HF_INITIALISER_NONE;
}

static bool falls_through(const struct hf_step *step)
{
    return step->kind == HF_STEP_PLAIN || step->kind == HF_STEP_CALL || step->kind == HF_STEP_BRANCH;
}

/* Marks instructions between functions' pieces that nothing leads to: they only fill up. -1 when out of memory. */
static int find_padding(struct hf_initialiser *side)
{
    HF_FREE bool *targets = calloc(side->steps.count + 1, sizeof(*targets));

    side->padding = calloc(side->steps.count + 1, sizeof(*side->padding));
    if (!targets || !side->padding)
        return -1;
    for (size_t i = 0; i < side->steps.count; i++) {
        const struct hf_step *step = &side->steps.items[i];
        bool jumps = step->kind == HF_STEP_JUMP || step->kind == HF_STEP_BRANCH;
        size_t to = jumps && step->target != HF_STEP_OUTSIDE ? step_at(side, step->target) : HF_INITIALISER_NONE;
        if (to != HF_INITIALISER_NONE)
            targets[to] = true;
    }
    for (size_t i = 1; i < side->steps.count; i++)
        side->padding[i] = side->steps.items[i].idle && !targets[i] &&
                           (!falls_through(&side->steps.items[i - 1]) || side->padding[i - 1]);
    return 0;
}

/* Where a step may lead to, in the order that both sides have; how many. */
static size_t successors(const struct hf_initialiser *side, size_t step, size_t to[2])
{
    const struct hf_step *at = &side->steps.items[step];
    bool falls = falls_through(at) && !side->padding[step];
    bool jumps = at->kind == HF_STEP_JUMP || at->kind == HF_STEP_BRANCH;
    size_t count = 0, target = jumps && at->target != HF_STEP_OUTSIDE ? step_at(side, at->target) : HF_INITIALISER_NONE;

    if (falls && step + 1 < side->steps.count)
        to[count++] = step + 1;
    if (target != HF_INITIALISER_NONE)
        to[count++] = target;
    return count;
}

/* Who leads to each step, step by step. -1 when out of memory. */
static int find_origins(struct hf_initialiser *side)
{
    size_t count = side->steps.count, to[2];

    side->first_origin = calloc(count + 2, sizeof(*side->first_origin));
    side->origins = calloc(2 * count + 1, sizeof(*side->origins));
    if (!side->first_origin || !side->origins)
        return -1;
    for (size_t i = 0; i < count; i++)
        for (size_t k = successors(side, i, to); k-- > 0;)
            side->first_origin[to[k] + 2]++;
    for (size_t i = 2; i < count + 2; i++)
        side->first_origin[i] += side->first_origin[i - 1];
    for (size_t i = 0; i < count; i++)
        for (size_t k = successors(side, i, to); k-- > 0;)
            side->origins[side->first_origin[to[k] + 1]++] = i;
    return 0;
}

static bool calls(const struct hf_initialiser *side, size_t step, const char *name)
{
    const struct hf_reference *reference =
        side->steps.items[step].kind == HF_STEP_CALL ? reference_at(side, step) : NULL;

    return reference && strcmp(reference->name->text, name) == 0;
}

static bool same_target(const struct hf_reference *a, const struct hf_reference *b)
{
    return a->name == b->name && a->addend == b->addend && a->type == b->type;
}

static bool sets_register(const struct hf_initialiser *side, const struct hf_step *step, unsigned reg)
{
    uint32_t sets = step->kind == HF_STEP_CALL ? side->steps.clobbered : step->writes;

    return (sets & UINT32_C(1) << reg) != 0;
}

static const struct hf_reference *held(const struct hf_initialiser *side, size_t step, unsigned reg, unsigned depth);

/* The relocation of the address that an instruction puts into a register, itself or as a copy; NULL for others. */
static const struct hf_reference *set_to(const struct hf_initialiser *side, size_t step, unsigned depth)
{
    const struct hf_step *setter = &side->steps.items[step];
    const struct hf_reference *what = setter->kind == HF_STEP_PLAIN ? reference_at(side, step) : NULL;
    uint32_t others = 0;

    for (unsigned i = 0; i < setter->operand_count; i++)
        others |= setter->operands[i].read ? UINT32_C(1) << setter->operands[i].number : 0;
    bool single = others != 0 && (others & (others - 1)) == 0;
    if (what && !others)
        return what;
    if (!single || (!what && !setter->copies))
        return NULL;
    /* A copy; or the page of an address, of which the instruction adds the rest. */
    const struct hf_reference *source = held(side, step, (unsigned)__builtin_ctz(others), depth + 1);
    if (!what)
        return source;
    return source && source->name == what->name && source->addend == what->addend ? what : NULL;
}

/*
 * The relocation of the address that a register holds in front of a step: of the instructions that set it, on all ways
 * that lead there. NULL when it holds anything else, or something that is not known.
 */
static const struct hf_reference *held(const struct hf_initialiser *side, size_t step, unsigned reg, unsigned depth)
{
    size_t count = side->steps.count, waiting = 0;
    HF_FREE bool *met = calloc(count + 1, sizeof(*met));
    HF_FREE size_t *queue = calloc(count + 1, sizeof(*queue));
    const struct hf_reference *found = NULL;

    if (!met || !queue || depth > MAX_COPIES)
        return NULL;
    queue[waiting++] = step;
    while (waiting > 0) {
        size_t at = queue[--waiting];
        if (side->first_origin[at] == side->first_origin[at + 1])
            return NULL;
        for (size_t i = side->first_origin[at]; i < side->first_origin[at + 1]; i++) {
            size_t from = side->origins[i];
            const struct hf_step *setter = &side->steps.items[from];
            if (met[from])
                continue;
            met[from] = true;
            if (!sets_register(side, setter, reg)) {
                queue[waiting++] = from;
                continue;
            }
            const struct hf_reference *what = set_to(side, from, depth);
            if (!what || (found && !same_target(found, what)))
                return NULL;
            found = what;
        }
    }
    return found;
}

/* Does a call get the address of the guard? *known becomes false where that cannot be told. */
static bool of_guard(const struct hf_initialiser *side, size_t call, bool *known)
{
    const struct hf_reference *what = held(side, call, (unsigned)__builtin_ctz(side->steps.arguments[1]), 0);
    int64_t offset;

    if (!what)
        *known = false;
    return what && hf_reference_part(what, &offset) == side->guard;
}

static bool names_guard(const struct hf_initialiser *side, size_t step)
{
    const struct hf_reference *reference = reference_at(side, step);
    int64_t offset;

    return reference && hf_reference_part(reference, &offset) == side->guard;
}

/* Marks what the code from a step on reaches, up to `stop`; the steps of ends[] are the last ones of their ways. */
static void reach(const struct hf_initialiser *side, size_t first, size_t stop, const bool *ends, bool *reached)
{
    HF_FREE size_t *queue = calloc(2 * side->steps.count + 2, sizeof(*queue));
    size_t waiting = 0;

    if (!queue || first == stop)
        return;
    queue[waiting++] = first;
    reached[first] = true;
    while (waiting > 0) {
        size_t at = queue[--waiting], to[2];
        size_t count = ends && ends[at] ? 0 : successors(side, at, to);
        for (size_t i = 0; i < count; i++) {
            if (to[i] == stop || reached[to[i]])
                continue;
            reached[to[i]] = true;
            queue[waiting++] = to[i];
        }
    }
}

/* Leaves of the reached steps those from which an end is reached. */
static void keep_leading(const struct hf_initialiser *side, const bool *ends, bool *reached)
{
    HF_FREE bool *leads = calloc(side->steps.count + 1, sizeof(*leads));

    for (bool more = leads != NULL; more;) {
        more = false;
        for (size_t i = side->steps.count; i-- > 0;) {
            size_t to[2], count = reached[i] && !leads[i] && !ends[i] ? successors(side, i, to) : 0;
            bool good = reached[i] && !leads[i] && ends[i];
            for (size_t k = 0; k < count; k++)
                good |= leads[to[k]] && reached[to[k]];
            leads[i] |= good;
            more |= good;
        }
    }
    for (size_t i = 0; i < side->steps.count; i++)
        reached[i] = reached[i] && leads && leads[i];
}

static struct hf_initialiser_place *add_place(struct hf_initialiser *side, size_t begin, size_t first, size_t stop)
{
    struct hf_initialiser_place *grown = reallocarray(side->places, side->place_count + 1, sizeof(*grown));

    if (!grown)
        return NULL;
    side->places = grown;
    grown[side->place_count] = (struct hf_initialiser_place){
        .begin = begin, .first = first, .stop = stop, .inside = calloc(side->steps.count + 1, sizeof(bool))};
    return grown[side->place_count].inside ? &grown[side->place_count++] : NULL;
}

/* From a call that acquires the guard to those that release it. 1 when there is such a call. */
static int find_acquired(struct hf_initialiser *side)
{
    HF_FREE bool *ends = calloc(side->steps.count + 1, sizeof(*ends));
    bool any = false, known = true;

    if (!ends)
        return -1;
    for (size_t i = 0; i < side->steps.count; i++)
        ends[i] = (calls(side, i, ACQUIRE) || calls(side, i, RELEASE)) && of_guard(side, i, &known);
    for (size_t i = 0; i + 1 < side->steps.count; i++) {
        if (!ends[i] || !calls(side, i, ACQUIRE))
            continue;
        struct hf_initialiser_place *place = add_place(side, i, i + 1, HF_INITIALISER_NONE);
        if (!place)
            return -1;
        any = true;
        reach(side, place->first, place->stop, ends, place->inside);
    }
    for (size_t i = 0; i < side->steps.count; i++)
        ends[i] = ends[i] && calls(side, i, RELEASE);
    for (size_t i = 0; i < side->place_count; i++)
        keep_leading(side, ends, side->places[i].inside);
    side->known = known;
    return any || !known;
}

/* The branch that a test of the guard ends in. */
static size_t branch_behind(const struct hf_initialiser *side, size_t step)
{
    while (step < side->steps.count && side->steps.items[step].kind == HF_STEP_PLAIN)
        step++;
    return step < side->steps.count && side->steps.items[step].kind == HF_STEP_BRANCH ? step : HF_INITIALISER_NONE;
}

/* Is the guard named for a call alone that gives the initialisation up? */
static bool only_aborts(const struct hf_initialiser *side, size_t step)
{
    while (step < side->steps.count && side->steps.items[step].kind == HF_STEP_PLAIN)
        step++;
    return step < side->steps.count && calls(side, step, ABORT);
}

static bool reaches_guard(const struct hf_initialiser *side, size_t first, size_t stop, bool *reached)
{
    bool names = false;

    reach(side, first, stop, NULL, reached);
    for (size_t i = 0; i < side->steps.count; i++)
        names |= reached[i] && names_guard(side, i);
    return names;
}

/* Who has a destructor registers it last: compilers may write what follows twice, and it need not be the same. */
static int end_at_destructor(const struct hf_initialiser *side, struct hf_initialiser_place *place)
{
    HF_FREE bool *ends = calloc(side->steps.count + 1, sizeof(*ends));
    bool any = false;

    if (!ends)
        return -1;
    for (size_t i = 0; i < side->steps.count; i++) {
        ends[i] = place->inside[i] && (calls(side, i, "__cxa_thread_atexit") || calls(side, i, "__cxa_atexit"));
        any |= ends[i];
        ends[i] |= place->inside[i] && names_guard(side, i);
    }
    if (any)
        keep_leading(side, ends, place->inside);
    return 0;
}

/*
 * Without calls: a thread has its own guard, and -fno-threadsafe-statics does without. From the branch on the guard up
 * to where both ways meet.
 */
static int find_branches(struct hf_initialiser *side)
{
    side->known = true;
    for (size_t i = 0; i < side->steps.count; i++) {
        size_t branch = branch_behind(side, i), to[2];
        bool inside = !names_guard(side, i) || only_aborts(side, i);
        for (size_t k = 0; k < side->place_count; k++)
            inside |= side->places[k].inside[i] || side->places[k].begin == branch;
        if (inside)
            continue;
        if (branch == HF_INITIALISER_NONE || successors(side, branch, to) != 2) {
            side->known = false;
            continue;
        }
        HF_FREE bool *scratch = calloc(side->steps.count + 1, sizeof(*scratch));
        bool second = scratch && reaches_guard(side, to[1], to[0], scratch);
        struct hf_initialiser_place *place =
            scratch ? add_place(side, branch, second ? to[1] : to[0], second ? to[0] : to[1]) : NULL;
        if (!place)
            return -1;
        if (!reaches_guard(side, place->first, place->stop, place->inside))
            side->known = false;
        if (end_at_destructor(side, place) != 0)
            return -1;
    }
    return 0;
}

int hf_initialiser_open(const struct hf_part *function, const struct hf_part *guard,
                        struct hf_initialiser **initialiser, struct hotfix_error *err)
{
    const struct hf_arch_tools *arch = hf_arch_tools_find(function->object->machine);
    struct hf_initialiser *side = calloc(1, sizeof(*side));
    HF_FREE struct hf_named_field *fields = calloc(function->reference_count + 1, sizeof(*fields));

    *initialiser = side;
    if (!side || !fields)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    side->function = function;
    side->guard = guard;
    for (size_t i = 0; i < function->reference_count; i++)
        fields[i] = (struct hf_named_field){.offset = function->references[i].offset, .arguments = HF_NAMED_UNKNOWN};
    const struct hf_leak_question question = {
        .code = function->bytes, .size = function->size, .fields = fields, .field_count = function->reference_count};
    if (!arch || !arch->steps || !arch->steps(&question, &side->steps))
        return 0;
    if (find_padding(side) != 0 || find_origins(side) != 0)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    for (size_t i = 0; i < side->steps.count; i++)
        side->frame |= side->steps.items[i].sets_frame ? side->steps.items[i].writes : 0;
    int acquired = find_acquired(side);
    if (acquired < 0 || (acquired == 0 && find_branches(side) != 0))
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    return 0;
}

void hf_initialiser_close(struct hf_initialiser *initialiser)
{
    if (!initialiser)
        return;
    for (size_t i = 0; i < initialiser->place_count; i++)
        free(initialiser->places[i].inside);
    free(initialiser->places);
    free(initialiser->first_origin);
    free(initialiser->origins);
    free(initialiser->padding);
    free(initialiser->steps.items);
    free(initialiser);
}

/* A place on the stack, on both sides. */
struct spot {
    int64_t before;
    int64_t after;
    bool frame;
    bool object; /* its address was computed: something may be there from now on */
    bool set;
};

#define REGISTERS 32

/* A pair of steps that is still to be compared, and what was set on the way there. */
struct pair {
    size_t before;
    size_t after;
    uint8_t holds[REGISTERS]; /* by old register: 1 + the new one with the same value, 0: not set yet, LOST */
    bool other_set;
};

#define LOST 255 /* nothing on the other side is known to be the same */

struct comparison {
    const struct hf_initialiser *before;
    const struct hf_initialiser *after;
    const struct hf_initialiser_place *old;
    const struct hf_initialiser_place *new;
    size_t *partners; /* by step of the old side: 1 + that of the new one; 0: not met yet */
    struct pair *pairs;
    size_t pair_count;
    struct spot spots[MAX_PLACES];
    size_t spot_count;
};

static bool same_references(const struct comparison *comparison, size_t before, size_t after)
{
    const struct hf_part *left = comparison->before->function, *right = comparison->after->function;
    uint64_t left_begin = comparison->before->steps.items[before].offset;
    uint64_t right_begin = comparison->after->steps.items[after].offset;
    uint64_t left_end = end_of(comparison->before, before), right_end = end_of(comparison->after, after);
    size_t i = hf_excerpt_reference(left, left_begin), k = hf_excerpt_reference(right, right_begin);

    for (;; i++, k++) {
        bool left_ends = i == left->reference_count || left->references[i].offset >= left_end;
        bool right_ends = k == right->reference_count || right->references[k].offset >= right_end;
        if (left_ends || right_ends)
            return left_ends && right_ends;
        struct hf_reference old = left->references[i], new = right->references[k];
        old.offset -= left_begin;
        new.offset -= right_begin;
        if (!hf_compare_reference(&old, &new))
            return false;
    }
}

/* A register that was set before the initialiser began must hold the address of the same thing. */
static bool same_before(const struct comparison *comparison, unsigned old, unsigned new)
{
    const struct hf_reference *left = held(comparison->before, comparison->old->begin, old, 0);
    const struct hf_reference *right = held(comparison->after, comparison->new->begin, new, 0);

    if (!left || !right)
        return false;
    struct hf_reference before = *left, after = *right;
    before.offset = after.offset = 0;
    return hf_compare_reference(&before, &after);
}

static bool same_value(const struct comparison *comparison, const struct pair *pair, unsigned old, unsigned new)
{
    if (comparison->before->frame & UINT32_C(1) << old)
        return comparison->before->frame == comparison->after->frame && old == new;
    return pair->holds[old] ? pair->holds[old] == new + 1 : same_before(comparison, old, new);
}

/* From now on the new register has what the old one has, and what other ones had is gone. */
static void set(struct pair *pair, unsigned old, unsigned new)
{
    for (unsigned i = 0; i < REGISTERS; i++)
        if (pair->holds[i] == new + 1)
            pair->holds[i] = LOST;
    pair->holds[old] = (uint8_t)(new + 1);
}

/* A call takes its arguments in the same registers, and returns in the same ones; others hold nothing any more. */
static bool same_call(const struct comparison *comparison, struct pair *pair)
{
    const struct hf_steps *steps = &comparison->after->steps;

    for (unsigned i = 0; i < REGISTERS; i++)
        if ((steps->arguments[HF_STEPS_ALL] & UINT32_C(1) << i) && pair->holds[i] && pair->holds[i] != LOST &&
            pair->holds[i] != i + 1)
            return false;
    for (unsigned i = 0; i < REGISTERS; i++)
        if (steps->clobbered & UINT32_C(1) << i)
            set(pair, i, i);
    for (unsigned i = 0; i < REGISTERS; i++)
        if ((steps->clobbered & ~steps->wide_result) & UINT32_C(1) << i)
            pair->holds[i] = LOST;
    return true;
}

/* Do two steps use the same values, wherever they are? Notes what they set. */
static bool same_operands(const struct comparison *comparison, struct pair *pair)
{
    const struct hf_step *before = &comparison->before->steps.items[pair->before];
    const struct hf_step *after = &comparison->after->steps.items[pair->after];
    uint32_t implied = after->reads | after->address, written = after->writes;

    if (before->operand_count != after->operand_count)
        return false;
    for (unsigned i = 0; i < after->operand_count; i++) {
        const struct hf_step_operand *old = &before->operands[i], *new = &after->operands[i];
        if (old->read != new->read || old->written != new->written ||
            (new->read && !same_value(comparison, pair, old->number, new->number)))
            return false;
        implied &= ~(UINT32_C(1) << new->number);
        written &= ~(UINT32_C(1) << new->number);
    }
    for (unsigned i = 0; i < REGISTERS; i++)
        if ((implied & UINT32_C(1) << i) && !same_value(comparison, pair, i, i))
            return false;
    if (after->kind == HF_STEP_CALL)
        return same_call(comparison, pair);
    for (unsigned i = 0; i < after->operand_count; i++)
        if (after->operands[i].written)
            set(pair, before->operands[i].number, after->operands[i].number);
    for (unsigned i = 0; i < REGISTERS; i++)
        if (written & UINT32_C(1) << i)
            set(pair, i, i);
    return true;
}

static struct spot *find_spot(struct comparison *comparison, const struct hf_step *before, const struct hf_step *after)
{
    for (size_t i = 0; i < comparison->spot_count; i++) {
        struct spot *spot = &comparison->spots[i];
        if (spot->frame != before->frame_place || (spot->before != before->place && spot->after != after->place))
            continue;
        return spot->before == before->place && spot->after == after->place ? spot : NULL;
    }
    if (comparison->spot_count == MAX_PLACES)
        return NULL;
    struct spot *spot = &comparison->spots[comparison->spot_count++];
    *spot = (struct spot){.before = before->place, .after = after->place, .frame = before->frame_place};
    return spot;
}

static bool is_within_object(const struct comparison *comparison, const struct spot *spot)
{
    for (size_t i = 0; i < comparison->spot_count; i++) {
        const struct spot *object = &comparison->spots[i];
        if (object->object && object->frame == spot->frame && spot->before >= object->before &&
            spot->before - object->before < NEAR && spot->before - object->before == spot->after - object->after)
            return true;
    }
    return false;
}

/* What is read from the stack must have been put there by the initialiser itself. */
static bool same_place(struct comparison *comparison, const struct hf_step *before, const struct hf_step *after)
{
    bool frame = comparison->before->frame && comparison->after->frame;

    if (!before->has_place)
        return true;
    if (before->frame_place && !frame)
        return before->place == after->place && !comparison->before->frame && !comparison->after->frame;
    struct spot *spot = find_spot(comparison, before, after);
    if (!spot || (before->loads && !spot->set && !is_within_object(comparison, spot)))
        return false;
    spot->set |= before->stores;
    spot->object |= !before->loads && !before->stores;
    return true;
}

/* Branches on opposite conditions: where one goes on, the other one jumps. */
static bool is_inverse(const struct hf_step *before, const struct hf_step *after)
{
    return before->inverse && before->inverse == after->shape;
}

static bool same_step(struct comparison *comparison, struct pair *pair)
{
    const struct hf_step *before = &comparison->before->steps.items[pair->before];
    const struct hf_step *after = &comparison->after->steps.items[pair->after];

    if ((before->shape != after->shape && !is_inverse(before, after)) || before->kind != after->kind ||
        before->has_place != after->has_place || before->frame_place != after->frame_place ||
        after->kind == HF_STEP_INDIRECT || !same_references(comparison, pair->before, pair->after) ||
        !same_place(comparison, before, after) || (after->reads_other && !pair->other_set) ||
        !same_operands(comparison, pair))
        return false;
    pair->other_set |= after->writes_other || after->kind == HF_STEP_CALL;
    return true;
}

/* Adds what two equal steps lead to: both sides must stay inside, or leave, together. */
static bool follow(struct comparison *comparison, const struct pair *pair)
{
    size_t old[2], new[2], count = successors(comparison->before, pair->before, old);
    bool turned =
        is_inverse(&comparison->before->steps.items[pair->before], &comparison->after->steps.items[pair->after]);

    if (successors(comparison->after, pair->after, new) != count || (turned && count != 2))
        return false;
    if (turned) {
        size_t first = new[0];
        new[0] = new[1];
        new[1] = first;
    }
    for (size_t i = 0; i < count; i++) {
        bool inside = comparison->old->inside[old[i]];
        if (inside != comparison->new->inside[new[i]])
            return false;
        size_t partner = comparison->partners[old[i]];
        if (!inside || partner == new[i] + 1)
            continue;
        if (partner)
            return false;
        comparison->partners[old[i]] = new[i] + 1;
        comparison->pairs[comparison->pair_count] = *pair;
        comparison->pairs[comparison->pair_count].before = old[i];
        comparison->pairs[comparison->pair_count++].after = new[i];
    }
    return true;
}

static bool is_release(const struct hf_initialiser *side, const struct hf_initialiser_place *place, size_t step)
{
    bool known = true;

    return place->stop == HF_INITIALISER_NONE && calls(side, step, RELEASE) && of_guard(side, step, &known);
}

static bool compare(struct comparison *comparison)
{
    while (comparison->pair_count > 0) {
        struct pair pair = comparison->pairs[--comparison->pair_count];
        bool released = is_release(comparison->before, comparison->old, pair.before);
        if (released != is_release(comparison->after, comparison->new, pair.after))
            return false;
        if (!released && (!same_step(comparison, &pair) || !follow(comparison, &pair)))
            return false;
    }
    return true;
}

bool hf_initialiser_same(const struct hf_initialiser *before, size_t old, const struct hf_initialiser *after,
                         size_t new)
{
    struct comparison comparison = {
        .before = before, .after = after, .old = &before->places[old], .new = &after->places[new]};
    size_t left = comparison.old->first, right = comparison.new->first;
    bool acquires = comparison.old->stop == HF_INITIALISER_NONE;
    HF_FREE size_t *partners = calloc(before->steps.count + 1, sizeof(*partners));
    HF_FREE struct pair *pairs = calloc(before->steps.count + 1, sizeof(*pairs));

    if (!partners || !pairs || !comparison.old->inside[left] || !comparison.new->inside[right] ||
        acquires != (comparison.new->stop == HF_INITIALISER_NONE))
        return false;
    comparison.partners = partners;
    comparison.pairs = pairs;
    partners[left] = right + 1;
    pairs[comparison.pair_count++] = (struct pair){.before = left, .after = right, .other_set = acquires};
    return (!acquires || same_call(&comparison, pairs)) && compare(&comparison);
}
