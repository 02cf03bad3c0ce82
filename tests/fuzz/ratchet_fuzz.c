/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the state of what was applied before: refused, or records that are written as text that reads the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "verify/ratchetfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct hf_ratchet_records *records)
{
    struct hf_ratchet_records again = {.count = 0};
    char *text, *text_again;
    size_t size, size_again;

    if (hf_ratchet_format(records, &text, &size, NULL) != 0 || hf_ratchet_parse(text, size, &again, NULL) != 0 ||
        hf_ratchet_format(&again, &text_again, &size_again, NULL) != 0)
        abort();
    if (again.count != records->count || size != size_again || memcmp(text, text_again, size) != 0)
        abort();
    for (size_t i = 0; i < records->count; i++)
        if (again.items[i].sequence != records->items[i].sequence ||
            strcmp(again.items[i].target, records->items[i].target) != 0)
            abort();
    hf_ratchet_records_deinit(&again);
    free(text);
    free(text_again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hf_ratchet_records records = {.count = 0};
    struct hotfix_error err = {.code = HOTFIX_OK};

    if (hf_ratchet_parse((const char *)data, size, &records, &err) != 0) {
        if (err.code != HOTFIX_FORMAT || records.count != 0 || records.items)
            abort();
        return 0;
    }
    check(&records);
    hf_ratchet_records_deinit(&records);
    return 0;
}
