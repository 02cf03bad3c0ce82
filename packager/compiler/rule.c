/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler/rule.h"

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

int hf_rule_each(const char *rule, hf_rule_visit visit, void *arg, struct hotfix_error *err)
{
    HF_FREE uint8_t *text = NULL;
    size_t size;
    int stop = 0;

    if (hf_file_read(rule, RULE_MAX, &text, &size, err) != 0)
        return -1;
    char *cursor = strlen((char *)text) == size ? prerequisites((char *)text) : NULL;
    if (!cursor)
        return hf_error(err, HOTFIX_FORMAT, "%s: is no make rule", rule);
    for (char *name; !stop && (name = next_name(&cursor));) {
        size_t length = strlen(name);
        if (name[length - 1] != ':') /* -MP writes a rule without prerequisites for each header */
            stop = visit(name, arg);
    }
    return stop;
}

struct age {
    int base;
    struct timespec made;
};

static int is_stale(const char *name, void *arg)
{
    const struct age *age = arg;
    struct stat status;

    return fstatat(age->base, name, &status, 0) != 0 || is_newer(&status.st_mtim, &age->made);
}

int hf_rule_stale(const char *rule, const char *directory, const char *object, bool *stale, struct hotfix_error *err)
{
    HF_CLOSE int base = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct stat made;

    if (base < 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be read", directory);
    if (stat(object, &made) != 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be read", object);
    struct age age = {base, made.st_mtim};
    int result = hf_rule_each(rule, is_stale, &age, err);
    if (result < 0)
        return -1;
    *stale = result > 0;
    return 0;
}
