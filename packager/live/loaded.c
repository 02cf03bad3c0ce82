/* SPDX-License-Identifier: Apache-2.0 */
/* Has the process loaded the target's build, and that of each other module that the patch is bound to? */
#include <string.h>

#include "bundle.h"
#include "check/data/touched.h"
#include "check/name.h"
#include "digest.h"
#include "error.h"
#include "fixup.h"
#include "live/checks.h"
#include "live/code.h"
#include "live/live.h"

#define ID_TEXT_SIZE (2 * HF_BUILD_ID_MAX + 1)

static const char *build_text(const struct hf_build_id *id, char text[ID_TEXT_SIZE])
{
    hf_hex_encode(id->bytes, id->size, text);
    return id->size ? text : "none";
}

/* The loaded module that has the target's file name; NULL when there is none. */
static const struct hf_live_module *find_namesake(const struct hf_check_subject *subject)
{
    const char *name =
        subject->target ? hf_base_name(subject->target->image.path) : subject->bundle->manifest.target_name;

    for (size_t i = 0; i < subject->live->module_count; i++)
        if (strcmp(hf_base_name(subject->live->modules[i].path), name) == 0)
            return &subject->live->modules[i];
    return NULL;
}

static void check_target(const struct hf_check_subject *subject, struct hf_findings *findings)
{
    const struct hf_live *live = subject->live;
    const struct hf_build_id *id = hf_live_target_id(subject);
    const struct hf_live_module *namesake = find_namesake(subject);
    char wanted[ID_TEXT_SIZE], other[ID_TEXT_SIZE];
    size_t count;
    const struct hf_live_module *module = hf_live_module_find(live, id, &count);

    build_text(id, wanted);
    if (count == 1)
        hf_findings_add(findings, HF_COMPATIBLE, NULL, NULL, "process %d (%s) has build %s loaded: %s%s", live->pid,
                        live->name, wanted, module->path, module->deleted ? " (deleted since)" : "");
    else if (count > 1)
        hf_findings_add(findings, HF_INCOMPATIBLE, NULL, NULL,
                        "process %d (%s) has build %s loaded %zu times, and the loader does not choose", live->pid,
                        live->name, wanted, count);
    else if (namesake)
        hf_findings_add(findings, HF_INCOMPATIBLE, NULL, "make the patch for the build that runs, or restart it",
                        "process %d (%s) has another build of %s loaded: %s, not %s", live->pid, live->name,
                        namesake->path, build_text(&namesake->build_id, other), build_text(id, wanted));
    else
        hf_findings_add(findings, HF_INCOMPATIBLE, NULL, "see that it is the right process",
                        "process %d (%s) has not loaded the target, build %s", live->pid, live->name,
                        build_text(id, wanted));
}

static int read_fixups(const struct hf_check_subject *subject, struct hf_fixups *fixups, struct hotfix_error *err)
{
    if (subject->patch)
        return hf_touched_fixups(&subject->patch->image, fixups, err);

    const struct hf_bundle *bundle = subject->bundle;
    const struct hf_manifest *manifest = &bundle->manifest;
    *fixups = (struct hf_fixups){.modules = NULL};
    if (manifest->fixups_size == 0)
        return 0;
    if (manifest->fixups_offset > bundle->payload_size ||
        manifest->fixups_size > bundle->payload_size - manifest->fixups_offset)
        return hf_error(err, HOTFIX_FORMAT, "the fix-up table lies outside patch.so");
    return hf_fixups_parse(bundle->payload + manifest->fixups_offset, manifest->fixups_size, fixups, err);
}

/* The first module of a fix-up table is the target. */
static int run_loaded(const struct hf_check_subject *subject, struct hf_findings *findings, struct hotfix_error *err)
{
    struct hf_fixups fixups;

    check_target(subject, findings);
    if (read_fixups(subject, &fixups, err) != 0)
        return -1;
    for (size_t i = 1; i < fixups.module_count; i++) {
        char text[ID_TEXT_SIZE];
        size_t count;
        hf_live_module_find(subject->live, &fixups.modules[i], &count);
        if (count != 1)
            hf_findings_add(findings, HF_INCOMPATIBLE, NULL, "build the patch against the libraries that run",
                            "the patch is bound to a library of build %s, which the process has loaded %zu times",
                            build_text(&fixups.modules[i], text), count);
    }
    hf_fixups_deinit(&fixups);
    return 0;
}

const struct hf_check hf_check_loaded = {"loaded", "the builds that the process has loaded", HF_ACCEPT_NEVER,
                                         run_loaded};
