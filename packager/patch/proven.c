/* SPDX-License-Identifier: Apache-2.0 */
#include "patch/proven.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cursor.h"
#include "error.h"

#define MAGIC_SIZE 8
#define FIXED_SIZE (2 * 8 + 4 + 2 + 2) /* bytes of a function without its two texts */

static const char table_magic[MAGIC_SIZE] = {'H', 'F', 'P', 'R', 'O', 'O', 'F', '1'};

static int parse_function(struct hf_cursor *cursor, const struct hf_proven_function *previous,
                          struct hf_proven_function *function, struct hotfix_error *err)
{
    function->address = hf_cursor_u64(cursor);
    function->size = hf_cursor_u64(cursor);
    function->witnesses = hf_cursor_u32(cursor);
    function->name = hf_cursor_text(cursor);
    function->producer = hf_cursor_text(cursor);
    if (cursor->failed)
        return hf_error(err, HOTFIX_FORMAT, "is cut off or damaged");
    if (function->name[0] == '\0' || function->size == 0 || function->size > UINT64_MAX - function->address)
        return hf_error(err, HOTFIX_FORMAT, "a function without name or code");
    if (previous && function->address < previous->address + previous->size)
        return hf_error(err, HOTFIX_FORMAT, "out of order, or overlaps the one before");
    return 0;
}

static int parse_all(struct hf_cursor *cursor, struct hf_proven *proven, struct hotfix_error *err)
{
    const uint8_t *magic = hf_cursor_bytes(cursor, MAGIC_SIZE);
    if (!magic || memcmp(magic, table_magic, MAGIC_SIZE) != 0)
        return hf_error(err, HOTFIX_FORMAT, "does not begin with its magic");

    proven->target.size = hf_cursor_u8(cursor);
    const uint8_t *id = proven->target.size <= HF_BUILD_ID_MAX ? hf_cursor_bytes(cursor, proven->target.size) : NULL;
    if (!id || proven->target.size == 0)
        return hf_error(err, HOTFIX_FORMAT, "has no build-id of 1 to %d bytes", HF_BUILD_ID_MAX);
    memcpy(proven->target.bytes, id, proven->target.size);

    size_t count = hf_cursor_u32(cursor);
    if (cursor->failed || count > HF_MANIFEST_MAX_FUNCTIONS || count > (cursor->size - cursor->position) / FIXED_SIZE)
        return hf_error(err, HOTFIX_FORMAT, "its count is out of range");
    proven->items = calloc(count + 1, sizeof(*proven->items));
    if (!proven->items)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    for (size_t i = 0; i < count; i++) {
        struct hf_proven_function *function = &proven->items[proven->count++];
        if (parse_function(cursor, i > 0 ? function - 1 : NULL, function, err) != 0)
            return hf_error_prefix(err, "function %zu", i);
    }
    return hf_cursor_done(cursor) ? 0 : hf_error(err, HOTFIX_FORMAT, "has bytes after the last function");
}

int hf_proven_parse(const void *table, size_t size, struct hf_proven *proven, struct hotfix_error *err)
{
    struct hf_cursor cursor;
    struct hf_proven parsed = {.count = 0};

    hf_cursor_init(&cursor, table, size);
    if (parse_all(&cursor, &parsed, err) != 0) {
        hf_proven_deinit(&parsed);
        return hf_error_prefix(err, "table of the proof");
    }
    *proven = parsed;
    return 0;
}

static uint8_t *put_function(uint8_t *out, const struct hf_proven_function *function)
{
    out = hf_put(out, function->address, 8);
    out = hf_put(out, function->size, 8);
    out = hf_put(out, function->witnesses, 4);
    out = hf_put_text(out, function->name);
    return hf_put_text(out, function->producer);
}

int hf_proven_format(const struct hf_proven *proven, uint8_t **table, size_t *size, struct hotfix_error *err)
{
    size_t total = MAGIC_SIZE + 1 + proven->target.size + 4;

    for (size_t i = 0; i < proven->count; i++) {
        size_t name = strlen(proven->items[i].name), producer = strlen(proven->items[i].producer);
        if (name > UINT16_MAX || producer > UINT16_MAX)
            return hf_error(err, HOTFIX_INTERNAL, "table of the proof: a text is too long");
        total += FIXED_SIZE + name + producer;
    }
    HF_FREE uint8_t *bytes = malloc(total);
    if (!bytes)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");

    uint8_t *out = mempcpy(bytes, table_magic, MAGIC_SIZE);
    out = hf_put(out, proven->target.size, 1);
    out = mempcpy(out, proven->target.bytes, proven->target.size);
    out = hf_put(out, proven->count, 4);
    for (size_t i = 0; i < proven->count; i++)
        out = put_function(out, &proven->items[i]);

    /* What is written must be readable. */
    HF_PROVEN struct hf_proven again = {.count = 0};
    if (hf_proven_parse(bytes, total, &again, err) != 0) {
        if (err)
            err->code = err->code == HOTFIX_MEMORY ? HOTFIX_MEMORY : HOTFIX_INTERNAL;
        return -1;
    }
    *table = hf_move(bytes);
    *size = total;
    return 0;
}

void hf_proven_deinit(struct hf_proven *proven)
{
    for (size_t i = 0; i < proven->count; i++) {
        free(proven->items[i].name);
        free(proven->items[i].producer);
    }
    free(proven->items);
    *proven = (struct hf_proven){.count = 0};
}

int hf_proven_read(const struct hf_image *patch, struct hf_proven *proven, struct hotfix_error *err)
{
    GElf_Shdr header;
    Elf_Scn *section = hf_image_section(patch, HF_PROVEN_SECTION, &header);

    if (!section)
        return 0;
    Elf_Data *data = elf_getdata(section, NULL);
    if (!data || !data->d_buf || header.sh_type == SHT_NOBITS)
        return hf_error(err, HOTFIX_FORMAT, "%s: section " HF_PROVEN_SECTION " is empty", patch->path);
    if (hf_proven_parse(data->d_buf, data->d_size, proven, err) != 0)
        return hf_error_prefix(err, "%s", patch->path);
    return 1;
}

const struct hf_proven_function *hf_proven_find(const struct hf_proven *proven, uint64_t address, uint64_t size)
{
    for (size_t i = 0; i < proven->count; i++)
        if (proven->items[i].address == address && proven->items[i].size == size)
            return &proven->items[i];
    return NULL;
}
