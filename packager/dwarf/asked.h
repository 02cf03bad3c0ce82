/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of functions that someone asks about, as DWARF has them: a symbol's name without its version and without what
 * compilers append for clones and parts (foo@@V1, foo.constprop.0, foo.cold).
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
/* Whether the name of a symbol is among them. */
bool hf_asked_has(const struct hf_asked *asked, const char *symbol);
void hf_asked_deinit(struct hf_asked *asked);

#endif
