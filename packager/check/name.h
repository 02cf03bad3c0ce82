/* SPDX-License-Identifier: Apache-2.0 */
/* Names of sources and symbols, to distinguish things of the same name. */
#ifndef HF_NAME_H
#define HF_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* What follows the last slash. */
const char *hf_base_name(const char *path);

/*
 * May two source files be the same one? Paths are those of DWARF or of STT_FILE, which has no directories: base names
 * are compared. What is not known (NULL or "", or the <artificial> of link-time optimisation) may be any.
 */
bool hf_same_source(const char *a, const char *b);

/* Bytes of a symbol's name without the number that compilers give static locals: 7 for "counter.0". */
size_t hf_plain_size(const char *name);

#endif
