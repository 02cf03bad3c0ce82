/* SPDX-License-Identifier: Apache-2.0 */
#include "debian/owner.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "debian/ask.h"

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
