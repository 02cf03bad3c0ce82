/* SPDX-License-Identifier: Apache-2.0 */
/* Were the picked functions compiled by the same compiler, of the same version and build? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/check.h"
#include "check/compiled/comment.h"
#include "check/compiled/unit.h"
#include "cleanup.h"
#include "error.h"

#define ADVICE_COMPILER "compile the patch with the compiler that made the target"
#define ADVICE_DEBUG    "compile with -g, or name the debug file"

/* Without debug information the .comment sections speak for all units at once, if each names one compiler only. */
static int compare_comments(const struct hf_comment *target, const struct hf_comment *patch,
                            struct hf_unit_finding *finding, struct hotfix_error *err)
{
    if (target->count != 1 || patch->count != 1)
        return hf_unit_find(
            finding, err, HF_UNPROVEN, ADVICE_DEBUG,
            "nothing tells which compiler made its translation unit (.comment of the target: '%s', of the patch: '%s')",
            target->text, patch->text);
    if (strcmp(target->text, patch->text) != 0)
        return hf_unit_find(finding, err, HF_INCOMPATIBLE, ADVICE_COMPILER,
                            "the target was compiled by '%s', the patch by '%s', as their .comment sections say",
                            target->text, patch->text);
    return hf_unit_find(finding, err, HF_COMPATIBLE, NULL, "both were compiled by '%s' alone, by .comment",
                        target->text);
}

/*
 * Is this string of .comment by the compiler of a producer? gcc calls itself "GNU C 12.2.0" there and
 * "GCC: (Debian 12.2.0-14) 12.2.0" here; clang's producer has its build in it.
 */
static bool by_gcc(const char *string, const char *producer)
{
    const char *version = strrchr(producer, ' ');
    size_t size = strlen(string), length = version ? strlen(version) : 0;

    return strncmp(producer, "GNU ", 4) == 0 && strncmp(string, "GCC: ", 5) == 0 && length > 0 && size > length &&
           strcmp(string + size - length, version) == 0;
}

/* The first string that both have, of those by this gcc; *named tells whether each has one. */
static const char *common_build(const struct hf_comment *target, const struct hf_comment *patch, const char *producer,
                                bool named[2])
{
    const char *common = NULL;

    named[0] = named[1] = false;
    for (size_t k = 0; k < patch->count; k++)
        named[1] |= by_gcc(patch->strings[k], producer);
    for (size_t i = 0; i < target->count; i++) {
        if (!by_gcc(target->strings[i], producer))
            continue;
        named[0] = true;
        for (size_t k = 0; k < patch->count; k++)
            if (!common && strcmp(target->strings[i], patch->strings[k]) == 0)
                common = target->strings[i];
    }
    return common;
}

static int compare_builds(const struct hf_comment *target, const struct hf_comment *patch, const char *compiler,
                          struct hf_unit_finding *finding, struct hotfix_error *err)
{
    bool named[2];
    const char *common = common_build(target, patch, compiler, named);

    if (!common && named[0] && named[1])
        return hf_unit_find(finding, err, HF_INCOMPATIBLE, ADVICE_COMPILER,
                            "both were compiled by '%s', but by different builds of it: '%s' in the target, '%s' in "
                            "the patch",
                            compiler, target->text, patch->text);
    return hf_unit_find(finding, err, HF_COMPATIBLE, NULL,
                        common ? "both were compiled by '%s', %s" : "both were compiled by '%s'%s", compiler,
                        common ? common : "");
}

static int compare(const struct hf_unit_pair *units, int kind, struct hf_unit_finding *finding,
                   struct hotfix_error *err)
{
    const char *old_compiler = units->target.compiler, *new_compiler = units->patch.compiler;
    HF_COMMENT struct hf_comment target = {0}, patch = {0};

    (void)kind;
    if (hf_comment_read(&units->subject->target->image, &target, err) != 0 ||
        hf_comment_read(&units->subject->patch->image, &patch, err) != 0)
        return -1;
    if (!*old_compiler || !*new_compiler)
        return compare_comments(&target, &patch, finding, err);
    if (strcmp(old_compiler, new_compiler) != 0)
        return hf_unit_find(finding, err, HF_INCOMPATIBLE, ADVICE_COMPILER,
                            "the target was compiled by '%s', the patch by '%s'", old_compiler, new_compiler);
    return compare_builds(&target, &patch, old_compiler, finding, err);
}

static int run(const struct hf_check_subject *subject, struct hf_findings *findings, struct hotfix_error *err)
{
    return hf_units_compare(subject, compare, 0, findings, err);
}

const struct hf_check hf_check_compiler = {"compiler", "compiler vendor, version and build of each unit concerned",
                                           HF_ACCEPT_UNPROVEN, run};
