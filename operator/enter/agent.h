/* SPDX-License-Identifier: Apache-2.0 */
/* The library that is loaded into processes: it is part of this command, so that the two always fit. */
#ifndef HF_AGENT_H
#define HF_AGENT_H

#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"

extern const uint8_t hf_agent_bytes[];
extern const size_t hf_agent_size;

/* The library in a sealed memfd, one for all processes of a run, which share its pages. HOTFIX_STAGE. */
int hf_agent_file(int *descriptor, struct hotfix_error *err);

#endif
