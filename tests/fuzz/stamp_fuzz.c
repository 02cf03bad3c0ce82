/* SPDX-License-Identifier: Apache-2.0 */
/* Stamping any bytes: refuses them or writes a file, and stays within its memory either way. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "elf/restamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char soname[] = "libhotfix-patch-000102030405060708090a0b0c0d0e0f.so";
    struct hf_manifest manifest = {.version = "1", .soname = soname};
    uint8_t *stamped = NULL;
    size_t stamped_size = 0;

    if (hf_restamp(&manifest, data, size, &stamped, &stamped_size, NULL) == 0)
        free(stamped);
    return 0;
}
