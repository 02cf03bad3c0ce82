/* SPDX-License-Identifier: Apache-2.0 */
/* The patch's table of code that may call functions with which it was not compiled together (choose/worlds.h). */
#ifndef HF_WORLDTABLE_H
#define HF_WORLDTABLE_H

#include "elf/image.h"
#include "patch/world.h"
#include "reference/work.h"

/* Fills a zeroed table from work->worlds, with addresses by the linked patch. HOTFIX_UNPROVEN, HOTFIX_INTERNAL,
 * HOTFIX_MEMORY. */
int hf_worldtable_fill(struct hf_work *work, const struct hf_image *linked, struct hf_world_table *table,
                       struct hotfix_error *err);

#endif
