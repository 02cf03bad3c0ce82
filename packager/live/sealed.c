/* SPDX-License-Identifier: Apache-2.0 */
#include "live/sealed.h"

#include <elf.h>
#include <string.h>

#include "arch.h"
#include "cleanup.h"
#include "error.h"
#include "file.h"

/* Those of the machine that patch.so is for. */
static const struct hf_arch_tools *find_tools(const struct hf_bundle *bundle)
{
    Elf64_Ehdr header;

    if (bundle->payload_size < sizeof(header))
        return NULL;
    memcpy(&header, bundle->payload, sizeof(header));
    const struct hf_arch_tools *tools = hf_arch_tools_find(header.e_machine);
    return tools && strcmp(tools->arch->name, bundle->manifest.arch) == 0 ? tools : NULL;
}

static int make_pairs(struct hf_sealed *bundle, struct hotfix_error *err)
{
    const struct hf_manifest *manifest = &bundle->bundle.manifest;

    bundle->functions = calloc(manifest->function_count, sizeof(*bundle->functions));
    bundle->pairs = calloc(manifest->function_count, sizeof(*bundle->pairs));
    if (!bundle->functions || !bundle->pairs)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    for (size_t i = 0; i < manifest->function_count; i++) {
        const struct hf_manifest_function *function = &manifest->functions[i];
        bundle->functions[i] = (struct hf_function){
            .name = function->name, .source = function->source, .address = function->offset, .size = function->size};
        bundle->pairs[i] = (struct hf_pair){&bundle->functions[i], &bundle->functions[i]};
    }
    return 0;
}

int hf_sealed_open(const char *path, struct hf_sealed *bundle, struct hf_check_subject *subject,
                   struct hotfix_error *err)
{
    HF_FREE uint8_t *data = NULL;
    size_t size;
    struct hf_signed parts;

    if (hf_file_read(path, HF_BUNDLE_MAX_SIZE, &data, &size, err) != 0)
        return -1;
    if (hf_signed_parse(data, size, &parts, err) != 0 ||
        hf_archive_parse(parts.archive, parts.archive_size, &bundle->bundle, err) != 0)
        return hf_error_prefix(err, "%s", path);
    hf_bundle_keep(&bundle->bundle, &data);
    if (make_pairs(bundle, err) != 0)
        return -1;
    *subject = (struct hf_check_subject){.bundle = &bundle->bundle,
                                         .pairs = bundle->pairs,
                                         .pair_count = bundle->bundle.manifest.function_count,
                                         .tools = find_tools(&bundle->bundle)};
    return 0;
}

void hf_sealed_close(struct hf_sealed *bundle)
{
    free(bundle->pairs);
    free(bundle->functions);
    if (bundle->bundle.payload)
        hf_bundle_deinit(&bundle->bundle);
    memset(bundle, 0, sizeof(*bundle));
}
