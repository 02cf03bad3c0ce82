/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "tar.h"
#include "timestamp.h"
#include "trustpolicy.h"

struct member {
    const char *name;
    size_t limit;
    const uint8_t *data; /* in the archive */
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

/* The number that a field holds in that many digits and a blank, as bundles have it; -1 when it has another form. */
static int64_t read_number(const char *field, size_t digits)
{
    int64_t number = 0;

    for (size_t i = 0; i < digits; i++) {
        if (field[i] < '0' || field[i] > '7')
            return -1;
        number = number * 8 + (field[i] - '0');
    }
    return field[digits] == ' ' ? number : -1;
}

/* A mode or an owner in the form of bundles that is another one. */
static bool belongs_to_others(const struct hf_tar_fields *fields)
{
    int64_t mode = read_number(fields->mode, HF_TAR_SHORT_DIGITS);

    return (mode >= 0 && (mode & 07777) != 0644) || read_number(fields->uid, HF_TAR_SHORT_DIGITS) > 0 ||
           read_number(fields->gid, HF_TAR_SHORT_DIGITS) > 0;
}

static int check_name(const struct hf_tar_fields *fields, const struct member *member, struct hotfix_error *err)
{
    const char *prefix = fields->prefix, *name = fields->name;

    if (prefix[0] == '\0' && strncmp(name, member->name, sizeof(fields->name)) == 0)
        return 0;
    return hf_error(err, HOTFIX_FORMAT, "archive: member '%.*s%s%.*s' where '%s' must be", (int)sizeof(fields->prefix),
                    prefix, *prefix ? "/" : "", (int)sizeof(fields->name), name, member->name);
}

/*
 * Compares the header with the only one that a member of this name, size and time may have: tar has extension headers,
 * links, prefixes and old forms, none of which a bundle may have.
 */
static int check_header(const uint8_t *raw, struct member *member, struct hotfix_error *err)
{
    const struct hf_tar_fields *fields = (const void *)raw;
    uint8_t expected[HF_TAR_BLOCK];

    if (all_zero(raw, HF_TAR_BLOCK))
        return hf_error(err, HOTFIX_FORMAT, "archive: member '%s' is missing", member->name);
    if (check_name(fields, member, err) != 0)
        return -1;
    if (fields->type != '0' && fields->type != '\0')
        return hf_error(err, HOTFIX_FORMAT, "archive: member '%s' is not a plain file", member->name);
    int64_t size = read_number(fields->size, HF_TAR_LONG_DIGITS);
    member->time = read_number(fields->mtime, HF_TAR_LONG_DIGITS);
    if (size > (int64_t)member->limit)
        return hf_error(err, HOTFIX_FORMAT, "archive: member '%s' is larger than %zu bytes", member->name,
                        member->limit);
    if (belongs_to_others(fields))
        return hf_error(err, HOTFIX_FORMAT, "archive: member '%s' has a mode or owner that bundles do not carry",
                        member->name);
    if (size < 0 || member->time < 0 || hf_tar_header(member->name, (uint64_t)size, member->time, expected) != 0 ||
        memcmp(raw, expected, sizeof(expected)) != 0)
        return hf_error(err, HOTFIX_FORMAT, "archive: member '%s' is not a plain ustar file", member->name);
    member->size = (size_t)size;
    return 0;
}

/* Reads the member whose header must begin at *offset and sets *offset to where the next one must. */
static int read_member(const uint8_t *archive, size_t archive_size, size_t *offset, struct member *member,
                       struct hotfix_error *err)
{
    if (archive_size - *offset < HF_TAR_BLOCK)
        return hf_error(err, HOTFIX_FORMAT, "archive: member '%s' is missing", member->name);
    if (check_header(archive + *offset, member, err) != 0)
        return -1;

    size_t padded = hf_tar_padded(member->size);
    size_t data = *offset + HF_TAR_BLOCK;
    if (padded > archive_size - data)
        return hf_error(err, HOTFIX_FORMAT, "archive: member '%s' is cut off", member->name);
    if (!all_zero(archive + data + member->size, padded - member->size))
        return hf_error(err, HOTFIX_FORMAT, "archive: member '%s' is not stored plainly", member->name);
    member->data = archive + data;
    *offset = data + padded;
    return 0;
}

static int read_members(const uint8_t *archive, size_t archive_size, struct member *first, struct member *second,
                        struct hotfix_error *err)
{
    size_t offset = 0;

    if (read_member(archive, archive_size, &offset, first, err) != 0 ||
        read_member(archive, archive_size, &offset, second, err) != 0)
        return -1;
    if (archive_size - offset != HF_TAR_END || !all_zero(archive + offset, HF_TAR_END))
        return hf_error(err, HOTFIX_FORMAT, "archive: something other than the end follows the last member");
    return 0;
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
    if (read_members(archive, archive_size, &text, &payload, err) != 0 ||
        hf_manifest_parse((const char *)text.data, text.size, &parsed.manifest, err) != 0 ||
        check_payload(&parsed.manifest, &text, &payload, err) != 0) {
        hf_bundle_deinit(&parsed);
        return -1;
    }
    parsed.payload = payload.data;
    parsed.payload_size = payload.size;
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

int hf_bundle_judge(const void *file, size_t size, const struct hf_trust *trust, int64_t now, struct hf_bundle *bundle,
                    struct hf_signers *signers, struct hf_opinion *opinions, struct hotfix_error *err)
{
    struct hf_signed parts;
    struct hf_bundle opened;
    struct hf_signers counted;

    if (size > HF_BUNDLE_MAX_SIZE)
        return hf_error(err, HOTFIX_FORMAT, "%zu bytes are more than the %u of a bundle", size, HF_BUNDLE_MAX_SIZE);
    if (hf_signed_parse(file, size, &parts, err) != 0 ||
        hf_signed_judge(&parts, trust, now, &counted, opinions, err) != 0 ||
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

int hf_bundle_open(const void *file, size_t size, const struct hf_trust *trust, int64_t now, struct hf_bundle *bundle,
                   struct hf_signers *signers, struct hotfix_error *err)
{
    return hf_bundle_judge(file, size, trust, now, bundle, signers, NULL, err);
}

void hf_bundle_keep(struct hf_bundle *bundle, uint8_t **file)
{
    bundle->file = *file;
    *file = NULL;
}

void hf_bundle_deinit(struct hf_bundle *bundle)
{
    hf_manifest_deinit(&bundle->manifest);
    free(bundle->file);
    bundle->file = NULL;
    bundle->payload = NULL;
    bundle->payload_size = 0;
}
