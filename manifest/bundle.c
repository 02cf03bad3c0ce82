/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "tar.h"
#include "timestamp.h"
#include "trustpolicy.h"

static void cleanup_archive(struct archive **archive)
{
    archive_read_free(*archive);
}

struct member {
    const char *name;
    size_t limit;
    uint8_t *data; /* owned, a NUL follows */
    size_t size;
    int64_t time;
};

static bool all_zero(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i])
            return false;
    return true;
}

/*
 * libarchive accepts much that a bundle must not hold: extension headers, links, prefixes, GNU and old formats. So the
 * raw header at the place where the member must begin is held against the only one that a member of this name, size and
 * time may have.
 */
static int check_header(const uint8_t *raw, struct archive_entry *entry, const struct member *member,
                        struct hotfix_error *err)
{
    const char *path = archive_entry_pathname(entry);
    uint8_t expected[HF_TAR_BLOCK];

    if (!path || strcmp(path, member->name) != 0)
        return hf_error(err, HOTFIX_FORMAT, "archive: member '%s' where '%s' must be", path ? path : "", member->name);
    if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) || archive_entry_symlink(entry))
        return hf_error(err, HOTFIX_FORMAT, "archive: member '%s' is not a plain file", member->name);
    if (!archive_entry_size_is_set(entry) || archive_entry_size(entry) < 0 ||
        (uint64_t)archive_entry_size(entry) > member->limit)
        return hf_error(err, HOTFIX_FORMAT, "archive: member '%s' is larger than %zu bytes", member->name,
                        member->limit);
    if (archive_entry_perm(entry) != 0644 || archive_entry_uid(entry) != 0 || archive_entry_gid(entry) != 0)
        return hf_error(err, HOTFIX_FORMAT, "archive: member '%s' has a mode or owner that bundles do not carry",
                        member->name);
    if (hf_tar_header(member->name, (uint64_t)archive_entry_size(entry), archive_entry_mtime(entry), expected) != 0 ||
        memcmp(raw, expected, sizeof(expected)) != 0)
        return hf_error(err, HOTFIX_FORMAT, "archive: member '%s' is not a plain ustar file", member->name);
    return 0;
}

static int archive_fail(struct archive *reader, struct hotfix_error *err)
{
    const char *reason = archive_error_string(reader);
    return hf_error(err, HOTFIX_FORMAT, "archive: %s", reason ? reason : "not a tar archive");
}

/* Reads the member whose header must begin at *offset and sets *offset to where the next one must. */
static int read_member(struct archive *reader, const uint8_t *archive, size_t archive_size, size_t *offset,
                       struct member *member, struct hotfix_error *err)
{
    struct archive_entry *entry;

    if (archive_size - *offset < HF_TAR_BLOCK)
        return hf_error(err, HOTFIX_FORMAT, "archive: member '%s' is missing", member->name);
    int status = archive_read_next_header(reader, &entry);
    if (status == ARCHIVE_EOF)
        return hf_error(err, HOTFIX_FORMAT, "archive: member '%s' is missing", member->name);
    if (status != ARCHIVE_OK)
        return archive_fail(reader, err);
    if (check_header(archive + *offset, entry, member, err) != 0)
        return -1;

    member->size = (size_t)archive_entry_size(entry);
    member->time = archive_entry_mtime(entry);
    size_t padded = hf_tar_padded(member->size);
    size_t data = *offset + HF_TAR_BLOCK;
    if (padded > archive_size - data)
        return hf_error(err, HOTFIX_FORMAT, "archive: member '%s' is cut off", member->name);
    member->data = malloc(member->size + 1);
    if (!member->data)
        return hf_error(err, HOTFIX_MEMORY, "archive: out of memory for member '%s'", member->name);
    if (archive_read_data(reader, member->data, member->size) != (la_ssize_t)member->size)
        return hf_error(err, HOTFIX_FORMAT, "archive: member '%s' is cut off", member->name);
    /* What libarchive took for the member must be the bytes behind the header that was checked. */
    if (memcmp(member->data, archive + data, member->size) != 0 ||
        !all_zero(archive + data + member->size, padded - member->size))
        return hf_error(err, HOTFIX_FORMAT, "archive: member '%s' is not stored plainly", member->name);
    member->data[member->size] = '\0';
    *offset = data + padded;
    return 0;
}

static int read_end(struct archive *reader, const uint8_t *archive, size_t archive_size, size_t offset,
                    struct hotfix_error *err)
{
    struct archive_entry *entry;

    if (archive_size - offset != HF_TAR_END || !all_zero(archive + offset, HF_TAR_END))
        return hf_error(err, HOTFIX_FORMAT, "archive: something other than the end follows the last member");
    if (archive_read_next_header(reader, &entry) != ARCHIVE_EOF)
        return hf_error(err, HOTFIX_FORMAT, "archive: more members than a bundle has");
    return 0;
}

static int read_members(const uint8_t *archive, size_t archive_size, struct member *first, struct member *second,
                        struct hotfix_error *err)
{
    __attribute__((cleanup(cleanup_archive))) struct archive *reader = archive_read_new();
    size_t offset = 0;

    if (!reader)
        return hf_error(err, HOTFIX_MEMORY, "archive: out of memory");
    if (archive_read_support_format_tar(reader) != ARCHIVE_OK ||
        archive_read_open_memory(reader, archive, archive_size) != ARCHIVE_OK)
        return archive_fail(reader, err);
    if (read_member(reader, archive, archive_size, &offset, first, err) != 0 ||
        read_member(reader, archive, archive_size, &offset, second, err) != 0)
        return -1;
    return read_end(reader, archive, archive_size, offset, err);
}

static int check_payload(const struct hf_manifest *manifest, const struct member *text, const struct member *payload,
                         struct hotfix_error *err)
{
    struct hf_digest digest;

    if (text->time != manifest->created || payload->time != manifest->created)
        return hf_error(err, HOTFIX_FORMAT, "archive: the members' time is not the manifest's creation time");
    if (manifest->payload_size != payload->size)
        return hf_error(err, HOTFIX_FORMAT, "patch.so: has %zu bytes, the manifest says %llu", payload->size,
                        (unsigned long long)manifest->payload_size);
    if (hf_digest_compute(payload->data, payload->size, &digest, err) != 0)
        return -1;
    if (!hf_digest_equal(&digest, &manifest->payload_digest))
        return hf_error(err, HOTFIX_FORMAT, "patch.so: its SHA-256 is not the manifest's");
    return 0;
}

int hf_archive_parse(const void *archive, size_t archive_size, struct hf_bundle *bundle, struct hotfix_error *err)
{
    struct member text = {.name = HF_TAR_MANIFEST, .limit = HF_MANIFEST_MAX_SIZE};
    struct member payload = {.name = HF_TAR_PAYLOAD, .limit = HF_PAYLOAD_MAX_SIZE};
    struct hf_bundle parsed = {0};

    hf_manifest_init(&parsed.manifest);
    int failed = read_members(archive, archive_size, &text, &payload, err);
    if (!failed)
        failed = hf_manifest_parse(text.data, text.size, &parsed.manifest, err);
    if (!failed)
        failed = check_payload(&parsed.manifest, &text, &payload, err);
    free(text.data);
    parsed.payload = payload.data;
    parsed.payload_size = payload.size;
    if (failed) {
        hf_bundle_deinit(&parsed);
        return -1;
    }
    *bundle = parsed;
    return 0;
}

/* What makes a bundle unusable that is signed as it should be. */
static int check_use(const struct hf_manifest *manifest, const struct hf_trust_policy *policy, int64_t now,
                     struct hotfix_error *err)
{
    const struct hf_revocation *revocation = hf_trust_policy_revoked(policy, manifest->id);

    if (revocation)
        return hf_error(err, HOTFIX_REVOKED, "%s %s is revoked: %s", manifest->name, manifest->version,
                        revocation->reason);
    if (policy->fresh && manifest->sequence == 0)
        return hf_error(err, HOTFIX_REPLAYED, "it has no sequence number, which the policy of the trust store demands");
    if (manifest->expires != HF_TIME_NEVER && now >= manifest->expires) {
        char expired[HF_TIME_SIZE];
        hf_time_format(manifest->expires, expired);
        return hf_error(err, HOTFIX_EXPIRED, "the bundle expired on %s", expired);
    }
    return 0;
}

int hf_bundle_open(const void *file, size_t size, const struct hf_trust *trust, int64_t now, struct hf_bundle *bundle,
                   struct hf_signers *signers, struct hotfix_error *err)
{
    struct hf_signed parts;
    struct hf_bundle opened;
    struct hf_signers counted;

    if (size > HF_BUNDLE_MAX_SIZE)
        return hf_error(err, HOTFIX_FORMAT, "%zu bytes are more than the %u of a bundle", size, HF_BUNDLE_MAX_SIZE);
    if (hf_signed_parse(file, size, &parts, err) != 0 || hf_signed_verify(&parts, trust, now, &counted, err) != 0 ||
        hf_archive_parse(parts.archive, parts.archive_size, &opened, err) != 0)
        return -1;
    if (check_use(&opened.manifest, &trust->policy, now, err) != 0) {
        hf_bundle_deinit(&opened);
        return -1;
    }
    *bundle = opened;
    if (signers)
        *signers = counted;
    return 0;
}

void hf_bundle_deinit(struct hf_bundle *bundle)
{
    hf_manifest_deinit(&bundle->manifest);
    free(bundle->payload);
    bundle->payload = NULL;
    bundle->payload_size = 0;
}
