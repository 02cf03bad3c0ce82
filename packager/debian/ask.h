/* SPDX-License-Identifier: Apache-2.0 */
/* Asking one of Debian's own tools: what it prints, in memory. */
#ifndef HF_ASK_H
#define HF_ASK_H

#include "hotfix/error.h"

/*
 * Runs argv (NULL-terminated) in the directory (NULL: here), with English messages. *text is all that it printed,
 * malloc'ed; *status its exit status. HOTFIX_IO when it cannot run: the message names the package that has it; or
 * HOTFIX_MEMORY.
 */
int hf_ask(const char *const *argv, const char *directory, char **text, int *status, struct hotfix_error *err);

#endif
