/* SPDX-License-Identifier: Apache-2.0 */
#include "debian/dsc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "digest.h"
#include "error.h"
#include "file.h"

#define DSC_MAX     (4u << 20) /* bytes */
#define NAME_CHARS  "abcdefghijklmnopqrstuvwxyz0123456789+-."
#define OTHER_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZ~:"

void hf_dsc_deinit(struct hf_dsc *dsc)
{
    free(dsc->path);
    free(dsc->name);
    free(dsc->version);
    free(dsc->directory);
    free(dsc->id);
    *dsc = (struct hf_dsc){.path = NULL};
}

/* The value of a field that stands once at the beginning of a line; "" when it is not there, or not once. */
static char *field(const char *text, const char *name)
{
    size_t length = strlen(name);
    const char *found = NULL;

    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) != 0)
            continue;
        if (found)
            return strdup("");
        found = line + length;
    }
    if (!found)
        return strdup("");
    found += strspn(found, " \t");
    return strndup(found, strcspn(found, "\r\n \t"));
}

/* They become parts of paths and of command lines. */
static bool is_plain(const char *text, const char *more)
{
    size_t length = strlen(text);

    if (length == 0 || length > 128 || text[0] == '.' || text[0] == '-')
        return false;
    for (size_t i = 0; i < length; i++)
        if (!strchr(NAME_CHARS, text[i]) && !strchr(more, text[i]))
            return false;
    return true;
}

/* Without epoch and revision. */
static int upstream(const struct hf_dsc *dsc, const char **begin)
{
    const char *colon = strchr(dsc->version, ':');
    const char *dash;

    *begin = colon ? colon + 1 : dsc->version;
    dash = strrchr(*begin, '-');
    return (int)(dash ? dash - *begin : (ptrdiff_t)strlen(*begin));
}

static int make_names(struct hf_dsc *dsc, const void *text, size_t size, struct hotfix_error *err)
{
    struct hf_digest digest;
    char hex[2 * HF_DIGEST_SIZE + 1];
    const char *begin;
    int length = upstream(dsc, &begin);

    if (hf_digest_compute(text, size, &digest, err) != 0)
        return -1;
    hf_hex_encode(digest.bytes, sizeof(digest.bytes), hex);
    if (asprintf(&dsc->directory, "%s-%.*s", dsc->name, length, begin) < 0)
        dsc->directory = NULL;
    if (asprintf(&dsc->id, "%s_%s_%.12s", dsc->name, dsc->version, hex) < 0)
        dsc->id = NULL;
    /* Make and shells would read more than a name in them. */
    for (char *at = dsc->id; at && (at = strpbrk(at, ":~"));)
        *at = '.';
    return dsc->directory && dsc->id ? 0 : hf_error(err, HOTFIX_MEMORY, "out of memory");
}

int hf_dsc_read(const char *path, struct hf_dsc *dsc, struct hotfix_error *err)
{
    HF_FREE uint8_t *text = NULL;
    size_t size;

    if (hf_file_read(path, DSC_MAX, &text, &size, err) != 0)
        return -1;
    struct hf_dsc read = {.path = realpath(path, NULL),
                          .name = field((char *)text, "Source:"),
                          .version = field((char *)text, "Version:")};
    int failed = 0;
    if (!read.path || !read.name || !read.version)
        failed = hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (!failed && (strlen((char *)text) != size || !is_plain(read.name, "") || !is_plain(read.version, OTHER_CHARS)))
        failed = hf_error(err, HOTFIX_FORMAT, "%s: is not the description of a source package (.dsc)", path);
    if (!failed)
        failed = make_names(&read, text, size, err);
    if (failed) {
        hf_dsc_deinit(&read);
        return -1;
    }
    *dsc = read;
    return 0;
}
