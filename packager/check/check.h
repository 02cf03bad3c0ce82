/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compatibility checks: does this patch fit exactly this target?
 *
 * A check is a small unit with a stable id. It examines one subject (target, patch, picked functions) and adds
 * findings; its verdict is the worst of them: incompatible, then unproven, then compatible. Reports use only the
 * results, so a new check is one more file and one line in the table of check.c, and a new report format needs no
 * change to a check.
 */
#ifndef HF_CHECK_H
#define HF_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch.h"
#include "hotfix/error.h"
#include "manifest.h"
#include "program/pick.h"
#include "program/program.h"

struct hf_bundle;
struct hf_live;

/* What is checked: a patch against a target, against what a process has loaded, or both. */
struct hf_check_subject {
    const struct hf_program *target; /* NULL with a bundle, as is the patch */
    const struct hf_program *patch;
    const struct hf_image *host;    /* the program that loads the target, a module; NULL: not known */
    const struct hf_bundle *bundle; /* whose functions are the pairs, in their order; NULL: none */
    const struct hf_live *live;     /* NULL: none */
    const struct hf_pair *pairs;
    size_t pair_count;
    const struct hf_arch_tools *tools; /* of the target's machine; NULL when it is not supported */
};

/* A person's decision to accept findings of one check. Its texts belong to the caller, and must outlive the results. */
struct hf_waiver {
    const struct hf_check *check;
    const char *scope; /* fnmatch(3) pattern of function names; NULL: every finding, those about whole files too */
    const char *reason;
    int64_t expires; /* Unix seconds from which on it accepts nothing, or HF_TIME_NEVER */
};

/* One result of a check about one thing. */
struct hf_finding {
    enum hf_verdict verdict;
    const struct hf_pair *pair; /* the function concerned, one of the subject's; NULL: the files as a whole */
    char *evidence; /* one sentence without a full stop; begins with the function's name where there is one */
    char *advice;   /* what to do about it; NULL when there is nothing to say */
    char *detail;   /* lines that show it, each with its newline: two layouts side by side; NULL when there are none */
    const struct hf_waiver *waiver; /* the waiver that accepts it; NULL: it is not accepted, or need not be */
    bool notable;                   /* compatible, but reported to people nevertheless */
};

struct hf_findings {
    struct hf_finding *items;
    size_t count;
    bool failed; /* one could not be stored: out of memory */
};

/*
 * Adds a finding; the evidence is formatted as by printf(3), after "NAME (source file): " when there is a pair. advice
 * may be NULL.
 */
void hf_findings_add(struct hf_findings *findings, enum hf_verdict verdict, const struct hf_pair *pair,
                     const char *advice, const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Gives the last finding its detail, a copy. */
void hf_findings_detail(struct hf_findings *findings, const char *detail);
/* Makes the last one notable, if there is one. */
void hf_findings_mark(struct hf_findings *findings);
/* True when none is worse than compatible. */
bool hf_findings_clean(const struct hf_findings *findings);

/* Which verdicts of a check a person may accept, with a reason that is recorded. */
enum hf_acceptance {
    HF_ACCEPT_NEVER,    /* none */
    HF_ACCEPT_UNPROVEN, /* what could not be proved, but not what was disproved */
    HF_ACCEPT_ANY       /* also incompatible: the process stays sound, but the fix does not reach all of the code */
};

struct hf_check {
    const char *id;    /* stable: lower-case letters, digits and dashes */
    const char *title; /* what it compares, in a few words */
    enum hf_acceptance acceptance;
    /* Adds at least one finding, a compatible one when nothing is wrong. -1 only when the check could not be run. */
    int (*run)(const struct hf_check_subject *subject, struct hf_findings *findings, struct hotfix_error *err);
};

/* The checks of a patch against a target, in the order in which they run and are reported. */
extern const struct hf_check *const hf_checks[];
extern const size_t hf_check_count;
/* Likewise the checks against a running process, which follow them. */
extern const struct hf_check *const hf_live_checks[];
extern const size_t hf_live_check_count;

/* The check of this id among all; NULL when there is none. */
const struct hf_check *hf_check_find(const char *id);

/* True when its time has passed. */
bool hf_waiver_expired(const struct hf_waiver *waiver);
/* True when its scope names the finding's function, or it has none. */
bool hf_waiver_covers(const struct hf_waiver *waiver, const struct hf_finding *finding);

/*
 * The text of a waiver: "REASON (functions SCOPE, until TIME)", with the parts that it has. scope NULL or "": none.
 * malloc'ed; NULL when out of memory.
 */
char *hf_waiver_text(const char *scope, const char *reason, int64_t expires);

struct hf_check_result {
    const struct hf_check *check;
    enum hf_verdict verdict; /* the worst of its findings, accepted ones too */
    struct hf_findings findings;
};

/*
 * Runs the checks for which the subject has input: checks of a patch if there is a patch, checks of a process if there
 * is a process. Accepts what waivers accept. *results is malloc'ed, in the order of the tables, ends with one whose
 * check is NULL, and points to the waivers; free with hf_check_results_destroy().
 */
int hf_checks_run(const struct hf_check_subject *subject, const struct hf_waiver *waivers, size_t waiver_count,
                  struct hf_check_result **results, struct hotfix_error *err);
/* NULL is fine. */
void hf_check_results_destroy(struct hf_check_result *results);

/*
 * Gives each finding the waiver that accepts it: of this check, in force, of a scope that names its function, and
 * within what the check's acceptance allows. Of several the last one.
 */
void hf_check_accept(struct hf_check_result *result, const struct hf_waiver *waivers, size_t waiver_count);

/*
 * 0 when every finding is compatible or accepted, else HOTFIX_INCOMPATIBLE or HOTFIX_UNPROVEN with the first of the
 * worst that are not; HOTFIX_NEVER if the only fault is that the fix would have no effect in a running process.
 */
int hf_checks_judge(const struct hf_check_result *results, struct hotfix_error *err);

/* True when it is neither compatible nor accepted. */
bool hf_finding_refuses(const struct hf_finding *finding);
/* How many findings refuse. */
size_t hf_checks_refused(const struct hf_check_result *results);

/* True when the verdict is not compatible, and each finding that is not was accepted. */
bool hf_check_accepted(const struct hf_check_result *result);
/* The reasons for which findings are accepted, each once, "; " between them. malloc'ed; NULL when out of memory. */
char *hf_check_reasons(const struct hf_check_result *result);

/* The findings that made the verdict as one line, "; " between them. malloc'ed; NULL when out of memory. */
char *hf_check_evidence(const struct hf_check_result *result);

/* Does it compare flags that the compiler was given? */
bool hf_check_is_of_flags(const struct hf_check *check);

/* The checks; each is defined in the file of its name or a close one. */
extern const struct hf_check hf_check_machine;
extern const struct hf_check hf_check_build_id;
extern const struct hf_check hf_check_compiler;
extern const struct hf_check hf_check_abi_flags;
extern const struct hf_check hf_check_semantic_flags;
extern const struct hf_check hf_check_instruction_set;
extern const struct hf_check hf_check_optimisation;
extern const struct hf_check hf_check_hardening;
extern const struct hf_check hf_check_pic;
extern const struct hf_check hf_check_proof;
extern const struct hf_check hf_check_prototype;
extern const struct hf_check hf_check_layout;
extern const struct hf_check hf_check_inline;
extern const struct hf_check hf_check_clones;
extern const struct hf_check hf_check_callers;
extern const struct hf_check hf_check_alias;
extern const struct hf_check hf_check_entry;
extern const struct hf_check hf_check_variables;
extern const struct hf_check hf_check_symbols;
extern const struct hf_check hf_check_loading;
extern const struct hf_check hf_check_long_running;

#endif
