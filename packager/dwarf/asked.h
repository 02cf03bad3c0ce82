/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of function names that are searched for, in the form that DWARF has: a symbol's name without its version and
 * without the suffixes of clones and parts (foo@@V1, foo.constprop.0, foo.cold).
 */
#ifndef HF_ASKED_H
#define HF_ASKED_H

#include <stdbool.h>
#include <stddef.h>

struct hf_asked {
    char **names; /* ordered, each once; owned */
    size_t count;
};

/* Adds the name of a symbol. 0; -1 when memory is out. */
int hf_asked_add(struct hf_asked *asked, const char *symbol);
/* Is the name of a symbol in the set? */
bool hf_asked_has(const struct hf_asked *asked, const char *symbol);
void hf_asked_deinit(struct hf_asked *asked);

#endif
