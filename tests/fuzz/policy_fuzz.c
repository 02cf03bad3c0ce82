/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a policy file: refused with the line, or exceptions that are whole. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "check/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hf_policy policy;
    struct hotfix_error err = {.code = HOTFIX_OK};

    if (hf_policy_parse("policy.ini", (const char *)data, size, &policy, &err) != 0) {
        if (err.code != HOTFIX_FORMAT || strncmp(err.message, "policy.ini", 10) != 0)
            abort();
        return 0;
    }
    for (size_t i = 0; i < policy.count; i++) {
        const struct hf_exception *exception = &policy.exceptions[i];
        if (!exception->check || exception->check->acceptance == HF_ACCEPT_NEVER || !exception->reason ||
            exception->reason[0] == '\0' || exception->expires == HF_TIME_NEVER)
            abort();
    }
    hf_policy_deinit(&policy);
    return 0;
}
