/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source names of an object's variables that have an address, from its debug information: a name in the symbol
 * table may contain a number that the compiler chose.
 */
#ifndef HF_SCOPE_H
#define HF_SCOPE_H

#include "object/object.h"

/* A variable, or a piece of one: compilers may store the members of a structure separately. */
struct hf_scope {
    const struct hf_part *part;
    uint64_t offset; /* in the part */
    char *function;  /* that declares it, "" at file scope */
    char *name;
    char *type;     /* for comparison and for people; "" when it cannot be read */
    char *coding;   /* operations that compute its value from what is stored, as hexadecimal digits; "" without */
    uint64_t piece; /* where the piece begins in the variable */
    uint64_t file;  /* its source: DW_AT_decl_file as a number of this object */
    unsigned line;  /* DW_AT_decl_line; 0 when it is not known */
    uint64_t block; /* offset of the entry of the block, or function, that declares it */
    uint64_t entry; /* of its own entry */
    bool inner;     /* in a block of the function */
    bool whole;     /* all of the variable */
};

/* Code of a block, where it is declared or where a copy of it was inlined. */
struct hf_scope_code {
    uint64_t block; /* as above */
    const struct hf_part *part;
    uint64_t begin; /* in the part */
    uint64_t end;
};

/*
 * A variable whose value is computed from its stored form: clang stores a variable that only ever holds two values as a
 * byte that says which one.
 */
struct hf_scope_coded {
    char *function; /* that declares it, "" at file scope and when it is not known */
    char *name;
    char *operations; /* of the location expression, as hexadecimal digits */
};

/* Code in which a variable or parameter is known to hold a value (known.h). */
struct hf_scope_known {
    const struct hf_part *part;
    uint64_t begin; /* in the part */
    uint64_t end;
    char *name; /* of the variable; "" when it has none */
    uint64_t value;
    bool plain; /* false: it is not known which value */
};

struct hf_scopes;

/* *scopes becomes NULL when the object has no debug information. HOTFIX_FORMAT when it is damaged, HOTFIX_MEMORY. */
int hf_scopes_read(const struct hf_object *object, struct hf_scopes **scopes, struct hotfix_error *err);
void hf_scopes_destroy(struct hf_scopes *scopes);

/* The variable at the begin of a name; NULL when it is not known. scopes may be NULL. */
const struct hf_scope *hf_scope_of(const struct hf_scopes *scopes, const struct hf_name *name);

/*
 * All variables that functions declare without a place, for example those that the compiler left out, in the order of
 * debug information; their function is "" when it is not known. They include automatic variables that were left out,
 * since nothing distinguishes them from static ones. NULL and 0 without scopes.
 */
const struct hf_scope *hf_scopes_lost(const struct hf_scopes *scopes, size_t *count);

/* The code of all blocks, in the order of debug information; NULL and 0 without scopes. */
const struct hf_scope_code *hf_scopes_code(const struct hf_scopes *scopes, size_t *count);

/* Variables whose values are computed; NULL and 0 without scopes. */
const struct hf_scope_coded *hf_scopes_coded(const struct hf_scopes *scopes, size_t *count);

/* The known values of variables; NULL and 0 without scopes. */
const struct hf_scope_known *hf_scopes_known(const struct hf_scopes *scopes, size_t *count);

/* Are two variables declared and stored alike: function, name, type, coding, piece? Either may be NULL: then they are
 * not. */
bool hf_scope_same(const struct hf_scope *a, const struct hf_scope *b);
/* May a variable that has no place be declared as this one is? */
bool hf_scope_like_lost(const struct hf_scope *lost, const struct hf_scope *like);

/* The first variable or piece with this function and name; NULL when there is none. scopes may be NULL. */
const struct hf_scope *hf_scopes_find(const struct hf_scopes *scopes, const char *function, const char *name);

#endif
