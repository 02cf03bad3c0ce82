/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source packages through apt(8), which verifies what it fetches. If the machine's package sources name no source
 * packages (deb-src), our own lists below the cache are used: the machine's lists are not changed.
 */
#ifndef HF_APT_H
#define HF_APT_H

#include "hotfix/error.h"

/*
 * Fetches the source of `name`, "PACKAGE" or "PACKAGE=VERSION", into the cache `root`. Without a version the one that
 * is installed is meant, else the newest that apt knows. *dsc is the path of its description, malloc'ed. HOTFIX_USAGE
 * when the name is none; HOTFIX_IO with apt's own words when it cannot be had; HOTFIX_MEMORY.
 */
int hf_apt_fetch(const char *name, const char *root, char **dsc, struct hotfix_error *err);

/*
 * What the build of an unpacked tree needs and is not installed: *missing is malloc'ed, "" when all is there.
 * HOTFIX_IO, HOTFIX_MEMORY.
 */
int hf_apt_missing(const char *tree, char **missing, struct hotfix_error *err);

/* Installs what the package needs to be built. HOTFIX_IO with apt's own words. */
int hf_apt_install(const char *dsc, struct hotfix_error *err);

#endif
