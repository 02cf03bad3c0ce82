/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the policy of a trust store that has one key: refused, or one that can be met or is refused for that. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "trustpolicy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct hf_public_key key = {.bytes = {5}, .id = {7}};
    struct hotfix_error err = {.code = HOTFIX_OK};
    struct hf_trust trust = {.count = 0};

    if (hf_trust_add(&trust, "release", &key, NULL) != 0)
        return 0;
    if (hf_trust_policy_parse("trust.ini", (const char *)data, size, &trust, &err) != 0) {
        if ((err.code != HOTFIX_FORMAT && err.code != HOTFIX_TRUST) || !strstr(err.message, "trust.ini"))
            abort();
    } else if (hf_trust_policy_check(&trust, NULL) == 0 && trust.policy.keys > trust.count) {
        abort();
    }
    hf_trust_deinit(&trust);
    return 0;
}
