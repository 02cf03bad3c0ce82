/* SPDX-License-Identifier: Apache-2.0 */
#include "live/checks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bundle.h"
#include "cleanup.h"
#include "digest.h"
#include "elf/dynamic.h"
#include "error.h"
#include "live/code.h"
#include "live/live.h"

const struct hf_check *const hf_live_checks[] = {
    &hf_check_loaded,
    &hf_check_code_bytes,
    &hf_check_diverted,
    &hf_check_busy,
};
const size_t hf_live_check_count = sizeof(hf_live_checks) / sizeof(hf_live_checks[0]);

/* The dynamic linker writes into the code of files with text relocations. */
static int has_text_relocations(const struct hf_check_subject *subject, bool *has, struct hotfix_error *err)
{
    struct hf_dynamic dynamic = {.text_relocations = false};

    if (subject->target && hf_dynamic_read(&subject->target->image, &dynamic, err) != 0)
        return -1;
    *has = dynamic.text_relocations;
    hf_dynamic_deinit(&dynamic);
    return 0;
}

static void note_code(const struct hf_pair *pair, const struct hf_live_function *function, bool relocated,
                      struct hf_findings *findings)
{
    if (function->known && function->differs == pair->old_function->size)
        return;
    if (function->known)
        hf_findings_add(findings, relocated ? HF_UNPROVEN : HF_INCOMPATIBLE, pair,
                        relocated ? NULL : "detach debuggers and tracers, and revert what else changed it",
                        "its code in memory is not that of the file: at offset %zu there is 0x%02x%s",
                        function->differs, function->byte,
                        relocated ? ", which the file's text relocations may have brought about" : "");
    else if (function->diverted)
        hf_findings_add(findings, HF_UNPROVEN, pair, "check target and patch instead of the bundle",
                        "it is diverted, and the bundle does not tell what the rest of its code must be");
    else
        hf_findings_add(findings, HF_INCOMPATIBLE, pair,
                        "detach debuggers and tracers, and revert what else changed it",
                        "its code in memory is not what the bundle was made for");
}

static int run_code_bytes(const struct hf_check_subject *subject, struct hf_findings *findings,
                          struct hotfix_error *err)
{
    const struct hf_live_module *module = hf_live_target(subject, findings);
    bool relocated;

    if (!module)
        return 0;
    if (has_text_relocations(subject, &relocated, err) != 0)
        return -1;
    for (size_t i = 0; i < subject->pair_count; i++) {
        struct hf_live_function function;
        if (hf_live_function_read(subject, module, i, &function, err) != 0)
            return -1;
        if (!function.same)
            note_code(&subject->pairs[i], &function, relocated, findings);
    }
    if (findings->count == 0)
        hf_findings_add(findings, HF_COMPATIBLE, NULL, NULL, "the code of %zu functions is what it must be",
                        subject->pair_count);
    return 0;
}

static void note_detour(const struct hf_check_subject *subject, const struct hf_pair *pair, uint64_t to,
                        struct hf_findings *findings)
{
    const struct hf_live_module *module = hf_live_module_at(subject->live, to);
    const struct hf_mapping *mapping = hf_mappings_find(&subject->live->mappings, to);
    char id[2 * HF_ID_SIZE + 1];

    if (!module || !module->stamped) {
        hf_findings_add(findings, HF_INCOMPATIBLE, pair, "revert what diverts it first",
                        "it is diverted, by no bundle: a jump at its entry leads to 0x%" PRIx64 " in %s", to,
                        mapping && *mapping->path ? mapping->path : "memory without a name");
        return;
    }
    hf_hex_encode(module->id, HF_ID_SIZE, id);
    if (subject->bundle && memcmp(subject->bundle->manifest.id, module->id, HF_ID_SIZE) == 0)
        hf_findings_add(findings, HF_INCOMPATIBLE, pair, "nothing is left to do",
                        "this very bundle is applied to it, version %s, id %s", module->version, id);
    else
        hf_findings_add(findings, HF_UNPROVEN, pair,
                        "accept it where the new bundle is meant to go on top of that one, else revert that one first",
                        "it is patched already: a detour leads to the bundle of version %s, id %s", module->version,
                        id);
}

static int run_diverted(const struct hf_check_subject *subject, struct hf_findings *findings, struct hotfix_error *err)
{
    const struct hf_live_module *module = hf_live_target(subject, findings);

    if (!module)
        return 0;
    for (size_t i = 0; i < subject->pair_count; i++) {
        struct hf_live_function function;
        if (hf_live_function_read(subject, module, i, &function, err) != 0)
            return -1;
        if (function.diverted)
            note_detour(subject, &subject->pairs[i], function.to, findings);
    }
    if (findings->count == 0)
        hf_findings_add(findings, HF_COMPATIBLE, NULL, NULL, "none of %zu functions is diverted", subject->pair_count);
    return 0;
}

const struct hf_check hf_check_code_bytes = {"code-bytes", "code of each picked function in the process's memory",
                                             HF_ACCEPT_UNPROVEN, run_code_bytes};
const struct hf_check hf_check_diverted = {"diverted", "functions that are patched or diverted already",
                                           HF_ACCEPT_UNPROVEN, run_diverted};
