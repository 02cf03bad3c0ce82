/* SPDX-License-Identifier: Apache-2.0 */
/* The C++ names of a program's functions (scoped.h), and which of them are in a class or a namespace. */
#ifndef HF_SPELLED_H
#define HF_SPELLED_H

#include <stdbool.h>
#include <stddef.h>

#include "hotfix/error.h"
#include "program/program.h"
#include "program/scoped.h"

struct hf_spelled {
    const struct hf_program *program;
    struct hf_scoped *names; /* one for each function of the program; without parts where its symbol is none of C++ */
    size_t count;            /* how many have parts */
};

/* HOTFIX_MEMORY. */
int hf_spelled_init(const struct hf_program *program, struct hf_spelled *spelled, struct hotfix_error *err);
void hf_spelled_deinit(struct hf_spelled *spelled);

/*
 * Marks the functions that are in the class that a person means, or below the namespace; matches: one for each function
 * of the program. None is no error. HOTFIX_USAGE, which begins with the option and its text, where several classes or
 * namespaces have that name, and where a namespace is one of the other kind.
 */
int hf_spelled_class(const struct hf_spelled *spelled, const char *text, bool *matches, size_t *count,
                     struct hotfix_error *err);
int hf_spelled_namespace(const struct hf_spelled *spelled, const char *text, bool *matches, size_t *count,
                         struct hotfix_error *err);

/* The names of all functions without scopes and parameters, to look for the nearest to a mistyped one: malloc'ed, with
 * malloc'ed items, NULL at the end; NULL when out of memory. */
char **hf_spelled_last(const struct hf_spelled *spelled);

#endif
