/* SPDX-License-Identifier: Apache-2.0 */
#include "ui/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "ui/text.h"

#define HELP_WIDTH  80
#define HELP_COLUMN 26
#define LONG_BASE   256 /* getopt_long() gives LONG_BASE + index for a table entry: out of the way of letters */

/* The verb's own options and those that all verbs have, in the forms that getopt_long() wants. */
struct table {
    struct hf_option *options;
    size_t count;
    struct option *longs;
    char *letters;
    const char **names;
    bool *seen;
};

static void table_deinit(struct table *table)
{
    free(table->options);
    free(table->longs);
    free(table->letters);
    free(table->names);
    free(table->seen);
}

static int table_init(const struct hf_usage *usage, bool *json, bool *help, struct table *table,
                      struct hotfix_error *err)
{
    const struct hf_option common[] = {
        {.name = "json", .help = "Report as one JSON object on standard output.", .flag = json},
        {.name = "help", .letter = 'h', .help = "Show this help and exit.", .flag = help},
    };
    size_t common_count = sizeof common / sizeof common[0];
    size_t count = usage->option_count + common_count;

    *table = (struct table){.count = count};
    table->options = calloc(count, sizeof *table->options);
    table->longs = calloc(count + 1, sizeof *table->longs);
    table->letters = calloc(1, 2 * count + 3);
    table->names = calloc(count, sizeof *table->names);
    table->seen = calloc(count, sizeof *table->seen);
    if (!table->options || !table->longs || !table->letters || !table->names || !table->seen)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");

    if (usage->option_count > 0)
        memcpy(table->options, usage->options, usage->option_count * sizeof *usage->options);
    memcpy(table->options + usage->option_count, common, sizeof common);

    /* '-': operands come in their place, as an option of code 1; ':': errors are ours to report. */
    char *letter = stpcpy(table->letters, "-:");
    for (size_t i = 0; i < count; i++) {
        const struct hf_option *option = &table->options[i];
        table->names[i] = option->name;
        table->longs[i] = (struct option){.name = option->name,
                                          .has_arg = option->argument ? required_argument : no_argument,
                                          .val = LONG_BASE + (int)i};
        if (!option->letter)
            continue;
        *letter++ = (char)option->letter;
        if (option->argument)
            *letter++ = ':';
    }
    return 0;
}

/* Prints text broken at spaces, each line but the first indented by `column`, where the first begins. */
static void print_wrapped(const char *text, int column)
{
    int at = column;
    for (const char *word = text; *word;) {
        int size = (int)strcspn(word, " \n");
        if (at > column && at + 1 + size > HELP_WIDTH) {
            printf("\n%*s", column, "");
            at = column;
        } else if (at > column) {
            putchar(' ');
            at++;
        }
        printf("%.*s", size, word);
        at += size;
        word += size;
        if (*word == '\n') {
            printf("\n%*s", column, "");
            at = column;
        }
        word += *word != '\0';
    }
    putchar('\n');
}

static void print_option(const struct hf_option *option)
{
    char form[128];
    int size = snprintf(form, sizeof form, "  %c%c%s--%s%s%s", option->letter ? '-' : ' ',
                        option->letter ? option->letter : ' ', option->letter ? ", " : "  ", option->name,
                        option->argument ? " " : "", option->argument ? option->argument : "");
    printf("%s", form);
    if (size + 2 > HELP_COLUMN)
        printf("\n%*s", HELP_COLUMN, "");
    else
        printf("%*s", HELP_COLUMN - size, "");
    print_wrapped(option->help, HELP_COLUMN);
}

static void print_help(const struct hf_usage *usage, const struct table *table)
{
    printf("Usage: hotfix %s", usage->verb);
    for (size_t i = 0; i < table->count; i++) {
        if (table->options[i].required)
            printf(" --%s %s", table->options[i].name, table->options[i].argument);
    }
    printf(" [OPTION]...%s%s\n\n", usage->operands ? " " : "", usage->operands ? usage->operands : "");
    print_wrapped(usage->summary, 0);
    printf("\nOptions:\n");
    for (size_t i = 0; i < table->count; i++)
        print_option(&table->options[i]);
    if (usage->notes) {
        putchar('\n');
        print_wrapped(usage->notes, 0);
    }
}

/* The command line while it is read. The first thing that is wrong with it is the one reported. */
struct parse {
    const struct hf_usage *usage;
    struct table *table;
    const char **operands;
    size_t operand_count;
    struct hotfix_error *err;
    bool failed;
};

/* getopt_long() takes `--targ` for `--target`; this command does not. */
static bool abbreviated(const char *element, const char *name)
{
    size_t size = strlen(name);
    return strncmp(element, "--", 2) == 0 &&
           (strncmp(element + 2, name, size) != 0 || (element[2 + size] != '\0' && element[2 + size] != '='));
}

static int unknown_option(const struct parse *parse, const char *element)
{
    if (strncmp(element, "--", 2) != 0)
        return hf_error(parse->err, HOTFIX_USAGE, "unknown option '-%c'", optopt);

    HF_FREE char *name = strndup(element + 2, strcspn(element + 2, "="));
    const char *nearest = name ? hf_text_nearest(name, parse->table->names, parse->table->count) : NULL;
    if (nearest)
        return hf_error(parse->err, HOTFIX_USAGE, "unknown option '--%s', did you mean '--%s'?", name, nearest);
    return hf_error(parse->err, HOTFIX_USAGE, "unknown option '--%s'", name ? name : "");
}

static const struct hf_option *find_option(const struct table *table, int code)
{
    for (size_t i = 0; i < table->count; i++) {
        if (code == LONG_BASE + (int)i || (code > 0 && code == table->options[i].letter))
            return &table->options[i];
    }
    return NULL;
}

static int take_option(struct parse *parse, const struct hf_option *option, const char *argument)
{
    bool *seen = &parse->table->seen[option - parse->table->options];
    bool again = *seen;
    *seen = true;
    if (option->each)
        return option->each(option, argument, parse->err);
    if (option->flag) {
        *option->flag = true;
        return 0;
    }
    if (again)
        return hf_error(parse->err, HOTFIX_USAGE, "option '--%s' is given twice", option->name);
    *option->text = argument;
    return 0;
}

/* One result of getopt_long(); element is the argv element that it came from. */
static int take_element(struct parse *parse, int code, const char *element)
{
    if (code == 1) {
        parse->operands[parse->operand_count++] = optarg;
        return 0;
    }
    if (code == '?' || code == ':') {
        /* optopt is the code of a known option that was misused, else the unknown letter or 0. */
        const struct hf_option *option = find_option(parse->table, optopt);
        if (!option || abbreviated(element, option->name))
            return unknown_option(parse, element);
        if (code == ':')
            return hf_error(parse->err, HOTFIX_USAGE, "option '--%s' needs an argument: --%s %s", option->name,
                            option->name, option->argument);
        return hf_error(parse->err, HOTFIX_USAGE, "option '--%s' takes no argument", option->name);
    }
    const struct hf_option *option = find_option(parse->table, code);
    if (code >= LONG_BASE && abbreviated(element, option->name))
        return unknown_option(parse, element);
    return take_option(parse, option, optarg);
}

static void parse_elements(struct parse *parse, int argc, char **argv)
{
    optind = 0; /* starts anew (GNU) */
    opterr = 0;
    for (;;) {
        int index = optind > 0 ? optind : 1;
        int code = getopt_long(argc, argv, parse->table->letters, parse->table->longs, NULL);
        if (code == -1)
            break;
        struct hotfix_error *err = parse->err;
        if (parse->failed)
            parse->err = NULL; /* goes on, to see --json and --help wherever they are */
        if (take_element(parse, code, argv[index]) != 0)
            parse->failed = true;
        parse->err = err;
    }
    for (int i = optind; i < argc; i++)
        parse->operands[parse->operand_count++] = argv[i];
}

static int check_operands(const struct parse *parse)
{
    const struct hf_usage *usage = parse->usage;
    if (parse->operand_count < usage->min_operands)
        return hf_error(parse->err, HOTFIX_USAGE, "%s is missing", usage->operands);
    if (parse->operand_count > usage->max_operands)
        return hf_error(parse->err, HOTFIX_USAGE, "unexpected argument '%s'", parse->operands[usage->max_operands]);
    for (size_t i = 0; i < parse->table->count; i++) {
        const struct hf_option *option = &parse->table->options[i];
        if (option->required && !parse->table->seen[i])
            return hf_error(parse->err, HOTFIX_USAGE, "option '--%s %s' is required", option->name, option->argument);
    }
    return 0;
}

static int parse_line(const struct hf_usage *usage, int argc, char **argv, struct hf_report *report,
                      struct table *table, const char ***operands, struct hotfix_error *err)
{
    HF_FREE const char **found = calloc((size_t)argc + 1, sizeof *found);
    if (!found)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");

    struct parse parse = {.usage = usage, .table = table, .operands = found, .err = err};
    parse_elements(&parse, argc, argv);
    if (report->help && !parse.failed) {
        print_help(usage, table);
        return HF_OPTIONS_HELP;
    }
    if (parse.failed || check_operands(&parse) != 0) {
        size_t size = strlen(err->message);
        snprintf(err->message + size, sizeof err->message - size, " (see 'hotfix %s --help')", usage->verb);
        return -1;
    }
    *operands = hf_move(found);
    return 0;
}

int hf_options_parse(const struct hf_usage *usage, int argc, char **argv, struct hf_report *report,
                     const char ***operands, struct hotfix_error *err)
{
    struct table table;
    int result = table_init(usage, &report->json, &report->help, &table, err);
    if (result == 0)
        result = parse_line(usage, argc, argv, report, &table, operands, err);
    if (result < 0)
        report->help = false;
    table_deinit(&table);
    return result;
}
