/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/target.h"

#include <inttypes.h>
#include <string.h>

#include "arch.h"
#include "digest.h"
#include "error.h"
#include "verify/segment.h"

static int check_identity(const struct hf_image *target, const struct hf_manifest *manifest,
                          const struct hf_arch **arch, struct hotfix_error *err)
{
    const struct hf_build_id *wanted = &manifest->target_build_id;
    const struct hf_arch *found = hf_arch_find(target->header.e_machine);
    if (!found || strcmp(found->name, manifest->arch) != 0)
        return hf_error(err, HOTFIX_INCOMPATIBLE, "it is made for %s, the bundle for %s",
                        found ? found->name : "an unknown machine", manifest->arch);
    if (target->build_id.size == 0)
        return hf_error(err, HOTFIX_INCOMPATIBLE, "it has no build-id, so nothing tells whether the bundle is for it");
    if (target->build_id.size != wanted->size || memcmp(target->build_id.bytes, wanted->bytes, wanted->size) != 0) {
        char has[2 * HF_BUILD_ID_MAX + 1], wants[2 * HF_BUILD_ID_MAX + 1];
        hf_hex_encode(target->build_id.bytes, target->build_id.size, has);
        hf_hex_encode(wanted->bytes, wanted->size, wants);
        return hf_error(err, HOTFIX_INCOMPATIBLE, "its build-id is %s, the bundle is for %s", has, wants);
    }
    *arch = found;
    return 0;
}

static int check_function(const struct hf_image *target, const struct hf_arch *arch,
                          const struct hf_manifest_function *function, struct hotfix_error *err)
{
    const uint8_t *code = NULL;
    if (hf_segment_contains(target->elf, function->offset, function->size, PF_R | PF_X))
        code = hf_image_bytes(target, function->offset, function->size);
    if (!code)
        return hf_error(err, HOTFIX_INCOMPATIBLE, "function %s does not lie in its code", function->name);

    struct hf_digest digest;
    if (hf_digest_compute(code, function->size, &digest, err) != 0)
        return -1;
    if (!hf_digest_equal(&digest, &function->digest))
        return hf_error(err, HOTFIX_INCOMPATIBLE,
                        "the code of function %s is not what the bundle was made for; the file was edited after it "
                        "was linked",
                        function->name);
    if (function->detour_skip > function->size ||
        arch->detour_size(code + function->detour_skip, function->size - function->detour_skip) >
            function->size - function->detour_skip)
        return hf_error(err, HOTFIX_FORMAT, "function %s is too short for a detour: %" PRIu64 " bytes", function->name,
                        function->size);
    return 0;
}

/* A value must lie where the loader would look for it. */
static int check_value(const struct hf_image *target, const struct hf_fixup *record)
{
    GElf_Phdr segment;
    switch (record->kind) {
    case HF_FIXUP_ADDRESS:
        return hf_segment_contains(target->elf, record->value, 0, 0) ? 0 : -1; /* one past an end is an address too */
    case HF_FIXUP_SLOT:
        return hf_segment_contains(target->elf, record->value, sizeof(uint64_t), PF_R) ? 0 : -1;
    case HF_FIXUP_TLS_MODULE:
        return hf_segment_find(target->elf, PT_TLS, &segment) ? 0 : -1;
    case HF_FIXUP_EXPORT:
    case HF_FIXUP_OWN_EXPORT:
        return hf_segment_contains(target->elf, record->value, sizeof(Elf64_Sym), PF_R) ? 0 : -1;
    case HF_FIXUP_IFUNC:
        return hf_segment_contains(target->elf, record->value, 1, PF_X) ? 0 : -1;
    default:
        return -1;
    }
}

int hf_target_check(const struct hf_image *target, const struct hf_manifest *manifest, const struct hf_fixups *fixups,
                    struct hotfix_error *err)
{
    const struct hf_arch *arch = NULL;
    if (check_identity(target, manifest, &arch, err) != 0)
        return -1;
    for (size_t i = 0; i < manifest->function_count; i++) {
        if (check_function(target, arch, &manifest->functions[i], err) != 0)
            return -1;
    }
    for (size_t i = 0; i < fixups->record_count; i++) {
        const struct hf_fixup *record = &fixups->records[i];
        if (record->module == 0 && record->kind != HF_FIXUP_SELF && check_value(target, record) != 0)
            return hf_error(err, HOTFIX_FORMAT, "fix-up %zu refers to %#" PRIx64 ", which it does not have", i,
                            record->value);
    }
    return 0;
}
