/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a manifest: refused, or exactly what formatting writes for what was read. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hf_manifest manifest;
    struct hotfix_error err = {.code = HOTFIX_OK};
    char *text;
    size_t text_size;

    if (hf_manifest_parse(data, size, &manifest, &err) != 0) {
        if (err.code != HOTFIX_FORMAT || strncmp(err.message, "manifest.ini", 12) != 0)
            abort();
        return 0;
    }
    if (hf_manifest_format(&manifest, &text, &text_size, NULL) != 0 || text_size != size ||
        memcmp(text, data, size) != 0)
        abort();
    free(text);
    hf_manifest_deinit(&manifest);
    return 0;
}
