/* SPDX-License-Identifier: Apache-2.0 */
#include "debian/owner.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "debian/ask.h"
#include "source/reads.h"

/* "PACKAGE:ARCH: PATH"; the line of a diversion begins otherwise. */
static char *ask_dpkg(const char *path)
{
    const char *const argv[] = {"dpkg-query", "--search", path, NULL};
    HF_FREE char *text = NULL;
    struct hotfix_error error;
    int status;

    if (hf_ask(argv, NULL, &text, &status, &error) != 0 || status != 0 || strncmp(text, "diversion ", 10) == 0)
        return NULL;
    size_t length = strcspn(text, ":,\n");
    return length > 0 ? strndup(text, length) : NULL;
}

char *hf_owner_find(const char *path)
{
    HF_FREE char *whole = realpath(path, NULL);
    char *package = whole ? ask_dpkg(whole) : NULL;

    /* Where /bin is a link to /usr/bin, packages may still name files by the link. */
    if (!package && whole && strncmp(whole, "/usr/", 5) == 0)
        package = ask_dpkg(whole + 4);
    return package;
}

/* The version that is installed; "" when that is not known. */
static void find_installed(const char *package, char *version, size_t size)
{
    const char *const argv[] = {"dpkg-query", "-W", "-f", "${Version}\n", package, NULL};
    HF_FREE char *text = NULL;
    int status;

    version[0] = '\0';
    if (hf_ask(argv, NULL, &text, &status, NULL) == 0 && status == 0)
        snprintf(version, size, "%.*s", (int)strcspn(text, "\n"), text);
}

/* The other versions that apt can install, from lines "PACKAGE | VERSION | SOURCE". */
static void list_others(const char *package, const char *installed, char *list, size_t size)
{
    const char *const argv[] = {"apt-cache", "madison", package, NULL};
    HF_FREE char *text = NULL;
    HF_FREE char *last = strdup(installed);
    size_t used = 0;
    int status;

    list[0] = '\0';
    if (hf_ask(argv, NULL, &text, &status, NULL) != 0 || status != 0)
        return;
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));) {
        char *bar = strstr(line, " | ");
        char *end = bar ? strstr(bar + 3, " | ") : NULL;
        if (!end)
            continue;
        *end = '\0';
        const char *version = bar + 3 + strspn(bar + 3, " ");
        if (strcmp(version, installed) == 0 || (last && strcmp(version, last) == 0))
            continue;
        free(last);
        last = strdup(version);
        if (used < size)
            used += (size_t)snprintf(list + used, size - used, "%s%s", used ? ", " : "", version);
    }
}

__attribute__((format(printf, 2, 3))) static void add_text(struct hotfix_error *err, const char *format, ...)
{
    size_t used = strlen(err->message);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(err->message + used, sizeof(err->message) - used, format, arguments);
    va_end(arguments);
}

void hf_owner_explain(char *const *files, size_t count, struct hotfix_error *err)
{
    char *packages[HF_SUSPECTS_MAX];
    size_t found = 0;

    for (size_t i = 0; i < count && found < HF_SUSPECTS_MAX; i++) {
        HF_FREE char *package = hf_owner_find(files[i]);
        char installed[64], others[128];
        bool known = !package;
        for (size_t k = 0; !known && k < found; k++)
            known = strcmp(packages[k], package) == 0;
        if (known)
            continue;
        find_installed(package, installed, sizeof(installed));
        list_others(package, installed, others, sizeof(others));
        add_text(err, "%s%s %s%s%s", found ? ", " : " (", package, installed, others[0] ? "; apt has " : "", others);
        packages[found++] = hf_move(package);
    }
    if (found)
        add_text(err, "): install the version that there was when the target was built");
    for (size_t i = 0; i < found; i++)
        free(packages[i]);
}
