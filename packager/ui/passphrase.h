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

/*
 * The first line of a file or pipe, without its newline. HOTFIX_IO; HOTFIX_TRUST for a file that is open to other
 * users; HOTFIX_FORMAT when the line is empty or too long.
 */
int hf_passphrase_read(const char *path, struct hf_passphrase *passphrase, struct hotfix_error *err);

/* Asks twice on the controlling terminal, without echo. HOTFIX_IO without a terminal; HOTFIX_USAGE when the two differ
 * or are empty. */
int hf_passphrase_choose(struct hf_passphrase *passphrase, struct hotfix_error *err);

void hf_passphrase_wipe(struct hf_passphrase *passphrase);

/* Where the passphrase of a key comes from, and why it did not come. */
struct hf_passphrase_source {
    const char *path; /* of a passphrase file; NULL: the terminal is asked */
    struct hotfix_error error;
};

/* For hf_private_key_read(): arg is a struct hf_passphrase_source. */
int hf_passphrase_ask(char *buffer, size_t size, void *arg);

/* Makes the source's error the one of a key that could not be read, where there is one. Returns -1. */
int hf_passphrase_failed(const struct hf_passphrase_source *source, struct hotfix_error *err);

#endif
