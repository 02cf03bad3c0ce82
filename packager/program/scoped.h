/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of C++ functions and scopes in parts, and matching them with what a person wrote: shop::Box<int>::get(int)
 * const has the parts "shop", "Box<int>" and "get", and the parameters "(int) const".
 *
 * A name that a person wrote matches names that end with the same parts; a leading "::" means that there are no other
 * parts before. Without template arguments it matches any, with <*> all of them; without parameters it also matches
 * any. Tags of the ABI ([abi:v2]) and blanks may be left out; const may stand before a type.
 */
#ifndef HF_SCOPED_H
#define HF_SCOPED_H

#include <stdbool.h>
#include <stddef.h>

struct hf_scoped_part {
    size_t begin;
    size_t stem; /* where its template arguments begin; end without any */
    size_t end;
    bool function; /* a function that the rest is local to: "run(int) const" of run(int) const::Local */
};

struct hf_scoped {
    char *text; /* with blanks only where words meet; owned */
    struct hf_scoped_part *parts;
    size_t count;
    const char *parameters; /* with what follows them, "(int)const"; "" without */
    bool rooted;            /* it began with "::" */
};

/* Reads what a person wrote, or a demangled symbol. 0; -1 when it is no such name, or memory is out. */
int hf_scoped_read(const char *text, struct hf_scoped *scoped);
/* Reads the symbol of a function, HF_DEMANGLE_FUNCTION; of a thunk, as the function that it leads to. Likewise. */
int hf_scoped_read_symbol(const char *symbol, struct hf_scoped *scoped);
void hf_scoped_deinit(struct hf_scoped *scoped);

/* Does it match all instantiations of a template (<*>)? */
bool hf_scoped_is_wild(const struct hf_scoped *wanted);
/* Does the wanted name match this function? */
bool hf_scoped_means(const struct hf_scoped *wanted, const struct hf_scoped *function);
/* Is it the complete name, so that other functions with the same last parts do not match? */
bool hf_scoped_is_whole(const struct hf_scoped *wanted, const struct hf_scoped *function);

/* Is a function in the class that a person means, or local to one of its methods? `count`: how many of its parts are
 * the class with its scopes. */
bool hf_scoped_in_class(const struct hf_scoped *wanted, const struct hf_scoped *function, size_t *count);
/* Is it somewhere below the scope (a namespace, or a class) that a person means? Likewise. */
bool hf_scoped_below(const struct hf_scoped *wanted, const struct hf_scoped *function, size_t *count);
/* The text of so many parts, without template arguments where asked. malloc'ed; NULL when out of memory. */
char *hf_scoped_text(const struct hf_scoped *scoped, size_t count, bool arguments);

#endif
