/* SPDX-License-Identifier: Apache-2.0 */
#include "truststore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authority.h"
#include "cleanup.h"
#include "digest.h"
#include "error.h"
#include "keyowner.h"
#include "trustpolicy.h"

#define WHAT "trust store"

/* What a file is called without its folders and its ending. NULL without memory. */
static char *name_of(const char *path, const char *ending)
{
    const char *slash = strrchr(path, '/');
    char *name = strdup(slash ? slash + 1 : path);
    size_t length = name ? strlen(name) : 0, tail = strlen(ending);

    if (length > tail && strcmp(name + length - tail, ending) == 0)
        name[length - tail] = '\0';
    return name;
}

static int add_key(const struct hf_trust_file *file, const char *name, struct hf_trust *trust, struct hotfix_error *err)
{
    struct hf_public_key key;

    if (hf_public_key_parse(file->bytes, file->size, file->path, &key, err) != 0)
        return hf_error_prefix(err, WHAT);
    return hf_trust_add(trust, name, &key, err) == 0 ? 0 : hf_error_prefix(err, WHAT);
}

/* Takes the authority over. */
static int adopt(struct hf_trust *trust, const char *name, struct hf_authority *authority, struct hotfix_error *err)
{
    struct hf_public_key key;

    if (hf_authority_digest(authority, key.bytes, err) != 0 || hf_trust_add(trust, name, &key, err) != 0) {
        hf_authority_destroy(authority);
        return hf_error_prefix(err, WHAT);
    }
    struct hf_trust_key *added = &trust->keys[trust->count - 1];
    memcpy(added->key.id, key.bytes, HF_KEY_ID_SIZE);
    added->authority = authority;
    return 0;
}

static int add_authority(const struct hf_trust_file *file, const char *name, struct hf_trust *trust,
                         struct hotfix_error *err)
{
    struct hf_authority *authority;

    if (hf_authority_parse(file->bytes, file->size, file->path, &authority, err) != 0)
        return hf_error_prefix(err, WHAT);
    return adopt(trust, name, authority, err);
}

static int add_list(const struct hf_trust_file *file, const char *name, struct hf_trust *trust,
                    struct hotfix_error *err)
{
    const struct hf_trust_key *key = hf_trust_named(trust, name);

    if (!key || !key->authority)
        return hf_error(err, HOTFIX_TRUST, WHAT " %s: there is no authority %s" HF_TRUST_AUTHORITY_END " beside it",
                        file->path, name);
    if (hf_authority_revoke(key->authority, file->bytes, file->size, file->path, err) != 0)
        return hf_error_prefix(err, WHAT);
    return 0;
}

static int add_policy(const struct hf_trust_file *file, const char *name, struct hf_trust *trust,
                      struct hotfix_error *err)
{
    (void)name;
    if (hf_trust_policy_parse(file->path, (const char *)file->bytes, file->size, trust, err) != 0)
        return hf_error_prefix(err, WHAT);
    return 0;
}

static const struct {
    const char *ending;
    int (*add)(const struct hf_trust_file *file, const char *name, struct hf_trust *trust, struct hotfix_error *err);
} kinds[] = {
    [HF_TRUST_KEY] = {HF_TRUST_KEY_END, add_key},
    [HF_TRUST_AUTHORITY] = {HF_TRUST_AUTHORITY_END, add_authority},
    [HF_TRUST_LIST] = {HF_TRUST_LIST_END, add_list},
    [HF_TRUST_POLICY] = {"", add_policy},
};

static int add_file(const struct hf_trust_file *file, struct hf_trust *trust, struct hotfix_error *err)
{
    HF_FREE char *name = name_of(file->path, kinds[file->kind].ending);

    if (!name)
        return hf_error(err, HOTFIX_MEMORY, WHAT ": out of memory");
    return kinds[file->kind].add(file, name, trust, err);
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct hf_trust_key *)a)->name, ((const struct hf_trust_key *)b)->name);
}

/* Gives key all that is said of its twin, too. */
static int merge_key(struct hf_trust_key *key, struct hf_trust_key *twin, struct hotfix_error *err)
{
    key->revoked |= twin->revoked;
    if (twin->expires && (!key->expires || twin->expires < key->expires))
        key->expires = twin->expires;
    if (!twin->roles)
        return 0;
    if (!key->roles) {
        key->roles = hf_move(twin->roles);
        return 0;
    }
    char *roles;
    if (asprintf(&roles, "%s %s", key->roles, twin->roles) < 0)
        return hf_error(err, HOTFIX_MEMORY, WHAT ": out of memory");
    free(key->roles);
    key->roles = roles;
    return 0;
}

/* Two names for one key would count as two keys. */
static int merge_twins(struct hf_trust *trust, struct hotfix_error *err)
{
    for (size_t i = 0; i < trust->count; i++) {
        for (size_t k = i + 1; k < trust->count;) {
            struct hf_trust_key *twin = &trust->keys[k];
            /* Twins among authorities are for check_apart() to refuse. */
            if (twin->authority || memcmp(trust->keys[i].key.bytes, twin->key.bytes, HF_KEY_SIZE) != 0) {
                k++;
                continue;
            }
            if (merge_key(&trust->keys[i], twin, err) != 0)
                return -1;
            hf_trust_key_deinit(twin);
            memmove(twin, twin + 1, (--trust->count - k) * sizeof(*twin));
        }
    }
    return 0;
}

/* Whether one party could sign as both. */
static int check_pair(const struct hf_trust_key *one, const struct hf_trust_key *other, struct hotfix_error *err)
{
    const struct hf_trust_key *authority = one->authority ? one : other, *key = one->authority ? other : one;
    struct hf_key_owner owner;

    if (one->authority && other->authority)
        return hf_authority_apart(one->authority, other->authority, err);
    if (!authority->authority)
        return hf_key_owner_same_ed25519(one->key.bytes, other->key.bytes)
                   ? hf_error(err, HOTFIX_TRUST, "one private key signs for both, which are opposite points")
                   : 0;
    if (hf_key_owner_of_ed25519(key->key.bytes, &owner, err) != 0)
        return -1;
    return hf_authority_holds(authority->authority, &owner)
               ? hf_error(err, HOTFIX_TRUST, "the authority has a certificate for the key; take one of the two out")
               : 0;
}

/* A policy counts parties: none may be there twice, and none may be able to make another. */
static int check_apart(const struct hf_trust *trust, struct hotfix_error *err)
{
    for (size_t i = 0; i < trust->count; i++)
        for (size_t k = i + 1; k < trust->count; k++)
            if (check_pair(&trust->keys[i], &trust->keys[k], err) != 0)
                return hf_error_prefix(err, WHAT ": %s and %s would count as two", trust->keys[i].name,
                                       trust->keys[k].name);
    return 0;
}

int hf_trust_parse(const char *path, const struct hf_trust_files *files, struct hf_trust *trust,
                   struct hotfix_error *err)
{
    struct hf_trust read = {0};
    int failed = 0;

    for (size_t i = 0; i < files->count && !failed; i++)
        failed = add_file(&files->items[i], &read, err);
    if (!failed && read.count == 0)
        failed = hf_error(err, HOTFIX_TRUST, WHAT " %s: holds no *.pub key and no authority, so nothing can be trusted",
                          path);
    if (!failed) {
        qsort(read.keys, read.count, sizeof(*read.keys), compare_keys);
        failed = merge_twins(&read, err);
    }
    if (!failed)
        failed = check_apart(&read, err);
    if (!failed && hf_trust_policy_check(&read, err) != 0)
        failed = hf_error_prefix(err, WHAT " %s", path);
    if (failed) {
        hf_trust_deinit(&read);
        return -1;
    }
    *trust = read;
    return 0;
}

int hf_trust_read(const char *path, struct hf_trust *trust, struct hotfix_error *err)
{
    struct hf_trust_files files;

    if (hf_trust_files_read(path, &files, err) != 0)
        return -1;
    int failed = hf_trust_parse(path, &files, trust, err);
    hf_trust_files_deinit(&files);
    return failed;
}
