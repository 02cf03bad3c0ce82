/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings of a service as its unit file and drop-ins have them, read below a root directory: systemd itself is not
 * needed, and nothing is resolved but what systemd.unit(5) says of files and of assignments. Settings of all files are
 * taken in order; of an empty assignment it is known that it takes away what came before.
 */
#ifndef HF_UNITFILE_H
#define HF_UNITFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "hotfix/error.h"

#define HF_UNITFILE_OWN "hotfix.conf" /* a drop-in of this name is ours, and not read */

struct hf_setting {
    char *name;  /* "NoNewPrivileges" */
    char *value; /* with continuation lines joined */
};

struct hf_unitfile {
    struct hf_setting *items; /* of the section [Service] */
    size_t count;
};

/* "nginx" is "nginx.service"; malloc'ed. HOTFIX_USAGE for what is no service's name, HOTFIX_MEMORY. */
int hf_unitfile_name(const char *unit, char **name, struct hotfix_error *err);

/* Reads the unit's files below root ("" is the host's own). HOTFIX_NO_TARGET when there is no such unit, HOTFIX_IO,
 * HOTFIX_MEMORY. */
int hf_unitfile_read(const char *root, const char *name, struct hf_unitfile *file, struct hotfix_error *err);
/* A zeroed one is fine. */
void hf_unitfile_deinit(struct hf_unitfile *file);

/* The values of a setting, separated by one blank, malloc'ed; "" without one. NULL when out of memory. */
char *hf_unitfile_value(const struct hf_unitfile *file, const char *name);
/* Whether it is given and not "no". */
bool hf_unitfile_is_set(const struct hf_unitfile *file, const char *name);

#endif
