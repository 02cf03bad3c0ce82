/* SPDX-License-Identifier: Apache-2.0 */
/* The names of an object's functions and variables, for finding the same thing in another object. */
#ifndef HF_ROSTER_H
#define HF_ROSTER_H

#include "object/object.h"

/* What a part is to the program; twins are of one sort. */
enum hf_sort { HF_SORT_NONE, HF_SORT_CODE, HF_SORT_VARIABLE, HF_SORT_THREAD };

enum hf_sort hf_part_sort(const struct hf_part *part);

/*
 * Did the compiler make up the name of a local symbol or a part of it? "count.1" and "total.isra.0"; of variables, also
 * "parse.count": clang's name of a static local.
 */
bool hf_name_is_made(const struct hf_name *name);
/* Are the texts equal except for the numbers after them? */
bool hf_name_same_stem(const char *a, const char *b);

/* Names of parts that may have a twin, ordered by text. */
struct hf_roster {
    struct hf_name **items;
    size_t count;
};

/* HOTFIX_MEMORY. */
int hf_roster_list(const struct hf_object *object, struct hf_roster *names, struct hotfix_error *err);
void hf_roster_deinit(struct hf_roster *names);
#define HF_ROSTER __attribute__((cleanup(hf_roster_deinit)))

/* The first name with this text, or NULL. */
struct hf_name *hf_roster_find(const struct hf_roster *names, const char *text);

/* Makes two parts each other's twins. */
void hf_parts_pair(struct hf_part *a, struct hf_part *b);

/* Are two functions equal except for relocation fields? */
bool hf_code_alike(const struct hf_part *a, const struct hf_part *b);

#endif
