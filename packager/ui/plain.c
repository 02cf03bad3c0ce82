/* SPDX-License-Identifier: Apache-2.0 */
#include "ui/plain.h"

#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "ui/text.h"

int hf_plain_check(const char *option, const char *text, struct hotfix_error *err)
{
    HF_FREE char *printable = hf_text_printable(text);

    if (!printable)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (strcmp(printable, text) != 0)
        return hf_error(err, HOTFIX_USAGE, "%s '%s' is not one line of UTF-8 text", option, text);
    if (strlen(text) > HF_PLAIN_MAX)
        return hf_error(err, HOTFIX_USAGE, "%s is longer than %d bytes", option, HF_PLAIN_MAX);
    return 0;
}

char *hf_plain_copy(const char *text)
{
    static const char more[] = "...";
    char *copy = hf_text_printable(text);

    if (!copy || strlen(copy) <= HF_PLAIN_MAX)
        return copy;
    size_t cut = HF_PLAIN_MAX - sizeof(more) + 1;
    while (cut > 0 && ((unsigned char)copy[cut] & 0xc0) == 0x80) /* not within a character */
        cut--;
    memcpy(copy + cut, more, sizeof(more));
    return copy;
}
