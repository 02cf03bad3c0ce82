/* SPDX-License-Identifier: Apache-2.0 */
/* The writing half of bundle.h, apart from the reading one: the loader links only what it calls. */
#include <archive.h>
#include <archive_entry.h>
#include <stdbool.h>
#include <string.h>

#include "bundle.h"
#include "cleanup.h"
#include "error.h"
#include "tar.h"

static int fail(struct archive *writer, struct hotfix_error *err)
{
    const char *reason = writer ? archive_error_string(writer) : NULL;
    return hf_error(err, HOTFIX_INTERNAL, "libarchive cannot write the bundle: %s", reason ? reason : "out of memory");
}

static int add_member(struct archive *writer, const char *name, const void *data, size_t size, int64_t time,
                      struct hotfix_error *err)
{
    struct archive_entry *entry = archive_entry_new();
    if (!entry)
        return fail(NULL, err);
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (la_int64_t)size);
    archive_entry_set_mtime(entry, time, 0);
    int written =
        archive_write_header(writer, entry) == ARCHIVE_OK && archive_write_data(writer, data, size) == (la_ssize_t)size;
    archive_entry_free(entry);
    return written ? 0 : fail(writer, err);
}

/* Whether the member's header is the one that reading accepts. */
static bool plain(const uint8_t *raw, const char *name, size_t size, int64_t time)
{
    uint8_t header[HF_TAR_BLOCK];

    return hf_tar_header(name, size, time, header) == 0 && memcmp(raw, header, sizeof(header)) == 0;
}

static int check_payload(const struct hf_manifest *manifest, const void *payload, size_t size, struct hotfix_error *err)
{
    struct hf_digest digest;

    if (size > HF_PAYLOAD_MAX_SIZE)
        return hf_error(err, HOTFIX_USAGE, "patch.so: %zu bytes are more than the %u that a bundle carries", size,
                        HF_PAYLOAD_MAX_SIZE);
    if (hf_digest_compute(payload, size, &digest, err) != 0)
        return -1;
    if (manifest->payload_size != size || !hf_digest_equal(&digest, &manifest->payload_digest))
        return hf_error(err, HOTFIX_INTERNAL, "the manifest's payload size or digest is not the payload's");
    return 0;
}

int hf_archive_format(const struct hf_manifest *manifest, const void *payload, size_t payload_size, uint8_t **archive,
                      size_t *archive_size, struct hotfix_error *err)
{
    HF_FREE char *text = NULL;
    size_t text_size, used = 0;

    if (check_payload(manifest, payload, payload_size, err) != 0 ||
        hf_manifest_format(manifest, &text, &text_size, err) != 0)
        return -1;
    size_t room = 2 * HF_TAR_BLOCK + hf_tar_padded(text_size) + hf_tar_padded(payload_size) + HF_TAR_END;
    HF_FREE uint8_t *bytes = malloc(room);
    struct archive *writer = bytes ? archive_write_new() : NULL;
    if (!writer)
        return hf_error(err, HOTFIX_MEMORY, "out of memory for an archive of %zu bytes", room);

    int failed = 0;
    if (archive_write_set_format_ustar(writer) != ARCHIVE_OK ||
        archive_write_set_bytes_in_last_block(writer, 1) != ARCHIVE_OK ||
        archive_write_open_memory(writer, bytes, room, &used) != ARCHIVE_OK)
        failed = fail(writer, err);
    if (!failed)
        failed = add_member(writer, HF_TAR_MANIFEST, text, text_size, manifest->created, err);
    if (!failed)
        failed = add_member(writer, HF_TAR_PAYLOAD, payload, payload_size, manifest->created, err);
    if (!failed && archive_write_close(writer) != ARCHIVE_OK)
        failed = fail(writer, err);
    archive_write_free(writer);
    if (failed)
        return -1;
    size_t second = HF_TAR_BLOCK + hf_tar_padded(text_size);
    if (used != room || !plain(bytes, HF_TAR_MANIFEST, text_size, manifest->created) ||
        !plain(bytes + second, HF_TAR_PAYLOAD, payload_size, manifest->created))
        return hf_error(err, HOTFIX_INTERNAL, "libarchive wrote something other than two plain members");
    *archive = hf_move(bytes);
    *archive_size = used;
    return 0;
}
