/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Debian source package as a tree that `hotfix build --source` can take: fetched, unpacked, with the command that
 * builds it as the distribution did.
 */
#ifndef HF_PACKAGE_H
#define HF_PACKAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "debian/dsc.h"
#include "hotfix/error.h"

struct hf_package {
    /* as given on the command line; NULL where it was not */
    const char *name;           /* --deb: PACKAGE or PACKAGE=VERSION, binary or source package */
    const char *description;    /* --dsc: file of a source package that is at hand */
    bool install;               /* --install-build-deps: what the build needs and is not there is installed */
    const char *const *targets; /* what was shipped, and is to be patched */
    size_t target_count;

    /* what comes of them; owned */
    struct hf_dsc dsc;
    char *entry;   /* the package's place in the cache */
    char *tree;    /* unpacked sources, only read from now on */
    char *at;      /* where the distribution had them, as far as a target tells; NULL: none does */
    char *kept;    /* directory for the first build */
    char *key;     /* what kept builds of it must agree on */
    char *make;    /* shell command that builds it */
    char *make_on; /* shell command that goes on from there, for changed sources; NULL: there is none */
    int lock;      /* of the entry; -1 when it is not held */
};

/* Whether one was asked for. */
bool hf_package_given(const struct hf_package *package);

/*
 * Fetches and unpacks the package: its tree can be read. HOTFIX_IO when a step fails, HOTFIX_FORMAT, HOTFIX_TRUST,
 * HOTFIX_USAGE, HOTFIX_MEMORY.
 */
int hf_package_unpack(struct hf_package *package, struct hotfix_error *err);

/*
 * Then finds out how the package is built, and where the targets say that it was, and sees to what its build needs.
 * HOTFIX_IO when a step fails or something is missing: the message says the command that brings it; HOTFIX_FORMAT,
 * HOTFIX_MEMORY.
 */
int hf_package_prepare(struct hf_package *package, struct hotfix_error *err);

/*
 * Leaves the rebuilt file where other verbs find the debug file of the shipped one (elf/debugfile.h), as long as the
 * package is in the cache. HOTFIX_IO, HOTFIX_MEMORY.
 */
int hf_package_publish(const struct hf_package *package, const char *target, const char *rebuilt,
                       struct hotfix_error *err);

/* Releases the entry; what is kept of it stays within the cache's limit. */
void hf_package_deinit(struct hf_package *package);

#endif
