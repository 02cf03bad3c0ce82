/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler/thin.h"

#include <ar.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "cursor.h"
#include "error.h"

#define MAGIC "!<thin>\n"

struct thin {
    const char *path;
    const char *names; /* the table of long names, each ended by "/\n" */
    size_t names_size;
};

bool hf_thin_is(int fd)
{
    char magic[sizeof(MAGIC) - 1];
    return pread(fd, magic, sizeof(magic), 0) == sizeof(magic) && memcmp(magic, MAGIC, sizeof(magic)) == 0;
}

/* A decimal number, padded with blanks; SIZE_MAX when it is none. */
static size_t number(const char *text, size_t size)
{
    char digits[32] = "";
    char *end;

    memcpy(digits, text, size < sizeof(digits) ? size : sizeof(digits) - 1);
    if (*digits < '0' || *digits > '9')
        return SIZE_MAX;
    unsigned long value = strtoul(digits, &end, 10);
    return *end == ' ' || *end == '\0' || *end == ':' ? value : SIZE_MAX;
}

/* The symbol tables and the table of names, which are in the file: "/", "/SYM64/" and "//". */
static bool is_table(const char *name)
{
    return name[0] == '/' && (name[1] < '0' || name[1] > '9');
}

/* The name in a header: "/OFFSET" into the table of long names, or the name itself and a slash. */
static const char *find_name(const struct thin *thin, const struct ar_hdr *header, size_t *length)
{
    const char *name = header->ar_name;
    size_t size = sizeof(header->ar_name);

    if (name[0] == '/') {
        size_t offset = number(name + 1, size - 1);
        if (offset >= thin->names_size)
            return NULL;
        name = thin->names + offset;
        size = thin->names_size - offset;
        const char *end = memmem(name, size, "/\n", 2);
        size = end ? (size_t)(end - name) + 1 : 0;
    }
    const char *slash = memrchr(name, '/', size);
    *length = slash ? (size_t)(slash - name) : 0;
    return *length > 0 && !memchr(name, '\0', *length) ? name : NULL;
}

/* Relative names are relative to the archive's directory. */
static char *member_path(const char *archive, const char *name, size_t length)
{
    const char *slash = name[0] == '/' ? NULL : strrchr(archive, '/');
    int directory = slash ? (int)(slash - archive) + 1 : 0;
    char *path;

    return asprintf(&path, "%.*s%.*s", directory, archive, (int)length, name) < 0 ? NULL : path;
}

static int visit_member(const struct thin *thin, const struct ar_hdr *header, hf_thin_visit visit, void *arg,
                        struct hotfix_error *err)
{
    size_t length;
    const char *name = find_name(thin, header, &length);

    if (!name)
        return hf_error(err, HOTFIX_FORMAT, "%s: the archive is damaged: a member has no name", thin->path);
    HF_FREE char *path = member_path(thin->path, name, length);
    return path ? visit(path, arg, err) : hf_error(err, HOTFIX_MEMORY, "out of memory");
}

int hf_thin_each(const char *archive, const void *bytes, size_t size, hf_thin_visit visit, void *arg,
                 struct hotfix_error *err)
{
    struct thin thin = {.path = archive};
    struct hf_cursor cursor;
    int stop = 0;

    hf_cursor_init(&cursor, bytes, size);
    hf_cursor_bytes(&cursor, strlen(MAGIC));
    while (!stop && !hf_cursor_done(&cursor)) {
        const struct ar_hdr *header = (const void *)hf_cursor_bytes(&cursor, sizeof(*header));
        size_t held = header ? number(header->ar_size, sizeof(header->ar_size)) : SIZE_MAX;
        if (!header || memcmp(header->ar_fmag, ARFMAG, sizeof(header->ar_fmag)) != 0 || held == SIZE_MAX)
            return hf_error(err, HOTFIX_FORMAT, "%s: the archive is damaged", archive);
        if (!is_table(header->ar_name)) {
            stop = visit_member(&thin, header, visit, arg, err);
            continue;
        }
        const char *table = (const char *)hf_cursor_bytes(&cursor, held);
        if (table && header->ar_name[1] == '/') {
            thin.names = table;
            thin.names_size = held;
        }
        if (held % 2 == 1 && cursor.position < size)
            hf_cursor_bytes(&cursor, 1); /* members begin at even offsets */
        if (cursor.failed)
            return hf_error(err, HOTFIX_FORMAT, "%s: the archive is damaged: it ends within a table", archive);
    }
    return stop;
}
