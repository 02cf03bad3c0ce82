/* SPDX-License-Identifier: Apache-2.0 */
/* Passphrases of private keys, from a file or from the terminal. */
#ifndef HF_PASSPHRASE_H
#define HF_PASSPHRASE_H

#include <stddef.h>

#include "hotfix/error.h"

#define HF_PASSPHRASE_MAX 1024 /* bytes */

/* Not in malloc'ed memory, so that wiping it leaves no copy behind. */
struct hf_passphrase {
    char text[HF_PASSPHRASE_MAX + 1];
    size_t size; /* 0: none */
};

/* The first line of a file, without its newline. HOTFIX_IO; HOTFIX_FORMAT when it is empty or too long. */
int hf_passphrase_read(const char *path, struct hf_passphrase *passphrase, struct hotfix_error *err);

/* Asks twice on the controlling terminal, without echo. HOTFIX_IO without a terminal; HOTFIX_USAGE when the two differ
 * or are empty. */
int hf_passphrase_choose(struct hf_passphrase *passphrase, struct hotfix_error *err);

void hf_passphrase_wipe(struct hf_passphrase *passphrase);

/*
 * For hf_private_key_read(): arg is the path of a passphrase file (const char *), or NULL to ask on the
 * terminal.
 */
int hf_passphrase_ask(char *buffer, size_t size, void *arg);

#endif
