/* SPDX-License-Identifier: Apache-2.0 */
#include "pack/identity.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "stamp.h"
#include "ui/plain.h"

#define SEQUENCE_DIGITS 18 /* what is sure to fit */

int hf_identity_add(const char ***items, size_t *count, const char *item, struct hotfix_error *err)
{
    const char **longer = reallocarray(*items, *count + 1, sizeof(*longer));

    if (!longer)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    longer[*count] = item;
    *items = longer;
    ++*count;
    return 0;
}

void hf_identity_deinit(struct hf_identity *identity)
{
    free(identity->advisories);
    free(identity->supersedes);
    identity->advisories = identity->supersedes = NULL;
}

static int check_name(const char *option, const char *text, struct hotfix_error *err)
{
    if (hf_name_valid(text))
        return 0;
    return hf_error(err, HOTFIX_USAGE,
                    "--%s '%s' is not 1 to %d letters, digits and ._+~- that begin with a letter or digit", option,
                    text, HF_NAME_MAX);
}

static int fill_name(const struct hf_identity *identity, const char *patch_path, struct hf_manifest *manifest,
                     struct hotfix_error *err)
{
    if (identity->name) {
        if (check_name("name", identity->name, err) != 0)
            return -1;
        strcpy(manifest->name, identity->name);
        return 0;
    }

    const char *slash = strrchr(patch_path, '/');
    HF_FREE char *name = strdup(slash ? slash + 1 : patch_path);
    if (!name)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    size_t size = strlen(name);
    if (size > 3 && strcmp(name + size - 3, ".so") == 0)
        name[size - 3] = '\0';
    if (!hf_name_valid(name))
        return hf_error(err, HOTFIX_USAGE, "the patch's file name '%s' cannot name a bundle: give --name", name);
    strcpy(manifest->name, name);
    return 0;
}

static int fill_times(const struct hf_identity *identity, struct hf_manifest *manifest, struct hotfix_error *err)
{
    if (hf_stamp_time(&manifest->created, err) != 0)
        return -1;
    if (!identity->expires)
        return 0;
    if (hf_time_parse_end(identity->expires, &manifest->expires) != 0)
        return hf_error(err, HOTFIX_USAGE,
                        "--expires '%s' is not a date like 2026-12-31 or a time like 2026-12-31T12:00:00Z",
                        identity->expires);
    if (manifest->expires <= manifest->created)
        return hf_error(err, HOTFIX_USAGE, "--expires '%s' has passed already", identity->expires);
    return 0;
}

static int fill_sequence(const struct hf_identity *identity, struct hf_manifest *manifest, struct hotfix_error *err)
{
    const char *text = identity->sequence;

    if (!text)
        return 0;
    if (text[0] < '1' || strspn(text, "0123456789") != strlen(text) || strlen(text) > SEQUENCE_DIGITS)
        return hf_error(err, HOTFIX_USAGE, "--sequence '%s' is not a number from 1 to 999999999999999999", text);
    manifest->sequence = strtoull(text, NULL, 10);
    return 0;
}

static int fill_texts(const struct hf_identity *identity, struct hf_manifest *manifest, struct hotfix_error *err)
{
    const char *description = identity->description ? identity->description : "";
    HF_FREE char *advisory = strdup("");

    if (hf_plain_check("--description", description, err) != 0)
        return -1;
    for (size_t i = 0; i < identity->advisory_count; i++) {
        const char *item = identity->advisories[i];
        if (hf_plain_check("--advisory", item, err) != 0)
            return -1;
        if (!*item || strchr(item, ' '))
            return hf_error(err, HOTFIX_USAGE, "--advisory '%s' is not one id without blanks", item);
        char *longer;
        if (!advisory || asprintf(&longer, "%s%s%s", advisory, *advisory ? " " : "", item) < 0)
            return hf_error(err, HOTFIX_MEMORY, "out of memory");
        free(advisory);
        advisory = longer;
    }
    manifest->description = strdup(description);
    manifest->advisory = hf_move(advisory);
    if (!manifest->description || !manifest->advisory)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    return 0;
}

static int fill_supersedes(const struct hf_identity *identity, struct hf_manifest *manifest, struct hotfix_error *err)
{
    if (identity->supersedes_count == 0)
        return 0;
    manifest->supersedes.items = calloc(identity->supersedes_count, HF_ID_SIZE);
    if (!manifest->supersedes.items)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    for (size_t i = 0; i < identity->supersedes_count; i++) {
        const char *text = identity->supersedes[i];
        if (hf_hex_decode(text, manifest->supersedes.items[i], HF_ID_SIZE) != 0)
            return hf_error(err, HOTFIX_USAGE,
                            "--supersedes '%s' is not the id of a bundle, 32 lower-case hexadecimal digits", text);
    }
    manifest->supersedes.count = identity->supersedes_count;
    return 0;
}

int hf_identity_fill(const struct hf_identity *identity, const char *patch_path, struct hf_manifest *manifest,
                     struct hotfix_error *err)
{
    if (fill_name(identity, patch_path, manifest, err) != 0 || fill_times(identity, manifest, err) != 0 ||
        fill_sequence(identity, manifest, err) != 0 || fill_texts(identity, manifest, err) != 0 ||
        fill_supersedes(identity, manifest, err) != 0)
        return -1;
    manifest->quiescent = identity->quiescent;
    if (!identity->version)
        return 0;
    if (check_name("version", identity->version, err) != 0)
        return -1;
    strcpy(manifest->version, identity->version);
    return 0;
}

int hf_identity_version(const void *payload, size_t payload_size, struct hf_manifest *manifest,
                        struct hotfix_error *err)
{
    /* What two bundles for one target can differ in: the patch's bytes, and which functions it replaces by which. */
    size_t count = manifest->function_count;
    HF_FREE uint64_t *words = calloc(2 * count + 4, sizeof(*words));
    struct hf_digest digest;
    char created[HF_TIME_SIZE], digits[9];

    if (!words)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (hf_digest_compute(payload, payload_size, &digest, err) != 0)
        return -1;
    memcpy(words, digest.bytes, sizeof(digest.bytes));
    for (size_t i = 0; i < count; i++) {
        words[4 + 2 * i] = manifest->functions[i].offset;
        words[5 + 2 * i] = manifest->functions[i].replacement;
    }
    if (hf_digest_compute(words, (2 * count + 4) * sizeof(*words), &digest, err) != 0)
        return -1;

    hf_hex_encode(digest.bytes, 4, digits);
    hf_time_format(manifest->created, created);
    char *end = manifest->version;
    for (const char *at = created; *at; at++)
        if (isdigit((unsigned char)*at) || *at == 'T')
            *end++ = *at == 'T' ? '.' : *at;
    sprintf(end, "-%s", digits);
    return 0;
}
