/* SPDX-License-Identifier: Apache-2.0 */
#include "status.h"

const struct hf_status hf_statuses[] = {
    {0, "yes: done, or the answer is yes"},
    {1, "incompatible: patch and target were compared and do not fit"},
    {2, "usage: the arguments are wrong"},
    {3, "unproven: patch and target might fit, but nothing proves it"},
    {4, "signature or trust: not signed by a trusted key, expired, revoked or replayed"},
    {5, "the input could not be read or is malformed, or the output could not be written"},
    {6, "the process could not be patched"},
    {7,
     "never: the patch fits, but a running process never leaves the functions it changes, so it would have no effect"},
    {70, "internal: a defect in hotfix, or out of memory"},
};
const size_t hf_status_count = sizeof hf_statuses / sizeof hf_statuses[0];

static const int status_of[] = {
    [HOTFIX_OK] = 0,        [HOTFIX_INCOMPATIBLE] = 1, [HOTFIX_USAGE] = 2,     [HOTFIX_UNPROVEN] = 3,
    [HOTFIX_SIGNATURE] = 4, [HOTFIX_TRUST] = 4,        [HOTFIX_EXPIRED] = 4,   [HOTFIX_REVOKED] = 4,
    [HOTFIX_IO] = 5,        [HOTFIX_FORMAT] = 5,       [HOTFIX_NO_TARGET] = 6, [HOTFIX_CODE_DIFFERS] = 6,
    [HOTFIX_APPLIED] = 6,   [HOTFIX_NOT_APPLIED] = 6,  [HOTFIX_STAGE] = 6,     [HOTFIX_STOP] = 6,
    [HOTFIX_BUSY] = 6,      [HOTFIX_SWITCH] = 6,       [HOTFIX_PATCHER] = 6,   [HOTFIX_MEMORY] = 70,
    [HOTFIX_INTERNAL] = 70, [HOTFIX_REPLAYED] = 4,     [HOTFIX_TORN] = 6,      [HOTFIX_NEVER] = 7,
};

int hf_status_of(enum hotfix_code code)
{
    size_t index = (size_t)code;
    if (index >= sizeof status_of / sizeof status_of[0])
        return status_of[HOTFIX_INTERNAL];
    return status_of[index];
}
