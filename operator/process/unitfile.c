/* SPDX-License-Identifier: Apache-2.0 */
#include "process/unitfile.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cleanup.h"
#include "error.h"
#include "file.h"

#define FILE_MAX (1u << 20)
#define SERVICE  ".service"

/* The first that has the unit counts; drop-ins of all count. */
static const char *const directories[] = {"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system",
                                          "/usr/lib/systemd/system", "/lib/systemd/system"};
#define DIRECTORY_COUNT (sizeof(directories) / sizeof(directories[0]))

static int no_memory(struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_MEMORY, "out of memory");
}

int hf_unitfile_name(const char *unit, char **name, struct hotfix_error *err)
{
    size_t length = strlen(unit), end = strlen(SERVICE);
    bool whole = length > end && strcmp(unit + length - end, SERVICE) == 0;
    const char *dot = strrchr(unit, '.');
    static const char *const kinds[] = {".socket", ".target", ".timer", ".slice", ".scope", ".mount", ".path"};
    bool other = false;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        other |= dot && strcmp(dot, kinds[i]) == 0;
    if (length == 0 || length > 200 || unit[0] == '.' || unit[0] == '-' ||
        unit[strspn(unit, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:-_.\\@")] != '\0')
        return hf_error(err, HOTFIX_USAGE, "'%s': a service's name is needed", unit);
    if (other)
        return hf_error(err, HOTFIX_USAGE, "%s is no service: name the service that runs the program", unit);
    if (asprintf(name, "%s%s", unit, whole ? "" : SERVICE) < 0)
        return no_memory(err);
    return 0;
}

static int add(struct hf_unitfile *file, const char *line, struct hotfix_error *err)
{
    const char *equals = strchr(line, '=');
    size_t length = equals ? (size_t)(equals - line) : 0;

    if (!equals)
        return 0;
    while (length > 0 && isspace((unsigned char)line[length - 1]))
        length--;
    equals++;
    equals += strspn(equals, " \t");
    struct hf_setting *grown = reallocarray(file->items, file->count + 1, sizeof(*grown));
    if (!grown)
        return no_memory(err);
    file->items = grown;
    grown[file->count] = (struct hf_setting){.name = strndup(line, length), .value = strdup(equals)};
    file->count++;
    return grown[file->count - 1].name && grown[file->count - 1].value ? 0 : no_memory(err);
}

/* Joins lines that end in a backslash, in place; comments between them are left out. */
static int parse(char *text, struct hf_unitfile *file, struct hotfix_error *err)
{
    HF_FREE char *whole = calloc(1, strlen(text) + 2);
    bool service = false, more = false;
    size_t used = 0;
    char *rest = text;

    if (!whole)
        return no_memory(err);
    for (char *line; (line = strsep(&rest, "\n"));) {
        line += strspn(line, " \t");
        if (*line == '#' || *line == ';')
            continue;
        size_t length = strlen(line);
        while (length > 0 && isspace((unsigned char)line[length - 1]))
            length--;
        more = length > 0 && line[length - 1] == '\\';
        memcpy(whole + used, line, length - more);
        used += length - more;
        if (more && rest) {
            whole[used++] = ' ';
            continue;
        }
        whole[used] = '\0';
        used = 0;
        if (whole[0] == '[')
            service = strcmp(whole, "[Service]") == 0;
        else if (service && add(file, whole, err) != 0)
            return -1;
    }
    return 0;
}

/* 1: it is there; 0: it is not. */
static int read_one(const char *path, struct hf_unitfile *file, struct hotfix_error *err)
{
    HF_FREE uint8_t *text = NULL;
    struct hotfix_error error;
    size_t size;

    if (hf_file_read(path, FILE_MAX, &text, &size, &error) != 0) {
        if (error.sys_errno == ENOENT || error.sys_errno == ENOTDIR)
            return 0;
        if (err)
            *err = error;
        return -1;
    }
    return parse((char *)text, file, err) == 0 ? 1 : -1;
}

static int is_dropin(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);

    return length > 5 && strcmp(entry->d_name + length - 5, ".conf") == 0 && entry->d_name[0] != '.' &&
           strcmp(entry->d_name, HF_UNITFILE_OWN) != 0;
}

static int read_dropins(const char *root, const char *directory, const char *name, struct hf_unitfile *file,
                        struct hotfix_error *err)
{
    HF_FREE char *path = NULL;
    struct dirent **entries;
    int status = 0;

    if (asprintf(&path, "%s%s/%s.d", root, directory, name) < 0) {
        path = NULL;
        return no_memory(err);
    }
    int count = scandir(path, &entries, is_dropin, alphasort);
    for (int i = 0; i < count; i++) {
        HF_FREE char *one = NULL;
        if (asprintf(&one, "%s/%s", path, entries[i]->d_name) < 0)
            one = NULL;
        if (status >= 0)
            status = one ? read_one(one, file, err) : no_memory(err);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return status < 0 ? -1 : 0;
}

/* The unit, or the template that an instance is of: "a@b.service" is of "a@.service". */
static int read_unit(const char *root, const char *name, struct hf_unitfile *file, struct hotfix_error *err)
{
    for (size_t i = 0; i < DIRECTORY_COUNT; i++) {
        HF_FREE char *path = NULL;
        if (asprintf(&path, "%s%s/%s", root, directories[i], name) < 0) {
            path = NULL;
            return no_memory(err);
        }
        int found = read_one(path, file, err);
        if (found != 0)
            return found;
    }
    return 0;
}

static char *template_of(const char *name)
{
    const char *at = strchr(name, '@');
    char *text = NULL;

    if (!at || at[1] == '.' || asprintf(&text, "%.*s@" SERVICE, (int)(at - name), name) < 0)
        return NULL;
    return text;
}

int hf_unitfile_read(const char *root, const char *name, struct hf_unitfile *file, struct hotfix_error *err)
{
    struct hf_unitfile read = {0};
    HF_FREE char *template = template_of(name);

    int found = read_unit(root, name, &read, err);
    if (found == 0 && template)
        found = read_unit(root, template, &read, err);
    if (found == 0)
        found = hf_error(err, HOTFIX_NO_TARGET, "there is no unit %s%s%s", name, *root ? " below " : "", root);
    for (size_t i = DIRECTORY_COUNT; found >= 0 && i-- > 0;) {
        if (template && read_dropins(root, directories[i], template, &read, err) != 0)
            found = -1;
        if (found >= 0 && read_dropins(root, directories[i], name, &read, err) != 0)
            found = -1;
    }
    if (found < 0) {
        hf_unitfile_deinit(&read);
        return -1;
    }
    *file = read;
    return 0;
}

void hf_unitfile_deinit(struct hf_unitfile *file)
{
    for (size_t i = 0; i < file->count; i++) {
        free(file->items[i].name);
        free(file->items[i].value);
    }
    free(file->items);
    *file = (struct hf_unitfile){0};
}

char *hf_unitfile_value(const struct hf_unitfile *file, const char *name)
{
    char *value = strdup("");

    for (size_t i = 0; i < file->count && value; i++) {
        if (strcmp(file->items[i].name, name) != 0)
            continue;
        char *joined = NULL;
        bool empty = file->items[i].value[0] == '\0';
        if (asprintf(&joined, "%s%s%s", empty ? "" : value, empty || !*value ? "" : " ", file->items[i].value) < 0)
            joined = NULL;
        free(value);
        value = joined;
    }
    return value;
}

bool hf_unitfile_is_set(const struct hf_unitfile *file, const char *name)
{
    static const char *const no[] = {"no", "false", "off", "0", "n", "f"};
    const char *last = "";

    for (size_t i = 0; i < file->count; i++) {
        if (strcmp(file->items[i].name, name) == 0)
            last = file->items[i].value;
    }
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        if (strcasecmp(last, no[i]) == 0)
            return false;
    }
    return *last != '\0';
}
