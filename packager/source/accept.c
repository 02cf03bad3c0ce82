/* SPDX-License-Identifier: Apache-2.0 */
#include "source/accept.h"

#include <fnmatch.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "file.h"

#define LOG_MAX (16u << 20) /* bytes */
#define NAMED   4           /* files that a message names */

static const char *const source_endings[] = {
    "c",   "h",   "i",  "cc", "cpp", "cxx", "c++", "C", "hh", "hpp", "hxx", "h++", "H",  "inl", "ipp", "ixx", "tcc",
    "tpp", "txx", "ii", "S",  "s",   "sx",  "asm", "y", "yy", "ypp", "y++", "l",   "ll", "lpp", "l++", "def"};

/* The files that have to be accepted. */
struct asking {
    const struct hf_accepted *accepted;
    char names[HOTFIX_MESSAGE_SIZE / 2]; /* the first of them */
    const char **seen;                   /* all of them, each once, in the log's text */
    size_t count;
};

bool hf_accepted_is_source(const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *dot = strrchr(slash ? slash : name, '.');

    for (size_t i = 0; dot && i < sizeof(source_endings) / sizeof(source_endings[0]); i++)
        if (strcmp(dot + 1, source_endings[i]) == 0)
            return true;
    return false;
}

static bool is_accepted(const struct hf_accepted *accepted, const char *name)
{
    for (size_t i = 0; i < accepted->count; i++)
        if (fnmatch(accepted->patterns[i], name, 0) == 0)
            return true;
    return false;
}

/* Several patches may change one file. */
static bool was_seen(const struct asking *asking, const char *name)
{
    for (size_t i = 0; i < asking->count; i++)
        if (strcmp(asking->seen[i], name) == 0)
            return true;
    return false;
}

static int ask(struct asking *asking, const char *name)
{
    size_t used = strlen(asking->names);

    if (is_accepted(asking->accepted, name) || was_seen(asking, name))
        return 0;
    const char **longer = reallocarray(asking->seen, asking->count + 1, sizeof(*longer));
    if (!longer)
        return -1;
    asking->seen = longer;
    longer[asking->count++] = name;
    if (asking->count <= NAMED)
        snprintf(asking->names + used, sizeof(asking->names) - used, "%s%s", used ? ", " : "", name);
    return 0;
}

/*
 * One line of what patch(1) says; -1 when out of memory: "patching file lib/a.c", "patching file b.c (renamed from
 * a.c)". Names that could be anything else are quoted there, and are taken with their quotes for no sources. In place.
 */
static int read_line(struct asking *asking, char *line)
{
    static const struct {
        const char *begin;
        bool link;
    } forms[] = {{"patching file ", false}, {"patching symbolic link ", true}};

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        size_t length = strlen(forms[i].begin);
        if (strncmp(line, forms[i].begin, length) != 0)
            continue;
        char *name = line + length;
        bool quoted = *name == '\'' || *name == '"';
        char *was = quoted ? NULL : strstr(name, " (");
        char *from = was ? strstr(was, " from ") : NULL;
        if (was)
            *was = '\0';
        if ((forms[i].link || !hf_accepted_is_source(name)) && ask(asking, name) != 0)
            return -1;
        if (!from)
            return 0;
        from += strlen(" from ");
        if (*from != '\'')
            from[strcspn(from, ")")] = '\0';
        return hf_accepted_is_source(from) ? 0 : ask(asking, from);
    }
    return 0;
}

int hf_accepted_check(const struct hf_accepted *accepted, const char *log, struct hotfix_error *err)
{
    struct asking asking = {.accepted = accepted};
    HF_FREE uint8_t *text = NULL;
    char more[64] = "";
    size_t size;

    if (hf_file_read(log, LOG_MAX, &text, &size, err) != 0)
        return -1;
    char *rest = (char *)text;
    int failed = 0;
    for (char *line; !failed && (line = strsep(&rest, "\n"));)
        failed = read_line(&asking, line);
    free(asking.seen);
    if (failed)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (asking.count == 0)
        return 0;
    if (asking.count > NAMED)
        snprintf(more, sizeof(more), " and %zu more", asking.count - NAMED);
    return hf_error(
        err, HOTFIX_UNPROVEN,
        "the patch changes what is no source of C, C++ or assembler, and may be run when it is built: %s%s; "
        "read it, then accept each by its name or a pattern: --accept FILE",
        asking.names, more);
}
