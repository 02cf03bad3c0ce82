/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/host.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "digest.h"
#include "elf/dynamic.h"
#include "error.h"
#include "words.h"

static int check_symbols(const struct hf_dynamic *host, const struct hf_manifest *manifest, struct hotfix_error *err)
{
    const char *next = manifest->host_symbols, *word;

    for (size_t size; (size = hf_words_next(&next, &word)) > 0;) {
        HF_FREE char *name = strndup(word, size);
        if (!name)
            return hf_error(err, HOTFIX_MEMORY, "out of memory");
        if (!hf_dynamic_find(host, name, NULL))
            return hf_error(err, HOTFIX_INCOMPATIBLE, "it does not export '%s', which the patch uses", name);
    }
    return 0;
}

int hf_host_check(const struct hf_image *host, const struct hf_manifest *manifest, struct hotfix_error *err)
{
    const struct hf_build_id *wanted = &manifest->host_build_id;
    char has[2 * HF_BUILD_ID_MAX + 1], wants[2 * HF_BUILD_ID_MAX + 1];
    struct hf_dynamic dynamic;

    if (wanted->size == 0)
        return 0;
    if (host->build_id.size != wanted->size || memcmp(host->build_id.bytes, wanted->bytes, wanted->size) != 0) {
        hf_hex_encode(host->build_id.bytes, host->build_id.size, has);
        hf_hex_encode(wanted->bytes, wanted->size, wants);
        return hf_error(err, HOTFIX_INCOMPATIBLE,
                        "its build-id is %s, and the patch uses what %s with build-id %s exports",
                        host->build_id.size ? has : "none", manifest->host_name, wants);
    }
    if (hf_dynamic_read(host, &dynamic, err) != 0)
        return -1;
    int result = check_symbols(&dynamic, manifest, err);
    hf_dynamic_deinit(&dynamic);
    return result;
}
