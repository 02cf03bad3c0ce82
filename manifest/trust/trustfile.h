/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files that make up a trust store, read from safe hands (owned.h): what they say is for truststore.h. So a store
 * can be carried to where its files cannot be reached.
 */
#ifndef HF_TRUSTFILE_H
#define HF_TRUSTFILE_H

#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"

/* In the order in which they are to be taken: lists and policy are about the keys and authorities before them. */
enum hf_trust_kind { HF_TRUST_KEY, HF_TRUST_AUTHORITY, HF_TRUST_LIST, HF_TRUST_POLICY };

#define HF_TRUST_KEY_END       ".pub"
#define HF_TRUST_AUTHORITY_END ".ca.pem"
#define HF_TRUST_LIST_END      ".crl.pem"

struct hf_trust_file {
    enum hf_trust_kind kind;
    char *path; /* for messages, and the name of what is in it */
    uint8_t *bytes;
    size_t size;
};

struct hf_trust_files {
    struct hf_trust_file *items; /* each kind before the next */
    size_t count;
};

/*
 * Reads the store at path, a file or a directory. A directory with a link "..data" is a volume of Kubernetes: what
 * that leads to, beside it, is the store, and its files may be linked to from the volume and from nowhere else; the
 * directory of the links may be sticky. HOTFIX_TRUST when something else in a directory is a symbolic link, or
 * when a file, the directory or one above it belongs to neither this user nor root or may be written by others;
 * HOTFIX_FORMAT for a file that is too large; HOTFIX_IO when something cannot be read; HOTFIX_MEMORY. On failure files
 * is untouched.
 */
int hf_trust_files_read(const char *path, struct hf_trust_files *files, struct hotfix_error *err);
void hf_trust_files_deinit(struct hf_trust_files *files);

#endif
