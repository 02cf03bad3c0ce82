/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A verb's command line. One table of options is what getopt_long(3) parses, what --help prints and what its usage line
 * is made of, so that they cannot drift apart. Option names are not abbreviated: a new option breaks no script.
 *
 *     const struct hf_option options[] = {
 *         {.name = "trust", .argument = "KEYS", .help = "...", .required = true, .text = &trust},
 *         {.name = "func", .argument = "NAME", .help = "...", .each = add_pick, .arg = &picks, .kind =
 * HF_PICK_FUNCTION},
 *     };
 *     const struct hf_usage usage = {.verb = "verify", .operands = "FILE", .min_operands = 1, .max_operands = 1, ...};
 *     struct hf_report report;
 *     struct hotfix_error error;
 *     hf_report_init(&report, usage.verb);
 *     HF_FREE const char **operands = NULL;
 *     int result = hf_options_parse(&usage, argc, argv, &report, &operands, &error);
 *     if (result == 0)
 *         result = verify(...);
 *     return hf_report_finish(&report, result, &error);
 */
#ifndef HF_OPTIONS_H
#define HF_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "hotfix/error.h"
#include "ui/report.h"

struct hf_option;

/* Takes one occurrence of an option. argument is NULL for an option without one. 0, or -1 with HOTFIX_USAGE. */
typedef int (*hf_option_fn)(const struct hf_option *option, const char *argument, struct hotfix_error *err);

struct hf_option {
    const char *name;     /* long name, without dashes */
    int letter;           /* short form; 0: none */
    const char *argument; /* what the help calls its argument; NULL: it takes none */
    const char *help;     /* a sentence or two; the help wraps them */
    bool required;

    /* Exactly one of these is set. */
    bool *flag;        /* becomes true */
    const char **text; /* becomes the argument; given twice is an error */
    hf_option_fn each; /* called for each occurrence, in the order of the command line */

    void *arg; /* for `each` */
    int kind;  /* for `each` */
};

struct hf_usage {
    const char *verb;
    const char *summary;  /* first paragraph of the help */
    const char *operands; /* as in the usage line: "FILE"; NULL: none */
    size_t min_operands;
    size_t max_operands;
    const struct hf_option *options; /* without --help and --json, which every verb has */
    size_t option_count;
    const char *notes; /* last paragraph of the help; may be NULL */
};

#define HF_OPTIONS_HELP 1

/*
 * Parses a command line. 0: *operands is a NULL-terminated array of the operands, malloc'ed, its strings are argv's.
 * HF_OPTIONS_HELP: the help was printed, nothing is left to do. -1: HOTFIX_USAGE; report->json is set
 * even then when --json is anywhere on the line.
 */
int hf_options_parse(const struct hf_usage *usage, int argc, char **argv, struct hf_report *report,
                     const char ***operands, struct hotfix_error *err);

#endif
