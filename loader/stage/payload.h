/* SPDX-License-Identifier: Apache-2.0 */
/* What the dynamic linker will make of patch.so, told from its bytes before it sees them. */
#ifndef HF_PAYLOAD_H
#define HF_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"

struct hf_payload_traits {
    size_t span;       /* bytes of address space that it will map, room for its alignment included */
    bool constructors; /* code of it runs while it is being loaded */
};

/* HOTFIX_FORMAT when it is no shared object for this CPU, its headers are out of bounds, or its dynamic section asks
 * for more than is known to be harmless (dyntag.h). */
int hf_payload_inspect(const uint8_t *payload, size_t size, struct hf_payload_traits *traits, struct hotfix_error *err);

#endif
