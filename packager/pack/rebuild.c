/* SPDX-License-Identifier: Apache-2.0 */
#include "pack/rebuild.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "pack/compose.h"
#include "pack/seal.h"

/* What the manifest makes of the inputs. */
struct rebuild {
    const struct hf_manifest *sealed;
    char **picks;
    struct hf_waiver *waivers;
    struct hf_check_result *results;
    struct hf_manifest manifest;
};

static int out_of_memory(struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_MEMORY, "out of memory");
}

/* By name and place: a name may be that of functions of several units. */
static int pick_functions(struct rebuild *rebuild, struct hf_inputs *inputs, struct hotfix_error *err)
{
    const struct hf_manifest *sealed = rebuild->sealed;

    rebuild->picks = calloc(sealed->function_count + 1, sizeof(*rebuild->picks));
    if (!rebuild->picks)
        return out_of_memory(err);
    for (size_t i = 0; i < sealed->function_count; i++) {
        const struct hf_manifest_function *function = &sealed->functions[i];
        if (asprintf(&rebuild->picks[i], "%s@%#" PRIx64, function->name, function->offset) < 0) {
            rebuild->picks[i] = NULL;
            return out_of_memory(err);
        }
        if (hf_inputs_pick(inputs, HF_PICK_PLACE, rebuild->picks[i], err) != 0)
            return -1;
    }
    return 0;
}

static int take_waivers(struct rebuild *rebuild, struct hotfix_error *err)
{
    const struct hf_manifest *sealed = rebuild->sealed;

    rebuild->waivers = calloc(sealed->waiver_count + 1, sizeof(*rebuild->waivers));
    if (!rebuild->waivers)
        return out_of_memory(err);
    for (size_t i = 0; i < sealed->waiver_count; i++) {
        const struct hf_manifest_waiver *waiver = &sealed->waivers[i];
        rebuild->waivers[i] = (struct hf_waiver){.check = hf_check_find(waiver->check),
                                                 .scope = *waiver->scope ? waiver->scope : NULL,
                                                 .reason = waiver->reason,
                                                 .expires = waiver->expires};
        if (!rebuild->waivers[i].check)
            return hf_error(err, HOTFIX_FORMAT,
                            "the bundle has a waiver from a check '%s', which this version of "
                            "hotfix does not have",
                            waiver->check);
    }
    return 0;
}

static int copy_identity(struct rebuild *rebuild, struct hotfix_error *err)
{
    const struct hf_manifest *sealed = rebuild->sealed;
    struct hf_manifest *manifest = &rebuild->manifest;

    strcpy(manifest->name, sealed->name);
    strcpy(manifest->version, sealed->version);
    manifest->created = sealed->created;
    manifest->expires = sealed->expires;
    manifest->sequence = sealed->sequence;
    manifest->quiescent = sealed->quiescent;
    manifest->advisory = strdup(sealed->advisory);
    manifest->description = strdup(sealed->description);
    manifest->supersedes.items = calloc(sealed->supersedes.count + 1, HF_ID_SIZE);
    if (!manifest->advisory || !manifest->description || !manifest->supersedes.items)
        return out_of_memory(err);
    manifest->supersedes.count = sealed->supersedes.count;
    if (sealed->supersedes.count)
        memcpy(manifest->supersedes.items, sealed->supersedes.items, sealed->supersedes.count * HF_ID_SIZE);
    return 0;
}

static int pack(struct rebuild *rebuild, struct hf_inputs *inputs, uint8_t **file, size_t *size,
                struct hotfix_error *err)
{
    HF_FREE uint8_t *patch = NULL;
    size_t patch_size;
    struct hf_check_subject subject;

    if (pick_functions(rebuild, inputs, err) != 0 || take_waivers(rebuild, err) != 0 ||
        copy_identity(rebuild, err) != 0 || hf_inputs_open(inputs, &subject, err) != 0 ||
        hf_checks_run(&subject, rebuild->waivers, rebuild->sealed->waiver_count, &rebuild->results, err) != 0 ||
        hf_checks_judge(rebuild->results, err) != 0 ||
        hf_compose(&subject, rebuild->results, &rebuild->manifest, err) != 0 ||
        hf_compose_payload(&subject, &patch, &patch_size, err) != 0)
        return -1;
    return hf_seal(&rebuild->manifest, &patch, patch_size, NULL, &inputs->target->image, file, size, err);
}

/* Where two texts or files differ first, in bytes; their size when they do not. */
static size_t first_difference(const void *a, size_t a_size, const void *b, size_t b_size)
{
    const uint8_t *first = a, *second = b;
    size_t at = 0;

    while (at < a_size && at < b_size && first[at] == second[at])
        at++;
    return at;
}

static int line_size(const char *line)
{
    return (int)strcspn(line, "\n");
}

/* id, soname and digest follow from everything else, so what comes first in the file tells least. */
static bool follows(const char *line)
{
    return strncmp(line, "id = ", 5) == 0 || strncmp(line, "soname = ", 9) == 0 || strncmp(line, "sha256 = ", 9) == 0;
}

static int tell_line(const char *sealed, const char *rebuilt, struct hotfix_error *err)
{
    for (unsigned line = 1; *sealed && *rebuilt; line++) {
        int size = line_size(sealed), other = line_size(rebuilt);
        if ((size != other || strncmp(sealed, rebuilt, (size_t)size) != 0) && !(follows(sealed) && follows(rebuilt)))
            return hf_error(err, HOTFIX_INCOMPATIBLE, "manifest.ini line %u is '%.*s', packed again '%.*s'", line, size,
                            sealed, other, rebuilt);
        sealed += size + (sealed[size] != '\0');
        rebuilt += other + (rebuilt[other] != '\0');
    }
    return 0;
}

static int tell_difference(const struct hf_bundle *bundle, const struct hf_bundle *again, struct hotfix_error *err)
{
    HF_FREE char *sealed = NULL;
    HF_FREE char *rebuilt = NULL;
    size_t sealed_size, rebuilt_size;

    if (hf_manifest_format(&bundle->manifest, &sealed, &sealed_size, err) != 0 ||
        hf_manifest_format(&again->manifest, &rebuilt, &rebuilt_size, err) != 0 || tell_line(sealed, rebuilt, err) != 0)
        return -1;
    size_t at = first_difference(bundle->payload, bundle->payload_size, again->payload, again->payload_size);
    return hf_error(err, HOTFIX_INCOMPATIBLE, "patch.so differs from the one packed again, first at byte %#zx", at);
}

static int compare(const struct hf_bundle *bundle, const void *archive, size_t archive_size, const void *file,
                   size_t size, struct hotfix_error *err)
{
    struct hf_signed parts;
    struct hf_bundle again;

    if (hf_signed_parse(file, size, &parts, err) != 0)
        return -1;
    if (parts.archive_size == archive_size && memcmp(parts.archive, archive, archive_size) == 0)
        return 0;
    if (hf_archive_parse(parts.archive, parts.archive_size, &again, err) != 0)
        return -1;
    int result = tell_difference(bundle, &again, err);
    hf_bundle_deinit(&again);
    return result;
}

int hf_rebuild(const struct hf_bundle *bundle, const void *archive, size_t archive_size, struct hf_inputs *inputs,
               struct hotfix_error *err)
{
    struct rebuild rebuild = {.sealed = &bundle->manifest};
    HF_FREE uint8_t *file = NULL;
    size_t size;

    hf_manifest_init(&rebuild.manifest);
    int result = pack(&rebuild, inputs, &file, &size, err);
    if (result == 0)
        result = compare(bundle, archive, archive_size, file, size, err);
    hf_manifest_deinit(&rebuild.manifest);
    hf_check_results_destroy(rebuild.results);
    free(rebuild.waivers);
    for (size_t i = 0; rebuild.picks && rebuild.picks[i]; i++)
        free(rebuild.picks[i]);
    free(rebuild.picks);
    return result == 0 ? 0 : hf_error_prefix(err, "it cannot be shown to be packed from %s", inputs->patch_path);
}
