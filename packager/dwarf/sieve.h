/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which units of .debug_info may tell of functions with given names, found without reading their entries: a name in an
 * entry is an offset into .debug_str, an index into .debug_str_offsets, or the text itself (DWARF 5, section 7.5.5),
 * so a unit whose bytes hold none of these cannot name the function. Bytes that only look like such a reference let a
 * unit pass without need; a unit that names the function always passes. Where units refer to each other's entries
 * (link-time optimisation, dwz) or strings lie in another file, everything passes.
 */
#ifndef HF_SIEVE_H
#define HF_SIEVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dwarf/asked.h"
#include "elf/image.h"
#include "hotfix/error.h"

struct hf_sieve {
    bool open;        /* everything passes */
    uint64_t *passed; /* offsets of units' headers, ascending; owned */
    size_t count;
};

/*
 * asked: NULL: everything passes. With damaged headers everything passes, too: the reader of the units reports the
 * damage. HOTFIX_MEMORY.
 */
int hf_sieve_init(const struct hf_image *image, const struct hf_asked *asked, struct hf_sieve *sieve,
                  struct hotfix_error *err);
void hf_sieve_deinit(struct hf_sieve *sieve);

/* Whether the unit whose header begins at this offset of .debug_info passes. */
bool hf_sieve_passes(const struct hf_sieve *sieve, uint64_t header);

#endif
