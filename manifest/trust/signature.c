/* SPDX-License-Identifier: Apache-2.0 */
#include "signature.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cms.h"
#include "cursor.h"
#include "digest.h"
#include "error.h"

#define MAGIC_SIZE        8
#define BLOCK_HEADER_SIZE (MAGIC_SIZE + 4)
#define ENTRY_HEADER_SIZE 8

static const char block_magic[MAGIC_SIZE] = {'H', 'F', 'S', 'I', 'G', 'S', '0', '1'};
static const char trailer_magic[MAGIC_SIZE] = {'H', 'O', 'T', 'F', 'I', 'X', '1', '\n'};

int hf_statement(const void *archive, size_t archive_size, char statement[HF_STATEMENT_MAX], size_t *size,
                 struct hotfix_error *err)
{
    struct hf_digest digest;
    char hex[2 * HF_DIGEST_SIZE + 1];

    if (hf_digest_compute(archive, archive_size, &digest, err) != 0)
        return -1;
    hf_hex_encode(digest.bytes, sizeof(digest.bytes), hex);
    *size = (size_t)snprintf(statement, HF_STATEMENT_MAX, "hotfix bundle 1\nsize %zu\nsha256 %s\n", archive_size, hex);
    return 0;
}

static int check_sizes(uint16_t type, uint16_t id_size, uint32_t size, struct hotfix_error *err)
{
    if (type != HF_SIGNATURE_ED25519 && type != HF_SIGNATURE_CMS)
        return hf_error(err, HOTFIX_FORMAT, "signature block: signature type %u is not known to this version", type);
    if (type == HF_SIGNATURE_ED25519 && (id_size != HF_KEY_ID_SIZE || size != HF_SIGNATURE_SIZE))
        return hf_error(err, HOTFIX_FORMAT, "signature block: an Ed25519 entry has the wrong size");
    if (type == HF_SIGNATURE_CMS && (id_size != HF_KEY_ID_SIZE || size == 0 || size > HF_CMS_MAX))
        return hf_error(err, HOTFIX_FORMAT, "signature block: a CMS entry has the wrong size");
    return 0;
}

static int parse_entry(struct hf_cursor *cursor, struct hf_signature *signature, struct hotfix_error *err)
{
    uint16_t type = hf_cursor_u16(cursor);
    uint16_t id_size = hf_cursor_u16(cursor);
    uint32_t size = hf_cursor_u32(cursor);

    if (cursor->failed)
        return hf_error(err, HOTFIX_FORMAT, "signature block: cut off");
    if (check_sizes(type, id_size, size, err) != 0)
        return -1;
    const uint8_t *id = hf_cursor_bytes(cursor, id_size);
    const uint8_t *bytes = hf_cursor_bytes(cursor, size);
    if (!id || !bytes)
        return hf_error(err, HOTFIX_FORMAT, "signature block: cut off");
    memcpy(signature->key_id, id, sizeof(signature->key_id));
    if (type == HF_SIGNATURE_CMS) {
        signature->cms = bytes;
        signature->cms_size = size;
    } else {
        memcpy(signature->bytes, bytes, sizeof(signature->bytes));
    }
    return 0;
}

static int parse_block(const uint8_t *block, size_t size, struct hf_signed *parts, struct hotfix_error *err)
{
    struct hf_cursor cursor;
    hf_cursor_init(&cursor, block, size);

    const uint8_t *magic = hf_cursor_bytes(&cursor, MAGIC_SIZE);
    if (!magic || memcmp(magic, block_magic, MAGIC_SIZE) != 0)
        return hf_error(err, HOTFIX_FORMAT, "signature block: damaged, it does not begin with its magic");
    uint32_t count = hf_cursor_u32(&cursor);
    if (cursor.failed || count > HF_SIGNATURE_MAX)
        return hf_error(err, HOTFIX_FORMAT, "signature block: more than %d signatures", HF_SIGNATURE_MAX);
    for (uint32_t i = 0; i < count; i++)
        if (parse_entry(&cursor, &parts->signatures[i], err) != 0)
            return -1;
    if (!hf_cursor_done(&cursor))
        return hf_error(err, HOTFIX_FORMAT, "signature block: bytes after the last signature");
    parts->signature_count = count;
    return 0;
}

int hf_signed_parse(const void *file, size_t size, struct hf_signed *parts, struct hotfix_error *err)
{
    const uint8_t *bytes = file;
    struct hf_cursor cursor;
    struct hf_signed parsed = {.archive = bytes};

    if (size < HF_TRAILER_SIZE)
        return hf_error(err, HOTFIX_FORMAT, "not a hotfix bundle, or cut off: only %zu bytes", size);
    hf_cursor_init(&cursor, bytes + size - HF_TRAILER_SIZE, HF_TRAILER_SIZE);
    uint32_t block_size = hf_cursor_u32(&cursor);
    uint32_t zero = hf_cursor_u32(&cursor);
    const uint8_t *magic = hf_cursor_bytes(&cursor, MAGIC_SIZE);
    if (memcmp(magic, trailer_magic, MAGIC_SIZE) != 0)
        return hf_error(err, HOTFIX_FORMAT, "not a hotfix bundle, or cut off: it does not end with the bundle trailer");
    if (zero != 0 || block_size < BLOCK_HEADER_SIZE || block_size > HF_SIGNATURE_BLOCK_MAX ||
        block_size > size - HF_TRAILER_SIZE)
        return hf_error(err, HOTFIX_FORMAT, "bundle trailer: damaged");

    parsed.archive_size = size - HF_TRAILER_SIZE - block_size;
    if (parse_block(bytes + parsed.archive_size, block_size, &parsed, err) != 0)
        return -1;
    *parts = parsed;
    return 0;
}

static size_t entry_size(const struct hf_signature *signature)
{
    return ENTRY_HEADER_SIZE + HF_KEY_ID_SIZE + (signature->cms ? signature->cms_size : HF_SIGNATURE_SIZE);
}

static uint8_t *put_entry(uint8_t *out, const struct hf_signature *signature)
{
    size_t size = signature->cms ? signature->cms_size : HF_SIGNATURE_SIZE;

    out = hf_put(out, signature->cms ? HF_SIGNATURE_CMS : HF_SIGNATURE_ED25519, 2);
    out = hf_put(out, HF_KEY_ID_SIZE, 2);
    out = hf_put(out, size, 4);
    out = mempcpy(out, signature->key_id, HF_KEY_ID_SIZE);
    return mempcpy(out, signature->cms ? signature->cms : signature->bytes, size);
}

/* The size of the signature block; HOTFIX_FORMAT when there is no room for all signatures. */
static int measure_block(const struct hf_signed *parts, size_t *block_size, struct hotfix_error *err)
{
    *block_size = BLOCK_HEADER_SIZE;
    if (parts->signature_count > HF_SIGNATURE_MAX)
        return hf_error(err, HOTFIX_INTERNAL, "more than %d signatures", HF_SIGNATURE_MAX);
    for (size_t i = 0; i < parts->signature_count; i++)
        *block_size += entry_size(&parts->signatures[i]);
    if (*block_size > HF_SIGNATURE_BLOCK_MAX)
        return hf_error(err, HOTFIX_FORMAT, "the signatures take more than %d bytes: there is no room for another",
                        HF_SIGNATURE_BLOCK_MAX);
    return 0;
}

/* Writes the signature block and the trailer behind the archive. */
static void put_block(const struct hf_signed *parts, size_t block_size, uint8_t *out)
{
    out = mempcpy(out, block_magic, MAGIC_SIZE);
    out = hf_put(out, parts->signature_count, 4);
    for (size_t i = 0; i < parts->signature_count; i++)
        out = put_entry(out, &parts->signatures[i]);
    out = hf_put(out, block_size, 4);
    out = hf_put(out, 0, 4);
    memcpy(out, trailer_magic, MAGIC_SIZE);
}

int hf_signed_format(const struct hf_signed *parts, uint8_t **file, size_t *size, struct hotfix_error *err)
{
    uint8_t *archive = malloc(parts->archive_size + 1);

    if (!archive)
        return hf_error(err, HOTFIX_MEMORY, "out of memory for a bundle of %zu bytes", parts->archive_size);
    memcpy(archive, parts->archive, parts->archive_size);
    int result = hf_signed_finish(parts, &archive, file, size, err);
    free(archive);
    return result;
}

int hf_signed_finish(const struct hf_signed *parts, uint8_t **archive, uint8_t **file, size_t *size,
                     struct hotfix_error *err)
{
    size_t block_size;

    if (measure_block(parts, &block_size, err) != 0)
        return -1;
    size_t total = parts->archive_size + block_size + HF_TRAILER_SIZE;
    uint8_t *bytes = realloc(*archive, total);
    if (!bytes)
        return hf_error(err, HOTFIX_MEMORY, "out of memory for a bundle of %zu bytes", total);
    put_block(parts, block_size, bytes + parts->archive_size);
    *archive = NULL;
    *file = bytes;
    *size = total;
    return 0;
}
