/* SPDX-License-Identifier: Apache-2.0 */
/* What the dynamic linker will do with patch.so, found from its bytes before it is loaded. */
#ifndef HF_PAYLOAD_H
#define HF_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"

struct hf_payload_traits {
    size_t span;       /* bytes of address space that it will map, room for its alignment included */
    bool constructors; /* its code runs while it is being loaded */
};

/*
 * HOTFIX_FORMAT when it is not a shared object for this CPU, its headers are out of bounds, or its dynamic section has
 * entries that are not known to be harmless (dyntag.h).
 */
int hf_payload_inspect(const uint8_t *payload, size_t size, struct hf_payload_traits *traits, struct hotfix_error *err);

#endif
