/* SPDX-License-Identifier: Apache-2.0 */
#include "check/comment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"

static int compare_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool from_linker(const char *text)
{
    return strncmp(text, "Linker: ", 8) == 0;
}

/* Pointers to the strings of a section's data that matter; the data ends in NUL. */
static size_t list_strings(const char *data, size_t size, const char **strings)
{
    size_t count = 0;

    for (size_t at = 0; at < size; at += strlen(data + at) + 1)
        if (data[at] && !from_linker(data + at))
            strings[count++] = data + at;
    return count;
}

static int join(const char **strings, size_t count, size_t size, char **text, bool *single, struct hotfix_error *err)
{
    size_t distinct = 0;
    char *joined = malloc(size + 3 * count + 1), *end = joined;

    if (!joined)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    *end = '\0';
    if (count > 0)
        qsort(strings, count, sizeof(*strings), compare_text);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && strcmp(strings[i], strings[i - 1]) == 0)
            continue;
        if (distinct++ > 0)
            end = stpcpy(end, " + ");
        end = stpcpy(end, strings[i]);
    }
    *text = joined;
    *single = distinct == 1;
    return 0;
}

int hf_comment_read(const struct hf_image *image, char **text, bool *single, struct hotfix_error *err)
{
    GElf_Shdr header;
    Elf_Scn *section = hf_image_section(image, ".comment", &header);
    Elf_Data *data = section && header.sh_type == SHT_PROGBITS ? elf_getdata(section, NULL) : NULL;
    size_t size = data && data->d_buf ? data->d_size : 0;

    HF_FREE char *copy = calloc(1, size + 1);
    HF_FREE const char **strings = calloc(size + 1, sizeof(*strings));
    if (!copy || !strings)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (size > 0)
        memcpy(copy, data->d_buf, size);
    return join(strings, list_strings(copy, size, strings), size, text, single, err);
}
