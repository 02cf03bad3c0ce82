/* SPDX-License-Identifier: Apache-2.0 */
/* The library that is carried into processes: it is part of this command, so that the two always fit. */
#ifndef HF_AGENT_H
#define HF_AGENT_H

#include <stddef.h>
#include <stdint.h>

extern const uint8_t hf_agent_bytes[];
extern const size_t hf_agent_size;

#endif
