/* SPDX-License-Identifier: Apache-2.0 */
#include "live/mapping.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"

#define DELETED " (deleted)"

/* "BEGIN-END rwxp OFFSET MAJOR:MINOR INODE    PATH". -1 for anything else; the path is NULL when out of memory. */
static int parse_mapping(char *line, struct hf_mapping *mapping)
{
    char protection[5];
    int path = 0;

    line[strcspn(line, "\n")] = '\0';
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %*s %n", &mapping->begin, &mapping->end, protection,
               &mapping->offset, &path) != 4 ||
        path == 0)
        return -1;
    mapping->readable = protection[0] == 'r';
    mapping->writable = protection[1] == 'w';
    mapping->executable = protection[2] == 'x';
    size_t size = strlen(line + path), suffix = strlen(DELETED);
    mapping->deleted = size > suffix && strcmp(line + path + size - suffix, DELETED) == 0;
    if (mapping->deleted)
        line[(size_t)path + size - suffix] = '\0';
    mapping->path = strdup(line + path);
    return 0;
}

static int add_line(char *line, struct hf_mappings *mappings, struct hotfix_error *err)
{
    struct hf_mapping mapping = {0};
    struct hf_mapping *longer = reallocarray(mappings->items, mappings->count + 1, sizeof(*longer));

    if (!longer)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    mappings->items = longer;
    if (parse_mapping(line, &mapping) != 0)
        return hf_error(err, HOTFIX_IO, "its map is not understood: %s", line);
    if (!mapping.path)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    mappings->items[mappings->count++] = mapping;
    return 0;
}

int hf_mappings_read(FILE *file, struct hf_mappings *mappings, struct hotfix_error *err)
{
    struct hf_mappings read = {.items = NULL};
    HF_FREE char *line = NULL;
    size_t room = 0;

    while (getline(&line, &room, file) > 0) {
        if (add_line(line, &read, err) != 0) {
            hf_mappings_deinit(&read);
            return -1;
        }
    }
    *mappings = read;
    return 0;
}

void hf_mappings_deinit(struct hf_mappings *mappings)
{
    for (size_t i = 0; i < mappings->count; i++)
        free(mappings->items[i].path);
    free(mappings->items);
    *mappings = (struct hf_mappings){.items = NULL};
}

const struct hf_mapping *hf_mappings_find(const struct hf_mappings *mappings, uint64_t address)
{
    for (size_t i = 0; i < mappings->count; i++)
        if (address >= mappings->items[i].begin && address < mappings->items[i].end)
            return &mappings->items[i];
    return NULL;
}
