/* SPDX-License-Identifier: Apache-2.0 */
#include "patch/world.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cursor.h"
#include "error.h"

#define MAGIC_SIZE 8
#define FIXED_SIZE (1 + 2 * 8 + 2) /* bytes of an item without its name */

static const char table_magic[MAGIC_SIZE] = {'H', 'F', 'W', 'O', 'R', 'L', 'D', '1'};

int hf_world_add(struct hf_world_table *table, enum hf_world_kind kind, uint64_t address, uint64_t size,
                 const char *name, struct hotfix_error *err)
{
    struct hf_world_item *grown = reallocarray(table->items, table->count + 1, sizeof(*grown));
    char *copy = strdup(name);

    if (grown)
        table->items = grown;
    if (!grown || !copy) {
        free(copy);
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    }
    grown[table->count++] = (struct hf_world_item){kind, address, size, copy};
    return 0;
}

static int compare(const void *a, const void *b)
{
    const struct hf_world_item *left = a, *right = b;

    if (left->kind != right->kind)
        return left->kind < right->kind ? -1 : 1;
    int names = strcmp(left->name, right->name);
    if (names != 0)
        return names;
    return (left->address > right->address) - (left->address < right->address);
}

static int parse_item(struct hf_cursor *cursor, const struct hf_world_item *previous, struct hf_world_item *item,
                      struct hotfix_error *err)
{
    item->kind = hf_cursor_u8(cursor);
    item->address = hf_cursor_u64(cursor);
    item->size = hf_cursor_u64(cursor);
    item->name = hf_cursor_text(cursor);
    if (cursor->failed)
        return hf_error(err, HOTFIX_FORMAT, "is cut off or damaged");
    if (item->kind < HF_WORLD_LEFT_TO_APPLY || item->kind > HF_WORLD_ASSUMED || item->name[0] == '\0' ||
        item->size == 0 || item->size > UINT64_MAX - item->address)
        return hf_error(err, HOTFIX_FORMAT, "of unknown kind, or without name or code");
    if (previous && compare(previous, item) >= 0)
        return hf_error(err, HOTFIX_FORMAT, "out of order");
    return 0;
}

static int parse_all(struct hf_cursor *cursor, struct hf_world_table *table, struct hotfix_error *err)
{
    const uint8_t *magic = hf_cursor_bytes(cursor, MAGIC_SIZE);
    if (!magic || memcmp(magic, table_magic, MAGIC_SIZE) != 0)
        return hf_error(err, HOTFIX_FORMAT, "does not begin with its magic");

    table->target.size = hf_cursor_u8(cursor);
    const uint8_t *id = table->target.size <= HF_BUILD_ID_MAX ? hf_cursor_bytes(cursor, table->target.size) : NULL;
    if (!id || table->target.size == 0)
        return hf_error(err, HOTFIX_FORMAT, "has no build-id of 1 to %d bytes", HF_BUILD_ID_MAX);
    memcpy(table->target.bytes, id, table->target.size);

    size_t count = hf_cursor_u32(cursor);
    if (cursor->failed || count > HF_WORLDS_MAX || count > (cursor->size - cursor->position) / FIXED_SIZE)
        return hf_error(err, HOTFIX_FORMAT, "its count is out of range");
    table->items = calloc(count + 1, sizeof(*table->items));
    if (!table->items)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    for (size_t i = 0; i < count; i++) {
        struct hf_world_item *item = &table->items[table->count++];
        if (parse_item(cursor, i > 0 ? item - 1 : NULL, item, err) != 0)
            return hf_error_prefix(err, "item %zu", i);
    }
    return hf_cursor_done(cursor) ? 0 : hf_error(err, HOTFIX_FORMAT, "has bytes after the last item");
}

int hf_world_parse(const void *bytes, size_t size, struct hf_world_table *table, struct hotfix_error *err)
{
    struct hf_cursor cursor;
    struct hf_world_table parsed = {.count = 0};

    hf_cursor_init(&cursor, bytes, size);
    if (parse_all(&cursor, &parsed, err) != 0) {
        hf_world_deinit(&parsed);
        return hf_error_prefix(err, "table of worlds");
    }
    *table = parsed;
    return 0;
}

/* Two objects may hold the same function (COMDAT), and two callers count on the same one. */
static void drop_repeated(struct hf_world_table *table)
{
    size_t kept = 0;

    for (size_t i = 0; i < table->count; i++) {
        if (kept > 0 && compare(&table->items[kept - 1], &table->items[i]) == 0) {
            if (table->items[i].size > table->items[kept - 1].size)
                table->items[kept - 1].size = table->items[i].size;
            free(table->items[i].name);
            continue;
        }
        table->items[kept++] = table->items[i];
    }
    table->count = kept;
}

int hf_world_format(struct hf_world_table *table, uint8_t **bytes, size_t *size, struct hotfix_error *err)
{
    size_t total = MAGIC_SIZE + 1 + table->target.size + 4;

    if (table->count > 0)
        qsort(table->items, table->count, sizeof(*table->items), compare);
    drop_repeated(table);
    for (size_t i = 0; i < table->count; i++) {
        if (strlen(table->items[i].name) > UINT16_MAX)
            return hf_error(err, HOTFIX_INTERNAL, "table of worlds: a name is too long");
        total += FIXED_SIZE + strlen(table->items[i].name);
    }
    HF_FREE uint8_t *made = malloc(total);
    if (!made)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");

    uint8_t *out = mempcpy(made, table_magic, MAGIC_SIZE);
    out = hf_put(out, table->target.size, 1);
    out = mempcpy(out, table->target.bytes, table->target.size);
    out = hf_put(out, table->count, 4);
    for (size_t i = 0; i < table->count; i++) {
        const struct hf_world_item *item = &table->items[i];
        out = hf_put(out, item->kind, 1);
        out = hf_put(out, item->address, 8);
        out = hf_put(out, item->size, 8);
        out = hf_put_text(out, item->name);
    }

    /* What is written must be readable. */
    HF_WORLD struct hf_world_table again = {.count = 0};
    if (hf_world_parse(made, total, &again, err) != 0) {
        if (err)
            err->code = err->code == HOTFIX_MEMORY ? HOTFIX_MEMORY : HOTFIX_INTERNAL;
        return -1;
    }
    *bytes = hf_move(made);
    *size = total;
    return 0;
}

void hf_world_deinit(struct hf_world_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->items[i].name);
    free(table->items);
    *table = (struct hf_world_table){.count = 0};
}

int hf_world_read(const struct hf_image *patch, struct hf_world_table *table, struct hotfix_error *err)
{
    GElf_Shdr header;
    Elf_Scn *section = hf_image_section(patch, HF_WORLDS_SECTION, &header);

    if (!section)
        return 0;
    Elf_Data *data = elf_getdata(section, NULL);
    if (!data || !data->d_buf || header.sh_type == SHT_NOBITS)
        return hf_error(err, HOTFIX_FORMAT, "%s: section " HF_WORLDS_SECTION " is empty", patch->path);
    if (hf_world_parse(data->d_buf, data->d_size, table, err) != 0)
        return hf_error_prefix(err, "%s", patch->path);
    return 1;
}
