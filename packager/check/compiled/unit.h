/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparing how the two translation units of a picked function were compiled. Compared unit by unit, each pair of units
 * once: a program's units may well differ among themselves, and only those of the picked functions count.
 */
#ifndef HF_UNIT_H
#define HF_UNIT_H

#include "check/check.h"
#include "check/compiled/producer.h"

/* How a pair's units were compiled; has_flags also where .GCC.command.line tells the flags. */
struct hf_unit_pair {
    const struct hf_check_subject *subject;
    const struct hf_pair *pair;
    struct hf_producer target;
    struct hf_producer patch;
};

/* What comparing them gave. */
struct hf_unit_finding {
    enum hf_verdict verdict;
    char *text;
    char *advice; /* NULL: none */
    bool notable; /* see struct hf_finding */
};

/* Sets a finding; advice may be NULL. HOTFIX_MEMORY. */
int hf_unit_find(struct hf_unit_finding *finding, struct hotfix_error *err, enum hf_verdict verdict, const char *advice,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));

typedef int (*hf_unit_compare_fn)(const struct hf_unit_pair *units, int kind, struct hf_unit_finding *finding,
                                  struct hotfix_error *err);

/*
 * Calls `compare` with `kind` for each pair of units and notes what it finds: once where it is compatible, else for
 * each picked function of theirs, since waivers accept function by function.
 *
 * Where the patch carries the proof that the target's functions are those of old objects, what is not compatible is
 * settled when the old object was compiled like the patch; and, where no flags are recorded, when other functions of
 * the object are the same in the target, in the old object and in the new one.
 */
int hf_units_compare(const struct hf_check_subject *subject, hf_unit_compare_fn compare, int kind,
                     struct hf_findings *findings, struct hotfix_error *err);

#endif
