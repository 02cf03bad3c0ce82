/* SPDX-License-Identifier: Apache-2.0 */
#include "reference/result.h"

#include <stdlib.h>

void hf_build_result_deinit(struct hf_build_result *result)
{
    for (size_t i = 0; i < result->count; i++) {
        free(result->items[i].name);
        free(result->items[i].object);
        free(result->items[i].why);
    }
    free(result->items);
    for (size_t i = 0; i < result->account_count; i++) {
        free(result->accounts[i].object);
        free(result->accounts[i].section);
        free(result->accounts[i].name);
    }
    free(result->accounts);
    *result = (struct hf_build_result){.count = 0};
}
