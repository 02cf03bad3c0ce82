/* SPDX-License-Identifier: Apache-2.0 */
#include "check/compiled/comment.h"

#include <stdbool.h>
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

/* Copies of the strings of a section's data that matter, in order; the data ends in NUL. */
static int list_strings(const char *data, size_t size, struct hf_comment *comment)
{
    comment->strings = calloc(size + 1, sizeof(*comment->strings));
    for (size_t at = 0; comment->strings && at < size; at += strlen(data + at) + 1) {
        if (data[at] == '\0' || from_linker(data + at))
            continue;
        char *copy = strdup(data + at);
        if (!copy)
            return -1;
        comment->strings[comment->count++] = copy;
    }
    if (comment->count > 0)
        qsort(comment->strings, comment->count, sizeof(*comment->strings), compare_text);
    return comment->strings ? 0 : -1;
}

static void drop_repeated(struct hf_comment *comment)
{
    size_t kept = 0;

    for (size_t i = 0; i < comment->count; i++) {
        if (kept > 0 && strcmp(comment->strings[i], comment->strings[kept - 1]) == 0)
            free(comment->strings[i]);
        else
            comment->strings[kept++] = comment->strings[i];
    }
    comment->count = kept;
}

static int join(size_t size, struct hf_comment *comment)
{
    char *end = comment->text = malloc(size + 3 * comment->count + 1);

    if (!end)
        return -1;
    *end = '\0';
    for (size_t i = 0; i < comment->count; i++)
        end = stpcpy(stpcpy(end, i > 0 ? " + " : ""), comment->strings[i]);
    return 0;
}

int hf_comment_read(const struct hf_image *image, struct hf_comment *comment, struct hotfix_error *err)
{
    GElf_Shdr header;
    Elf_Scn *section = hf_image_section(image, ".comment", &header);
    Elf_Data *data = section && header.sh_type == SHT_PROGBITS ? elf_getdata(section, NULL) : NULL;
    size_t size = data && data->d_buf ? data->d_size : 0;
    struct hf_comment made = {0};

    HF_FREE char *copy = calloc(1, size + 1);
    if (copy && size > 0)
        memcpy(copy, data->d_buf, size);
    int result = copy ? list_strings(copy, size, &made) : -1;
    if (result == 0) {
        drop_repeated(&made);
        result = join(size, &made);
    }
    if (result != 0) {
        hf_comment_deinit(&made);
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    }
    *comment = made;
    return 0;
}

void hf_comment_deinit(struct hf_comment *comment)
{
    for (size_t i = 0; i < comment->count; i++)
        free(comment->strings[i]);
    free(comment->strings);
    free(comment->text);
    *comment = (struct hf_comment){0};
}
