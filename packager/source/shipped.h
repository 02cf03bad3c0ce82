/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which file of a build is the program that was shipped: not the one of its name, which packaging may change, but the
 * one that is the same in all that is loaded (elf/rebuilt.h).
 */
#ifndef HF_SHIPPED_H
#define HF_SHIPPED_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler/journal.h"
#include "hotfix/error.h"
#include "source/reads.h"

struct hf_shipped {
    char *rebuilt; /* path of the file, with symbols */
    char *output;  /* the path under which the build linked it; its name alone where that is not known */
};

/*
 * Looks at every program and library below the tree that the journal's build left there. HOTFIX_INCOMPATIBLE when none
 * is the target: the message says in what the one of its name differs; HOTFIX_UNPROVEN when those that are were
 * stripped; HOTFIX_USAGE when there is none of its name; HOTFIX_IO, HOTFIX_MEMORY. On failure
 * *suspects are files outside of the tree that may have made the difference, none where it is another one: the message
 * ends with what is true of them.
 */
int hf_shipped_find(const char *target, const struct hf_journal *journal, const char *tree, struct hf_shipped *shipped,
                    struct hf_suspects *suspects, struct hotfix_error *err);
void hf_shipped_deinit(struct hf_shipped *shipped);

/*
 * Of several outputs of one name, made of other objects, the one that is the target: *path is where the build linked
 * it, malloc'ed; NULL where no choice is due. HOTFIX_USAGE when none of them is; HOTFIX_IO, HOTFIX_MEMORY.
 */
int hf_shipped_choose(const char *target, const struct hf_journal *journal, const char *name, char **path,
                      struct hotfix_error *err);

/*
 * Of outputs of a package's build, given by their paths below its tree, those that its packages install, by the paths
 * that they install them under: which file of debian/PACKAGE/ is which output, the build-id tells. *names, *count are
 * both ways; outputs without a build-id stay as they are, and so do all where debian/ has no program at all.
 * HOTFIX_IO, HOTFIX_MEMORY: then nothing changed.
 */
int hf_shipped_installed(const char *tree, char **names, size_t *count, struct hotfix_error *err);

#endif
