/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a waiver file: refused with the line, or waivers that are whole. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "check/waivers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hf_waivers waivers;
    struct hotfix_error err = {.code = HOTFIX_OK};

    if (hf_waivers_parse("waivers.ini", (const char *)data, size, &waivers, &err) != 0) {
        if (err.code != HOTFIX_FORMAT || strncmp(err.message, "waivers.ini", 10) != 0)
            abort();
        return 0;
    }
    for (size_t i = 0; i < waivers.count; i++) {
        const struct hf_waiver *waiver = &waivers.waivers[i];
        if (!waiver->check || waiver->check->acceptance == HF_ACCEPT_NEVER || !waiver->reason ||
            waiver->reason[0] == '\0' || waiver->expires == HF_TIME_NEVER)
            abort();
    }
    hf_waivers_deinit(&waivers);
    return 0;
}
