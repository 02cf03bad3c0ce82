/* SPDX-License-Identifier: Apache-2.0 */
#include "meant.h"

#include "process/unit.h"

int hf_meant(const struct hf_ctl *ctl, const struct hf_manifest *manifest, bool named, struct hf_pids *pids,
             struct hf_pids *unseen, struct hotfix_error *err)
{
    struct hf_sought sought = {.name = named && manifest ? manifest->target_name : NULL};

    for (size_t i = 0; i < ctl->pids.count; i++) {
        if (hf_pids_add(pids, ctl->pids.items[i], err) != 0)
            return -1;
    }
    if (ctl->pids.count > 0)
        return 0;
    if (ctl->unit)
        return hf_unit_processes(ctl->unit, pids, err);
    if (ctl->exe && hf_select_build(ctl->exe, &sought.id, err) != 0)
        return -1;
    if (!ctl->exe && manifest)
        sought.id = manifest->target_build_id;
    return hf_select_running(ctl->exe || manifest ? &sought : NULL, pids, unseen, err);
}

const char *hf_meant_name(const struct hf_ctl *ctl)
{
    return ctl->exe ? ctl->exe : ctl->unit ? ctl->unit : "what the bundle is for";
}
