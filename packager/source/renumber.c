/* SPDX-License-Identifier: Apache-2.0 */
#include "source/renumber.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "compiler/process.h"
#include "error.h"
#include "file.h"

#define MAX_SOURCE (64u << 20)

/* Lines that both files have. */
struct group {
    unsigned long before; /* number of the first one, from 1 */
    unsigned long after;
    unsigned long count;
};

/* Reads the source as far as it takes to know where a directive may stand (C17, 5.1.1.2). */
struct reader {
    enum { IN_CODE, IN_TEXT, IN_COMMENT } state;
    char quote;     /* that ends the text */
    long depth;     /* of parentheses: a macro's arguments may hold no directive */
    bool directive; /* this line is one, or goes on from one */
    bool continued; /* the line before ends with a backslash */
};

static bool is_safe(const struct reader *reader)
{
    return reader->state == IN_CODE && !reader->continued && !reader->directive && reader->depth == 0;
}

static size_t blanks(const char *line, size_t size)
{
    size_t i = 0;

    while (i < size && (line[i] == ' ' || line[i] == '\t'))
        i++;
    return i;
}

/* The name of a directive behind its '#'; 0 characters where the line is none. */
static const char *directive_of(const struct reader *reader, const char *line, size_t size, size_t *length)
{
    size_t at = blanks(line, size);

    *length = 0;
    if (reader->state != IN_CODE || reader->continued || at == size || line[at] != '#')
        return line;
    at += 1 + blanks(line + at + 1, size - at - 1);
    while (at + *length < size && isalnum((unsigned char)line[at + *length]))
        ++*length;
    return line + at;
}

/* One character of code, and the next one; how many were read. */
static size_t read_code(struct reader *reader, const char *at, size_t left)
{
    if (left > 1 && at[0] == '/' && at[1] == '/')
        return left;
    if (left > 1 && at[0] == '/' && at[1] == '*') {
        reader->state = IN_COMMENT;
        return 2;
    }
    if (*at == '"' || *at == '\'') {
        reader->state = IN_TEXT;
        reader->quote = *at;
    } else if (*at == '(') {
        reader->depth += !reader->directive;
    } else if (*at == ')') {
        reader->depth -= !reader->directive && reader->depth > 0;
    }
    return 1;
}

/* Reads one line, without its end. */
static void read_line(struct reader *reader, const char *line, size_t size)
{
    size -= size > 0 && line[size - 1] == '\r';
    bool continues = size > 0 && line[size - 1] == '\\';
    size_t length;

    directive_of(reader, line, size, &length);
    if (!reader->continued)
        reader->directive = length > 0;
    /* Where conditional parts upset the count, a function's end sets it right. */
    if (size > 0 && line[0] == '}' && reader->state == IN_CODE)
        reader->depth = 0;
    for (size_t i = 0; i < size;) {
        if (reader->state == IN_CODE) {
            i += read_code(reader, line + i, size - i);
        } else if (reader->state == IN_TEXT) {
            reader->state = line[i] == reader->quote ? IN_CODE : IN_TEXT;
            i += line[i] == '\\' ? 2 : 1;
        } else if (size - i > 1 && line[i] == '*' && line[i + 1] == '/') {
            reader->state = IN_CODE;
            i += 2;
        } else {
            i++;
        }
    }
    if (reader->state == IN_TEXT && !continues)
        reader->state = IN_CODE;
    reader->continued = continues;
    if (!continues)
        reader->directive = false;
}

/* Has the source `#line` directives, or is it what a preprocessor wrote? */
static bool is_numbered(const char *text, size_t size)
{
    struct reader reader = {.state = IN_CODE};

    for (size_t at = 0; at < size;) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t length = end ? (size_t)(end - text) - at : size - at, name_length;
        const char *name = directive_of(&reader, text + at, length, &name_length);
        if (name_length > 0 && (isdigit((unsigned char)*name) || (name_length == 4 && strncmp(name, "line", 4) == 0)))
            return true;
        read_line(&reader, text + at, length);
        at += length + 1;
    }
    return false;
}

/* What follows a conditional directive counts as the text says again, where a directive in it was passed over. */
static bool is_conditional(const struct reader *reader, const char *line, size_t size)
{
    static const char *const names[] = {"if", "ifdef", "ifndef", "elif", "else", "endif"};
    size_t length;
    const char *name = directive_of(reader, line, size, &length);

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (length == strlen(names[i]) && strncmp(name, names[i], length) == 0)
            return true;
    return false;
}

/* The number that a line of the old file has in the new one; 0 when it is not there. */
static unsigned long new_number(const struct group *groups, size_t count, unsigned long line)
{
    for (size_t i = 0; i < count; i++)
        if (line >= groups[i].before && line - groups[i].before < groups[i].count)
            return groups[i].after + (line - groups[i].before);
    return 0;
}

static bool write_source(FILE *file, const char *text, size_t size, const struct group *groups, size_t count)
{
    struct reader reader = {.state = IN_CODE};
    unsigned long line = 1, counted = 1; /* what the compiler takes the line for */
    bool sure = true, written = false;

    for (size_t at = 0; at < size; line++, counted++) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t length = end ? (size_t)(end - text) - at : size - at;
        unsigned long wanted = new_number(groups, count, line);
        if (wanted && is_safe(&reader) && (wanted != counted || (written && !sure))) {
            fprintf(file, "#line %lu\n", wanted);
            counted = wanted;
            sure = written = true;
        }
        if (is_conditional(&reader, text + at, length))
            sure = false;
        read_line(&reader, text + at, length);
        fwrite(text + at, 1, length, file);
        fputc('\n', file);
        at += length + 1;
    }
    return !ferror(file);
}

/* What both files have in common, by diff(1). *groups is malloc'ed. */
static int read_groups(const char *before, const char *after, const char *table, struct group **groups, size_t *count,
                       struct hotfix_error *err)
{
    static const char script[] = "diff --text --old-group-format= --new-group-format= --changed-group-format= "
                                 "--unchanged-group-format='%df %dF %dn\n' -- \"$1\" \"$2\" >\"$3\"; [ $? -le 1 ]";
    const char *argv[] = {"sh", "-c", script, "sh", before, after, table, NULL};
    const struct hf_process process = {.argv = argv};
    size_t room = 0;

    *groups = NULL;
    *count = 0;
    if (hf_process_run(&process, err) != 0)
        return -1;
    FILE *file = fopen(table, "re");
    if (!file)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be read", table);
    struct group group;
    int failed = 0;
    while (!failed && fscanf(file, "%lu %lu %lu", &group.before, &group.after, &group.count) == 3) {
        if (*count == room) {
            room = room ? 2 * room : 64;
            struct group *grown = reallocarray(*groups, room, sizeof(*grown));
            failed = grown ? 0 : hf_error(err, HOTFIX_MEMORY, "out of memory");
            *groups = grown ? grown : *groups;
        }
        if (!failed)
            (*groups)[(*count)++] = group;
    }
    fclose(file);
    return failed;
}

int hf_renumber(const char *before, const char *after, const char *table, bool *moved, struct hotfix_error *err)
{
    HF_FREE struct group *groups = NULL;
    HF_FREE uint8_t *text = NULL;
    size_t count, size;
    bool differs = false;

    if (read_groups(before, after, table, &groups, &count, err) != 0 ||
        hf_file_read(before, MAX_SOURCE, &text, &size, err) != 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        differs = differs || groups[i].before != groups[i].after;
    if (!differs || is_numbered((const char *)text, size))
        return 0;
    /* Whatever else has this file by another name keeps it as it is. */
    FILE *file = remove(before) == 0 ? fopen(before, "we") : NULL;
    if (!file)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be written", before);
    bool fine = write_source(file, (const char *)text, size, groups, count);
    if (fclose(file) != 0 || !fine)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be written", before);
    *moved = true;
    return 0;
}
