/* SPDX-License-Identifier: Apache-2.0 */
#include "pack/compose.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/code/cold.h"
#include "check/compiled/producer.h"
#include "check/name.h"
#include "cleanup.h"
#include "error.h"
#include "pack/encounters.h"
#include "pack/host.h"
#include "ui/plain.h"

#define FIXUPS_SECTION ".hotfix.fixups"

static int out_of_memory(struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_MEMORY, "out of memory");
}

static int compose_target(const struct hf_check_subject *subject, struct hf_manifest *manifest,
                          struct hotfix_error *err)
{
    const struct hf_image *target = &subject->target->image;

    manifest->target_build_id = target->build_id;
    manifest->target_name = hf_plain_copy(hf_base_name(target->path));
    manifest->arch = strdup(subject->tools->arch->name);
    return manifest->target_name && manifest->arch ? 0 : out_of_memory(err);
}

/* Adds to a list what it does not hold; separator goes between. */
static int add_distinct(char **list, const char *item, const char *separator)
{
    size_t size = strlen(item), gap = strlen(separator);
    char *longer;

    for (const char *at = *list; at && *at;) {
        const char *end = strstr(at, separator);
        size_t length = end ? (size_t)(end - at) : strlen(at);
        if (length == size && strncmp(at, item, size) == 0)
            return 0;
        at += length + (end ? gap : 0);
    }
    if (asprintf(&longer, "%s%s%s", *list ? *list : "", *list ? separator : "", item) < 0)
        return -1;
    free(*list);
    *list = longer;
    return 0;
}

static int compose_unit(const struct hf_unit *unit, struct hf_manifest *manifest, struct hotfix_error *err)
{
    struct hf_producer producer;
    int result = 0;

    if (!unit || !unit->producer)
        return 0;
    if (hf_producer_parse(unit->producer, &producer, err) != 0)
        return -1;
    if (*producer.compiler)
        result = add_distinct(&manifest->compiler, producer.compiler, "; ");
    for (size_t i = 0; result == 0 && i < producer.flag_count; i++)
        result = add_distinct(&manifest->flags, producer.flags[i], " ");
    hf_producer_deinit(&producer);
    return result == 0 ? 0 : out_of_memory(err);
}

/* Compilers of the target's units, "; " between them, and all of their flags. */
static int compose_compiler(const struct hf_check_subject *subject, struct hf_manifest *manifest,
                            struct hotfix_error *err)
{
    for (size_t i = 0; i < subject->pair_count; i++)
        if (compose_unit(subject->pairs[i].old_function->unit, manifest, err) != 0)
            return -1;
    char *compiler = hf_plain_copy(manifest->compiler ? manifest->compiler : "unknown");
    char *flags = hf_plain_copy(manifest->flags ? manifest->flags : "");
    free(manifest->compiler);
    free(manifest->flags);
    manifest->compiler = compiler;
    manifest->flags = flags;
    return compiler && flags ? 0 : out_of_memory(err);
}

static int compose_cold(const struct hf_program *program, const struct hf_function *function,
                        struct hf_code_ranges *ranges, struct hotfix_error *err)
{
    uint64_t end = 0;

    for (const struct hf_function *part = NULL; (part = hf_cold_part(program, function, part));) {
        if (part->size == 0 || part->address < end) /* two names of one part */
            continue;
        end = part->address + part->size;
        if (ranges->count == HF_CODE_RANGES_MAX)
            return hf_error(err, HOTFIX_FORMAT, "%s: %s has more than %u cold parts", program->image.path,
                            function->name, HF_CODE_RANGES_MAX);
        if (hf_code_ranges_add(ranges, part->address, part->size) != 0)
            return out_of_memory(err);
    }
    return 0;
}

static int compose_function(const struct hf_check_subject *subject, const struct hf_pair *pair,
                            struct hf_manifest_function *function, struct hotfix_error *err)
{
    const struct hf_function *old_function = pair->old_function;
    uint64_t room = hf_program_room(subject->target, subject->tools, old_function);
    const uint8_t *code = hf_image_bytes(&subject->target->image, old_function->address, room);
    size_t skip = 0, at;

    if (!code)
        return hf_error(err, HOTFIX_FORMAT, "%s: the code of %s is not in the file", subject->target->image.path,
                        old_function->name);
    if (subject->tools->entry(code, room, &skip, &at) != HF_ARCH_OK)
        skip = subject->tools->arch->landing_pad(code, room);
    function->name = hf_plain_copy(old_function->name);
    function->source = hf_plain_copy(old_function->source);
    function->offset = old_function->address;
    function->size = room;
    function->replacement = pair->new_function->address;
    function->replacement_size = pair->new_function->size;
    function->detour_skip = (uint32_t)skip;
    if (!function->name || !function->source)
        return out_of_memory(err);
    if (compose_cold(subject->target, old_function, &function->cold, err) != 0 ||
        compose_cold(subject->patch, pair->new_function, &function->replacement_cold, err) != 0)
        return -1;
    return hf_digest_compute(code, room, &function->digest, err);
}

static int compare_pairs(const void *a, const void *b)
{
    uint64_t first = (*(const struct hf_pair *const *)a)->old_function->address;
    uint64_t second = (*(const struct hf_pair *const *)b)->old_function->address;
    return (first > second) - (first < second);
}

/* Two names of one function that also are one in the patch are one replacement. */
static bool same_replacement(const struct hf_pair *a, const struct hf_pair *b)
{
    return a->old_function->address == b->old_function->address && a->old_function->size == b->old_function->size &&
           a->new_function->address == b->new_function->address;
}

static int compose_functions(const struct hf_check_subject *subject, struct hf_manifest *manifest,
                             struct hotfix_error *err)
{
    HF_FREE const struct hf_pair **order = calloc(subject->pair_count + 1, sizeof(*order));

    if (subject->pair_count > HF_MANIFEST_MAX_FUNCTIONS)
        return hf_error(err, HOTFIX_FORMAT, "%zu functions are picked, and a bundle replaces %u at most",
                        subject->pair_count, HF_MANIFEST_MAX_FUNCTIONS);
    manifest->functions = calloc(subject->pair_count + 1, sizeof(*manifest->functions));
    if (!order || !manifest->functions)
        return out_of_memory(err);
    for (size_t i = 0; i < subject->pair_count; i++)
        order[i] = &subject->pairs[i];
    qsort(order, subject->pair_count, sizeof(*order), compare_pairs);

    for (size_t i = 0; i < subject->pair_count; i++) {
        const struct hf_pair *before = i > 0 ? order[i - 1] : NULL;
        if (before && same_replacement(before, order[i]))
            continue;
        if (before && order[i]->old_function->address - before->old_function->address < before->old_function->size)
            return hf_error(err, HOTFIX_INCOMPATIBLE,
                            "%s and %s share code in the target, and cannot be replaced by two functions",
                            before->old_function->name, order[i]->old_function->name);
        if (compose_function(subject, order[i], &manifest->functions[manifest->function_count++], err) != 0)
            return -1;
    }
    return 0;
}

static int compose_checks(const struct hf_check_result *results, struct hf_manifest *manifest, struct hotfix_error *err)
{
    manifest->checks = calloc(hf_check_count + hf_live_check_count, sizeof(*manifest->checks));
    if (!manifest->checks)
        return out_of_memory(err);
    for (const struct hf_check_result *result = results; result->check; result++) {
        struct hf_manifest_check *check = &manifest->checks[manifest->check_count++];
        HF_FREE char *evidence = hf_check_evidence(result);
        check->verdict = result->verdict;
        check->id = strdup(result->check->id);
        check->evidence = evidence ? hf_plain_copy(evidence) : NULL;
        HF_FREE char *reasons = hf_check_reasons(result);
        check->waiver = reasons ? hf_plain_copy(reasons) : NULL;
        if (!check->id || !check->evidence || !check->waiver)
            return out_of_memory(err);
    }
    return 0;
}

static bool is_sealed(const struct hf_waiver *const *sealed, size_t count, const struct hf_waiver *waiver)
{
    for (size_t i = 0; i < count; i++)
        if (sealed[i] == waiver)
            return true;
    return false;
}

static int seal_waiver(const struct hf_waiver *waiver, struct hf_manifest *manifest, struct hotfix_error *err)
{
    struct hf_manifest_waiver *longer = reallocarray(manifest->waivers, manifest->waiver_count + 1, sizeof(*longer));
    if (!longer)
        return out_of_memory(err);
    manifest->waivers = longer;
    struct hf_manifest_waiver *sealed = &longer[manifest->waiver_count++];
    *sealed = (struct hf_manifest_waiver){.check = strdup(waiver->check->id),
                                          .scope = strdup(waiver->scope ? waiver->scope : ""),
                                          .reason = strdup(waiver->reason),
                                          .expires = waiver->expires};
    return sealed->check && sealed->scope && sealed->reason ? 0 : out_of_memory(err);
}

/* Those that accept something. */
static int compose_waivers(const struct hf_check_result *results, struct hf_manifest *manifest,
                           struct hotfix_error *err)
{
    size_t findings = 0;

    for (const struct hf_check_result *result = results; result->check; result++)
        findings += result->findings.count;
    HF_FREE const struct hf_waiver **sealed = calloc(findings + 1, sizeof(*sealed));
    if (!sealed)
        return out_of_memory(err);
    for (const struct hf_check_result *result = results; result->check; result++) {
        for (size_t k = 0; k < result->findings.count; k++) {
            const struct hf_waiver *waiver = result->findings.items[k].waiver;
            if (!waiver || is_sealed(sealed, manifest->waiver_count, waiver))
                continue;
            sealed[manifest->waiver_count] = waiver;
            if (seal_waiver(waiver, manifest, err) != 0)
                return -1;
        }
    }
    return 0;
}

static uint64_t find_hook(const struct hf_program *patch, const char *name)
{
    for (size_t i = 0; i < patch->function_count; i++)
        if (strcmp(patch->functions[i].name, name) == 0 && !patch->functions[i].local)
            return patch->functions[i].address;
    return 0;
}

static void compose_patch(const struct hf_program *patch, struct hf_manifest *manifest)
{
    GElf_Shdr section;

    manifest->on_apply = find_hook(patch, "hotfix_on_apply");
    manifest->on_revert = find_hook(patch, "hotfix_on_revert");
    if (hf_image_section(&patch->image, FIXUPS_SECTION, &section) && section.sh_type == SHT_PROGBITS) {
        manifest->fixups_offset = section.sh_offset; /* stamping appends only */
        manifest->fixups_size = section.sh_size;
    }
}

int hf_compose(const struct hf_check_subject *subject, const struct hf_check_result *results,
               struct hf_manifest *manifest, struct hotfix_error *err)
{
    compose_patch(subject->patch, manifest);
    return compose_target(subject, manifest, err) != 0 || compose_compiler(subject, manifest, err) != 0 ||
                   compose_functions(subject, manifest, err) != 0 || compose_checks(results, manifest, err) != 0 ||
                   compose_waivers(results, manifest, err) != 0 || hf_compose_encounters(subject, manifest, err) != 0 ||
                   hf_compose_host(subject, manifest, err) != 0
               ? -1
               : 0;
}

int hf_compose_payload(const struct hf_check_subject *subject, uint8_t **payload, size_t *size,
                       struct hotfix_error *err)
{
    const struct hf_image *const read[] = {&subject->target->image, subject->target->debug, subject->patch->debug,
                                           subject->host};

    for (size_t i = 0; i < sizeof(read) / sizeof(read[0]); i++)
        if (read[i] && hf_image_check_unchanged(read[i], err) != 0)
            return -1;
    return hf_image_copy(&subject->patch->image, HF_PAYLOAD_MAX_SIZE, payload, size, err);
}
