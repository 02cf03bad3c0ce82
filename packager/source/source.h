/* SPDX-License-Identifier: Apache-2.0 */
/* The part of `hotfix build` that begins with sources: options, work directory, progress, and what stays behind. */
#ifndef HF_SOURCE_H
#define HF_SOURCE_H

#include <stdbool.h>

#include "hotfix/error.h"
#include "source/accept.h"
#include "source/tree.h"
#include "source/workspace.h"
#include "ui/options.h"
#include "ui/report.h"

struct hf_source {
    const char *directory; /* --source; NULL: objects were given */
    const char **patches;  /* --patch, in the order given; owned */
    size_t patch_count;
    const char *make;     /* --make */
    const char *built_as; /* --built-as */
    const char *work;     /* --work; NULL: a temporary directory */
    const char *make_on;  /* as in struct hf_tree_request, these seven */
    const char *make_name;
    bool shipped;
    bool beside;
    const char *at;
    const char *kept;
    const char *key;
    bool isolate;                /* --isolate */
    struct hf_accepted accepted; /* --accept, each; owned */

    struct hf_suspects suspects; /* on failure, as of hf_shipped_find() */
    struct hf_workspace workspace;
    bool worthless; /* nobody will want to look at what is there */
    struct hf_tree_result result;
};

/* Adds a --patch. HOTFIX_MEMORY. */
int hf_source_add_patch(struct hf_source *source, const char *patch, struct hotfix_error *err);
/* Takes one --accept: an hf_option_fn whose arg is the struct hf_source. HOTFIX_MEMORY. */
int hf_source_accept(const struct hf_option *option, const char *argument, struct hotfix_error *err);

/* Whether the options fit each other; `objects` says that objects were given. HOTFIX_USAGE. */
int hf_source_check(const struct hf_source *source, bool objects, struct hotfix_error *err);

/*
 * Whether the patches apply to the directory and change no more than is accepted, before anything else is done with it.
 * HOTFIX_USAGE, HOTFIX_UNPROVEN, HOTFIX_IO, HOTFIX_TRUST, HOTFIX_MEMORY.
 */
int hf_source_try(struct hf_source *source, struct hotfix_error *err);

/* Makes the objects, for the programs and libraries `targets`; progress goes to a terminal. As hf_tree_build(). */
int hf_source_build(struct hf_source *source, const char *const *targets, size_t target_count,
                    struct hotfix_error *err);

/* Removes a temporary work directory when all went well; otherwise says where it is. */
void hf_source_end(struct hf_source *source, bool succeeded, const struct hf_report *report);

#endif
