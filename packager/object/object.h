/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A relocatable object file in the form that `hotfix build` compares: parts (its sections), the names that they define
 * (its symbols) and the references between them (its relocations). Compiled with -ffunction-sections and
 * -fdata-sections, a part is one function or one variable.
 *
 * Not supported: more than 65,279 sections (extended numbering), REL relocations.
 */
#ifndef HF_OBJECT_H
#define HF_OBJECT_H

#include <elf.h>
#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"

enum hf_part_kind {
    HF_PART_OTHER,  /* not part of the program: symbol table, relocations, notes */
    HF_PART_CODE,   /* machine code */
    HF_PART_DATA,   /* writable */
    HF_PART_ZERO,   /* writable, begins as zeros */
    HF_PART_CONST,  /* read-only, at least after relocation */
    HF_PART_MERGE,  /* strings and constants that the linker merges: identified only by content */
    HF_PART_TLS,    /* thread-local */
    HF_PART_START,  /* pointers to constructors and destructors, or code that runs as one */
    HF_PART_UNWIND, /* .eh_frame */
    HF_PART_DEBUG   /* not loaded */
};

struct hf_part;
struct hf_object;

/* A symbol. */
struct hf_name {
    const char *text;     /* "" for section symbols */
    struct hf_part *part; /* where it is defined; NULL when it is undefined, common or absolute */
    uint64_t value;       /* offset in the part */
    uint64_t size;
    uint32_t index; /* in the symbol table */
    uint16_t section;
    uint8_t type;    /* STT_* */
    uint8_t binding; /* STB_* */
    uint8_t visibility;
};

/* A relocation. */
struct hf_reference {
    uint64_t offset;
    int64_t addend;
    const struct hf_name *name;
    uint32_t type;
};

struct hf_part {
    struct hf_object *object;
    size_t index; /* section number */
    const char *name;
    uint64_t flags; /* SHF_* */
    uint64_t size;
    uint64_t alignment;
    uint64_t entry_size;
    uint32_t type; /* SHT_* */
    enum hf_part_kind kind;
    const uint8_t *bytes;            /* NULL when it has none (SHT_NOBITS), or is HF_PART_DEBUG */
    struct hf_reference *references; /* ordered by offset; not read for HF_PART_DEBUG */
    size_t reference_count;
    size_t relocations; /* section number of its relocations, 0 without */
    struct hf_name *
        *names; /* the symbols defined in it, without section symbols: by value, functions and global ones first */
    size_t name_count;
    bool anonymous;         /* only its content distinguishes it from others: unnamed, or named by the compiler */
    struct hf_part *family; /* the function to which this cold half belongs; NULL: it is not a cold half */

    /* Set by those who compare. */
    struct hf_part *twin;   /* the same thing in the other object of a pair (correlate.h) */
    unsigned marks;         /* HF_MARK_* of work.h */
    struct hf_part *leader; /* towards the part that stands for its group; NULL: itself */
};

/* A row of the line table (lines.h). */
struct hf_line {
    const struct hf_part *part;
    uint64_t offset;
    uint64_t line;
    size_t order; /* of several rows for one instruction, the last one counts */
};

/* A place in a constant to which something refers (piece.h). */
struct hf_point {
    const struct hf_part *part;
    uint64_t offset;
};

struct hf_object {
    char *path;
    char *name; /* path in its tree; what pairs it */
    int fd;
    Elf *elf;
    struct hf_mapped *mapped;
    struct hf_part *parts; /* by section number, from 1 */
    size_t part_count;
    struct hf_part *unwind; /* its .eh_frame; NULL without */
    bool has_exceptions;    /* it has exception tables (.gcc_except_table) */
    struct hf_name *names;  /* by symbol number */
    size_t name_count;
    const char *source; /* name of its STT_FILE symbol, "" without */
    uint16_t machine;
    struct hf_line *lines; /* read when first needed */
    size_t line_count;
    bool lines_read;
    struct hf_point *points; /* likewise; ordered by part and offset */
    size_t point_count;
};

/*
 * Opens an object file. HOTFIX_IO, HOTFIX_FORMAT, HOTFIX_MEMORY; HOTFIX_INCOMPATIBLE for objects that contain no code
 * yet (-flto). No byte of it is trusted.
 */
int hf_object_open(const char *path, const char *name, struct hf_object **object, struct hotfix_error *err);
/* An empty object that stands for a removed one, with its name. HOTFIX_MEMORY. */
int hf_object_none(const struct hf_object *gone, struct hf_object **object, struct hotfix_error *err);
void hf_object_close(struct hf_object *object);

/* The first name defined with this text, NULL when there is none. */
const struct hf_name *hf_object_find(const struct hf_object *object, const char *text);

/* The relocations of an HF_PART_DEBUG part. *references is malloc'ed. HOTFIX_FORMAT, HOTFIX_MEMORY. */
int hf_object_references(const struct hf_part *part, struct hf_reference **references, size_t *count,
                         struct hotfix_error *err);

/* Where a reference points: the part and the offset in it. NULL when its name is not defined in a part. */
struct hf_part *hf_reference_part(const struct hf_reference *reference, int64_t *offset);

/* Does a reference of one part lead to the other one? */
bool hf_part_refers(const struct hf_part *from, const struct hf_part *to);

/* The name of the whole part in messages: that of a function or variable, else of the section. */
const char *hf_part_title(const struct hf_part *part);

/* The first name of a function in it, usually at its begin; NULL when the part has none. */
const struct hf_name *hf_part_function(const struct hf_part *part);

/* The bytes [start, end) of a merged string or constant that holds the offset; false when there is none. */
bool hf_part_piece(const struct hf_part *part, int64_t offset, uint64_t *start, uint64_t *end);

/*
 * Is it a name that compilers make up for something that no source declares? An equal name in another build proves
 * nothing.
 */
bool hf_name_is_made_up(const char *text);
/* Is this a weak definition, which the linker may have replaced by another object's? */
bool hf_name_yields(const struct hf_name *name);

/* Length of the text without the number that a compiler appended: "count.12" gives 5. */
size_t hf_name_stem(const char *text);

static inline void hf_cleanup_object(struct hf_object **object)
{
    hf_object_close(*object);
}
#define HF_OBJECT __attribute__((cleanup(hf_cleanup_object)))

#endif
