/* SPDX-License-Identifier: Apache-2.0 */
#include "elf/texts.h"

#include <ctype.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

#define LENGTH_MIN   4
#define COMPARED_MAX 256 /* texts that only one file has */
#define PATH_CHARS   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+~-"

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_printable(char c)
{
    return (c >= ' ' && c <= '~') || c == '\t' || c == '\n';
}

/* Adds the texts of one section; each ends with a zero byte, as in C. */
static int add_section(struct hf_texts *texts, size_t *room, const char *bytes, size_t size, struct hotfix_error *err)
{
    size_t begin = 0;

    for (size_t i = 0; i < size; i++) {
        if (is_printable(bytes[i]))
            continue;
        if (bytes[i] == '\0' && i - begin >= LENGTH_MIN) {
            if (texts->count == *room) {
                size_t more = *room ? 2 * *room : 1024;
                const char **grown = reallocarray(texts->items, more, sizeof(*grown));
                if (!grown)
                    return hf_error(err, HOTFIX_MEMORY, "out of memory");
                texts->items = grown;
                *room = more;
            }
            texts->items[texts->count++] = bytes + begin;
        }
        begin = i + 1;
    }
    return 0;
}

static void order(struct hf_texts *texts)
{
    size_t left = 0;

    if (texts->count == 0)
        return;
    qsort(texts->items, texts->count, sizeof(*texts->items), by_text);
    for (size_t i = 0; i < texts->count; i++)
        if (left == 0 || strcmp(texts->items[left - 1], texts->items[i]) != 0)
            texts->items[left++] = texts->items[i];
    texts->count = left;
}

int hf_texts_read(const struct hf_image *image, struct hf_texts *texts, struct hotfix_error *err)
{
    struct hf_texts read = {.count = 0};
    size_t room = 0, size;
    const char *file = elf_rawfile(image->elf, &size);
    GElf_Shdr header;
    int failed = 0;

    for (Elf_Scn *section = NULL; file && !failed && (section = elf_nextscn(image->elf, section));)
        if (gelf_getshdr(section, &header) && (header.sh_flags & SHF_ALLOC) && !(header.sh_flags & SHF_EXECINSTR) &&
            header.sh_type == SHT_PROGBITS && header.sh_offset <= size && header.sh_size <= size - header.sh_offset)
            failed = add_section(&read, &room, file + header.sh_offset, header.sh_size, err);
    if (failed) {
        hf_texts_deinit(&read);
        return -1;
    }
    order(&read);
    *texts = read;
    return 0;
}

void hf_texts_deinit(struct hf_texts *texts)
{
    free(texts->items);
    *texts = (struct hf_texts){.count = 0};
}

/* The whole path around text[at] that ends at `end`; NULL where there is none, or one that is not simple. */
static const char *path_before(const char *text, size_t at, size_t end, char path[PATH_MAX])
{
    size_t begin = at;

    while (begin > 0 && strchr(PATH_CHARS, text[begin - 1]))
        begin--;
    while (begin < at && text[begin] != '/')
        begin++;
    if (begin + 1 >= at || end - begin >= PATH_MAX)
        return NULL;
    snprintf(path, PATH_MAX, "%.*s", (int)(end - begin), text + begin);
    return strstr(path, "//") || strstr(path, "/./") || strstr(path, "/../") ? NULL : path;
}

int hf_texts_each_path(const struct hf_texts *texts, const char *name, hf_texts_visit visit, void *arg)
{
    size_t length = strlen(name);
    char path[PATH_MAX];
    int result = 0;

    for (size_t i = 0; i < texts->count && result == 0; i++)
        for (const char *text = texts->items[i], *found = text; result == 0 && (found = strstr(found, name)); found++) {
            const char *end = found + length;
            size_t at = (size_t)(found - text);
            if (found > text && found[-1] == '/' && (*end == '/' || *end == '\0' || !strchr(PATH_CHARS, *end)) &&
                path_before(text, at, at + length, path))
                result = visit(path, arg);
        }
    return result;
}

/* The texts that only the first has, as many as are looked at. */
static size_t only_in(const struct hf_texts *first, const struct hf_texts *second, const char *only[COMPARED_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < first->count && count < COMPARED_MAX; i++)
        if (second->count == 0 ||
            !bsearch(&first->items[i], second->items, second->count, sizeof(*second->items), by_text))
            only[count++] = first->items[i];
    return count;
}

static size_t common_begin(const char *a, const char *b)
{
    size_t same = 0;

    while (a[same] && a[same] == b[same])
        same++;
    return same;
}

/* How much the ends have in common, besides of what the beginnings have. */
static size_t common_end(const char *a, const char *b, size_t begin)
{
    size_t same = 0, of_a = strlen(a), of_b = strlen(b);

    while (of_a - same > begin && of_b - same > begin && a[of_a - same - 1] == b[of_b - same - 1])
        same++;
    return same;
}

/* Without what both have at the beginning and at the end, as far as that are whole words. */
static void cut(const char *text, size_t begin, size_t end, char part[100])
{
    size_t length = strlen(text);

    while (begin > 0 && !isspace((unsigned char)text[begin - 1]))
        begin--;
    while (end > 0 && !isspace((unsigned char)text[length - end]))
        end--;
    snprintf(part, 100, "%.*s", (int)(length - end - begin), text + begin);
    for (char *at = part; (at = strpbrk(at, "\t\n"));)
        *at = ' ';
}

bool hf_texts_differ(const struct hf_texts *ours, const struct hf_texts *theirs, struct hf_texts_difference *difference)
{
    const char *our_own[COMPARED_MAX], *their_own[COMPARED_MAX];
    size_t our_count = only_in(ours, theirs, our_own), their_count = only_in(theirs, ours, their_own);
    size_t best = 0;

    for (size_t i = 0; i < our_count; i++)
        for (size_t k = 0; k < their_count; k++) {
            size_t begin = common_begin(our_own[i], their_own[k]);
            size_t end = common_end(our_own[i], their_own[k], begin);
            if (begin + end <= best)
                continue;
            best = begin + end;
            cut(our_own[i], begin, end, difference->ours);
            cut(their_own[k], begin, end, difference->theirs);
        }
    return best >= LENGTH_MIN;
}
