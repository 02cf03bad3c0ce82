/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call of a compiler driver, parsed as far as `hotfix cc` needs: what it compiles, what it links, and how to
 * compile the same source again to another file (gcc(1), clang(1): "Overall Options", "Preprocessor Options").
 */
#ifndef HF_INVOCATION_H
#define HF_INVOCATION_H

#include <stdbool.h>
#include <stddef.h>

#include "hotfix/error.h"

enum hf_invocation_kind {
    HF_INVOCATION_OTHER,   /* preprocesses, asks for the version, assembles only...: nothing to record */
    HF_INVOCATION_COMPILE, /* -c: sources become object files */
    HF_INVOCATION_LINK     /* objects, archives and perhaps sources become a program or library */
};

struct hf_invocation {
    enum hf_invocation_kind kind;
    char **argv; /* response files (@file) expanded; NULL-terminated; owned */
    size_t argc;
    char *output;    /* operand of -o; NULL when there is none; owned */
    size_t *sources; /* indices into argv of source files, in order */
    size_t source_count;
    size_t *inputs; /* indices into argv of what else the linker is given: objects, archives, scripts; in order */
    size_t input_count;
    const char **libraries; /* operands of -l; strings of argv */
    size_t library_count;
    const char **searches; /* operands of -L; strings of argv */
    size_t search_count;
    bool prefers_archives; /* -static */
    bool writes_rule;      /* -MD and the like: the build itself keeps track of what an object depends on */
    const char *rule;      /* the file that it names for that (-MF, -Wp,-MD,FILE); a string of argv; NULL: none */
};

/*
 * Understands argv[0..argc), where argv[0] is the driver. HOTFIX_IO when a response file cannot be read, HOTFIX_USAGE
 * when it is not text that a driver would read, HOTFIX_MEMORY.
 */
int hf_invocation_parse(int argc, char **argv, struct hf_invocation *invocation, struct hotfix_error *err);
void hf_invocation_deinit(struct hf_invocation *invocation);

/*
 * The object that compiling source i of a -c call writes: the operand of -o, else the source's base name with .o.
 * malloc'ed; NULL when out of memory.
 */
char *hf_invocation_object(const struct hf_invocation *invocation, size_t i);

/*
 * The archive that the i-th -l stands for, in the directories of -L: what the linker looks for in its own ones is no
 * part of the build. malloc'ed; NULL when it is a shared library or is not found.
 */
char *hf_invocation_archive(const struct hf_invocation *invocation, size_t i);

/*
 * A command line that compiles source i alone to object `output` with `extra_count` more options: other sources,
 * inputs, -o, dependency output (-M..) and linker options are left out. NULL-terminated and malloc'ed as one block with
 * free(); its strings belong to the invocation and the arguments. NULL when out of memory.
 */
char **hf_invocation_recompile(const struct hf_invocation *invocation, size_t i, const char *const *extra,
                               size_t extra_count, const char *output);

#endif
