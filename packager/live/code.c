/* SPDX-License-Identifier: Apache-2.0 */
#include "live/code.h"

#include <string.h>

#include "arch.h"
#include "bundle.h"
#include "cleanup.h"
#include "digest.h"
#include "error.h"

const struct hf_build_id *hf_live_target_id(const struct hf_check_subject *subject)
{
    return subject->target ? &subject->target->image.build_id : &subject->bundle->manifest.target_build_id;
}

const struct hf_live_module *hf_live_target(const struct hf_check_subject *subject, struct hf_findings *findings)
{
    size_t count;
    const struct hf_live_module *module = hf_live_module_find(subject->live, hf_live_target_id(subject), &count);

    if (count == 1)
        return module;
    hf_findings_add(findings, HF_UNPROVEN, NULL, NULL, "cannot be told: the target is not loaded exactly once");
    return NULL;
}

/* Compares all but what a detour at `skip` overwrites. */
static void compare(const uint8_t *code, const uint8_t *file, size_t size, size_t skip, size_t detour,
                    struct hf_live_function *function)
{
    function->known = true;
    function->differs = size;
    for (size_t i = 0; i < size; i++) {
        if (code[i] == file[i] || (function->diverted && i >= skip && i < skip + detour))
            continue;
        function->differs = i;
        function->byte = code[i];
        return;
    }
}

static int is_same(const struct hf_check_subject *subject, size_t pair, const uint8_t *code, const uint8_t *file,
                   bool *same, struct hotfix_error *err)
{
    size_t size = subject->pairs[pair].old_function->size;
    struct hf_digest digest;

    if (file) {
        *same = memcmp(code, file, size) == 0;
        return 0;
    }
    if (!subject->bundle)
        return hf_error(err, HOTFIX_FORMAT, "the code of %s is not in the target's file",
                        subject->pairs[pair].old_function->name);
    if (hf_digest_compute(code, size, &digest, err) != 0)
        return -1;
    *same = hf_digest_equal(&digest, &subject->bundle->manifest.functions[pair].digest);
    return 0;
}

/* A detour may go on from a veneer, in a page of its own. */
static int follow_veneer(const struct hf_check_subject *subject, const struct hf_arch *arch, uint64_t *to,
                         struct hotfix_error *err)
{
    uint8_t bytes[HF_VENEER_MAX];

    if (arch->veneer_size == 0)
        return 0;
    if (hf_live_read(subject->live, *to, bytes, arch->veneer_size, err) != 0)
        return -1;
    arch->veneer_target(bytes, to);
    return 0;
}

int hf_live_function_read(const struct hf_check_subject *subject, const struct hf_live_module *module, size_t pair,
                          struct hf_live_function *function, struct hotfix_error *err)
{
    const struct hf_function *old = subject->pairs[pair].old_function;
    const struct hf_arch *arch = subject->tools ? subject->tools->arch : NULL;
    struct hf_live_function read = {.same = false};
    uint64_t address = module->base + old->address;
    uint64_t room =
        subject->target && subject->tools ? hf_program_room(subject->target, subject->tools, old) : old->size;

    if (address < module->begin || address >= module->end || room > module->end - address)
        return hf_error(err, HOTFIX_FORMAT, "function %s does not lie in %s", old->name, module->path);
    HF_FREE uint8_t *code = malloc(room + 1);
    if (!code)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    const uint8_t *file = subject->target ? hf_image_bytes(&subject->target->image, old->address, room) : NULL;
    if (hf_live_read(subject->live, address, code, room, err) != 0 ||
        is_same(subject, pair, code, file, &read.same, err) != 0)
        return -1;
    size_t skip = arch ? arch->landing_pad(code, old->size) : 0;
    size_t detour = arch ? arch->detour_size(code + skip, room - skip) : 0;
    if (!read.same && arch && room - skip >= detour && (!file || memcmp(code + skip, file + skip, detour) != 0))
        read.diverted = arch->detour_target(address + skip, code + skip, detour, &read.to);
    if (read.diverted && follow_veneer(subject, arch, &read.to, err) != 0)
        return -1;
    if (file)
        compare(code, file, old->size, skip, detour, &read);
    *function = read;
    return 0;
}
