/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record that `hotfix cc` makes of a build: which command made each object, and which objects went into each
 * program or library.
 *
 * The journal is a directory, one JSON file an entry, named after the SHA-256 of the output's path: parallel compilers
 * never share a file, and a file is replaced as a whole, so that the last command for an output counts.
 */
#ifndef HF_JOURNAL_H
#define HF_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler/invocation.h"
#include "digest.h"
#include "hotfix/error.h"

/* One source compiled to one object. */
struct hf_compile {
    char *object;            /* absolute path */
    char *source;            /* as on the command line */
    char *directory;         /* working directory of the command */
    char *rule;              /* file with a make rule of what the object was made from; NULL: it is not known */
    char **argv;             /* compiles this source alone; begins with env(1), lacks -c and -o; NULL-terminated */
    struct hf_digest digest; /* of the object's bytes when it was made */
};

/* An object that a linker was given, also as a member of an archive. */
struct hf_input {
    struct hf_digest digest;
    char *name; /* path as on the command line; a member: ARCHIVE(MEMBER) */
};

/* One program or library. */
struct hf_link {
    char *output;            /* absolute path */
    struct hf_digest digest; /* of its bytes: it may itself be an input (gcc -r) */
    struct hf_input *inputs; /* ordered by the bytes of their digests */
    size_t input_count;
};

struct hf_journal {
    struct hf_compile *compiles; /* ordered by object */
    size_t compile_count;
    struct hf_link *links; /* ordered by output */
    size_t link_count;
};

/*
 * Where the compiler of an invocation in the current directory is to write the rule of its object (-MF), so that
 * hf_journal_add() knows it. malloc'ed; NULL when the build has the rule written itself, when it is not one source that
 * becomes one object, and when out of memory.
 */
char *hf_journal_rule(const char *directory, const struct hf_invocation *invocation);

/* Adds what a successful invocation in the current directory made. HOTFIX_IO, HOTFIX_MEMORY. */
int hf_journal_add(const char *directory, const struct hf_invocation *invocation, struct hotfix_error *err);

/* Reads a whole journal. HOTFIX_IO; HOTFIX_FORMAT naming the entry. */
int hf_journal_read(const char *directory, struct hf_journal *journal, struct hotfix_error *err);
void hf_journal_deinit(struct hf_journal *journal);

/* The entry for an object path, or NULL. */
const struct hf_compile *hf_journal_compile(const struct hf_journal *journal, const char *object);
/* Whether an object with this digest went into the output. */
bool hf_link_has(const struct hf_link *link, const struct hf_digest *digest);

#endif
