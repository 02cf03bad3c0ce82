/* SPDX-License-Identifier: Apache-2.0 */
/* The description of a source package (dsc(5)). dpkg-source verifies its checksums. */
#ifndef HF_DSC_H
#define HF_DSC_H

#include "hotfix/error.h"

struct hf_dsc {
    char *path;      /* whole */
    char *name;      /* Source */
    char *version;   /* Version */
    char *directory; /* as dpkg-source(1) calls the unpacked tree: the name and the upstream version */
    char *id;        /* name, version and the beginning of the file's SHA-256: another file is another package */
};

/* HOTFIX_IO; HOTFIX_FORMAT when it is none, or holds names that Debian's policy does not allow. HOTFIX_MEMORY. */
int hf_dsc_read(const char *path, struct hf_dsc *dsc, struct hotfix_error *err);
void hf_dsc_deinit(struct hf_dsc *dsc);

#endif
