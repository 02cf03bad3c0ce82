/* SPDX-License-Identifier: Apache-2.0 */
/* The ELF modules of a running process, recognised by what its memory holds of their headers and notes. */
#ifndef HF_LIVE_MODULE_H
#define HF_LIVE_MODULE_H

#include "hotfix/error.h"
#include "live/live.h"

/*
 * Fills live->modules from its mappings. A file that is mapped but cannot be run (data, a core) is none; what is no ELF
 * file of this machine's class, or damaged, is passed over. HOTFIX_MEMORY; HOTFIX_IO when the process has ended.
 */
int hf_live_modules_read(struct hf_live *live, struct hotfix_error *err);

#endif
