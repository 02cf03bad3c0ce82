/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DW_AT_producer, understood: which compiler made a translation unit, and with which of the flags that matter.
 *
 * gcc: "GNU C17 12.2.0 -mtune=generic -O2 ..." always. clang: "Debian clang version 14.0.6", with the driver and its
 * command line behind it only under -grecord-command-line.
 *
 * Flags are normalised so that equal text means equal code: what does not change code is dropped (flag.h), of flags
 * that set the same thing the last one counts, and what is left out where it is the default (-O0, gcc's -std) is
 * written out. Macros (-D) are recorded by clang alone.
 */
#ifndef HF_PRODUCER_H
#define HF_PRODUCER_H

#include <stdbool.h>
#include <stddef.h>

#include "check/compiled/flag.h"
#include "hotfix/error.h"

struct hf_producer {
    char *compiler; /* vendor and version: "GNU C 12.2.0", "Debian clang version 14.0.6" */
    bool has_flags; /* the flags were recorded */
    char **flags;   /* those that matter, ordered by text */
    size_t flag_count;
    char **ordered; /* the same in the order of the command line; the texts are those of flags */
    char *pic;      /* those about position independence, separated by one space */
};

/* HOTFIX_MEMORY. Any text will do. */
int hf_producer_parse(const char *text, struct hf_producer *producer, struct hotfix_error *err);
void hf_producer_deinit(struct hf_producer *producer);

/* The flags separated by one space. malloc'ed; NULL when out of memory. */
char *hf_producer_flags(const struct hf_producer *producer);

/*
 * Each of these returns flags of one class separated by one space, "" when there are none; malloc'ed, NULL when out of
 * memory. All of them; those whose order among each other counts, in their order; those of a that b lacks.
 */
char *hf_producer_class(const struct hf_producer *producer, enum hf_flag_class class);
char *hf_producer_sequence(const struct hf_producer *producer, enum hf_flag_class class);
char *hf_producer_extra(const struct hf_producer *a, const struct hf_producer *b, enum hf_flag_class class);

/* The command that compiles a patch like this: "gcc -O2 ... -g -fPIC -shared". malloc'ed; NULL when out of memory. */
char *hf_producer_command(const struct hf_producer *producer);

#endif
