/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the patch protected as well as what it replaces? By the flags where they are recorded, else by the code itself:
 * the GNU property note says nothing, since the linker drops it where one object, such as a distribution's crt1.o,
 * lacks it.
 */
#include <stdlib.h>
#include <string.h>

#include "check/check.h"
#include "check/compiled/unit.h"
#include "cleanup.h"
#include "error.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Flags of which one may do more than another: what each protects, as bits. */
static const struct {
    const char *flag;
    unsigned protects;
} strengths[] = {
    {"-fstack-protector", 0x1},       {"-fstack-protector-strong", 0x3}, {"-fstack-protector-all", 0x7},
    {"-fcf-protection=branch", 0x10}, {"-fcf-protection=return", 0x20},  {"-fcf-protection=full", 0x30},
    {"-fcf-protection", 0x30},
};

static unsigned strength(const char *flag)
{
    for (size_t i = 0; i < COUNT(strengths); i++)
        if (strcmp(strengths[i].flag, flag) == 0)
            return strengths[i].protects;
    return 0;
}

/* Does the patch have this flag, or one that does more? */
static bool covered(const struct hf_producer *patch, const char *flag)
{
    unsigned wanted = strength(flag);

    for (size_t i = 0; i < patch->flag_count; i++)
        if (strcmp(patch->flags[i], flag) == 0 || (wanted && (strength(patch->flags[i]) & wanted) == wanted))
            return true;
    return false;
}

/* One function of both sides: what its code shows. */
struct shown {
    bool pad;   /* begins with a landing pad for indirect branches */
    bool guard; /* checks a canary */
};

static bool look(const struct hf_arch_tools *tools, const struct hf_program *program,
                 const struct hf_function *function, struct shown *shown)
{
    const uint8_t *code = hf_image_bytes(&program->image, function->address, function->size);

    if (!code)
        return false;
    shown->pad = tools->lands(code, function->size);
    shown->guard = tools->guarded(code, function->size);
    return true;
}

static bool same_units(const struct hf_pair *a, const struct hf_pair *b)
{
    return a->old_function->unit == b->old_function->unit && a->new_function->unit == b->new_function->unit;
}

/* What the functions of one pair of units show, added up, and the first that lost its protection. */
struct tally {
    size_t pads[2]; /* target, patch */
    size_t guards[2];
    size_t count;
    const struct hf_pair *lost;
    const char *what; /* what it lost */
    bool unreadable;
};

static struct tally count_shown(const struct hf_unit_pair *units)
{
    const struct hf_check_subject *subject = units->subject;
    struct tally tally = {.count = 0};

    for (size_t i = 0; i < subject->pair_count; i++) {
        const struct hf_pair *pair = &subject->pairs[i];
        struct shown target, patch;
        if (!same_units(pair, units->pair))
            continue;
        if (!subject->tools || !look(subject->tools, subject->target, pair->old_function, &target) ||
            !look(subject->tools, subject->patch, pair->new_function, &patch)) {
            tally.unreadable = true;
            continue;
        }
        tally.count++;
        tally.pads[0] += target.pad;
        tally.pads[1] += patch.pad;
        tally.guards[0] += target.guard;
        tally.guards[1] += patch.guard;
        if (tally.lost || ((patch.pad || !target.pad) && (patch.guard || !target.guard)))
            continue;
        tally.lost = pair;
        tally.what = target.pad && !patch.pad ? "a landing pad for indirect branches" : "a check of its stack's canary";
    }
    return tally;
}

static char *describe(const struct tally *tally)
{
    char *text;

    return asprintf(
               &text,
               "of %zu functions the code of %zu begins with a landing pad in the target, of %zu in the patch, and "
               "that of %zu checks a canary in the target, of %zu in the patch",
               tally->count, tally->pads[0], tally->pads[1], tally->guards[0], tally->guards[1]) < 0
               ? NULL
               : text;
}

static int compare_code(const struct tally *tally, const char *shown, struct hf_unit_finding *finding,
                        struct hotfix_error *err)
{
    if (tally->unreadable)
        return hf_unit_find(finding, err, HF_UNPROVEN, "compile target and patch with -grecord-command-line",
                            "neither flags nor code tell how it is protected");
    if (tally->lost)
        return hf_unit_find(
            finding, err, HF_INCOMPATIBLE, "compile the patch with the target's -fcf-protection and -fstack-protector",
            "'%s' has %s in the target, and none in the patch", tally->lost->old_function->name, tally->what);
    return hf_unit_find(finding, err, HF_COMPATIBLE, NULL, "no flags are recorded, and no protection is lost: %s",
                        shown);
}

static int compare(const struct hf_unit_pair *units, int kind, struct hf_unit_finding *finding,
                   struct hotfix_error *err)
{
    const struct hf_producer *target = &units->target, *patch = &units->patch;
    struct tally tally = count_shown(units);
    HF_FREE char *shown = describe(&tally);
    HF_FREE char *all = hf_producer_class(target, HF_FLAG_HARDENING);
    HF_FREE char *theirs = hf_producer_class(patch, HF_FLAG_HARDENING);

    (void)kind;
    if (!shown || !all || !theirs)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (!target->has_flags || !patch->has_flags)
        return compare_code(&tally, shown, finding, err);

    for (size_t i = 0; i < target->flag_count; i++) {
        if (hf_flag_class(target->flags[i]) != HF_FLAG_HARDENING || covered(patch, target->flags[i]))
            continue;
        HF_FREE char *command = hf_producer_command(target);
        HF_FREE char *advice = NULL;
        if (!command || asprintf(&advice, "rebuild the patch with '%s'", command) < 0)
            return hf_error(err, HOTFIX_MEMORY, "out of memory");
        return hf_unit_find(finding, err, HF_INCOMPATIBLE, advice, "the target was compiled with %s, the patch %s%s",
                            all, *theirs ? "with less: " : "without", theirs);
    }
    return hf_unit_find(finding, err, HF_COMPATIBLE, NULL, "target: %s; patch: %s; %s", *all ? all : "no such flags",
                        *theirs ? theirs : "no such flags", shown);
}

static int run(const struct hf_check_subject *subject, struct hf_findings *findings, struct hotfix_error *err)
{
    return hf_units_compare(subject, compare, HF_FLAG_HARDENING, findings, err);
}

const struct hf_check hf_check_hardening = {"hardening", "protection of stack and control flow", HF_ACCEPT_UNPROVEN,
                                            run};
