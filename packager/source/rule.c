/* SPDX-License-Identifier: Apache-2.0 */
#include "source/rule.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "file.h"

#define RULE_MAX (16u << 20) /* bytes */

/*
 * The next name, without make's quoting ("\\ " and "\\#", "$$"), in place; NULL at the end. Lines continue behind a
 * backslash.
 */
static char *next_name(char **cursor)
{
    char *in = *cursor;

    while (*in == ' ' || *in == '\t' || *in == '\n' || (in[0] == '\\' && in[1] == '\n'))
        in++;
    if (*in == '\0')
        return NULL;
    char *name = in, *out = in;
    while (*in && *in != ' ' && *in != '\t' && *in != '\n' && !(in[0] == '\\' && in[1] == '\n')) {
        if ((in[0] == '\\' && (in[1] == ' ' || in[1] == '#')) || (in[0] == '$' && in[1] == '$'))
            in++;
        *out++ = *in++;
    }
    *cursor = *in ? in + 1 : in;
    *out = '\0';
    return name;
}

/* The prerequisites behind the target's colon. */
static char *prerequisites(char *text)
{
    for (char *colon = strchr(text, ':'); colon; colon = strchr(colon + 1, ':'))
        if (colon[1] == ' ' || colon[1] == '\n' || colon[1] == '\\' || colon[1] == '\0')
            return colon + 1;
    return NULL;
}

static bool is_newer(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec > b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec);
}

int hf_rule_stale(const char *rule, const char *directory, const char *object, bool *stale, struct hotfix_error *err)
{
    HF_CLOSE int base = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    HF_FREE uint8_t *text = NULL;
    struct stat made, status;
    size_t size;

    if (base < 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be read", directory);
    if (stat(object, &made) != 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be read", object);
    if (hf_file_read(rule, RULE_MAX, &text, &size, err) != 0)
        return -1;
    char *cursor = strlen((char *)text) == size ? prerequisites((char *)text) : NULL;
    if (!cursor)
        return hf_error(err, HOTFIX_FORMAT, "%s: is no make rule", rule);
    *stale = false;
    for (char *name; !*stale && (name = next_name(&cursor));)
        *stale = fstatat(base, name, &status, 0) != 0 || is_newer(&status.st_mtim, &made.st_mtim);
    return 0;
}
