/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a fix-up table: refused, or exactly what formatting writes for what was read. */
#include <stdlib.h>
#include <string.h>

#include "fixup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hf_fixups fixups;
    uint8_t *table;
    size_t table_size;

    if (hf_fixups_parse(data, size, &fixups, NULL) != 0)
        return 0;
    if (hf_fixups_format(&fixups, &table, &table_size, NULL) != 0 || table_size != size ||
        memcmp(table, data, size) != 0)
        abort();
    free(table);
    hf_fixups_deinit(&fixups);
    return 0;
}

/* Inputs too short to be anything become a good table, so that mutation has one to begin with. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    struct hf_build_id modules[2] = {{.bytes = {1}, .size = 20}, {.bytes = {2}, .size = 8}};
    struct hf_fixup records[3] = {{.place = 8, .value = 16, .addend = -4, .type = 2},
                                  {.place = 24, .value = 64, .type = 1, .module = 1, .kind = HF_FIXUP_SLOT},
                                  {.place = 32, .type = 16, .module = 1, .kind = HF_FIXUP_TLS_MODULE}};
    struct hf_fixups fixups = {modules, 2, records, 3};
    uint8_t *table;
    size_t table_size;

    (void)seed;
    if (size >= 16)
        return LLVMFuzzerMutate(data, size, max_size);
    if (hf_fixups_format(&fixups, &table, &table_size, NULL) != 0)
        abort();
    size = table_size <= max_size ? table_size : max_size;
    memcpy(data, table, size);
    free(table);
    return size;
}
