/* SPDX-License-Identifier: Apache-2.0 */
#include "check/compiled/unit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/compiled/switches.h"
#include "cleanup.h"
#include "error.h"
#include "patch/proven.h"

int hf_unit_find(struct hf_unit_finding *finding, struct hotfix_error *err, enum hf_verdict verdict, const char *advice,
                 const char *format, ...)
{
    va_list arguments;

    finding->verdict = verdict;
    va_start(arguments, format);
    if (vasprintf(&finding->text, format, arguments) < 0)
        finding->text = NULL;
    va_end(arguments);
    finding->advice = advice ? strdup(advice) : NULL;
    if (finding->text && (!advice || finding->advice))
        return 0;
    return hf_error(err, HOTFIX_MEMORY, "out of memory");
}

static void finding_deinit(struct hf_unit_finding *finding)
{
    free(finding->text);
    free(finding->advice);
}

/* Where the producer does not tell the flags, .GCC.command.line may. */
static int add_switches(const struct hf_program *program, const char *unit, struct hf_producer *producer,
                        struct hotfix_error *err)
{
    HF_FREE char *text = NULL;
    struct hf_producer recorded;

    if (hf_switches_read(&program->image, unit, &text, err) != 0)
        return -1;
    if (!*text)
        return 0;
    if (hf_producer_parse(text, &recorded, err) != 0)
        return -1;
    if (*producer->compiler || strncmp(recorded.compiler, "GNU ", 4) != 0) {
        /* What clang writes there begins with its path. */
        char *compiler = recorded.compiler;
        recorded.compiler = producer->compiler;
        producer->compiler = compiler;
    }
    hf_producer_deinit(producer);
    *producer = recorded;
    return 0;
}

static int read_producer(const struct hf_program *program, const struct hf_function *function,
                         struct hf_producer *producer, struct hotfix_error *err)
{
    const struct hf_unit *unit = function->unit;

    if (hf_producer_parse(unit && unit->producer ? unit->producer : "", producer, err) != 0)
        return -1;
    return producer->has_flags ? 0 : add_switches(program, unit ? unit->name : NULL, producer, err);
}

static int open_units(const struct hf_check_subject *subject, const struct hf_pair *pair, struct hf_unit_pair *units,
                      struct hotfix_error *err)
{
    *units = (struct hf_unit_pair){.subject = subject, .pair = pair};
    return read_producer(subject->target, pair->old_function, &units->target, err) == 0 &&
                   read_producer(subject->patch, pair->new_function, &units->patch, err) == 0
               ? 0
               : -1;
}

static void close_units(struct hf_unit_pair *units)
{
    hf_producer_deinit(&units->target);
    hf_producer_deinit(&units->patch);
}

static bool same_units(const struct hf_pair *a, const struct hf_pair *b)
{
    return a->old_function->unit == b->old_function->unit && a->new_function->unit == b->new_function->unit;
}

/* Does an earlier picked function come from the same two units? Then all is said. */
static bool seen(const struct hf_check_subject *subject, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (same_units(&subject->pairs[i], &subject->pairs[index]))
            return true;
    return false;
}

/* Notes what was found for every function of the two units that is not sound: each is accepted for itself. */
static void note(const struct hf_check_subject *subject, size_t first, const struct hf_unit_finding *finding,
                 struct hf_findings *findings)
{
    for (size_t i = first; i < subject->pair_count; i++) {
        bool other = i != first;
        if (other && (finding->verdict == HF_COMPATIBLE || !same_units(&subject->pairs[i], &subject->pairs[first])))
            continue;
        hf_findings_add(findings, finding->verdict, &subject->pairs[i], finding->advice, "%s", finding->text);
        if (finding->notable)
            hf_findings_mark(findings);
    }
}

/* What the proof says of the old object of these units: NULL unless it is about all of their picked functions. */
static const struct hf_proven_function *proof_of(const struct hf_unit_pair *units, const struct hf_proven *proven)
{
    const struct hf_check_subject *subject = units->subject;
    const struct hf_build_id *id = &subject->target->image.build_id;
    const struct hf_proven_function *first = NULL;

    if (id->size != proven->target.size || memcmp(id->bytes, proven->target.bytes, id->size) != 0)
        return NULL;
    for (size_t i = 0; i < subject->pair_count; i++) {
        const struct hf_function *function = subject->pairs[i].old_function;
        if (!same_units(&subject->pairs[i], units->pair))
            continue;
        const struct hf_proven_function *found = hf_proven_find(proven, function->address, function->size);
        if (!found || (first && strcmp(found->producer, first->producer) != 0))
            return NULL;
        if (!first || found->witnesses < first->witnesses)
            first = found;
    }
    return first;
}

/* Compares the patch with the old object in the target's place; replaces the finding when that settles it. */
static int stand_in(const struct hf_unit_pair *units, const struct hf_producer *old, hf_unit_compare_fn compare,
                    int kind, struct hf_unit_finding *finding, struct hotfix_error *err)
{
    struct hf_unit_pair other = *units;
    struct hf_unit_finding second = {.verdict = HF_UNPROVEN}, settled = {.notable = true};

    other.target = *old;
    int result = compare(&other, kind, &second, err);
    if (result == 0 && second.verdict == HF_COMPATIBLE) {
        result = hf_unit_find(&settled, err, HF_COMPATIBLE, NULL,
                              "settled by the old-object proof: the old object and the patch: %s (by the records of "
                              "the target: %s)",
                              second.text, finding->text);
        if (result == 0) {
            finding_deinit(finding);
            *finding = settled;
        }
    }
    finding_deinit(&second);
    return result;
}

static int settle_by_witnesses(const struct hf_proven_function *function, struct hf_unit_finding *finding,
                               struct hotfix_error *err)
{
    struct hf_unit_finding settled = {.notable = true};

    if (finding->verdict != HF_UNPROVEN || function->witnesses == 0)
        return 0;
    if (hf_unit_find(&settled, err, HF_COMPATIBLE, NULL,
                     "settled by the old-object proof: %u functions of its object are the same in the target, the old "
                     "and the new object (%s)",
                     function->witnesses, finding->text) != 0)
        return -1;
    finding_deinit(finding);
    *finding = settled;
    return 0;
}

static int settle(const struct hf_unit_pair *units, hf_unit_compare_fn compare, int kind,
                  struct hf_unit_finding *finding, struct hotfix_error *err)
{
    HF_PROVEN struct hf_proven proven = {.count = 0};
    struct hf_producer old;

    int read = hf_proven_read(&units->subject->patch->image, &proven, err);
    const struct hf_proven_function *function = read > 0 ? proof_of(units, &proven) : NULL;
    if (!function)
        return read < 0 ? -1 : 0;
    if (hf_producer_parse(function->producer, &old, err) != 0)
        return -1;
    int result = old.has_flags && units->patch.has_flags ? stand_in(units, &old, compare, kind, finding, err)
                                                         : settle_by_witnesses(function, finding, err);
    hf_producer_deinit(&old);
    return result;
}

static int compare_one(const struct hf_check_subject *subject, size_t index, hf_unit_compare_fn compare, int kind,
                       struct hf_findings *findings, struct hotfix_error *err)
{
    struct hf_unit_finding finding = {.verdict = HF_UNPROVEN};
    struct hf_unit_pair units;

    int result = open_units(subject, &subject->pairs[index], &units, err);
    if (result == 0)
        result = compare(&units, kind, &finding, err);
    if (result == 0 && finding.verdict != HF_COMPATIBLE)
        result = settle(&units, compare, kind, &finding, err);
    if (result == 0)
        note(subject, index, &finding, findings);
    finding_deinit(&finding);
    close_units(&units);
    return result;
}

int hf_units_compare(const struct hf_check_subject *subject, hf_unit_compare_fn compare, int kind,
                     struct hf_findings *findings, struct hotfix_error *err)
{
    for (size_t i = 0; i < subject->pair_count; i++)
        if (!seen(subject, i) && compare_one(subject, i, compare, kind, findings, err) != 0)
            return -1;
    return 0;
}
